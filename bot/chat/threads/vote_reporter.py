"""Copies the votes on answers to their runs, and the text of rated answers to the ledger."""

import logging
from typing import Final

from bot.assistants.errors import APIError
from bot.assistants.schema.requests import ModifyRun
from bot.chat.threads.api_errors import TurnError, gone
from bot.chat.threads.messages.answer_text import answer_text
from bot.chat.threads.messages.thread_backfill import ReplySource, answer_in
from bot.chat.threads.threads import AssistantThreads
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import Ledger, RatedAnswer

UP_KEY: Final = "votes_up"
"""The key in a run's metadata for the number of 👍 on its answer."""

DOWN_KEY: Final = "votes_down"
"""The key in a run's metadata for the number of 👎 on its answer."""

_log: Final = logging.getLogger(__name__)


class VoteReporter:
    """Reports votes in the background; the ledger stores which votes are not reported yet."""

    def __init__(self, threads: AssistantThreads, ledger: Ledger, replies: ReplySource) -> None:
        self._threads = threads
        self._ledger = ledger
        self._replies = replies
        self._tasks = BackgroundTasks()
        self._due = False
        self._is_working = False

    def report_soon(self) -> None:
        """Report all votes that are not reported yet, in the background."""
        self._due = True
        if not self._is_working:
            self._is_working = True
            self._tasks.start(
                self._work(), "Votes could not be reported; the next vote or start tries again"
            )

    async def stop(self) -> None:
        """Stop reporting; the next start continues."""
        await self._tasks.stop()

    async def _work(self) -> None:
        try:
            while self._due:
                self._due = False
                for rated in await self._ledger.votes.unreported():
                    await self._report(rated)
        finally:
            self._is_working = False

    async def _report(self, rated: RatedAnswer) -> None:
        if rated.answer is None and (answer := await self._answer(rated)):
            await self._ledger.votes.keep_answer(rated, answer)
        try:
            await self._mark_run(rated)
        except TurnError as error:
            _log.info("The votes on turn %d are not in its run yet: %s", rated.turn_id, error)
            return
        except APIError as error:
            _log.info("Run %s can't carry its votes: %s", rated.run_id, error)
        await self._ledger.votes.reported(rated)

    async def _mark_run(self, rated: RatedAnswer) -> None:
        if rated.thread_id is None or rated.run_id is None:
            return
        api = self._threads.api
        run = await api.retrieve_run(rated.thread_id, rated.run_id)
        tally = {UP_KEY: str(rated.up), DOWN_KEY: str(rated.down)}
        # A modification replaces all metadata, and the turn's run is found by its metadata.
        changed = ModifyRun(metadata=(run.metadata or {}) | tally)
        await api.modify_run(rated.thread_id, rated.run_id, changed)

    async def _answer(self, rated: RatedAnswer) -> str:
        """Return an answer's text from the run's messages, else from the reply in Discord."""
        if rated.thread_id is not None and rated.run_id is not None:
            try:
                messages = await self._threads.messages_of(rated.thread_id, rated.run_id)
            except (APIError, TurnError) as error:
                _log.info("The answer of run %s can't be read: %s", rated.run_id, error)
                if not (isinstance(error, APIError) and gone(error)):
                    return ""
            else:
                if text := answer_text(messages):
                    return text
        turn = await self._ledger.history.turn(rated.turn_id)
        if turn is None or turn.attempt != rated.attempt:
            return ""
        return answer_in(await self._replies.read(turn))
