"""One project's files and vector stores over the engine; what is searchable is made so aside."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from bot.assistants import errors
from bot.assistants.files_api import FilesAPI
from bot.assistants.ids import new_id
from bot.assistants.schema.files import MOST_BYTES, File, FilePage, UploadFile
from bot.assistants.schema.objects import Deleted, ListPage
from bot.assistants.schema.requests import FIRST_PAGE, Page
from bot.assistants.schema.vector_stores import (
    CreateFileBatch,
    CreateVectorStore,
    CreateVectorStoreFile,
    FileContentPage,
    ModifyVectorStore,
    ModifyVectorStoreFile,
    SearchHit,
    SearchHitText,
    SearchPage,
    SearchVectorStore,
    StoreFilePage,
    VectorStore,
    VectorStoreFile,
    VectorStoreFileBatch,
)
from bot.assistants.validation import checked
from bot.engine.services.factories import changed
from bot.engine.services.vector_store_writes import (
    add_files,
    add_store,
    expired,
    need_file,
    touch,
    used,
)
from bot.engine.tool_calls.search import search
from bot.store.blobs import FileTooLargeError
from bot.store.engine import Check, SearchStoppedError, StoreUnavailableError, Tables

if TYPE_CHECKING:
    from bot.engine.engine import Engine

T = TypeVar("T")

_PAGE_TOKEN: Final = re.compile(r"[0-9]{1,9}\Z")
_FIRST_FILES: Final = FilePage()
_FIRST_STORE_FILES: Final = StoreFilePage()


class ProjectFiles(FilesAPI):
    """The files and vector stores of one project; see ``FilesAPI`` for each operation."""

    def __init__(self, engine: "Engine", name: str) -> None:
        self._engine = engine
        self._name = name

    async def upload_file(self, request: UploadFile, content: AsyncIterator[bytes]) -> File:
        request = checked(request)
        file_id, now = new_id("file"), self._now()
        box = self._engine.store.files
        try:
            size = await box.save(file_id, content, MOST_BYTES)
        except FileTooLargeError:
            raise errors.file_too_large(MOST_BYTES) from None
        except OSError as error:
            raise errors.storage_unavailable() from error
        after = request.expires_after
        file = File(
            id=file_id,
            bytes=size,
            created_at=now,
            filename=request.filename,
            purpose=request.purpose,
            expires_at=now + after.seconds if after else UNSET,
        )
        adding = asyncio.ensure_future(
            self._write(lambda tables: tables.library.add_file(self._name, file))
        )
        try:
            # Shielded: the row is written also where the caller goes, and then it needs the bytes.
            await asyncio.shield(adding)
        except errors.APIError:
            await box.delete(file_id)
            raise
        return file

    async def list_files(self, page: FilePage = _FIRST_FILES) -> ListPage[File]:
        page = checked(page)
        where = {"project": self._name, **({"purpose": page.purpose} if page.purpose else {})}
        return await self._read(
            lambda tables: tables.library.files.page(
                _plain(page.limit, page.order, page.after), **where
            )
        )

    async def retrieve_file(self, file_id: str) -> File:
        return await self._read(lambda tables: need_file(tables, self._name, file_id))

    async def file_content(self, file_id: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        file = await self.retrieve_file(file_id)
        try:
            return await self._engine.store.files.open(file)
        except FileNotFoundError:  # deleted between the two
            raise errors.not_found("file", file_id) from None

    async def delete_file(self, file_id: str) -> Deleted:
        def work(tables: Tables) -> None:
            if not tables.library.files.delete(id=file_id, project=self._name):
                raise errors.not_found("file", file_id)

        await self._write(work)
        await self._engine.store.files.delete(file_id)
        return Deleted(file_id, "file")

    async def create_vector_store(self, request: CreateVectorStore) -> VectorStore:
        request = checked(request)
        store, added = await self._write(
            lambda tables: add_store(tables, self._name, request, self._now())
        )
        self._engine.ingestion.submit(self._name, added)
        return store

    async def list_vector_stores(self, page: Page = FIRST_PAGE) -> ListPage[VectorStore]:
        page = checked(page)

        def work(tables: Tables) -> ListPage[VectorStore]:
            stores = tables.library.stores.page(page, project=self._name)
            counted = tuple(self._current(tables, store) for store in stores.data)
            return replace(stores, data=counted)

        return await self._read(work)

    async def retrieve_vector_store(self, store_id: str) -> VectorStore:
        return await self._read(lambda tables: self._store(tables, store_id))

    async def modify_vector_store(self, store_id: str, request: ModifyVectorStore) -> VectorStore:
        request = checked(request)

        def work(tables: Tables) -> VectorStore:
            store = changed(self._store(tables, store_id), request)
            store = replace(used(store, self._now()), name=store.name or "")
            tables.library.stores.write(store, id=store_id, project=self._name)
            return self._current(tables, store)

        return await self._write(work)

    async def delete_vector_store(self, store_id: str) -> Deleted:
        def work(tables: Tables) -> Deleted:
            if not tables.library.stores.delete(id=store_id, project=self._name):
                raise errors.not_found("vector store", store_id)
            return Deleted(store_id, "vector_store.deleted")

        return await self._write(work)

    async def search_vector_store(self, store_id: str, request: SearchVectorStore) -> SearchPage:
        request = checked(request)
        queries = (request.query,) if isinstance(request.query, str) else request.query
        ranking = request.ranking_options

        def work(tables: Tables, check: Check) -> SearchPage:
            self._usable(tables, store_id)
            hits = search(
                tables,
                self._name,
                [store_id],
                queries,
                limit=request.max_num_results,
                threshold=ranking.score_threshold if ranking else 0.0,
                filters=request.filters,
                check=check,
            )
            found = tuple(
                SearchHit(
                    file_id=hit.file_id,
                    filename=hit.filename,
                    score=hit.score,
                    attributes=hit.attributes or {},
                    content=(SearchHitText(hit.text),),
                )
                for hit in hits
            )
            return SearchPage(search_query=tuple(queries), data=found)

        seconds = self._engine.options.search_seconds
        try:
            page = await self._engine.store.search(work, project=self._name, seconds=seconds)
        except SearchStoppedError:
            raise errors.search_too_long(seconds) from None
        except StoreUnavailableError as error:
            raise errors.storage_unavailable() from error
        await self._touch(store_id)
        return page

    async def create_store_file(
        self, store_id: str, request: CreateVectorStoreFile
    ) -> VectorStoreFile:
        request = checked(request)

        def work(tables: Tables) -> VectorStoreFile:
            self._usable(tables, store_id)
            return self._add_files(tables, store_id, [request], None)[0]

        file = await self._write(work)
        self._engine.ingestion.submit(self._name, [file])
        return file

    async def list_store_files(
        self,
        store_id: str,
        page: StoreFilePage = _FIRST_STORE_FILES,
        *,
        batch_id: str | None = None,
    ) -> ListPage[VectorStoreFile]:
        page = checked(page)
        where = {"store_id": store_id}
        if page.filter is not None:
            where["status"] = page.filter
        if batch_id is not None:
            where["batch_id"] = batch_id

        def work(tables: Tables) -> ListPage[VectorStoreFile]:
            self._store(tables, store_id)
            if batch_id is not None:
                self._batch(tables, store_id, batch_id)
            return tables.library.store_files.page(page, **where)

        return await self._read(work)

    async def retrieve_store_file(self, store_id: str, file_id: str) -> VectorStoreFile:
        return await self._read(lambda tables: self._store_file(tables, store_id, file_id))

    async def modify_store_file(
        self, store_id: str, file_id: str, request: ModifyVectorStoreFile
    ) -> VectorStoreFile:
        request = checked(request)

        def work(tables: Tables) -> VectorStoreFile:
            file = self._store_file(tables, store_id, file_id)
            file = replace(file, attributes=request.attributes or {})
            tables.library.store_files.write(file, store_id=store_id, id=file_id)
            return file

        return await self._write(work)

    async def delete_store_file(self, store_id: str, file_id: str) -> Deleted:
        def work(tables: Tables) -> Deleted:
            self._store(tables, store_id)
            if not tables.library.store_files.delete(store_id=store_id, id=file_id):
                raise errors.not_found("file", file_id)
            return Deleted(file_id, "vector_store.file.deleted")

        return await self._write(work)

    async def store_file_content(
        self, store_id: str, file_id: str, *, page: str | None = None
    ) -> FileContentPage:
        if page is not None and not _PAGE_TOKEN.match(page):
            raise errors.invalid(
                "Invalid 'page': use the next_page of the page before.", "page", "invalid_value"
            )
        skipped = int(page or 0)

        def work(tables: Tables) -> FileContentPage:
            self._store_file(tables, store_id, file_id)
            texts, more = tables.library.chunks(store_id, file_id, skipped)
            return FileContentPage(
                data=tuple(SearchHitText(text) for text in texts),
                has_more=more,
                next_page=str(skipped + len(texts)) if more else None,
            )

        return await self._read(work)

    async def create_file_batch(
        self, store_id: str, request: CreateFileBatch
    ) -> VectorStoreFileBatch:
        wanted = _batch_files(checked(request))
        batch = VectorStoreFileBatch(
            id=new_id("vsfb"), created_at=self._now(), vector_store_id=store_id
        )

        def work(tables: Tables) -> tuple[VectorStoreFileBatch, list[VectorStoreFile]]:
            self._usable(tables, store_id)
            tables.library.batches.insert(batch, id=batch.id, store_id=store_id)
            added = self._add_files(tables, store_id, wanted, batch.id)
            return tables.library.batch(batch), added

        counted, added = await self._write(work)
        self._engine.ingestion.submit(self._name, added)
        return counted

    async def retrieve_file_batch(self, store_id: str, batch_id: str) -> VectorStoreFileBatch:
        return await self._read(lambda tables: self._batch(tables, store_id, batch_id))

    async def cancel_file_batch(self, store_id: str, batch_id: str) -> VectorStoreFileBatch:
        def work(tables: Tables) -> VectorStoreFileBatch:
            batch = self._batch(tables, store_id, batch_id)
            tables.library.cancel_batch(batch_id)
            return tables.library.batch(batch)

        return await self._write(work)

    def _add_files(
        self,
        tables: Tables,
        store_id: str,
        requests: Sequence[CreateVectorStoreFile],
        batch_id: str | None,
    ) -> list[VectorStoreFile]:
        return add_files(tables, self._name, store_id, requests, self._now(), batch_id)

    def _store(self, tables: Tables, store_id: str) -> VectorStore:
        store = tables.library.stores.one(id=store_id, project=self._name)
        if store is None:
            raise errors.not_found("vector store", store_id)
        return self._current(tables, store)

    def _usable(self, tables: Tables, store_id: str) -> None:
        if self._store(tables, store_id).status == "expired":
            raise errors.store_expired(store_id)

    def _current(self, tables: Tables, store: VectorStore) -> VectorStore:
        if expired(store, self._now()):
            store = replace(store, status="expired")
        return tables.library.store(store)

    async def _touch(self, store_id: str) -> None:
        """Note that a vector store was used, which puts off its expiration."""
        await self._write(lambda tables: touch(tables, self._name, [store_id], self._now()))

    def _store_file(self, tables: Tables, store_id: str, file_id: str) -> VectorStoreFile:
        self._store(tables, store_id)
        file = tables.library.store_files.one(store_id=store_id, id=file_id)
        if file is None:
            raise errors.not_found("file", file_id)
        return file

    def _batch(self, tables: Tables, store_id: str, batch_id: str) -> VectorStoreFileBatch:
        self._store(tables, store_id)
        batch = tables.library.batches.one(id=batch_id, store_id=store_id)
        if batch is None:
            raise errors.not_found("file batch", batch_id)
        return tables.library.batch(batch)

    async def _write(self, work: Callable[[Tables], T]) -> T:
        try:
            return await self._engine.store.write(work)
        except StoreUnavailableError as error:
            raise errors.storage_unavailable() from error

    async def _read(self, work: Callable[[Tables], T]) -> T:
        try:
            return await self._engine.store.read(work)
        except StoreUnavailableError as error:
            raise errors.storage_unavailable() from error

    def _now(self) -> int:
        return int(self._engine.clock.now())


def _batch_files(request: CreateFileBatch) -> list[CreateVectorStoreFile]:
    if isinstance(request.files, tuple):
        if isinstance(request.file_ids, tuple):
            raise errors.invalid("Use either file_ids or files, not both.", "file_ids")
        return list(request.files)
    if isinstance(request.file_ids, tuple):
        return [
            CreateVectorStoreFile(
                file_id=file_id,
                chunking_strategy=request.chunking_strategy,
                attributes=request.attributes,
            )
            for file_id in request.file_ids
        ]
    raise errors.invalid(
        "Missing required parameter: 'file_ids'.", "file_ids", "missing_required_parameter"
    )


def _plain(limit: int, order: str, after: str | None) -> Page:
    """Return a page of files as the tables take pages; its limit has been checked before."""
    return Page(limit=limit, order="asc" if order == "asc" else "desc", after=after)
