"""Creates, changes and deletes the assistants of servers on the Assistants API.

Each step can be repeated: the next start finds what a killed bot left unfinished, and finishes it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from functools import partial
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

import msgspec
from msgspec import UNSET, Struct

from bot.assistants.errors import APIError
from bot.assistants.schema.files import FilePage, UploadFile
from bot.assistants.schema.objects import Assistant, FileSearchResources, Thread
from bot.assistants.schema.requests import (
    CreateAssistant,
    ModifyAssistant,
    NewFileSearchResources,
    NewToolResources,
    Page,
)
from bot.assistants.schema.vector_stores import (
    CreateVectorStore,
    CreateVectorStoreFile,
    StoreFilePage,
)
from bot.chat.threads.api_errors import TurnError, gone
from bot.chat.threads.assistant_tools import tools_of
from bot.chat.threads.messages.message_builder import AttachedFile, UnreadableError
from bot.chat.threads.threads import AssistantThreads
from bot.store.ledger import AssistantDraft, GuildAssistant, Ledger
from bot.tools.functions import Functions

MOST_INSTRUCTIONS: Final = 256_000
"""The most characters of instructions (the API's limit)."""

LARGEST_FILE: Final = 50 * 1024 * 1024
"""The largest knowledge file, in bytes: a file is in memory while it is uploaded."""

_DRAFT_KEY: Final = "discord_form"
_GUILD_KEY: Final = "discord_server"
_FILE_KEY: Final = "discord_attachment"
_PURPOSE: Final = "assistants"
_CHUNK_BYTES: Final = 256 * 1024
_log: Final = logging.getLogger(__name__)


class Submission(Struct, frozen=True, kw_only=True):
    """The fields of a submitted form about an assistant.

    If ``instructions`` is None, the present instructions stay. ``instructions_file`` has more
    instructions. ``tools`` are types of hosted tools. ``knowledge`` are files to search.
    """

    instructions: str | None
    tools: tuple[str, ...] = ()
    knowledge: tuple[AttachedFile, ...] = ()
    instructions_file: AttachedFile | None = None
    without_old_knowledge: bool = False

    def to_json(self) -> str:
        """Return the submission as the ledger stores it."""
        return msgspec.json.encode(self).decode()


class FileSource(Protocol):
    """Downloads files from Discord and reads texts."""

    async def download(self, file: AttachedFile, most: int) -> bytes:
        """Return a file of at most ``most`` bytes; raises ``UnreadableError``."""

    async def decode(self, name: str, data: bytes) -> str:
        """Return the text of a text file; raises ``UnreadableError``."""


class EditedAssistant(Struct, frozen=True):
    """An assistant that was created or changed; ``left_out`` names files that were not added."""

    assistant_id: str
    left_out: tuple[str, ...] = ()


class EditRefusedError(Exception):
    """The Assistants API refused the assistant; the message is for the log."""


class AssistantGoneError(Exception):
    """The assistant to change does not exist any more."""


class AssistantEditor:
    """Carries out submitted forms and deletions, one at a time in each server."""

    def __init__(
        self, threads: AssistantThreads, ledger: Ledger, files: FileSource, functions: Functions
    ) -> None:
        self._threads = threads
        self._api = threads.api
        self._ledger = ledger
        self._files = files
        self._functions = functions
        # A lock is freed when no task uses it.
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def carry_out(self, draft: AssistantDraft) -> EditedAssistant:
        """Create or change the assistant of a submitted form.

        Raises ``UnreadableError`` for instructions that can't be read, ``EditRefusedError``,
        ``AssistantGoneError``, and ``TurnError`` if the API can't be reached. After an error the
        form is discarded.
        """
        async with self._lock(draft.guild_id):
            return await self._carry_out_or_discard(draft)

    async def _carry_out_or_discard(self, draft: AssistantDraft) -> EditedAssistant:
        added: dict[str, str] = {}
        try:
            edited = await self._carry_out(draft, added)
        except (UnreadableError, EditRefusedError, AssistantGoneError, TurnError):
            await self._drop_knowledge(draft, added)
            await self._ledger.assistants.discard(draft.id)
            raise
        await self._ledger.assistants.carried_out(draft, edited.assistant_id)
        return edited

    async def delete(self, assistant: GuildAssistant) -> None:
        """Delete an assistant whose deletion is stored, with its knowledge.

        Raises ``APIError`` and ``TurnError``; the next start tries again.
        """
        async with self._lock(assistant.guild_id):
            for store_id in await self._stores_of(assistant.id):
                await self._delete_store(store_id)
            await _unless_gone(partial(self._api.delete_assistant, assistant.id))
            await self._ledger.assistants.deleted(assistant.id)

    async def resume(self) -> None:
        """Finish the forms and deletions of an earlier process; raises ``LedgerError``."""
        for draft in await self._ledger.assistants.submitted():
            async with self._lock(draft.guild_id):
                await self._resume(draft)
        for assistant in await self._ledger.assistants.deleting():
            try:
                await self.delete(assistant)
            except (APIError, TurnError) as error:
                _log.warning("Assistant %s is not deleted yet: %s", assistant.id, error)

    async def _resume(self, draft: AssistantDraft) -> None:
        """Carry out a form, unless its submission was carried out meanwhile."""
        if draft not in await self._ledger.assistants.submitted():
            return
        try:
            edited = await self._carry_out_or_discard(draft)
            _log.info("Assistant %s is finished after a restart", edited.assistant_id)
        except (UnreadableError, EditRefusedError, AssistantGoneError, TurnError) as error:
            _log.warning("Form %d about an assistant is dropped: %s", draft.id, error)

    def _lock(self, guild_id: int) -> asyncio.Lock:
        return self._locks.setdefault(guild_id, asyncio.Lock())

    async def _carry_out(self, draft: AssistantDraft, added: dict[str, str]) -> EditedAssistant:
        """Create or change a form's assistant.

        ``added`` collects the vector store's id of each file that was added, by the file's id.
        """
        assert draft.submission is not None
        submission = msgspec.json.decode(draft.submission, type=Submission)
        try:
            old = await self._old(draft)
            instructions = await self._instructions(submission)
            old_stores = () if old is None else store_ids(old)
            store_id, left_out = await self._knowledge(draft, submission, old_stores, added)
            assistant = await self._save(draft, submission, old, instructions, store_id)
            if submission.without_old_knowledge or (store_id and store_id not in old_stores):
                for replaced in set(old_stores) - {store_id}:
                    await self._delete_store(replaced)
        except APIError as error:
            if draft.assistant_id is not None and gone(error):
                raise AssistantGoneError(str(error)) from error
            raise EditRefusedError(f"{error.status} {error}") from error
        return EditedAssistant(assistant.id, left_out)

    async def _old(self, draft: AssistantDraft) -> Assistant | None:
        if draft.assistant_id is None:
            return None
        try:
            return await self._api.retrieve_assistant(draft.assistant_id)
        except APIError as error:
            if gone(error):
                raise AssistantGoneError(str(error)) from error
            raise

    async def _instructions(self, submission: Submission) -> str | None:
        """Return the new instructions; None if the present instructions stay."""
        written = submission.instructions
        if submission.instructions_file is None:
            return written
        data = await self._files.download(submission.instructions_file, LARGEST_FILE)
        more = await self._files.decode(submission.instructions_file.name, data)
        text = "\n\n".join(part for part in ((written or "").strip(), more.strip()) if part)
        if len(text) > MOST_INSTRUCTIONS:
            raise UnreadableError("too_much", f"it has over {MOST_INSTRUCTIONS} characters")
        return text

    async def _knowledge(
        self,
        draft: AssistantDraft,
        submission: Submission,
        old_stores: tuple[str, ...],
        added: dict[str, str],
    ) -> tuple[str | None, tuple[str, ...]]:
        """Return the vector store with the form's files, and the names of files left out."""
        kept = None if submission.without_old_knowledge else next(iter(old_stores), None)
        if not submission.knowledge:
            return kept, ()
        store_id = kept or await self._store_for(draft)
        page = await self._api.list_store_files(store_id, StoreFilePage(limit=100))
        known = {(each.attributes or {}).get(_FILE_KEY): each.id for each in page.data}
        left_out: list[str] = []
        for file in submission.knowledge:
            if str(file.id) in known:
                added[known[str(file.id)]] = store_id
                continue
            try:
                file_id = await self._upload(file, await self._files.download(file, LARGEST_FILE))
            except UnreadableError as error:
                _log.info("Knowledge file %d is left out: %s", file.id, error)
                left_out.append(file.name)
                continue
            added[file_id] = store_id
            attributes: dict[str, Any] = {_FILE_KEY: str(file.id)}
            await self._api.create_store_file(
                store_id, CreateVectorStoreFile(file_id=file_id, attributes=attributes)
            )
        return store_id, tuple(left_out)

    async def _store_for(self, draft: AssistantDraft) -> str:
        """Return the vector store for a form's files; create it unless an earlier try did."""

        async def find() -> str | None:
            stores = await self._api.list_vector_stores(Page(limit=100))
            return _id_made_for(draft, stores.data)

        async def create() -> str:
            metadata = _metadata(draft)
            request = CreateVectorStore(name=draft.name, metadata=metadata)
            return (await self._api.create_vector_store(request)).id

        return await self._threads.create_once(create, find, may_exist=True)

    async def _drop_knowledge(self, draft: AssistantDraft, added: dict[str, str]) -> None:
        """Delete the files, and the vector store, that a failed form has added.

        The assistant's own vector store and its other files stay.
        """
        try:
            for file_id, store_id in added.items():
                await _unless_gone(partial(self._api.delete_store_file, store_id, file_id))
                await _unless_gone(partial(self._api.delete_file, file_id))
            stores = await self._api.list_vector_stores(Page(limit=100))
            made = _id_made_for(draft, stores.data)
            if made is not None:
                await self._delete_store(made)
        except (APIError, TurnError) as error:
            _log.warning("The knowledge of form %d is not deleted: %s", draft.id, error)

    async def _upload(self, file: AttachedFile, data: bytes) -> str:
        """Upload a file once; an earlier try may have uploaded it already."""
        request = UploadFile(filename=file.name, purpose=_PURPOSE)

        async def create() -> str:
            return (await self._api.upload_file(request, _chunks(data))).id

        async def find() -> str | None:
            listed = await self._api.list_files(FilePage(limit=20, purpose=_PURPOSE))
            return next(
                (
                    each.id
                    for each in listed.data
                    if (each.filename, each.bytes) == (file.name, len(data))
                ),
                None,
            )

        return await self._threads.create_once(create, find)

    async def _save(
        self,
        draft: AssistantDraft,
        submission: Submission,
        old: Assistant | None,
        instructions: str | None,
        store_id: str | None,
    ) -> Assistant:
        wanted = {*submission.tools, *(["file_search"] if store_id else [])}
        chosen = None
        if draft.functions is not None:
            chosen = self._functions.offered(draft.functions.split())
        tools = tools_of(wanted, chosen, () if old is None else old.tools)
        resources = NewToolResources(
            file_search=NewFileSearchResources(vector_store_ids=(store_id,) if store_id else ())
        )
        if old is not None:
            change = ModifyAssistant(
                name=draft.name,
                model=draft.model,
                instructions=UNSET if instructions is None else instructions,
                tools=tools,
                tool_resources=resources,
            )
            return await self._api.modify_assistant(old.id, change)
        request = CreateAssistant(
            name=draft.name,
            model=draft.model,
            instructions=instructions,
            tools=tools,
            tool_resources=resources,
            metadata=_metadata(draft),
        )

        async def find() -> Assistant | None:
            listed = (await self._api.list_assistants(Page(limit=100))).data
            made = _id_made_for(draft, listed)
            return next((each for each in listed if each.id == made), None)

        async def create() -> Assistant:
            return await self._api.create_assistant(request)

        return await self._threads.create_once(create, find, may_exist=True)

    async def _stores_of(self, assistant_id: str) -> tuple[str, ...]:
        try:
            return store_ids(await self._api.retrieve_assistant(assistant_id))
        except APIError as error:
            if gone(error):
                return ()
            raise

    async def _delete_store(self, store_id: str) -> None:
        """Delete a vector store and its files if a form created it; other vector stores stay."""
        try:
            store = await self._api.retrieve_vector_store(store_id)
            if _DRAFT_KEY not in (store.metadata or {}):
                return
            while True:
                page = await self._api.list_store_files(store_id, StoreFilePage(limit=100))
                for file in page.data:
                    await _unless_gone(partial(self._api.delete_file, file.id))
                if not page.has_more or not page.data:
                    break
        except APIError as error:
            if not gone(error):
                raise
        await _unless_gone(partial(self._api.delete_vector_store, store_id))


def store_ids(owner: Assistant | Thread) -> tuple[str, ...]:
    """Return the ids of the vector stores that an assistant or a thread has."""
    resources = owner.tool_resources
    search = None if resources is None else resources.file_search
    return search.vector_store_ids if isinstance(search, FileSearchResources) else ()


def _metadata(draft: AssistantDraft) -> dict[str, str]:
    return {_DRAFT_KEY: str(draft.id), _GUILD_KEY: str(draft.guild_id)}


def _id_made_for(draft: AssistantDraft, listed: Iterable[Any]) -> str | None:
    """Return the id of the object that an earlier try created for a form; None if there is none."""
    return next(
        (one.id for one in listed if (one.metadata or {}).get(_DRAFT_KEY) == str(draft.id)), None
    )


async def _unless_gone(delete: Any) -> None:
    try:
        await delete()
    except APIError as error:
        if not gone(error):
            raise


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _CHUNK_BYTES):
        yield data[start : start + _CHUNK_BYTES]
