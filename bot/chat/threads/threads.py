"""A channel's thread on the Assistants API: creates it, posts questions once, starts runs once.

After a cut connection, messages and runs are looked up before they are created again. The metadata
of a message has its question's id, the metadata of a run its turn and attempt.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

from bot.assistants.api import AssistantsAPI, EventStream
from bot.assistants.errors import APIError
from bot.assistants.schema.objects import (
    SUMMARIZE_HISTORY,
    Message,
    Run,
    RunStep,
    Thread,
)
from bot.assistants.schema.requests import CreateMessage, CreateRun, CreateThread
from bot.chat.places.assistant_choice import AssistantChoice
from bot.chat.texts.sentences import FailureKind
from bot.chat.threads.api_errors import (
    ThreadLostError,
    TurnError,
    full,
    gone,
    locked,
    refusal,
    unusable,
)
from bot.chat.threads.messages.bystander_poster import (
    BystanderPoster,
    MessageFinder,
    ReferenceSource,
)
from bot.chat.threads.messages.document_tools import DocumentTools
from bot.chat.threads.messages.message_builder import (
    QUESTION_KEY,
    AttachmentSource,
    message_for,
    wording,
    wording_in,
)
from bot.chat.threads.messages.thread_backfill import ReplySource, earlier
from bot.chat.threads.pagination import newest
from bot.chat.threads.retrying_api import PATIENCE_SECONDS, RetryingAPI
from bot.chat.threads.thread_lock import ThreadLock
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger, Question, Turn

_PAGE: Final = 100
_RUNS: Final = 20

PlaceDescriber = Callable[[Turn, str], Awaitable[str | None]]
"""Returns instructions that tell an assistant (by id) where it answers a turn, or None."""

_log: Final = logging.getLogger(__name__)


class AssistantThreads:
    """The threads of channels on the Assistants API; ``api`` retries its operations.

    ``choice`` finds the assistant of each turn. With ``summarize_history`` runs ask for a summary
    of messages that the model's context has no room for. A run writes at most
    ``completion_tokens``; None: no maximum.
    """

    def __init__(
        self,
        api: AssistantsAPI,
        ledger: Ledger,
        clock: Clock,
        choice: AssistantChoice,
        *,
        replies: ReplySource,
        summarize_history: bool = True,
        completion_tokens: int | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._retrying = RetryingAPI(api, clock, patience)
        self.api: Final = self._retrying.operations
        self.create_once: Final = self._retrying.create_once
        self.wait_for_run: Final = self._retrying.wait_for_run
        self._replies = replies
        self._summarize_history = summarize_history
        self._completion_tokens = completion_tokens
        self._ledger = ledger
        self._clock = clock
        self._choice = choice
        self._bystanders = BystanderPoster(
            self.api,
            ledger,
            post_once=self._post_once,
            newest=lambda thread_id: self._messages(thread_id, _PAGE),
        )
        self._document_tools = DocumentTools(self.api, ledger)

    @property
    def assistant_id(self) -> str:
        """The id of the assistant that answers where nobody chose another one."""
        return self._choice.default_id

    async def post(
        self,
        turn: Turn,
        questions: Sequence[Question],
        files: AttachmentSource,
        references: ReferenceSource,
        *,
        unsure: bool,
        lost: str | None = None,
    ) -> str:
        """Post every question to the channel's thread once, and return the thread's id.

        ``unsure`` is True if the thread may have messages that the ledger does not know. ``lost``
        names a thread that must not be used. A deleted thread is replaced by a new one. Raises
        ``TurnError``.
        """
        for _ in range(3):
            thread_id = await self._thread(turn, references, lost)
            try:
                await self._post_on(thread_id, turn, questions, files, references, unsure=unsure)
            except ThreadLostError:
                lost, unsure = thread_id, False
                continue
            return thread_id
        raise TurnError("refused", f"every thread made for channel {turn.channel_id} was lost")

    async def _thread(self, turn: Turn, references: ReferenceSource, lost: str | None) -> str:
        channel_id = turn.channel_id
        link = await self._ledger.link(channel_id)
        if link is not None and link.thread_id is not None and link.thread_id != lost:
            return link.thread_id
        # A lost thread was deleted by somebody, or can't be used: keep its conversation.
        before = await earlier(self._ledger, self._replies, references, turn, self._clock)
        thread = await self._new_thread(channel_id, before.messages)
        await self._bystanders.copied(thread.id, before.bystanders)
        if lost is not None:
            _log.warning(
                "Thread %s is lost; channel %s continues in %s", lost, channel_id, thread.id
            )
        link = await self._ledger.set_thread(channel_id, thread.id, instead_of=lost)
        self._document_tools.thread_created(channel_id, instead_of=lost)
        return link.thread_id or thread.id

    async def _new_thread(self, channel_id: int, conversation: tuple[CreateMessage, ...]) -> Thread:
        request = CreateThread(messages=conversation, metadata={"channel": str(channel_id)})
        try:
            # If a response is lost, a second thread is created. The first one does no harm.
            return await self.api.create_thread(request)
        except APIError as error:
            if not conversation or error.status not in (400, 413, 422):
                raise self.refused(error) from error
            _log.warning(
                "The earlier conversation was refused (%s); the new thread begins without it", error
            )
        # Some servers accept no assistant messages in a new thread, or fewer messages.
        return await self._new_thread(channel_id, ())

    async def _post_on(
        self,
        thread_id: str,
        turn: Turn,
        questions: Sequence[Question],
        files: AttachmentSource,
        references: ReferenceSource,
        *,
        unsure: bool,
    ) -> None:
        existing: dict[tuple[str, str], str] = {}
        missing = [
            question
            for question in questions
            if question.message_id is None or question.thread_id != thread_id
        ]
        if missing and unsure:
            # Between an attempt and its retry, later turns may have added messages.
            existing = await self._find_messages(
                thread_id, _PAGE if turn.attempt > 1 else len(questions)
            )
        named = bool(missing) and await self._ledger.questions.asker_count(turn.channel_id) > 1
        posted = {str(question.id): question.message_id for question in questions}
        for question in missing:
            message_id = existing.get(wording(question))
            if message_id is None:
                pointed_at = await self._bystanders.pointed_at(
                    thread_id, turn, question, references
                )
                built = await message_for(
                    question,
                    files,
                    named=named or bool(pointed_at and pointed_at.bystanders),
                    pointed_at=pointed_at,
                )
                await self._document_tools.store_reading(question, built)
                message_id, cut = await self._post_one(thread_id, built.request)
                unsure = unsure or cut
            await self._ledger.questions.message_posted(question, thread_id, message_id)
            posted[str(question.id)] = message_id
        if unsure:
            await self._delete_duplicates(thread_id, posted)

    async def _delete_duplicates(self, thread_id: str, posted: Mapping[str, str | None]) -> None:
        """Delete all but one message of each question.

        A server may store a message after its connection was cut: too late to be found by the
        look-up before the second try.
        """
        for message in await self._messages(thread_id, min(max(len(posted) + 10, 20), _PAGE)):
            known = posted.get((message.metadata or {}).get(QUESTION_KEY, ""))
            if known is None or message.id == known:
                continue
            _log.info("Message %s is a duplicate and is deleted", message.id)
            try:
                await self.api.delete_message(thread_id, message.id)
            except APIError as error:
                _log.warning("Message %s can't be deleted: %s", message.id, error)

    async def _post_one(self, thread_id: str, request: CreateMessage) -> tuple[str, bool]:
        """Post a message; return its id, and whether an earlier try may still be stored."""
        cut = False
        wanted = wording_in(request.metadata)

        async def find() -> str | None:
            nonlocal cut
            cut = True
            return (
                None
                if wanted is None
                else (await self._find_messages(thread_id, _PAGE)).get(wanted)
            )

        return await self._post_once(thread_id, request, find), cut

    async def _post_once(self, thread_id: str, request: CreateMessage, find: MessageFinder) -> str:
        """Post a message once; ``find`` looks it up after a cut connection."""

        async def create() -> str:
            return (await self.api.create_message(thread_id, request)).id

        lock = self._lock(thread_id)
        while True:
            try:
                return await self.create_once(create, find)
            except APIError as error:
                if full(error):
                    _log.warning("Thread %s is full: %s", thread_id, error)
                    raise ThreadLostError from error
                if not locked(error):
                    raise await self._refused_on(thread_id, error) from error
                await lock.wait(error, await self._runs(thread_id, locked=True))

    async def _find_messages(self, thread_id: str, count: int) -> dict[tuple[str, str], str]:
        """Return the ids of questions' messages among a thread's newest, by the wording."""
        messages = await self._messages(thread_id, min(max(count + 10, 20), _PAGE))
        return {
            wording: message.id
            for message in messages
            if (wording := wording_in(message.metadata)) is not None
        }

    async def _messages(self, thread_id: str, limit: int) -> list[Message]:
        try:
            return await newest(partial(self.api.list_messages, thread_id), limit)
        except APIError as error:
            raise await self._refused_on(thread_id, error) from error

    async def _runs(self, thread_id: str, *, locked: bool = False) -> list[Run]:
        """Return a thread's newest runs.

        A thread counts as lost if it is ``locked`` and its runs are unreadable.
        """
        try:
            return await newest(partial(self.api.list_runs, thread_id), _RUNS)
        except APIError as error:
            raise await self._refused_on(thread_id, error) from error
        except TurnError as error:
            if locked and unusable(error):
                _log.warning("The run that locks thread %s can't be read: %s", thread_id, error)
                raise ThreadLostError from error
            raise

    def _lock(self, thread_id: str) -> ThreadLock:
        return ThreadLock(self.api, self._clock, thread_id)

    async def find_run(self, thread_id: str, turn: Turn) -> Run | None:
        """Return the run that this turn's attempt created; None if there is none."""
        return _run_of(await self._runs(thread_id), turn.id, turn.attempt)

    async def run_of_attempt(self, thread_id: str, turn_id: int, attempt: int) -> str | None:
        """Return the id of the run that an attempt created; None if there is none."""
        try:
            run = _run_of(await self._runs(thread_id), turn_id, attempt)
        except ThreadLostError:
            return None
        return None if run is None else run.id

    async def start_run(
        self, thread_id: str, turn: Turn, describe_place: PlaceDescriber | None = None
    ) -> Run | EventStream:
        """Create the attempt's run and return its events, or the run if it exists already.

        The text of ``describe_place`` is added to the assistant's instructions. Raises
        ``TurnError``, and ``ThreadLostError`` where the questions need a new thread.
        """
        metadata = _run_metadata(turn.id, turn.attempt)
        if self._summarize_history:
            metadata[SUMMARIZE_HISTORY] = "true"
        assistant_id = (await self._choice.of_turn(turn)).assistant_id
        try:
            tools = await self._document_tools.tools(turn.channel_id, assistant_id)
        except APIError as error:
            kind = self._lost_assistant(assistant_id) if gone(error) else None
            raise self.refused(error, kind) from error
        request = CreateRun(
            assistant_id=assistant_id,
            additional_instructions=describe_place and await describe_place(turn, assistant_id),
            tools=tools,
            max_completion_tokens=self._completion_tokens,
            metadata=metadata,
        )

        async def start() -> Run | EventStream:
            return await self.api.stream_run(thread_id, request)

        lock = self._lock(thread_id)
        while True:
            try:
                return await self.create_once(start, partial(self.find_run, thread_id, turn))
            except APIError as error:
                if not locked(error):
                    kind = self._lost_assistant(assistant_id) if gone(error) else None
                    raise await self._refused_on(thread_id, error, kind) from error
                runs = await self._runs(thread_id, locked=True)
                existing = _run_of(runs, turn.id, turn.attempt)
                if existing is not None:
                    return existing
                await lock.wait(error, runs)

    async def steps_of(self, thread_id: str, run_id: str) -> tuple[RunStep, ...]:
        """Return the newest 100 steps of a run, oldest first; raises what ``api`` raises."""
        fetch = partial(self.api.list_steps, thread_id, run_id)
        return tuple(await newest(fetch, _PAGE))[::-1]

    def _lost_assistant(self, assistant_id: str) -> FailureKind:
        """Return the failure of a turn whose assistant does not exist."""
        return "assistant_gone" if assistant_id == self.assistant_id else "chosen_assistant_gone"

    async def messages_of(self, thread_id: str, run_id: str) -> tuple[Message, ...]:
        """Return the messages of a run, in order; raises ``APIError`` or ``TurnError``."""

        def reaches_question(found: Sequence[Message]) -> bool:
            return any(message.run_id != run_id for message in found)

        fetch = partial(self.api.list_messages, thread_id, run_id=run_id)
        found = (await newest(fetch, _PAGE, reaches_question))[::-1]
        # Not every server filters by run, and some give messages no run id.
        of_run = tuple(message for message in found if message.run_id == run_id)
        return of_run or tuple(
            message for message in _after_last_question(found) if message.run_id is None
        )

    async def _refused_on(
        self, thread_id: str, error: APIError, kind: FailureKind | None = None
    ) -> Exception:
        """Return the error for a refusal: the thread was deleted, or the request was refused."""
        if gone(error):
            try:
                await self.api.retrieve_thread(thread_id)
            except APIError as second:
                if gone(second):
                    return ThreadLostError()
        return self.refused(error, kind)

    def refused(self, error: APIError, kind: FailureKind | None = None) -> TurnError:
        """Return the turn's error for a refusal, and log the server's text."""
        _log.warning("The Assistants API refused: %s %s", error.status, error)
        return TurnError(kind or refusal(error), str(error))


def _run_of(runs: Sequence[Run], turn_id: int, attempt: int) -> Run | None:
    wanted = _run_metadata(turn_id, attempt).items()
    return next((run for run in runs if wanted <= (run.metadata or {}).items()), None)


def _after_last_question(messages: Sequence[Message]) -> list[Message]:
    """Return the messages after the last question."""
    asked = [place for place, message in enumerate(messages) if message.role == "user"]
    return list(messages[asked[-1] + 1 if asked else 0 :])


def _run_metadata(turn_id: int, attempt: int) -> dict[str, str]:
    return {"turn": str(turn_id), "attempt": str(attempt)}
