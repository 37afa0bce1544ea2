"""Files and vector stores as an interface, one method an operation."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

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
    """Files and vector stores of one project; each operation raises ``APIError`` where refused."""

    async def upload_file(self, request: UploadFile, content: AsyncIterator[bytes]) -> File:
        """Keep a file; nothing of it is kept where ``content`` raises or is too long."""
        ...

    async def list_files(self, page: FilePage = ...) -> ListPage[File]:
        """List the project's files."""
        ...

    async def retrieve_file(self, file_id: str) -> File:
        """Return a file's facts."""
        ...

    async def file_content(self, file_id: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Return a file's bytes, piece by piece; ``APIError`` is raised before the first."""
        ...

    async def delete_file(self, file_id: str) -> Deleted:
        """Delete a file, also from every vector store."""
        ...

    async def create_vector_store(self, request: CreateVectorStore) -> VectorStore:
        """Make a vector store; its files become searchable one by one."""
        ...

    async def list_vector_stores(self, page: Page = ...) -> ListPage[VectorStore]:
        """List the project's vector stores."""
        ...

    async def retrieve_vector_store(self, store_id: str) -> VectorStore:
        """Return a vector store."""
        ...

    async def modify_vector_store(self, store_id: str, request: ModifyVectorStore) -> VectorStore:
        """Change a vector store's name, expiration or metadata."""
        ...

    async def delete_vector_store(self, store_id: str) -> Deleted:
        """Delete a vector store; its files stay."""
        ...

    async def search_vector_store(self, store_id: str, request: SearchVectorStore) -> SearchPage:
        """Search a vector store's files."""
        ...

    async def create_store_file(
        self, store_id: str, request: CreateVectorStoreFile
    ) -> VectorStoreFile:
        """Add a file to a vector store; it comes back in progress."""
        ...

    async def list_store_files(
        self, store_id: str, page: StoreFilePage = ..., *, batch_id: str | None = None
    ) -> ListPage[VectorStoreFile]:
        """List a vector store's files, or those of one batch."""
        ...

    async def retrieve_store_file(self, store_id: str, file_id: str) -> VectorStoreFile:
        """Return a file of a vector store."""
        ...

    async def modify_store_file(
        self, store_id: str, file_id: str, request: ModifyVectorStoreFile
    ) -> VectorStoreFile:
        """Change the attributes of a file in a vector store."""
        ...

    async def delete_store_file(self, store_id: str, file_id: str) -> Deleted:
        """Take a file out of a vector store; the file itself stays."""
        ...

    async def store_file_content(
        self, store_id: str, file_id: str, *, page: str | None = None
    ) -> FileContentPage:
        """Return a file's text as it is searched; ``page`` is the ``next_page`` of the one before.

        A page is bounded by bytes: ``has_more`` says that the text goes on.
        """
        ...

    async def create_file_batch(
        self, store_id: str, request: CreateFileBatch
    ) -> VectorStoreFileBatch:
        """Add files to a vector store together."""
        ...

    async def retrieve_file_batch(self, store_id: str, batch_id: str) -> VectorStoreFileBatch:
        """Return a batch with the counts of its files."""
        ...

    async def cancel_file_batch(self, store_id: str, batch_id: str) -> VectorStoreFileBatch:
        """Stop what of a batch has not begun or finished."""
        ...
