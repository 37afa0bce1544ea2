"""One file's text, in this process: for trusted files, and for the child that takes the others."""

from bot.hosted.extract.decoding import clean, decode, unescape_json
from bot.hosted.extract.html import declared_charset, html_text
from bot.hosted.extract.kinds import Kind, kind_of
from bot.hosted.extract.limits import ExtractionError, ExtractionLimits
from bot.hosted.extract.office import office_text
from bot.hosted.extract.pdf import pdf_text


def extract(name: str, data: bytes, *, limits: ExtractionLimits | None = None) -> str:
    """The text of the file `name`; raises ExtractionError where there is none to be had.

    Time and memory of parsing are not bounded here: `extract_text` is for files of strangers.
    """
    limits = limits or ExtractionLimits()
    return read(check_kind(name, data, limits), data, limits)


def check_kind(name: str, data: bytes, limits: ExtractionLimits) -> Kind:
    """The kind of a file that is not too large; raises ExtractionError."""
    if len(data) > limits.file_bytes:
        raise ExtractionError(
            "invalid_file",
            f"The file is larger than {limits.file_bytes // 2**20} MiB. Split it.",
        )
    return kind_of(name, data)


def read(kind: Kind, data: bytes, limits: ExtractionLimits) -> str:
    """The text of a file of a known kind; raises ExtractionError."""
    text = clean(_parsed(kind, data, limits))
    if len(text) > limits.characters:
        raise ExtractionError(
            "invalid_file",
            f"The file has more than {limits.characters:,} characters of text. Split it.",
        )
    if not text.strip():
        hint = " Its pages may be pictures." if kind == "pdf" else ""
        raise ExtractionError("invalid_file", f"There is no text in the file.{hint}")
    return text


def _parsed(kind: Kind, data: bytes, limits: ExtractionLimits) -> str:
    if kind == "pdf":
        return pdf_text(data, limits)
    if kind == "packed":
        return office_text(data, limits)
    if kind == "html":
        return html_text(decode(data, declared_charset(data)), limits)
    text = decode(data)
    return unescape_json(text) if kind == "json" else text
