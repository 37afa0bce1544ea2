"""How files are cut into chunks: the request's wish, and the result."""

from typing import Annotated

from msgspec import Meta, Struct


class StaticChunks(Struct, frozen=True, kw_only=True):
    """The size of chunks and the overlap of two neighbours, in tokens."""

    max_chunk_size_tokens: Annotated[int, Meta(ge=100, le=4096)]
    chunk_overlap_tokens: Annotated[int, Meta(ge=0)]


class AutoChunking(Struct, frozen=True, tag_field="type", tag="auto"):
    """Chunks of 800 tokens with an overlap of 400."""


class StaticChunking(Struct, frozen=True, tag_field="type", tag="static"):
    """Chunks of a given size."""

    static: StaticChunks


class OtherChunking(Struct, frozen=True, tag_field="type", tag="other"):
    """Chunks of unknown size; other servers have such files."""


ChunkingRequest = AutoChunking | StaticChunking
Chunking = StaticChunking | OtherChunking
