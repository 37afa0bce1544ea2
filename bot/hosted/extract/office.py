"""Text of Word and PowerPoint files, read as a stream of XML events of bounded size."""

import io
import re
import zipfile
import zlib
from xml.parsers import expat

from bot.hosted.extract.kinds import unsupported
from bot.hosted.extract.limits import Collector, ExtractionError, ExtractionLimits

_READ = 65_536
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    expat.ExpatError,
    EOFError,
    KeyError,
    OSError,
    ValueError,
    NotImplementedError,
)
_BODY = re.compile(r"word/document\d*\.xml")
_BESIDE = re.compile(r"word/(?:footnotes|endnotes|header\d*|footer\d*)\.xml")
_SLIDE = re.compile(r"ppt/slides/slide(\d+)\.xml")
# formatting, what a tracked move left behind, and second copies for older programs
_SKIPPED = frozenset({"pPr", "moveFrom", "Fallback"})


def office_text(data: bytes, limits: ExtractionLimits) -> str:
    """A Word file's paragraphs, then its notes, headers and footers; or slides, each with notes.

    Raises ExtractionError for packed files of other kinds, broken or locked ones, and bombs.
    """
    collector = Collector(limits)
    left = limits.unpacked_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for name in _parts(packed.namelist()):
                left -= _read_part(packed, name, left, collector)
    except _BROKEN as broken:
        raise ExtractionError("invalid_file", "The file is broken or cut off.") from broken
    except RuntimeError as locked:  # what zipfile raises for an encrypted part
        raise ExtractionError("invalid_file", "The file is password-protected.") from locked
    return collector.text


def _parts(names: list[str]) -> list[str]:
    """The parts that have text, in reading order."""
    body = [name for name in names if _BODY.fullmatch(name)]
    if body:
        return body + sorted(name for name in names if _BESIDE.fullmatch(name))
    slides = sorted(int(m.group(1)) for name in names if (m := _SLIDE.fullmatch(name)))
    if slides:
        present = set(names)
        pairs = ((f"ppt/slides/slide{n}.xml", f"ppt/notesSlides/notesSlide{n}.xml") for n in slides)
        return [part for pair in pairs for part in pair if part in present]
    if any(name.startswith("xl/") for name in names):
        raise unsupported("a spreadsheet; save it as .csv")
    raise unsupported("an archive; add the files in it one by one")


def _read_part(packed: zipfile.ZipFile, name: str, left: int, collector: Collector) -> int:
    """Read one part into the collector; returns its size, which is counted while unpacking."""
    reader = _PartReader(collector)
    size = 0
    with packed.open(name) as part:
        while piece := part.read(_READ):
            size += len(piece)
            if size > left:
                raise ExtractionError("invalid_file", "The file unpacks to more than is allowed.")
            reader.feed(piece)
    reader.close()
    return size


class _PartReader:
    """Text runs of one XML part; paragraphs end lines, table cells are apart by tabs.

    It follows events and keeps no tree, so depth costs nothing. Entities of a file's own are
    refused: Office writes none, and they are how a small file becomes a large one.
    """

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._skipping = 0
        self._cells = 0
        self._in_text = False
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        self._parser = parser

    def feed(self, piece: bytes) -> None:
        self._parser.Parse(piece, False)

    def close(self) -> None:
        self._parser.Parse(b"", True)

    def _doctype(self, *_: object) -> None:
        raise ExtractionError("invalid_file", "The file declares entities, as no Office file does.")

    def _start(self, name: str, _attributes: object) -> None:
        local = name.rpartition(" ")[2]
        if self._skipping or local in _SKIPPED:
            self._skipping += 1
        elif local == "t":
            self._in_text = True
        elif local == "tab":
            self._collector.add("\t")
        elif local in ("br", "cr"):
            self._collector.add("\n")
        elif local == "tc":
            self._cells += 1

    def _end(self, name: str) -> None:
        local = name.rpartition(" ")[2]
        if self._skipping:
            self._skipping -= 1
        elif local == "t":
            self._in_text = False
        elif local == "p":
            self._collector.add(" " if self._cells else "\n")
        elif local == "tc":
            self._cells -= 1
            self._collector.add("\t")
        elif local == "tr":
            self._collector.add("\n")

    def _characters(self, text: str) -> None:
        if self._in_text and not self._skipping:
            self._collector.add(text)
