"""Decodes text in any encoding, and removes characters that are not text."""

import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from bot.hosted.extract.kinds import not_text
from bot.hosted.extract.plausibility import cost, in_one_script

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: UTF-32's mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PIECE: Final = 2**20
_SAMPLE: Final = 65_536
_CONTROLS: Final = bytes({*range(32), 127} - {*b"\b\t\n\f\r\x1b"})
_MOST_CONTROLS: Final = 0.02  # of a text's bytes
_MOST_NULS: Final = 0.001
_STRANGE: Final = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f\ud800-\uf8ff\ufff0-\uffff]")
_WIDE: Final = ("utf-16-le", "utf-16-be")
_LIKELY: Final = 9.0  # the most that a non-ASCII character of real text costs on average
# the encoding's name in an XML declaration, in a style sheet's rule, or in a comment in a program's
# first two lines
_NAMES_ITSELF: Final = re.compile(
    rb"<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([A-Za-z0-9_.:-]+)"
    rb"|@charset\s+[\"']([A-Za-z0-9_.:-]+)"
    rb"|(?:[^\n]{0,200}\n)?[^\n\w]{0,8}[^\n]{0,200}?coding[:=]\s*([A-Za-z0-9_.-]+)"
)
_SUPERSETS: Final = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "tis-620": "cp874",
    "shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949",
    "big5": "cp950",
}  # fmt: skip
# smaller encodings to check a file's name: the larger ones also have other languages' characters
_FOR_NAMES: Final = {"gb18030": "gb2312", "euc_jp": "cp932", "euc_jis_2004": "cp932"}
_BY_ESCAPES: Final = ("iso2022_jp_ext", "iso2022_jp_2", "iso2022_jp_2004")
_BY_LINES: Final = "UTF-8 in some lines, an older encoding in others"
_NEC_JP: Final = "iso2022_jp with the signs of NEC"
_HZ: Final = re.compile(rb"~\{(?:[\x30-\x57][\x21-\x7e]|[\x21-\x29][\x21-\x7e])+~\}")
_HIGH: Final = re.compile(rb"[\x80-\xff]")
_SPLIT: Final = re.compile(rb"[\x00-\x2f]")
_WORD_BEFORE: Final = re.compile(rb"[^\x00-\x2f]*\Z")
_STRETCHES: Final = 8
_TELLING: Final = 4096
_LONGEST: Final = 1024

# Legacy encodings that files still are in, and how much less likely each is than the likeliest.
_CANDIDATES: Final = {
    "cp1252": 0.0, "cp932": 0.0, "euc_jp": 0.5, "gb18030": 0.5, "cp949": 0.5, "cp1251": 0.5,
    "cp950": 1.0, "euc_jis_2004": 1.0, "cp1253": 1.0, "cp1255": 1.0, "cp1256": 1.0,
    "iso8859-15": 1.0, "cp1254": 1.0, "cp1250": 1.5, "koi8-r": 1.5, "iso8859-7": 1.5,
    "iso8859-8": 1.5, "iso8859-2": 2.0, "iso8859-6": 2.0, "cp866": 2.0, "cp874": 2.0,
    "koi8-u": 2.0, "cp1257": 2.5, "iso8859-5": 2.5, "cp850": 3.0, "cp852": 3.0,
    "mac-cyrillic": 3.0, "cp437": 3.2, "mac-roman": 3.5,
}  # fmt: skip
# chardet's names for candidates, or for larger encodings that contain the candidates
_KNOWN_AS: Final = {
    "euc_jp": ("euc_jis_2004",),
    "cp950": ("big5hkscs",),
    "cp1254": ("cp1254", "iso8859-9"),
    "iso8859-15": ("iso8859-15", "cp1252"),
}
_BY_BYTES: Final = {name for each in _CANDIDATES for name in _KNOWN_AS.get(each, (each,))}
_TRUST: Final = 9.0
_ASCII: Final = 2.5  # the cost of an ASCII character; all candidates but UTF-16 read the same ASCII
_EASTERN: Final = ("cp932", "euc_jp", "euc_jis_2004", "gb18030", "cp949", "cp950")
_EASTERN_TELL: Final = 8
# these encodings have kana too, which their texts hardly ever use
_NOT_JAPANESE: Final = ("gb18030", "cp949", "cp950")
_BEYOND: Final = re.compile("[^\x00-\x7f]")
_KANA: Final = re.compile("[\u3041-\u30fa]")
_CUT_WORD: Final = re.compile("\xad[ \t]*\n[ \t]*")
_NO_TEXT: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\xad\ufeff\ufdd0-\ufdef\ufffe\uffff]+")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_HALF: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}")  # of a character beyond U+FFFF
_CUT: Final = r"\\(?:u[0-9a-fA-F]{0,3})?\Z"
_ESCAPE: Final = re.compile(
    r"\\\\"  # a backslash that is escaped itself
    rf"|(?P<cut>(?:{_HALF.pattern})?{_CUT}|{_HALF.pattern}\Z)"
    rf"|(?P<run>(?:(?!{_HALF.pattern}(?:{_CUT}|\Z))\\u[0-9a-fA-F]{{4}})+)"
)
_NEEDS_ESCAPE: Final = re.compile(r'[\x00-\x1f"\\]')


