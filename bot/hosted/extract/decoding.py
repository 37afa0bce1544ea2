"""Bytes to characters whatever the encoding; and characters that are no text taken out."""

import codecs
import re
from collections.abc import Iterable, Iterator

from bot.hosted.extract.kinds import not_text

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PIECE = 2**20
_SAMPLE = 65_536
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_HIGH_RUNS = re.compile(rb"[\x80-\xff]+")

_HALF = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}")  # of a character beyond U+FFFF
_CUT = r"\\(?:u[0-9a-fA-F]{0,3})?\Z"
_ESCAPE = re.compile(
    r"\\\\"  # a backslash that is escaped itself
    rf"|(?P<cut>(?:{_HALF.pattern})?{_CUT}|{_HALF.pattern}\Z)"
    rf"|(?P<run>(?:(?!{_HALF.pattern}(?:{_CUT}|\Z))\\u[0-9a-fA-F]{{4}})+)"
)
_NEEDS_ESCAPE = re.compile(r'[\x00-\x1f"\\]')


def decoded(data: bytes, declared: str | None = None) -> Iterator[str]:
    """Decode `data` piece by piece, so that a caller can stop at a limit.

    `declared` is the encoding that the file names itself. Raises ExtractionError
    (unsupported_file) for bytes that are no text in any encoding.
    """
    decoder = codecs.getincrementaldecoder(_encoding_of(data, declared))("replace")
    for piece in _pieces(data):
        yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)


def _encoding_of(data: bytes, declared: str | None) -> str:
    """Find the encoding: byte order mark, UTF-8, `declared`, the first that fits; else a guess."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    wide = _wide(data[:_SAMPLE])
    if wide:
        return wide
    if b"\x00" in data[:_SAMPLE]:
        raise not_text()
    wrong = _error_in(data, "utf-8")
    # one broken character late in a long file does not make it something else
    if wrong is None or wrong > _SAMPLE:
        return "utf-8"
    try:
        if (
            declared
            and codecs.lookup(declared)._is_text_encoding  # noqa: SLF001 - no public name
            and _error_in(data, declared) is None
        ):
            return declared
    except (LookupError, ValueError):
        pass  # a page can declare what it is not
    return _guess(data)


def _error_in(data: bytes, encoding: str) -> int | None:
    """Return about where `data` stops to be in `encoding`, in bytes; None where all of it is."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    done = 0
    try:
        for piece in _pieces(data):
            decoder.decode(piece)
            done += len(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as wrong:
        return done + wrong.start
    except UnicodeError:
        return done
    return None


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _PIECE):
        yield data[start : start + _PIECE]


def clean(text: str) -> str:
    """Without control characters and halves of characters; lines end in a line feed alone."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATES.sub("\ufffd", _NO_TEXT.sub("", text))


def unescaped_json(pieces: Iterable[str]) -> Iterator[str]:
    r"""Replace `\uXXXX` by its character, so that a search finds text that was written in ASCII.

    Escapes that JSON needs (quotes, backslashes, control characters) stay escapes.
    """
    carried = ""  # an escape of which only the beginning is there

    def replaced(match: re.Match[str]) -> str:
        nonlocal carried
        if match["cut"] is not None:
            carried = match["cut"]
            return ""
        return match.group() if match["run"] is None else _unescaped(match["run"])

    for piece in pieces:
        text, carried = carried + piece, ""
        yield _ESCAPE.sub(replaced, text) if "\\" in text else text
    yield _HALF.sub("\ufffd", carried)


def _unescaped(escapes: str) -> str:
    text = bytes.fromhex(escapes.replace("\\u", "")).decode("utf-16-be", "replace")
    return _NEEDS_ESCAPE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


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
