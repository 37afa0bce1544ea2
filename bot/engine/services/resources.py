"""Writes tool resources: vector stores, their files, and the files that tools get."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from bot.assistants import errors
from bot.assistants.ids import new_id
from bot.assistants.schema.chunking import (
    AutoChunking,
    ChunkingRequest,
    StaticChunking,
    StaticChunks,
)
from bot.assistants.schema.content import ImageFilePart
from bot.assistants.schema.objects import (
    CodeInterpreterResources,
    FileSearchResources,
    ToolResources,
)
from bot.assistants.schema.requests import CreateMessage, NewToolResources
from bot.assistants.schema.tools import CodeInterpreterTool, FileSearchTool
from bot.assistants.schema.vector_stores import (
    CreateVectorStore,
    CreateVectorStoreFile,
    StoreExpiration,
    VectorStore,
    VectorStoreFile,
)
from bot.engine.context import ProjectContext, run_to_end
from bot.store.engine import Tables

T = TypeVar("T")

_THREAD_STORE_DAYS: Final = 7
"""Days until a vector store expires that was created for an attachment (as the API does)."""

_DEFAULT_CHUNKS: Final = StaticChunks(max_chunk_size_tokens=800, chunk_overlap_tokens=400)
"""The chunks of files without a chunking strategy (the API's default)."""


class ResourceWriter:
    """Writes one project's tool resources within one transaction, at the Unix time ``now``.

    ``added`` has the vector store files that must be ingested after the transaction. The methods
    raise ``APIError`` 404 for files and vector stores that the project does not have.
    """

    def __init__(self, project: ProjectContext, tables: Tables) -> None:
        self.project = project
        self.tables = tables
        self.now = project.now()
        self.added: list[VectorStoreFile] = []

    def create(self, new: NewToolResources | None) -> ToolResources:
        """Return the tool resources that a request names; new vector stores are stored."""
        resources, files = ToolResources(), self.tables.files
        if new is None:
            return resources
        if new.code_interpreter is not None:
            file_ids = new.code_interpreter.file_ids
            for file_id in file_ids:
                self._require_file(file_id)
            resources = replace(resources, code_interpreter=CodeInterpreterResources(file_ids))
        if new.file_search is not None:
            store_ids = list(new.file_search.vector_store_ids)
            if store_ids and new.file_search.vector_stores:
                raise errors.invalid(
                    "Use either vector_store_ids or vector_stores, not both.",
                    "tool_resources.file_search",
                )
            for store_id in store_ids:
                files.stores.get(id=store_id, project=self.project.name)
            for wanted in new.file_search.vector_stores:
                request = CreateVectorStore(
                    file_ids=wanted.file_ids,
                    chunking_strategy=wanted.chunking_strategy,
                    metadata=wanted.metadata,
                )
                store_ids.append(self.add_store(request).id)
            resources = replace(resources, file_search=FileSearchResources(tuple(store_ids)))
        return resources

    def changed(self, new: NewToolResources | UnsetType | None) -> dict[str, ToolResources]:
        """Return the new value of ``tool_resources`` by field name; empty if it does not change."""
        return {} if isinstance(new, UnsetType) else {"tool_resources": self.create(new)}

    def attach(self, thread_id: str, request: CreateMessage) -> None:
        """Add a message's attachments to the tool resources of its thread."""
        for part in request.content if not isinstance(request.content, str) else ():
            if isinstance(part, ImageFilePart):
                self._require_file(part.image_file.file_id)
        code_files: list[str] = []
        search_files: list[str] = []
        for attachment in request.attachments or ():
            if isinstance(attachment.file_id, str):
                self._require_file(attachment.file_id)
                for tool in attachment.tools or ():
                    if isinstance(tool, CodeInterpreterTool):
                        code_files.append(attachment.file_id)
                    elif isinstance(tool, FileSearchTool):
                        search_files.append(attachment.file_id)
        if code_files or search_files:
            self._extend_thread(thread_id, code_files, search_files)

    def add_store(self, request: CreateVectorStore) -> VectorStore:
        """Store a new vector store and add its first files."""
        store = VectorStore(
            id=new_id("vs"),
            created_at=self.now,
            name=request.name or "",
            metadata=request.metadata or {},
            expires_after=request.expires_after or UNSET,
        ).used(self.now)
        self.tables.files.stores.insert(store, id=store.id, project=self.project.name)
        for file_id in request.file_ids:
            self.add_file(
                store.id,
                CreateVectorStoreFile(file_id=file_id, chunking_strategy=request.chunking_strategy),
            )
        return self.tables.files.store(store)

    def add_file(
        self, store_id: str, request: CreateVectorStoreFile, batch_id: str | None = None
    ) -> VectorStoreFile:
        """Add a file to a vector store."""
        self._require_file(request.file_id)
        file = VectorStoreFile(
            id=request.file_id,
            created_at=self.now,
            vector_store_id=store_id,
            chunking_strategy=_chunking(request.chunking_strategy),
            attributes=request.attributes or {},
        )
        self.tables.files.add_store_file(file, batch_id)
        self.added.append(file)
        return file

    def _extend_thread(
        self, thread_id: str, code_files: Sequence[str], search_files: Sequence[str]
    ) -> None:
        """Add files to the tool resources of a thread."""
        project = self.project.name
        thread = self.tables.threads.get(id=thread_id, project=project)
        resources = thread.tool_resources or ToolResources()
        if code_files:
            known = getattr(resources.code_interpreter, "file_ids", ())
            file_ids = tuple(dict.fromkeys((*known, *code_files)))
            resources = replace(resources, code_interpreter=CodeInterpreterResources(file_ids))
        if search_files:
            known_ids = getattr(resources.file_search, "vector_store_ids", ())
            store_id = self._first_usable(known_ids)
            if store_id is not None:
                for file_id in search_files:
                    self.add_file(store_id, CreateVectorStoreFile(file_id=file_id))
            else:  # a new store replaces stores that were deleted or have expired
                after = StoreExpiration(anchor="last_active_at", days=_THREAD_STORE_DAYS)
                request = CreateVectorStore(file_ids=tuple(search_files), expires_after=after)
                store = self.add_store(request)
                resources = replace(resources, file_search=FileSearchResources((store.id,)))
        thread = replace(thread, tool_resources=resources)
        self.tables.threads.write(thread, id=thread_id, project=project)

    def _first_usable(self, store_ids: Sequence[str]) -> str | None:
        """Return the id of the first of the vector stores that still exists and has not expired."""
        for store_id in store_ids:
            store = self.tables.files.stores.readable(id=store_id, project=self.project.name)
            if store is not None and not store.is_expired(self.now):
                return store_id
        return None

    def _require_file(self, file_id: str) -> None:
        self.tables.files.files.get(id=file_id, project=self.project.name)


@run_to_end
async def write_resources(project: ProjectContext, work: Callable[[ResourceWriter], T]) -> T:
    """Run a transaction that writes tool resources, then ingest the files that it added."""

    def transaction(tables: Tables) -> tuple[T, list[VectorStoreFile]]:
        writer = ResourceWriter(project, tables)
        return work(writer), writer.added

    result, files = await project.write(transaction)
    project.engine.ingestion.submit(project.name, files)
    return result


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
