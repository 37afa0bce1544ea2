"""Opens a zip package (Office, OpenDocument, EPUB) with limits and lenient part names."""

import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Final
from urllib.parse import unquote
from xml.parsers import expat

from bot.hosted.extract.limits import ExtractionError, ExtractionLimits

Attributes = dict[str, str]
"""An element's attributes; a name with a namespace becomes ``:name``."""

BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    expat.ExpatError,
    struct.error,
    EOFError,
    LookupError,
    OSError,
    ValueError,
    NotImplementedError,  # zipfile's, for a compression that it lacks
)
"""Exceptions of a damaged package; RuntimeError means that the package is encrypted."""

_READ: Final = 65_536
_LOCAL_HEADER: Final = 30  # bytes before the name
_UTF8_NAME: Final = 0x800


class Reader:
    """Handles the XML events of a part; element names come without namespaces."""

    def start(self, name: str, attributes: Attributes) -> None:
        """Handle the start of an element."""

    def end(self, name: str) -> None:
        """Handle the end of an element."""

    def characters(self, text: str) -> None:
        """Handle text of the innermost open element."""


class Elements(Reader):
    """Collects the attributes of each element that has one of the names."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self.found: list[Attributes] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if name in self._names:
            self.found.append(attributes)

    def values(self, attribute: str) -> list[str]:
        """Return the values of an attribute, "" where an element lacks it."""
        return [attributes.get(attribute, "") for attributes in self.found]


@dataclass(frozen=True, slots=True)
class Relationship:
    """A reference to another part: ``kind`` ends the type's URL, ``target`` is the part's name."""

    id: str
    kind: str
    target: str


class Package:
    """An open package; lookups of names ignore case, kind of slash and escapes."""

    def __init__(self, data: bytes, limits: ExtractionLimits) -> None:
        self._zip = zipfile.ZipFile(BytesIO(data))
        self._data = data
        self._left = limits.unpacked_bytes
        self._parts = {_key(info.filename): info for info in reversed(self._zip.infolist())}
        self.broken = False  # whether a part beside the main one could not be read

    @property
    def names(self) -> list[str]:
        """All part names, in lower case and with slashes."""
        return sorted(self._parts)

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._parts

    def pieces(self, name: str) -> Iterator[bytes]:
        """Unpack a part piece by piece; raises ExtractionError beyond the limit for all parts."""
        info = self._parts[_key(name)]
        start = info.header_offset + _LOCAL_HEADER
        (length,) = struct.unpack_from("<H", self._data, start - 4)
        # zipfile requires the same name in the directory and before the part
        encoding = "utf-8" if info.flag_bits & _UTF8_NAME else "cp437"
        info.orig_filename = self._data[start : start + length].decode(encoding)
        with self._zip.open(info) as part:
            while piece := part.read(_READ):
                self._left -= len(piece)
                if self._left < 0:
                    raise ExtractionError("too_large", "The file unpacks to more than is allowed.")
                yield piece

    def read(self, name: str) -> bytes:
        """Unpack a whole part."""
        return b"".join(self.pieces(name))

    def parse(self, name: str, reader: Reader) -> None:
        """Send the events of a part of XML to ``reader``, without keeping a tree.

        Custom entities are refused: programs do not write them, and they allow XML bombs.
        """
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = lambda tag, attributes: reader.start(
            tag.rpartition(" ")[2], {_short(key): value for key, value in attributes.items()}
        )
        parser.EndElementHandler = lambda tag: reader.end(tag.rpartition(" ")[2])
        parser.CharacterDataHandler = reader.characters
        parser.EntityDeclHandler = _refuse_entities
        for piece in self.pieces(name):
            parser.Parse(piece, False)
        parser.Parse(b"", True)

    @contextmanager
    def skipping_broken(self) -> Iterator[None]:
        """Skip the rest of a part that proves to be broken; the other parts are still read."""
        try:
            yield
        except BROKEN:
            self.broken = True

    def relationships(self, part: str) -> list[Relationship]:
        """Return the existing parts that ``part`` refers to; "" means the package."""
        folder, base = posixpath.split(part)
        name = posixpath.join(folder, "_rels", f"{base}.rels")
        elements = Elements("Relationship")
        if name in self:
            with self.skipping_broken():
                self.parse(name, elements)
        found = [
            Relationship(
                id=attributes.get("Id", ""),
                kind=attributes.get("Type", "").rpartition("/")[2],
                target=joined(folder, attributes.get("Target", "")),
            )
            for attributes in elements.found
            if attributes.get("TargetMode") != "External"
        ]
        return [relationship for relationship in found if relationship.target in self]


def joined(folder: str, target: str) -> str:
    """Return the name of the part to which the reference ``target`` in ``folder`` leads."""
    target = unquote(target.partition("#")[0]).replace("\\", "/")
    return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")


def _key(name: str) -> str:
    return posixpath.normpath(name.replace("\\", "/")).lstrip("/").lower()


def _short(attribute: str) -> str:
    _, separator, local = attribute.rpartition(" ")
    return f":{local}" if separator else local


def _refuse_entities(*_: object) -> None:
    raise ExtractionError("broken", "The file declares entities, as no Office file does.")
