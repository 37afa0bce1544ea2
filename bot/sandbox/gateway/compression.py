"""Compression of one gateway socket: its frames form one stream, flushed after each frame."""

import sys
import zlib
from collections.abc import Callable
from typing import Final


def _zlib_stream() -> Callable[[bytes], bytes]:
    stream = zlib.compressobj()
    return lambda frame: stream.compress(frame) + stream.flush(zlib.Z_SYNC_FLUSH)


# The values of the query parameter `compress`, each with the factory of a socket's compressor.
COMPRESSORS: Final[dict[str, Callable[[], Callable[[bytes], bytes]]]] = {
    "zlib-stream": _zlib_stream
}

# discord.py asks for zstd wherever Python has it.
if sys.version_info >= (3, 14):
    from compression.zstd import ZstdCompressor

    def _zstd_stream() -> Callable[[bytes], bytes]:
        stream = ZstdCompressor()
        return lambda frame: stream.compress(frame, ZstdCompressor.FLUSH_BLOCK)

    COMPRESSORS["zstd-stream"] = _zstd_stream
