"""The operations on files and vector stores, each as one HTTP request."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Final

from bot.assistants.schema.files import File, FilePage, UploadFile
from bot.assistants.schema.objects import Deleted, ListPage
from bot.assistants.schema.requests import FIRST_PAGE, Page
from bot.assistants.schema.vector_stores import (
    CreateFileBatch,
    CreateVectorStore,
    CreateVectorStoreFile,
    FileContentPage,
    ModifyVectorStore,
    ModifyVectorStoreFile,
    SearchPage,
    SearchVectorStore,
    StoreFilePage,
    VectorStore,
    VectorStoreFile,
    VectorStoreFileBatch,
)
from bot.assistants.validation import checked
from bot.client.paths import batch_path, file_path, page_query, store_file_path, store_path
from bot.client.transport import Transport
from bot.client.uploads import UploadBody

_FIRST_FILES: Final = FilePage()
_FIRST_STORE_FILES: Final = StoreFilePage()


class FilesClient:
    """A ``FilesAPI`` over a transport."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    async def upload_file(self, request: UploadFile, content: AsyncIterator[bytes]) -> File:
        """Upload a file; an exception of ``content`` is raised, and the server keeps nothing."""
        return await self._http.upload(File, "/files", UploadBody(checked(request), content))

    async def list_files(self, page: FilePage = _FIRST_FILES) -> ListPage[File]:
        return await self._http.get(ListPage[File], "/files", page_query(page))

    async def retrieve_file(self, file_id: str) -> File:
        return await self._http.get(File, file_path(file_id))

    async def file_content(self, file_id: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return await self._http.open(f"{file_path(file_id)}/content")

    async def delete_file(self, file_id: str) -> Deleted:
        return await self._http.delete(file_path(file_id), Deleted(file_id, "file"))

    async def create_vector_store(self, request: CreateVectorStore) -> VectorStore:
        return await self._http.post(VectorStore, "/vector_stores", request)

    async def list_vector_stores(self, page: Page = FIRST_PAGE) -> ListPage[VectorStore]:
        return await self._http.get(ListPage[VectorStore], "/vector_stores", page_query(page))

    async def retrieve_vector_store(self, store_id: str) -> VectorStore:
        return await self._http.get(VectorStore, store_path(store_id))

    async def modify_vector_store(self, store_id: str, request: ModifyVectorStore) -> VectorStore:
        return await self._http.post(VectorStore, store_path(store_id), request)

    async def delete_vector_store(self, store_id: str) -> Deleted:
        gone = Deleted(store_id, "vector_store.deleted")
        return await self._http.delete(store_path(store_id), gone)

    async def search_vector_store(self, store_id: str, request: SearchVectorStore) -> SearchPage:
        return await self._http.post(SearchPage, f"{store_path(store_id)}/search", request)

    async def create_store_file(
        self, store_id: str, request: CreateVectorStoreFile
    ) -> VectorStoreFile:
        return await self._http.post(VectorStoreFile, f"{store_path(store_id)}/files", request)

    async def list_store_files(
        self,
        store_id: str,
        page: StoreFilePage = _FIRST_STORE_FILES,
        *,
        batch_id: str | None = None,
    ) -> ListPage[VectorStoreFile]:
        within = store_path(store_id) if batch_id is None else batch_path(store_id, batch_id)
        query = page_query(page)
        return await self._http.get(ListPage[VectorStoreFile], f"{within}/files", query)

    async def retrieve_store_file(self, store_id: str, file_id: str) -> VectorStoreFile:
        return await self._http.get(VectorStoreFile, store_file_path(store_id, file_id))

    async def modify_store_file(
        self, store_id: str, file_id: str, request: ModifyVectorStoreFile
    ) -> VectorStoreFile:
        return await self._http.post(VectorStoreFile, store_file_path(store_id, file_id), request)

    async def delete_store_file(self, store_id: str, file_id: str) -> Deleted:
        gone = Deleted(file_id, "vector_store.file.deleted")
        return await self._http.delete(store_file_path(store_id, file_id), gone)

    async def store_file_content(
        self, store_id: str, file_id: str, *, page: str | None = None
    ) -> FileContentPage:
        path = f"{store_file_path(store_id, file_id)}/content"
        query = () if page is None else (("page", page),)
        return await self._http.get(FileContentPage, path, query)

    async def create_file_batch(
        self, store_id: str, request: CreateFileBatch
    ) -> VectorStoreFileBatch:
        path = f"{store_path(store_id)}/file_batches"
        return await self._http.post(VectorStoreFileBatch, path, request)

    async def retrieve_file_batch(self, store_id: str, batch_id: str) -> VectorStoreFileBatch:
        return await self._http.get(VectorStoreFileBatch, batch_path(store_id, batch_id))

    async def cancel_file_batch(self, store_id: str, batch_id: str) -> VectorStoreFileBatch:
        path = f"{batch_path(store_id, batch_id)}/cancel"
        return await self._http.post(VectorStoreFileBatch, path)
