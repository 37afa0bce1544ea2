"""Bytes to characters whatever the encoding; and characters that are no text taken out."""

import codecs
import re

from bot.hosted.extract.kinds import not_text

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 65_536
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(r"\\\\|(?:\\u[0-9a-fA-F]{4})+")
_HIGH_RUNS = re.compile(rb"[\x80-\xff]+")


def decode(data: bytes, declared: str | None = None) -> str:
    """The text in `data`: by its byte order mark, as UTF-8, as `declared`, else as guessed.

    Raises ExtractionError (unsupported_file) for bytes that are no text in any encoding.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    wide = _wide(data[:_SAMPLE])
    if wide:
        return data.decode(wide, "replace")
    if b"\x00" in data[:_SAMPLE]:
        raise not_text()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        # one broken character late in a long file does not make it something else
        if wrong.start > _SAMPLE:
            return data.decode("utf-8", "replace")
    try:
        if declared and codecs.lookup(declared)._is_text_encoding:  # noqa: SLF001 - no public name
            return data.decode(declared)
    except (LookupError, UnicodeError, ValueError):
        pass  # a page can declare what it is not
    return data.decode(_guess(data), "replace")


def clean(text: str) -> str:
    """Without control characters and halves of characters; lines end in a line feed alone."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATES.sub("\ufffd", _NO_TEXT.sub("", text))


def unescape_json(text: str) -> str:
    r"""Characters instead of `\uXXXX`, so that what was written in ASCII is found."""
    return _ESCAPE.sub(_unescaped, text) if "\\u" in text else text


def _unescaped(match: re.Match[str]) -> str:
    escapes = match.group()
    if escapes == "\\\\":
        return escapes
    units = [int(unit, 16) for unit in escapes.split("\\u")[1:]]
    if any(unit < ord(" ") or chr(unit) in '"\\' for unit in units):
        return escapes
    return b"".join(unit.to_bytes(2, "big") for unit in units).decode("utf-16-be", "replace")


def _wide(sample: bytes) -> str | None:
    """UTF-16 without a mark: text that is mostly ASCII has a NUL in every other byte."""
    if len(sample) < 4 or len(sample) % 2:
        sample = sample[: len(sample) // 2 * 2]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if half >= 2 and odd > 0.6 * half and even < 0.05 * half:
        return "utf-16-le"
    if half >= 2 and even > 0.6 * half and odd < 0.05 * half:
        return "utf-16-be"
    return None


def _guess(data: bytes) -> str:
    from charset_normalizer import from_bytes  # loaded only for files that are not Unicode

    sample = data[:_SAMPLE]
    controls = sum(sample.count(bytes([code])) for code in range(1, 9))
    if controls > len(sample) * 0.02:
        raise not_text()
    runs = _HIGH_RUNS.findall(sample)
    accents = sum(len(run) == 1 and run >= b"\xc0" for run in runs)
    if accents > 0.7 * len(runs):
        return "cp1252"  # single letters with accents among ASCII, too few to tell more from
    found = from_bytes(sample).best()
    return found.encoding if found is not None else "cp1252"
