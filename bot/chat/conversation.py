"""A channel's thread on the Assistants API: found or made, questions posted once, runs found again.

What a cut connection left unknown is asked, by the ids that messages and runs carry, before
anything is made a second time.
"""

import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from bot.assistants.api import AssistantsAPI, EventStream
from bot.assistants.errors import APIError
from bot.assistants.objects import Message, Run
from bot.assistants.requests import CreateMessage, CreateRun, CreateThread, Page
from bot.assistants.states import ACTIVE
from bot.chat.asking import QUESTION_KEY, Files, message_for
from bot.chat.carrying import Replies, earlier
from bot.chat.sentences import FailureKind
from bot.clock import Clock
from bot.store.ledger import Ledger, Question, Turn

T = TypeVar("T")

PATIENCE_SECONDS: Final = 120.0
"""How long a server that does not answer is asked again, in seconds."""

FOREIGN_RUN_GRACE: Final = 30.0
"""How long a run that we did not make may go on past its expiry, in seconds."""

_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 10.0
_PAGE: Final = 100
_MOST_PAGES: Final = 20
_LIFETIME: Final = 600

_log = logging.getLogger(__name__)


class TurnError(Exception):
    """A turn that can't go on; ``kind`` is our own word for why."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind: FailureKind = kind


class ThreadLostError(Exception):
    """The thread is gone, or can't be used any more."""


