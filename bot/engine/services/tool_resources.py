"""Tool resources: checked, created on request, extended by the attachments of messages."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import UnsetType
from msgspec.structs import replace

from bot.assistants import errors
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
    VectorStoreFile,
)
from bot.engine.services.vector_store_writes import add_files, add_store
from bot.store.engine import Tables

_THREAD_STORE_DAYS: Final = 7
"""Days until a vector store expires that was created for an attachment (as the API does)."""


class StoredToolResources(NamedTuple):
    """Tool resources of an object, and the vector store files to ingest."""

    resources: ToolResources
    added: list[VectorStoreFile]


def create_resources(
    tables: Tables, project: str, new: NewToolResources | None, now: int
) -> StoredToolResources:
    """Return the tool resources that a request names; new vector stores are stored.

    Raises ``APIError`` 404 for files and vector stores that the project does not have.
    """
    created = StoredToolResources(ToolResources(), [])
    if new is None:
        return created
    resources = created.resources
    if new.code_interpreter is not None:
        file_ids = new.code_interpreter.file_ids
        for file_id in file_ids:
            tables.files.files.get(id=file_id, project=project)
        resources = replace(resources, code_interpreter=CodeInterpreterResources(file_ids))
    if new.file_search is not None:
        store_ids = list(new.file_search.vector_store_ids)
        if store_ids and new.file_search.vector_stores:
            raise errors.invalid(
                "Use either vector_store_ids or vector_stores, not both.",
                "tool_resources.file_search",
            )
        for store_id in store_ids:
            tables.files.stores.get(id=store_id, project=project)
        for wanted in new.file_search.vector_stores:
            request = CreateVectorStore(
                file_ids=wanted.file_ids,
                chunking_strategy=wanted.chunking_strategy,
                metadata=wanted.metadata,
            )
            store, added = add_store(tables, project, request, now)
            store_ids.append(store.id)
            created.added.extend(added)
        resources = replace(resources, file_search=FileSearchResources(tuple(store_ids)))
    return StoredToolResources(resources, created.added)


def change_resources(
    tables: Tables, project: str, new: NewToolResources | UnsetType | None, now: int
) -> tuple[dict[str, ToolResources], list[VectorStoreFile]]:
    """Return a modification's change of ``tool_resources``, if any, and the files to ingest."""
    if isinstance(new, UnsetType):
        return {}, []
    created = create_resources(tables, project, new, now)
    return {"tool_resources": created.resources}, created.added


def add_attachments(
    tables: Tables, project: str, thread_id: str, request: CreateMessage, now: int
) -> list[VectorStoreFile]:
    """Add a message's attachments to the thread's tools; return the files to ingest.

    Raises ``APIError`` 404 for files that the project does not have.
    """
    for part in request.content if not isinstance(request.content, str) else ():
        if isinstance(part, ImageFilePart):
            tables.files.files.get(id=part.image_file.file_id, project=project)
    code_files: list[str] = []
    search_files: list[str] = []
    for attachment in request.attachments or ():
        if isinstance(attachment.file_id, str):
            tables.files.files.get(id=attachment.file_id, project=project)
            for tool in attachment.tools or ():
                if isinstance(tool, CodeInterpreterTool):
                    code_files.append(attachment.file_id)
                elif isinstance(tool, FileSearchTool):
                    search_files.append(attachment.file_id)
    if not code_files and not search_files:
        return []
    return _extend_resources(tables, project, thread_id, code_files, search_files, now)


def _extend_resources(
    tables: Tables,
    project: str,
    thread_id: str,
    code_files: list[str],
    search_files: list[str],
    now: int,
) -> list[VectorStoreFile]:
    thread = tables.threads.get(id=thread_id, project=project)
    resources = thread.tool_resources or ToolResources()
    added: list[VectorStoreFile] = []
    if code_files:
        known = getattr(resources.code_interpreter, "file_ids", ())
        file_ids = tuple(dict.fromkeys((*known, *code_files)))
        resources = replace(resources, code_interpreter=CodeInterpreterResources(file_ids))
    if search_files:
        known_ids = getattr(resources.file_search, "vector_store_ids", ())
        store_id = _usable(tables, project, known_ids, now)
        if store_id is not None:
            wanted = [CreateVectorStoreFile(file_id=file_id) for file_id in search_files]
            added = add_files(tables, project, store_id, wanted, now)
        else:  # none yet, or only deleted and expired ones, which the new one replaces
            after = StoreExpiration(anchor="last_active_at", days=_THREAD_STORE_DAYS)
            request = CreateVectorStore(file_ids=tuple(search_files), expires_after=after)
            store, added = add_store(tables, project, request, now)
            resources = replace(resources, file_search=FileSearchResources((store.id,)))
    thread = replace(thread, tool_resources=resources)
    tables.threads.write(thread, id=thread_id, project=project)
    return added


def _usable(tables: Tables, project: str, store_ids: Sequence[str], now: int) -> str | None:
    """Return the first of a thread's vector stores that takes files."""
    for store_id in store_ids:
        store = tables.files.stores.readable(id=store_id, project=project)
        if store is not None and not store.is_expired(now):
            return store_id
    return None
