"""Deletes from threads what was deleted in Discord, and answers that are replaced."""

import logging
from contextlib import suppress
from functools import partial
from typing import Final

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.schema.files import FilePage
from bot.assistants.states import TERMINAL
from bot.chat.threads.api_errors import gone, locked
from bot.chat.threads.assistant_editor import store_ids
from bot.chat.threads.messages.answer_text import files_of
from bot.chat.threads.messages.bystander_poster import BYSTANDER_KEY
from bot.chat.threads.messages.message_builder import QUESTION_KEY
from bot.chat.threads.messages.thread_backfill import ANSWER_KEY
from bot.chat.threads.messages.upload_names import question_mark
from bot.chat.threads.pagination import every_message, newest
from bot.chat.threads.threads import AssistantThreads
from bot.store.ledger import Chore, Ledger

END_SECONDS: Final = 15.0
"""How long a cancelled run may take to end before its messages are deleted, in seconds."""

_PAGE: Final = 100
_MOST_FILES: Final = 1_000

_log: Final = logging.getLogger(__name__)


class ThreadCleanup:
    """Does the chores of the kinds "message", "question", "thread", "run" and "attempt"."""

    def __init__(self, threads: AssistantThreads, ledger: Ledger) -> None:
        self._threads = threads
        self._ledger = ledger

    @property
    def _api(self) -> AssistantsAPI:
        return self._threads.api

    async def do(self, chore: Chore) -> bool:
        """Do a chore; return False where it must be tried again later.

        A chore that the server refuses counts as done, because the bot can do nothing else. Raises
        ``TurnError`` if the server does not answer.
        """
        thread_id = chore.place
        if chore.kind == "message":
            return await self._delete_message(thread_id, chore.target)
        if chore.kind == "thread":
            return await self._delete_thread(thread_id)
        if chore.kind == "question":
            return await self._delete_messages_of(thread_id, chore.target)
        run_id: str | None = chore.target
        if chore.kind == "attempt":
            turn_id, attempt = map(int, chore.target.split("."))
            run_id = await self._threads.run_of_attempt(thread_id, turn_id, attempt)
        return run_id is None or await self._discard_run(thread_id, run_id)

    async def _delete_messages_of(self, thread_id: str, discord_id: str) -> bool:
        """Delete the messages that show a Discord message, or copy an answer, on a thread.

        Uploads of a question whose message was never posted are deleted, too.
        """
        try:
            messages = await newest(partial(self._api.list_messages, thread_id), _PAGE)
        except APIError as error:
            _log.info("The messages of thread %s can't be read: %s", thread_id, error)
            return True
        keys = (QUESTION_KEY, BYSTANDER_KEY, ANSWER_KEY)
        found = [
            message.id
            for message in messages
            if discord_id in ((message.metadata or {}).get(key) for key in keys)
        ]
        deleted = all([await self._delete_message(thread_id, each) for each in found])
        if deleted and discord_id.isdecimal():
            await self._delete_uploads_of(int(discord_id))
        return deleted

    async def _delete_uploads_of(self, question_id: int) -> None:
        """Delete the uploads of a question that was deleted before its message was posted."""
        if await self._ledger.questions.question(question_id) is not None:
            return
        try:
            files = (await self._api.list_files(FilePage(limit=_MOST_FILES))).data
        except APIError as error:
            # Not every server lists files.
            _log.info("What question %d uploaded can't be looked up: %s", question_id, error)
            return
        mark = question_mark(question_id)
        for file in files:
            if mark in file.filename:
                await self._delete_file(file.id)

    async def _discard_run(self, thread_id: str, run_id: str) -> bool:
        """Cancel a run that is active, and delete its messages."""
        try:
            if not await self._is_over(thread_id, run_id):
                return False
            messages = await self._threads.messages_of(thread_id, run_id)
        except APIError as error:
            _log.info("The messages of run %s can't be deleted: %s", run_id, error)
            return True
        # On some servers messages name no run, and may belong to another one.
        own = [message.id for message in messages if message.run_id == run_id]
        deleted = [await self._delete_message(thread_id, message_id) for message_id in own]
        return all(deleted)

    async def _is_over(self, thread_id: str, run_id: str) -> bool:
        """Return whether a run has ended; cancel the run if it is active. Raises ``APIError``."""
        run = await self._api.retrieve_run(thread_id, run_id)
        if run.status in TERMINAL:
            return True
        try:
            await self._api.cancel_run(thread_id, run_id)
        except APIError as error:
            _log.info("Run %s was not cancelled: %s", run_id, error)
        with suppress(TimeoutError):
            await self._threads.wait_for_run(run, END_SECONDS)
        # Read once more, and with patience: the server may have been away meanwhile.
        return (await self._api.retrieve_run(thread_id, run_id)).status in TERMINAL

    async def _delete_message(self, thread_id: str, message_id: str) -> bool:
        try:
            message = await self._api.retrieve_message(thread_id, message_id)
            files = set(files_of(message))
            if files:
                # A newer wording of the question may have the files of the older one.
                others = await newest(partial(self._api.list_messages, thread_id), _PAGE)
                files -= {each for one in others if one.id != message_id for each in files_of(one)}
            # The files first: if the process is killed, the message still names the others.
            for file_id in files:
                await self._delete_file(file_id)
            await self._api.delete_message(thread_id, message_id)
        except APIError as error:
            if locked(error):
                return False
            if not gone(error):
                _log.warning("Message %s can't be deleted: %s", message_id, error)
        return True

    async def _delete_thread(self, thread_id: str) -> bool:
        """Delete a thread, and first its files and vector stores, which no other thread uses."""
        api = self._api
        try:
            async for message in every_message(api, thread_id):
                for file_id in files_of(message):
                    await self._delete_file(file_id)
            for store_id in store_ids(await api.retrieve_thread(thread_id)):
                await api.delete_vector_store(store_id)
        except APIError as error:
            if not gone(error):
                _log.warning("Not all files of thread %s can be deleted: %s", thread_id, error)
        try:
            await api.delete_thread(thread_id)
        except APIError as error:
            if locked(error):
                return False
            if not gone(error):
                _log.warning("Thread %s can't be deleted: %s", thread_id, error)
        return True

    async def _delete_file(self, file_id: str) -> None:
        """Delete a file, which removes it from vector stores, too."""
        try:
            await self._api.delete_file(file_id)
        except APIError as error:
            if not gone(error):
                _log.warning("File %s can't be deleted: %s", file_id, error)