def decode(data: bytes, declared: str | None = None, *, name: str = "") -> Iterator[str]:
    """Decode ``data`` piece by piece, so that a caller can stop at a limit.

    ``declared`` is the encoding that the file declares. ``name`` is the file's name, which the
    right encoding can most likely write, too. Raises ExtractionError (unsupported_file) for bytes
    that are not text in any encoding.
    """
    encoding = _encoding_of(data, declared, name)
    if encoding == _NEC_JP:
        data, encoding = _with_nec_signs(data), "iso2022_jp_2004"
    if encoding == _BY_LINES:
        yield from _decode_lines(data, name)
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for piece in _pieces(data):
        yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)


def _decode_lines(data: bytes, name: str) -> Iterator[str]:
    """Decode a text of which some lines are UTF-8 and others are in an older encoding."""
    encoding = _likeliest(_lines(data, utf8=False), name)
    for line in data.splitlines(keepends=True):
        yield line.decode("utf-8" if _is_utf8_line(line) else encoding, "replace")


def _lines(data: bytes, *, utf8: bool) -> bytes:
    """Return the lines with non-ASCII bytes: those that are UTF-8, or those that are not."""
    return b"".join(
        line
        for line in data.splitlines(keepends=True)
        if not line.isascii() and _is_utf8_line(line) == utf8
    )


def _is_utf8_line(line: bytes) -> bool:
    return line.isascii() or _is_utf8(line)


def _is_mixed(data: bytes, name: str) -> bool:
    """Return whether UTF-8 lines amid older ones are likelier than one older encoding for all."""
    new, old = _lines(data, utf8=True), _lines(data, utf8=False)
    if not new or not old:
        return False
    words = _non_ascii_words(new)
    in_old = words.decode(_likeliest(old, name), "replace")
    return cost(words.decode("utf-8", "replace")) < cost(in_old)


def _encoding_of(data: bytes, declared: str | None, name: str) -> str:
    """Detect the encoding: first by the rules of encodings, then by statistics."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    if nuls := data.count(b"\x00"):
        if wide := _utf_16_or_32(data):
            return wide
        if nuls > len(data) * _MOST_NULS:
            raise not_text()
    controls = sum(len(piece) - len(piece.translate(None, _CONTROLS)) for piece in _pieces(data))
    few_controls = controls <= len(data) * _MOST_CONTROLS
    if data.isascii() and (escaped := _with_escapes(data)):
        return escaped
    if not few_controls and (wide_words := _east_asian_utf_16(data)):
        return wide_words[1]
    if data.isascii() or _is_valid(data, "utf-8"):
        return "utf-8"
    if _is_utf8(data):
        return _BY_LINES if few_controls and _is_mixed(data, name) else "utf-8"
    if named := _declared(data, declared):
        return named
    if few_controls:
        return _BY_LINES if _is_mixed(data, name) else _likeliest(data, name)
    raise not_text()


def _declared(data: bytes, declared: str | None) -> str | None:
    """Return the encoding that a file declares, if its bytes are valid in that encoding."""
    if not declared:
        found = _NAMES_ITSELF.match(data[:1024])
        declared = found[found.lastindex or 0].decode("ascii") if found else ""
    try:
        known = codecs.lookup(declared)
        if known._is_text_encoding:  # noqa: SLF001 - no public name
            for encoding in (_SUPERSETS.get(known.name, known.name), known.name):
                if _is_valid(data, encoding):
                    return encoding
    except (LookupError, ValueError):
        pass  # a page can declare the wrong encoding
    return None


def _with_escapes(data: bytes) -> str | None:
    """Detect a 7-bit encoding that switches character sets by escape sequences."""
    if b"\x1b$)C" in data and _is_valid(data, "iso2022_kr"):
        return "iso2022_kr"
    if b"\x1b$" in data or b"\x1b(" in data:
        for encoding in _BY_ESCAPES:
            if _is_valid(data, encoding):
                return encoding
        if _is_valid(_with_nec_signs(data), "iso2022_jp_2004"):
            return _NEC_JP
    # `~{` opens Chinese in HZ, and is in programs too, where nothing Chinese follows
    if _HZ.search(data) and _is_valid(data, "hz"):
        return "hz"
    return None


def _with_nec_signs(data: bytes) -> bytes:
    """Return JIS X 0208 marked as JIS X 0213, which also has signs of mail programs (①, ㈱)."""
    return data.replace(b"\x1b$B", b"\x1b$(Q")


def _is_utf8(data: bytes) -> bool:
    """Return whether bytes are UTF-8, perhaps cut off or with a few invalid characters."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    broken = beyond = 0
    for piece in _pieces(data):
        text = decoder.decode(piece)
        beyond += len(text) - len(text.encode("ascii", "ignore"))
        broken += text.count("\ufffd") - piece.count(b"\xef\xbf\xbd")
    return broken * 5 <= beyond and beyond > 0