class Conversations:
    """The Assistants API as the bot uses it; every call is tried again while that can help."""

    def __init__(
        self,
        api: AssistantsAPI,
        ledger: Ledger,
        clock: Clock,
        assistant_id: str,
        *,
        replies: Replies,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.api = api
        self._replies = replies
        self._ledger = ledger
        self._clock = clock
        self._assistant_id = assistant_id
        self._patience = patience

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call until it is answered; raises ``APIError`` where it is refused.

        For calls that may be made twice. Raises ``TurnError`` when patience is at its end.
        """
        give_up = self._clock.monotonic() + self._patience
        attempt = 0
        while True:
            try:
                return await call()
            except APIError as error:
                if not passing(error):
                    raise
                backoff = min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT)
                # Spreads retries, guards nothing.
                wait = max(error.retry_after or 0.0, backoff * random.uniform(0.5, 1.0))  # noqa: S311
                if self._clock.monotonic() + wait > give_up:
                    kind: FailureKind = "rate_limited" if error.status == 429 else "unreachable"
                    raise TurnError(kind, str(error)) from error
            attempt += 1
            await self._clock.sleep(wait)

    async def post(
        self,
        turn: Turn,
        questions: Sequence[Question],
        files: Files,
        *,
        unsure: bool,
        lost: str | None = None,
    ) -> str:
        """Have every question on the channel's thread, once, and return the thread's id.

        ``unsure`` says that some may be there though the ledger does not know, ``lost`` names a
        thread not to use. Raises ``TurnError``; a thread that is gone is replaced by a new one.
        """
        for _ in range(3):
            thread_id = await self._thread(turn, lost)
            try:
                await self._post_on(thread_id, turn, questions, files, unsure=unsure)
            except ThreadLostError:
                lost, unsure = thread_id, False
                continue
            return thread_id
        raise TurnError("refused", f"every thread made for channel {turn.channel_id} was lost")

    async def _thread(self, turn: Turn, lost: str | None) -> str:
        channel_id = turn.channel_id
        link = await self._ledger.link(channel_id)
        if link is not None and link.thread_id is not None and link.thread_id != lost:
            return link.thread_id
        # A channel that was answered in before loses its thread only to somebody else's doing.
        told = await earlier(self._ledger, self._replies, turn)
        request = CreateThread(messages=told, metadata={"channel": str(channel_id)})
        try:
            # One that a cut connection made and did not tell of is empty, and harms nobody.
            thread = await self.ask(lambda: self.api.create_thread(request))
        except APIError as error:
            raise self.refused(error) from error
        if lost is not None:
            _log.warning("Thread %s is gone; channel %s goes on in %s", lost, channel_id, thread.id)
        link = await self._ledger.set_thread(channel_id, thread.id, instead_of=lost)
        return link.thread_id or thread.id

    async def _post_on(
        self,
        thread_id: str,
        turn: Turn,
        questions: Sequence[Question],
        files: Files,
        *,
        unsure: bool,
    ) -> None:
        there: dict[str, str] = {}
        missing = [
            question
            for question in questions
            if question.message_id is None or question.thread_id != thread_id
        ]
        if missing and unsure:
            # Later turns may have been answered between an attempt and its retry.
            there = await self._found(thread_id, _PAGE if turn.attempt > 1 else len(questions))
        named = bool(missing) and await self._ledger.questions.asker_count(turn.channel_id) > 1
        for question in missing:
            message_id = there.get(str(question.id))
            if message_id is None:
                request = await message_for(question, files, named=named)
                message_id = await self._post_one(thread_id, turn, request)
            await self._ledger.questions.message_posted(question.id, thread_id, message_id)

    async def _post_one(self, thread_id: str, turn: Turn, request: CreateMessage) -> str:
        unknown = False
        question = (request.metadata or {})[QUESTION_KEY]

        async def create() -> str:
            nonlocal unknown
            if unknown:
                found = (await self._found(thread_id, _PAGE)).get(question)
                if found is not None:
                    return found
            try:
                return (await self.api.create_message(thread_id, request)).id
            except APIError as error:
                unknown = passing(error)
                raise

        for _ in range(3):
            try:
                return await self.ask(create)
            except APIError as error:
                if not _locked(error):
                    raise await self._refused_on(thread_id, error) from error
                await self._wait_for_active(thread_id, turn)
        raise TurnError("busy", f"{thread_id} is locked again and again")

    async def _found(self, thread_id: str, count: int) -> dict[str, str]:
        """Return which questions are among a thread's newest messages, and as which message."""
        page = Page(limit=min(max(count + 10, 20), _PAGE))
        try:
            newest = await self.ask(lambda: self.api.list_messages(thread_id, page))
        except APIError as error:
            raise await self._refused_on(thread_id, error) from error
        return {
            message.metadata[QUESTION_KEY]: message.id
            for message in newest.data
            if message.metadata and QUESTION_KEY in message.metadata
        }

    async def find_run(self, thread_id: str, turn: Turn) -> Run | None:
        """Return the run that this turn's attempt has made already, if there is one."""
        try:
            runs = await self.ask(lambda: self.api.list_runs(thread_id, Page(limit=20)))
        except APIError as error:
            raise await self._refused_on(thread_id, error) from error
        return next((run for run in runs.data if run.metadata == _run_metadata(turn)), None)

    async def start_run(self, thread_id: str, turn: Turn) -> Run | EventStream:
        """Start the attempt's run and return its events, or the run where it is there already.

        Raises ``TurnError``, and ``ThreadLostError`` where the questions have to be posted anew.
        """
        request = CreateRun(assistant_id=self._assistant_id, metadata=_run_metadata(turn))
        unknown = False

        async def start() -> Run | EventStream:
            nonlocal unknown
            if unknown:
                found = await self.find_run(thread_id, turn)
                if found is not None:
                    return found
            try:
                return await self.api.stream_run(thread_id, request)
            except APIError as error:
                unknown = passing(error)
                raise

        for _ in range(3):
            try:
                return await self.ask(start)
            except APIError as error:
                if not _locked(error):
                    raise await self._refused_on(thread_id, error) from error
                ours = await self._wait_for_active(thread_id, turn)
                if ours is not None:
                    return ours
        raise TurnError("busy", f"{thread_id} is locked again and again")

    async def _wait_for_active(self, thread_id: str, turn: Turn) -> Run | None:
        """Return the active run where it is ours; else wait until none is, and return None."""
        try:
            runs = await self.ask(lambda: self.api.list_runs(thread_id, Page(limit=20)))
        except APIError as error:
            raise await self._refused_on(thread_id, error) from error
        ours = next((run for run in runs.data if run.metadata == _run_metadata(turn)), None)
        if ours is not None:
            return ours
        for run in runs.data:
            if run.status in ACTIVE:
                _log.warning("%s waits for run %s, which it did not make", thread_id, run.id)
                await self._outwait(run)
        return None

    async def _outwait(self, run: Run) -> None:
        """Wait for a run's end; past its expiry cancel it, and leave the thread if that fails."""
        lifetime = (run.expires_at or run.created_at + _LIFETIME) - self._clock.now()
        cancelled = run.status == "cancelling"
        if not cancelled and "turn" in (run.metadata or {}):
            # Made by an attempt that gave up before it knew: nobody waits for it any more.
            lifetime = -5.0
        patience = FOREIGN_RUN_GRACE if cancelled else min(lifetime, _LIFETIME) + 5
        deadline = self._clock.monotonic() + patience
        wait = _FIRST_WAIT
        while True:
            try:
                current = await self.ask(lambda: self.api.retrieve_run(run.thread_id, run.id))
                if current.status not in ACTIVE:
                    return
                if self._clock.monotonic() > deadline:
                    if cancelled:
                        _log.warning("Run %s does not end; leaving %s", run.id, run.thread_id)
                        raise ThreadLostError
                    cancelled = True
                    deadline = self._clock.monotonic() + FOREIGN_RUN_GRACE
                    await self.ask(lambda: self.api.cancel_run(run.thread_id, run.id))
            except APIError as error:
                if error.status == 404:
                    return
                _log.info("Run %s: %s", run.id, error)
            await self._clock.sleep(wait)
            wait = min(wait * 1.5, 3.0)

    async def messages_of(self, thread_id: str, run_id: str) -> tuple[Message, ...]:
        """Return what a run has written, in order; raises ``APIError`` or ``TurnError``."""
        found: list[Message] = []
        after: str | None = None
        for _ in range(_MOST_PAGES):
            page = Page(limit=_PAGE, order="asc", after=after)
            part = await self.ask(
                lambda page=page: self.api.list_messages(thread_id, page, run_id=run_id)  # type: ignore[misc]  # mypy can't type a lambda's default
            )
            found += part.data
            if not part.has_more or not part.data:
                break
            after = part.data[-1].id
        # Not every server filters by run.
        return tuple(message for message in found if message.run_id in (run_id, None))

    async def _refused_on(self, thread_id: str, error: APIError) -> Exception:
        """Tell a thread that is gone from a request that is refused."""
        if error.status == 404:
            try:
                await self.ask(lambda: self.api.retrieve_thread(thread_id))
            except APIError as second:
                if second.status == 404:
                    return ThreadLostError()
            return TurnError("assistant_gone", str(error))
        return self.refused(error)

    def refused(self, error: APIError) -> TurnError:
        """Word a refusal for the ledger."""
        _log.warning("The Assistants API refused: %s %s", error.status, error)
        return TurnError("refused", str(error))


def passing(error: APIError) -> bool:
    """Whether the same call may go through later."""
    return error.status in (408, 429) or error.status >= 500


def _locked(error: APIError) -> bool:
    """Whether an active run is in the way."""
    text = error.message.lower()
    return error.status in (400, 409) and (
        "already has an active run" in text or ("while a run" in text and "is active" in text)
    )


def _run_metadata(turn: Turn) -> dict[str, str]:
    return {"turn": str(turn.id), "attempt": str(turn.attempt)}
