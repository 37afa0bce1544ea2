"""The operations on files of one project."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Final

from msgspec import UNSET

from bot.assistants import errors
from bot.assistants.ids import new_id
from bot.assistants.schema.files import MOST_BYTES, File, FilePage, UploadFile
from bot.assistants.schema.objects import Deleted, ListPage
from bot.assistants.schema.requests import Page
from bot.assistants.validation import checked
from bot.engine.context import ProjectContext
from bot.store.blobs import FileTooLargeError
from bot.store.engine import Tables

_FIRST_PAGE: Final = FilePage()


class FileService:
    """The operations on files; ``FilesAPI`` describes each."""

    def __init__(self, project: ProjectContext) -> None:
        self._project = project
        self._blobs = project.engine.store.files

    async def upload_file(self, request: UploadFile, content: AsyncIterator[bytes]) -> File:
        request = checked(request)
        project, now = self._project.name, self._project.now()
        file_id = new_id("file")
        try:
            size = await self._blobs.save(file_id, content, MOST_BYTES)
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
            self._project.write(lambda tables: tables.files.add_file(project, file))
        )
        try:
            # Shielded: a cancelled caller does not stop the write, whose row needs the bytes.
            await asyncio.shield(adding)
        except errors.APIError:
            await self._blobs.delete(file_id)
            raise
        return file

    async def list_files(self, page: FilePage = _FIRST_PAGE) -> ListPage[File]:
        page = checked(page)
        where = {"project": self._project.name}
        if page.purpose:
            where["purpose"] = page.purpose
        # Not checked again: lists of files have a larger limit than other pages.
        plain = Page(limit=page.limit, order=page.order, after=page.after)
        return await self._project.read(lambda tables: tables.files.files.page(plain, **where))

    async def retrieve_file(self, file_id: str) -> File:
        return await self._project.read(
            lambda tables: tables.files.files.get(id=file_id, project=self._project.name)
        )

    async def file_content(self, file_id: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        file = await self.retrieve_file(file_id)
        try:
            return await self._blobs.open(file)
        except FileNotFoundError:  # deleted since its row was read
            raise errors.not_found("file", file_id) from None

    async def delete_file(self, file_id: str) -> Deleted:
        def work(tables: Tables) -> None:
            if not tables.files.files.delete(id=file_id, project=self._project.name):
                raise errors.not_found("file", file_id)

        await self._project.write(work)
        await self._blobs.delete(file_id)
        return Deleted(file_id, "file")
