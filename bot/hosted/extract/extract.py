"""The text of one file, read in this process; the child process calls it for strangers' files."""

from bot.hosted.extract.decoding import clean, decoded, unescaped_json
from bot.hosted.extract.html import declared_charset, html_text
from bot.hosted.extract.kinds import Kind, kind_of
from bot.hosted.extract.limits import Collector, ExtractionError, ExtractionLimits
from bot.hosted.extract.packed import packed_text
from bot.hosted.extract.pdf import pdf_text


def extract(
    name: str, data: bytes, *, limits: ExtractionLimits | None = None, as_written: bool = False
) -> str:
    """The text of the file ``name``; raises ExtractionError where there is none to be had.

    ``as_written`` keeps the source of HTML and the escapes of JSON. Time and memory of parsing are
    not bounded here: ``extract_text`` is for files of strangers.
    """
    limits = limits or ExtractionLimits()
    check_size(len(data), limits)
    kind = kind_of(name, data)
    text = clean(_parsed(kind, data, limits, as_written=as_written))
    if not text.strip():
        hint = " Its pages may be pictures." if kind == "pdf" else ""
        raise ExtractionError("invalid_file", f"There is no text in the file.{hint}")
    return text


def check_size(size: int, limits: ExtractionLimits) -> None:
    """Raise ExtractionError for a file of more bytes than allowed."""
    if size > limits.file_bytes:
        raise ExtractionError(
            "invalid_file",
            f"The file is larger than {limits.file_bytes // 2**20} MiB. Split it.",
        )


def _parsed(kind: Kind, data: bytes, limits: ExtractionLimits, *, as_written: bool) -> str:
    if kind == "pdf":
        return pdf_text(data, limits)
    if kind == "packed":
        return packed_text(data, limits)
    pieces = decoded(data, declared_charset(data) if kind == "html" else None)
    if kind == "html" and not as_written:
        return html_text(pieces, limits)
    collector = Collector(limits)
    for piece in unescaped_json(pieces) if kind == "json" and not as_written else pieces:
        collector.add(piece)
    return collector.text
