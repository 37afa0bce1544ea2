"""Joins screenshots into an animated PNG, which browsers and READMEs show."""

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def animate(frames: list[tuple[bytes, float]]) -> bytes:
    """An animated PNG of PNG frames of one size, each shown for so many seconds, without end."""
    first = list(_chunks(frames[0][0]))
    header = next(data for kind, data in first if kind == b"IHDR")
    out = [SIGNATURE, _chunk(b"IHDR", header), _chunk(b"acTL", struct.pack(">II", len(frames), 0))]
    width, height = struct.unpack(">II", header[:8])
    number = 0
    for index, (frame, seconds) in enumerate(frames):
        delay = round(seconds * 1000)
        control = struct.pack(">IIIIIHHBB", number, width, height, 0, 0, delay, 1000, 0, 0)
        out.append(_chunk(b"fcTL", control))
        number += 1
        for kind, data in _chunks(frame):
            if kind == b"IHDR":
                assert data == header, "frames differ in size or kind"
            if kind != b"IDAT":
                continue
            if index == 0:
                out.append(_chunk(b"IDAT", data))
            else:
                out.append(_chunk(b"fdAT", struct.pack(">I", number) + data))
                number += 1
    out.append(_chunk(b"IEND", b""))
    return b"".join(out)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