def _is_valid(data: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        for piece in _pieces(data):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _PIECE):
        yield data[start : start + _PIECE]


def clean(text: str) -> str:
    """Remove control characters, soft hyphens and lone surrogates; end lines with LF.

    A line end behind a soft hyphen is removed as well, because it cuts a word.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\xad" in text:
        text = _CUT_WORD.sub("", text)
    return _SURROGATES.sub("\ufffd", _NO_TEXT.sub("", text))


def unescaped_json(pieces: Iterable[str]) -> Iterator[str]:
    r"""Replace ``\uXXXX`` by its character, so that a search finds escaped text.

    Escapes that JSON needs (quotes, backslashes, control characters) stay escapes.
    """
    carried = ""  # an escape whose end is in the next piece

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


def _utf_16_or_32(data: bytes) -> str | None:
    """Detect UTF-32 or UTF-16 without a byte order mark, in bytes with NULs."""
    if len(data) % 4 == 0:
        for encoding in ("utf-32-le", "utf-32-be"):
            if _is_valid(data, encoding):
                return encoding
    readings = []
    for encoding in _WIDE:
        text = data[: _TELLING // 2 * 2].decode(encoding, "replace")
        strange = len(_STRANGE.findall(text))
        beyond = len(text) - len(text.encode("ascii", "ignore"))
        if strange <= len(text) * _MOST_CONTROLS and cost(text) <= beyond * _LIKELY:
            readings.append((cost(text), encoding))
    return min(readings)[1] if readings else None


def _east_asian_utf_16(data: bytes) -> tuple[float, str] | None:
    """Detect UTF-16 text of one or two words; also return the cost of this decoding."""
    if len(data) % 2 or len(data) > _TELLING:
        return None
    readings = []
    for encoding in _WIDE:
        text = data.decode(encoding, "replace")
        if in_one_script(text) and cost(text) <= len(text) * _LIKELY:
            readings.append((cost(text), encoding))
    return min(readings, default=None)


def _non_ascii_words(data: bytes) -> bytes:
    """Return the distinct non-ASCII words, sampled from all parts of a text.

    Words are split at bytes below 0x30, which no encoding uses within a character.
    """
    words: dict[bytes, None] = {}
    gathered = at = 0
    stretches = _STRETCHES if len(data) > _SAMPLE else 1
    step = -(-len(data) // stretches)
    for stretch in range(stretches):
        end = (stretch + 1) * step
        if at < stretch * step:  # begin with a whole word
            word = _WORD_BEFORE.search(data, max(at, stretch * step - _LONGEST), stretch * step)
            at = word.start() if word else stretch * step
        most = _TELLING * (stretch + 1) // stretches
        while gathered < most and (high := _HIGH.search(data, at, end)):
            split = _SPLIT.search(data, high.end())
            stop = split.start() if split else len(data)
            # the bytes before the first non-ASCII byte are ASCII: no character is cut there
            word = _WORD_BEFORE.search(data, max(at, high.start() - 32), high.start())
            begin = word.start() if word else high.start()
            found = data[begin : min(stop, begin + _LONGEST)]
            if found not in words:
                words[found] = None
                gathered += len(found)
            at = stop
    return b" ".join(words)


def _likeliest(data: bytes, name: str) -> str:
    """Return the most likely encoding, by the characters and by the bytes of a text."""
    import chardet  # loaded only for files that are not Unicode

    words = _non_ascii_words(data)
    found = chardet.detect_all(
        words, include_encodings=_BY_BYTES, compat_names=False, ignore_threshold=True
    )
    trust = {each["encoding"]: each["confidence"] for each in found}
    most = max(trust.values(), default=0.0) or 1.0

    def unlikeliness(encoding: str) -> float:
        text = words.decode(encoding, "replace")
        known = max(trust.get(name, 0.0) for name in _KNOWN_AS.get(encoding, (encoding,)))
        foreign = encoding in _NOT_JAPANESE and _KANA.search(text) is not None
        trusted = _TRUST * known / most
        beyond = len(_BEYOND.findall(text))  # statistics of a few characters are unreliable
        trusted *= min(beyond / _EASTERN_TELL if encoding in _EASTERN else (beyond + 1) / 4, 1.0)
        foreign = foreign or not _can_write(name, encoding)
        return cost(text) + _CANDIDATES[encoding] - trusted + _TRUST * foreign

    best = min((unlikeliness(encoding), encoding) for encoding in _CANDIDATES)
    wide = _east_asian_utf_16(data)
    plain = len(words.decode("ascii", "ignore")) * _ASCII
    bonus = _TRUST / 2 if len(data) > 4 else 0.0  # statistics of two characters are unreliable
    return wide[1] if wide and wide[0] - bonus < best[0] + plain else best[1]


def _can_write(name: str, encoding: str) -> bool:
    """Return whether an encoding has all letters of a file's name."""
    try:
        unicodedata.normalize("NFC", name).encode(_FOR_NAMES.get(encoding, encoding))
    except UnicodeEncodeError:
        return False
    return True
