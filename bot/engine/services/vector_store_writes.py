"""Creates vector stores and adds files to them, within the caller's transaction."""

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET

from bot.assistants import errors
from bot.assistants.ids import new_id
from bot.assistants.schema.chunking import (
    AutoChunking,
    ChunkingRequest,
    StaticChunking,
    StaticChunks,
)
from bot.assistants.schema.vector_stores import (
    CreateVectorStore,
    CreateVectorStoreFile,
    VectorStore,
    VectorStoreFile,
)
from bot.store.engine import Tables

_DEFAULT_CHUNKS: Final = StaticChunks(max_chunk_size_tokens=800, chunk_overlap_tokens=400)
"""The chunks of files without a chunking strategy (the API's default)."""


def add_store(
    tables: Tables, project: str, request: CreateVectorStore, now: int
) -> tuple[VectorStore, list[VectorStoreFile]]:
    """Store a vector store with its first files; return it and the files to ingest."""
    store = VectorStore(
        id=new_id("vs"),
        created_at=now,
        name=request.name or "",
        metadata=request.metadata or {},
        expires_after=request.expires_after or UNSET,
    ).used(now)
    tables.files.stores.insert(store, id=store.id, project=project)
    wanted = [
        CreateVectorStoreFile(file_id=file_id, chunking_strategy=request.chunking_strategy)
        for file_id in request.file_ids
    ]
    added = add_files(tables, project, store.id, wanted, now)
    return tables.files.store(store), added


def add_files(
    tables: Tables,
    project: str,
    store_id: str,
    requests: Sequence[CreateVectorStoreFile],
    now: int,
    batch_id: str | None = None,
) -> list[VectorStoreFile]:
    """Add files to a vector store; return the files to ingest.

    Raises ``APIError`` 404 for files that the project does not have.
    """
    added = []
    for request in requests:
        tables.files.files.get(id=request.file_id, project=project)
        file = VectorStoreFile(
            id=request.file_id,
            created_at=now,
            vector_store_id=store_id,
            chunking_strategy=_chunking(request.chunking_strategy),
            attributes=request.attributes or {},
        )
        tables.files.add_store_file(file, batch_id)
        added.append(file)
    return added


def _chunking(asked: ChunkingRequest | None) -> StaticChunking:
    if asked is None or isinstance(asked, AutoChunking):
        return StaticChunking(_DEFAULT_CHUNKS)
    wanted = asked.static
    if wanted.chunk_overlap_tokens * 2 > wanted.max_chunk_size_tokens:
        raise errors.invalid(
            "chunk_overlap_tokens must not exceed half of max_chunk_size_tokens.",
            "chunking_strategy.static.chunk_overlap_tokens",
            "invalid_value",
        )
    return asked
