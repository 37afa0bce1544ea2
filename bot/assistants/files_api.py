"""Files and vector stores as an interface, with one method for each operation."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bot.assistants.operations import operation
from bot.assistants.schema.files import File, FilePage, UploadFile
from bot.assistants.schema.objects import Deleted, ListPage
from bot.assistants.schema.requests import Page
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


class FilesAPI(Protocol):
    """Files and vector stores of one project; a refused operation raises ``APIError``."""

    @operation("POST", "/files")
    async def upload_file(self, request: UploadFile, content: AsyncIterator[bytes]) -> File:
        """Store a file; if ``content`` raises or is too long, nothing is stored."""

    @operation("GET", "/files")
    async def list_files(self, page: FilePage = ...) -> ListPage[File]:
        """List the project's files."""

    @operation("GET", "/files/{file_id}")
    async def retrieve_file(self, file_id: str) -> File:
        """Return a file's object, without its bytes."""

    @operation("GET", "/files/{file_id}/content")
    async def file_content(self, file_id: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Return a file's bytes in pieces; raises ``APIError`` before the first piece."""

    @operation("DELETE", "/files/{file_id}", deleted="file")
    async def delete_file(self, file_id: str) -> Deleted:
        """Delete a file and remove it from every vector store."""

    @operation("POST", "/vector_stores")
    async def create_vector_store(self, request: CreateVectorStore) -> VectorStore:
        """Create a vector store; its files are indexed in the background."""

    @operation("GET", "/vector_stores")
    async def list_vector_stores(self, page: Page = ...) -> ListPage[VectorStore]:
        """List the project's vector stores."""

    @operation("GET", "/vector_stores/{store_id}")
    async def retrieve_vector_store(self, store_id: str) -> VectorStore:
        """Return a vector store."""

    @operation("POST", "/vector_stores/{store_id}")
    async def modify_vector_store(self, store_id: str, request: ModifyVectorStore) -> VectorStore:
        """Change a vector store's name, expiration or metadata."""

    @operation("DELETE", "/vector_stores/{store_id}", deleted="vector_store.deleted")
    async def delete_vector_store(self, store_id: str) -> Deleted:
        """Delete a vector store; the files in it are not deleted."""

    @operation("POST", "/vector_stores/{store_id}/search")
    async def search_vector_store(self, store_id: str, request: SearchVectorStore) -> SearchPage:
        """Return the passages of a vector store's files that match a query best."""

    @operation("POST", "/vector_stores/{store_id}/files")
    async def create_store_file(
        self, store_id: str, request: CreateVectorStoreFile
    ) -> VectorStoreFile:
        """Add a file to a vector store; it is indexed in the background."""

    @operation(
        "GET",
        "/vector_stores/{store_id}/files",
        narrowed="/vector_stores/{store_id}/file_batches/{batch_id}/files",
    )
    async def list_store_files(
        self, store_id: str, page: StoreFilePage = ..., *, batch_id: str | None = None
    ) -> ListPage[VectorStoreFile]:
        """List a vector store's files, or only those of one batch."""

    @operation("GET", "/vector_stores/{store_id}/files/{file_id}")
    async def retrieve_store_file(self, store_id: str, file_id: str) -> VectorStoreFile:
        """Return a file of a vector store."""

    @operation("POST", "/vector_stores/{store_id}/files/{file_id}")
    async def modify_store_file(
        self, store_id: str, file_id: str, request: ModifyVectorStoreFile
    ) -> VectorStoreFile:
        """Change the attributes of a file in a vector store."""

    @operation(
        "DELETE", "/vector_stores/{store_id}/files/{file_id}", deleted="vector_store.file.deleted"
    )
    async def delete_store_file(self, store_id: str, file_id: str) -> Deleted:
        """Remove a file from a vector store; the file is not deleted."""

    @operation("GET", "/vector_stores/{store_id}/files/{file_id}/content")
    async def store_file_content(
        self, store_id: str, file_id: str, *, page: str | None = None
    ) -> FileContentPage:
        """Return a file's searchable text; ``page`` is ``next_page`` of the page before.

        A page is bounded by bytes; ``has_more`` tells that the text goes on.
        """

    @operation("POST", "/vector_stores/{store_id}/file_batches")
    async def create_file_batch(
        self, store_id: str, request: CreateFileBatch
    ) -> VectorStoreFileBatch:
        """Add several files to a vector store."""

    @operation("GET", "/vector_stores/{store_id}/file_batches/{batch_id}")
    async def retrieve_file_batch(self, store_id: str, batch_id: str) -> VectorStoreFileBatch:
        """Return a batch with the counts of its files."""

    @operation("POST", "/vector_stores/{store_id}/file_batches/{batch_id}/cancel")
    async def cancel_file_batch(self, store_id: str, batch_id: str) -> VectorStoreFileBatch:
        """Cancel a batch; files that are indexed already stay."""
