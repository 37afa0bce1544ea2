"""How files are cut into chunks, as it is asked for and as it was done."""

from typing import Annotated

from msgspec import Meta, Struct


class StaticChunks(Struct, frozen=True, kw_only=True):
    """How long chunks are and how much of the one before they repeat, in tokens."""

    max_chunk_size_tokens: Annotated[int, Meta(ge=100, le=4096)]
    chunk_overlap_tokens: Annotated[int, Meta(ge=0)]


class AutoChunking(Struct, frozen=True, tag_field="type", tag="auto"):
    """Chunks of 800 tokens with an overlap of 400."""


class StaticChunking(Struct, frozen=True, tag_field="type", tag="static"):
    """Chunks as asked for."""

    static: StaticChunks


class OtherChunking(Struct, frozen=True, tag_field="type", tag="other"):
    """Chunks of which nobody knows how they were made (other servers have such files)."""


ChunkingRequest = AutoChunking | StaticChunking
Chunking = StaticChunking | OtherChunking
