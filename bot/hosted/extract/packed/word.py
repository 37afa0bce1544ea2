"""Reads Word files: the document, then headers, footers, notes and comments."""

import email
import email.policy
from email.message import EmailMessage
from typing import Final

from bot.hosted.extract.decoding import decode
from bot.hosted.extract.html import declared_charset, html_text
from bot.hosted.extract.limits import Collector, ExtractionLimits
from bot.hosted.extract.packed.package import Package
from bot.hosted.extract.packed.text import read_text

_BESIDE: Final = ("footnotes", "endnotes", "comments", "header", "footer")
_NESTED: Final = 3


def read_document(
    package: Package, main: str, collector: Collector, limits: ExtractionLimits, depth: int = 0
) -> None:
    """Read the document, then its headers, footers, notes and comments, then embedded documents."""
    read_text(package, main, collector)
    related = package.relationships(main)
    beside = {each.target: each.kind for each in related if each.kind in _BESIDE}
    if not related:  # a file that was made by hand
        folder = main.rpartition("/")[0]
        for name in package.names:
            kind = name.removeprefix(f"{folder}/").removesuffix(".xml").rstrip("0123456789")
            if kind in _BESIDE:
                beside[name] = kind
    for part in sorted(beside, key=lambda part: (_BESIDE.index(beside[part]), part)):
        with package.skipping_broken():
            read_text(package, part, collector)
    for relationship in related:
        if relationship.kind == "aFChunk" and depth < _NESTED:
            with package.skipping_broken():
                _read_embedded(package, relationship.target, collector, limits, depth)


def _read_embedded(
    package: Package, part: str, collector: Collector, limits: ExtractionLimits, depth: int
) -> None:
    """Read an embedded document of another format (an altChunk)."""
    data = package.read(part)
    if data.startswith(b"PK"):
        inner = Package(data, limits)
        for relationship in inner.relationships(""):
            if relationship.kind == "officeDocument":
                read_document(inner, relationship.target, collector, limits, depth + 1)
        return
    if part.lower().endswith((".mht", ".mhtml", ".eml")):
        for piece in email.message_from_bytes(data, _class=EmailMessage, policy=_POLICY).walk():
            if piece.get_content_type() == "text/html":
                page = piece.get_payload(decode=True)
                assert isinstance(page, bytes), "a part that is not made of parts has bytes"
                charset = piece.get_content_charset() or declared_charset(page)
                collector.add(html_text(decode(page, charset), limits) + "\n")
    elif part.lower().endswith((".htm", ".html", ".xhtml")):
        collector.add(html_text(decode(data, declared_charset(data)), limits) + "\n")
    elif part.lower().endswith(".txt"):
        for text in decode(data):
            collector.add(text)


_POLICY: Final = email.policy.default
