"""Extracts the text of a file in this process; the child process uses this module."""

from bot.hosted.extract.decoding import clean, decode, unescaped_json
from bot.hosted.extract.html import declared_charset, html_text
from bot.hosted.extract.kinds import Kind, kind_of
from bot.hosted.extract.limits import Collector, ExtractionError, ExtractionLimits
from bot.hosted.extract.packed import packed_text
from bot.hosted.extract.pdf import pdf_text


def extract(
    name: str, data: bytes, *, limits: ExtractionLimits | None = None, keep_source: bool = False
) -> str:
    """Return the text of the file ``name``; raises ExtractionError if that is impossible.

    ``keep_source`` keeps the source of HTML and the escapes of JSON. This function does not limit
    time and memory; use ``extract_text`` for untrusted files.
    """
    limits = limits or ExtractionLimits()
    check_size(len(data), limits)
    kind = kind_of(name, data)
    text = clean(_parsed(kind, name, data, limits, keep_source=keep_source))
    if not text.strip():
        hint = " Its pages may be pictures." if kind == "pdf" else ""
        raise ExtractionError("no_text", f"There is no text in the file.{hint}")
    return text


def check_size(size: int, limits: ExtractionLimits) -> None:
    """Raise ExtractionError if a file is too large."""
    if size > limits.file_bytes:
        raise ExtractionError(
            "too_large",
            f"The file is larger than {limits.file_bytes // 2**20} MiB. Split it.",
        )


def _parsed(
    kind: Kind, name: str, data: bytes, limits: ExtractionLimits, *, keep_source: bool
) -> str:
    if kind == "pdf":
        return pdf_text(data, limits)
    if kind == "packed":
        return packed_text(data, limits)
    pieces = decode(data, declared_charset(data) if kind == "html" else None, name=name)
    if kind == "html" and not keep_source:
        return html_text(pieces, limits)
    collector = Collector(limits)
    for piece in unescaped_json(pieces) if kind == "json" and not keep_source else pieces:
        collector.add(piece)
    return collector.text
