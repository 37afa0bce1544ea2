"""Files and vector stores as tests use them, whichever way the API is held."""

from collections.abc import AsyncIterator

from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.files import File, UploadFile
from bot.assistants.schema.vector_stores import CreateVectorStore, VectorStore, VectorStoreFile
from tests.support.eventually import eventually


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    """Bytes as an upload takes them."""
    for piece in data:
        yield piece


async def upload(
    api: AssistantsAPI, name: str = "notes.txt", data: bytes | str = "A note.", **fields: object
) -> File:
    """Upload a file and return its facts."""
    raw = data.encode() if isinstance(data, str) else data
    request = UploadFile(filename=name, **{"purpose": "assistants", **fields})  # type: ignore[arg-type]  # whatever a test wants
    return await api.upload_file(request, pieces(raw))


async def content(api: AssistantsAPI, file_id: str) -> bytes:
    """A file's bytes."""
    async with await api.file_content(file_id) as found:
        return b"".join([piece async for piece in found])


async def ended(api: AssistantsAPI, store_id: str, file_id: str) -> VectorStoreFile:
    """The file of a vector store, once the work on it has ended."""
    return await eventually(
        lambda: api.retrieve_store_file(store_id, file_id),
        lambda file: file.status != "in_progress",
    )


async def settled(api: AssistantsAPI, store_id: str) -> VectorStore:
    """A vector store, once nothing in it is in progress."""
    return await eventually(
        lambda: api.retrieve_vector_store(store_id),
        lambda store: not store.file_counts.in_progress,
    )


async def searchable(api: AssistantsAPI, **texts: str) -> tuple[VectorStore, dict[str, str]]:
    """A vector store of text files by their names (without `.txt`), and the files' ids by name."""
    ids = {name: (await upload(api, f"{name}.txt", text)).id for name, text in texts.items()}
    store = await api.create_vector_store(CreateVectorStore(file_ids=tuple(ids.values())))
    return await settled(api, store.id), ids
