"""Extracts text from zip-based files: Office, OpenDocument and EPUB."""

from typing import Final

from bot.hosted.extract.kinds import unsupported
from bot.hosted.extract.limits import Collector, ExtractionError, ExtractionLimits
from bot.hosted.extract.packed.epub import read_epub
from bot.hosted.extract.packed.opendocument import read_opendocument
from bot.hosted.extract.packed.package import BROKEN, Attributes, Package, Reader
from bot.hosted.extract.packed.sheets import read_workbook
from bot.hosted.extract.packed.slides import read_presentation
from bot.hosted.extract.packed.word import read_document

__all__ = ["packed_text"]

_MAIN_PARTS: Final = ("word/document.xml", "ppt/presentation.xml", "xl/workbook.xml")


def packed_text(data: bytes, limits: ExtractionLimits) -> str:
    """Return all text that a person sees in the opened file, except that of broken parts.

    Raises ExtractionError for other, broken or encrypted zip files, and for zip bombs.
    """
    collector = Collector(limits)
    try:
        package = Package(data, limits)
        _read(package, collector, limits)
    except BROKEN as broken:
        raise _broken() from broken
    except RuntimeError as locked:  # what zipfile raises for an encrypted part
        if isinstance(locked, RecursionError):
            raise
        raise ExtractionError("locked", "The file is password-protected.") from locked
    if package.broken and not collector.text.strip():
        raise _broken()
    return collector.text


def _broken() -> ExtractionError:
    return ExtractionError("broken", "The file is broken or cut off.")


def _read(package: Package, collector: Collector, limits: ExtractionLimits) -> None:
    if "META-INF/container.xml" in package:
        read_epub(package, collector, limits)
        return
    if "content.xml" in package and (
        "mimetype" in package or "META-INF/manifest.xml" in package or "styles.xml" in package
    ):
        read_opendocument(package, collector)
        return
    main = _main_part(package)
    if main is None:
        raise _other(package)
    if main.endswith(".bin"):
        raise unsupported("a binary workbook; save it as .xlsx")
    match _root(package, main):
        case "document":
            read_document(package, main, collector, limits)
        case "presentation" | "sld":
            read_presentation(package, main, collector)
        case "workbook":
            read_workbook(package, main, collector)
        case _:
            raise _other(package)


def _main_part(package: Package) -> str | None:
    for relationship in package.relationships(""):
        if relationship.kind == "officeDocument":
            return relationship.target
    # files that were made by hand have no relationships
    for name in _MAIN_PARTS:
        if name in package:
            return name
    loose = (
        name
        for name in package.names
        if name.startswith(("word/document", "ppt/slides/slide")) and name.endswith(".xml")
    )
    return next(loose, None)


class _Root(Reader):
    """Records the root element of an XML part."""

    def __init__(self) -> None:
        self.name = ""

    def start(self, name: str, attributes: Attributes) -> None:
        self.name = self.name or name


def _root(package: Package, main: str) -> str:
    reader = _Root()
    package.parse(main, reader)
    return reader.name


def _other(package: Package) -> ExtractionError:
    if any(name.startswith("index/") or name.endswith(".iwa") for name in package.names):
        return unsupported("an Apple iWork file; export it as PDF or for Office")
    return unsupported("an archive; add the files in it one by one")
