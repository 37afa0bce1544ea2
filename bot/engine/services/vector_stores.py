"""The operations on vector stores, their files and file batches, of one project."""

import re
from typing import Final

from msgspec.structs import replace

from bot.assistants import errors
from bot.assistants.ids import new_id
from bot.assistants.schema.objects import Deleted, ListPage
from bot.assistants.schema.requests import FIRST_PAGE, Page
from bot.assistants.schema.tools import SearchContent
from bot.assistants.schema.vector_stores import (
    CreateFileBatch,
    CreateVectorStore,
    CreateVectorStoreFile,
    FileContentPage,
    ModifyVectorStore,
    ModifyVectorStoreFile,
    SearchHit,
    SearchPage,
    SearchVectorStore,
    StoreFilePage,
    VectorStore,
    VectorStoreFile,
    VectorStoreFileBatch,
)
from bot.assistants.validation import checked, refused
from bot.engine.context import ProjectContext
from bot.engine.services.factories import changed
from bot.engine.services.resources import ResourceWriter, write_resources
from bot.engine.tool_calls.search import VectorStoreSearch
from bot.runtime.problems import missing
from bot.store.engine import Check, Tables

_PAGE_TOKEN: Final = re.compile(r"[0-9]{1,9}\Z")
_FIRST_FILES: Final = StoreFilePage()


class VectorStoreService:
    """The operations on vector stores; ``FilesAPI`` describes each."""

    def __init__(self, project: ProjectContext) -> None:
        self._project = project

    async def create_vector_store(self, request: CreateVectorStore) -> VectorStore:
        request = checked(request)
        return await write_resources(self._project, lambda writer: writer.add_store(request))

    async def list_vector_stores(self, page: Page = FIRST_PAGE) -> ListPage[VectorStore]:
        page = checked(page)

        def work(tables: Tables) -> ListPage[VectorStore]:
            stores = tables.files.stores.page(page, project=self._project.name)
            return replace(
                stores, data=tuple(self._current(tables, store) for store in stores.data)
            )

        return await self._project.read(work)

    async def retrieve_vector_store(self, store_id: str) -> VectorStore:
        return await self._project.read(lambda tables: self._store(tables, store_id))

    async def modify_vector_store(self, store_id: str, request: ModifyVectorStore) -> VectorStore:
        request = checked(request)

        def work(tables: Tables) -> VectorStore:
            store = changed(self._store(tables, store_id), request)
            store = replace(store.used(self._project.now()), name=store.name or "")
            tables.files.stores.write(store, id=store_id, project=self._project.name)
            return self._current(tables, store)

        return await self._project.write(work)

    async def delete_vector_store(self, store_id: str) -> Deleted:
        def work(tables: Tables) -> Deleted:
            if not tables.files.stores.delete(id=store_id, project=self._project.name):
                raise errors.not_found("vector store", store_id)
            return Deleted(store_id, "vector_store.deleted")

        return await self._project.write(work)

    async def search_vector_store(self, store_id: str, request: SearchVectorStore) -> SearchPage:
        request = checked(request)
        queries = (request.query,) if isinstance(request.query, str) else request.query
        search = VectorStoreSearch(
            self._project.name,
            [store_id],
            queries,
            limit=request.max_num_results,
            threshold=request.ranking_options.score_threshold if request.ranking_options else 0.0,
            filters=request.filters,
        )

        def work(tables: Tables, check: Check) -> SearchPage:
            self._require_usable(tables, store_id)
            data = tuple(
                SearchHit(
                    file_id=hit.file_id,
                    filename=hit.filename,
                    score=hit.score,
                    attributes=hit.attributes or {},
                    content=(SearchContent(hit.text),),
                )
                for hit in search.run(tables, check)
            )
            return SearchPage(search_query=tuple(queries), data=data)

        page = await self._project.search(work)
        now = self._project.now()
        await self._project.write(
            lambda tables: tables.files.touch_stores(self._project.name, [store_id], now)
        )
        return page

    async def create_store_file(
        self, store_id: str, request: CreateVectorStoreFile
    ) -> VectorStoreFile:
        request = checked(request)

        def work(writer: ResourceWriter) -> VectorStoreFile:
            self._require_usable(writer.tables, store_id)
            return writer.add_file(store_id, request)

        return await write_resources(self._project, work)

    async def list_store_files(
        self,
        store_id: str,
        page: StoreFilePage = _FIRST_FILES,
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
            return tables.files.store_files.page(page, **where)

        return await self._project.read(work)

    async def retrieve_store_file(self, store_id: str, file_id: str) -> VectorStoreFile:
        return await self._project.read(lambda tables: self._file(tables, store_id, file_id))

    async def modify_store_file(
        self, store_id: str, file_id: str, request: ModifyVectorStoreFile
    ) -> VectorStoreFile:
        request = checked(request)

        def work(tables: Tables) -> VectorStoreFile:
            file = self._file(tables, store_id, file_id)
            file = replace(file, attributes=request.attributes or {})
            tables.files.store_files.write(file, store_id=store_id, id=file_id)
            return file

        return await self._project.write(work)

    async def delete_store_file(self, store_id: str, file_id: str) -> Deleted:
        def work(tables: Tables) -> Deleted:
            self._store(tables, store_id)
            if not tables.files.store_files.delete(store_id=store_id, id=file_id):
                raise errors.not_found("file", file_id)
            return Deleted(file_id, "vector_store.file.deleted")

        return await self._project.write(work)

    async def store_file_content(
        self, store_id: str, file_id: str, *, page: str | None = None
    ) -> FileContentPage:
        if page is not None and not _PAGE_TOKEN.match(page):
            raise errors.invalid(
                "Invalid 'page': use the next_page of the page before.", "page", "invalid_value"
            )
        skipped = int(page or 0)

        def work(tables: Tables) -> FileContentPage:
            self._file(tables, store_id, file_id)
            texts, more = tables.files.chunks(store_id, file_id, skipped)
            return FileContentPage(
                data=tuple(SearchContent(text) for text in texts),
                has_more=more,
                next_page=str(skipped + len(texts)) if more else None,
            )

        return await self._project.read(work)

    async def create_file_batch(
        self, store_id: str, request: CreateFileBatch
    ) -> VectorStoreFileBatch:
        new_files = _batch_files(checked(request))

        def work(writer: ResourceWriter) -> VectorStoreFileBatch:
            self._require_usable(writer.tables, store_id)
            batch = VectorStoreFileBatch(
                id=new_id("vsfb"), created_at=writer.now, vector_store_id=store_id
            )
            writer.tables.files.batches.insert(batch, id=batch.id, store_id=store_id)
            for file in new_files:
                writer.add_file(store_id, file, batch.id)
            return writer.tables.files.batch(batch)

        return await write_resources(self._project, work)

    async def retrieve_file_batch(self, store_id: str, batch_id: str) -> VectorStoreFileBatch:
        return await self._project.read(lambda tables: self._batch(tables, store_id, batch_id))

    async def cancel_file_batch(self, store_id: str, batch_id: str) -> VectorStoreFileBatch:
        def work(tables: Tables) -> VectorStoreFileBatch:
            batch = self._batch(tables, store_id, batch_id)
            tables.files.cancel_batch(batch_id)
            return tables.files.batch(batch)

        return await self._project.write(work)

    def _store(self, tables: Tables, store_id: str) -> VectorStore:
        store = tables.files.stores.get(id=store_id, project=self._project.name)
        return self._current(tables, store)

    def _require_usable(self, tables: Tables, store_id: str) -> None:
        if self._store(tables, store_id).status == "expired":
            raise errors.store_expired(store_id)

    def _current(self, tables: Tables, store: VectorStore) -> VectorStore:
        """Return a vector store with its present file counts and status."""
        if store.is_expired(self._project.now()):
            store = replace(store, status="expired")
        return tables.files.store(store)

    def _file(self, tables: Tables, store_id: str, file_id: str) -> VectorStoreFile:
        self._store(tables, store_id)
        return tables.files.store_files.get(store_id=store_id, id=file_id)

    def _batch(self, tables: Tables, store_id: str, batch_id: str) -> VectorStoreFileBatch:
        self._store(tables, store_id)
        batch = tables.files.batches.get(id=batch_id, store_id=store_id)
        return tables.files.batch(batch)


def _batch_files(request: CreateFileBatch) -> list[CreateVectorStoreFile]:
    """Return the files that a batch names; raises ``APIError`` 400 if it names none, or twice."""
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
    raise refused(missing("file_ids"))
