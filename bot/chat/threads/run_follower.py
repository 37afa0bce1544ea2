"""A run followed to its end: by its events where they come, by polling where they don't.

Whatever the server does, the following ends: past the run's lifetime the run is cancelled.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from bot.assistants.api import EventStream
from bot.assistants.errors import INTERRUPTED_RUN, APIError, ErrorBody
from bot.assistants.events import MessageDelta, StreamEvent
from bot.assistants.schema.content import MAX_CONTENT
from bot.assistants.schema.objects import Message, Run
from bot.assistants.schema.requests import SubmitToolOutputs, ToolOutput
from bot.assistants.states import TERMINAL
from bot.chat.texts import sentences
from bot.chat.texts.sentences import FailureKind
from bot.chat.threads.api_errors import TurnError, gone, refusal
from bot.chat.threads.threads import AssistantThreads
from bot.chat.threads.transcript import Transcript
from bot.runtime.clock import Clock
from bot.runtime.tasks import cancelling
from bot.store.ledger import Outcome

CANCEL_GRACE: Final = 15.0
"""How long a run that was told to stop may take for it, in seconds."""

MOST_TEXT: Final = MAX_CONTENT
"""How long an answer can be, in characters: what goes on behind that is cut off, and stopped."""

_LIFETIME: Final = 600.0
_LONGEST_LIFETIME: Final = 86_400
_MOST_TOKENS: Final = 2**53
_LIFETIME_GRACE: Final = 30.0
_FIRST_POLL: Final = 0.25
_LONGEST_POLL: Final = 2.0

_BY_CAUSE: Final[dict[str, FailureKind]] = {
    "key": "model_key",
    "credit": "model_credit",
    "model": "model_missing",
    "tools": "model_tools",
    "ability": "ability",
    "too_long": "too_long",
    "content": "content",
}

_log: Final = logging.getLogger(__name__)


Said: TypeAlias = Callable[[], str]
"""Tells what was said so far. A long answer comes in thousands of pieces and is shown now and then,
so that it is put together only where somebody looks."""


class RunEnd(Struct, frozen=True):
    """How a run ended, in the ledger's words, and what it said.

    ``reason`` is a server's own text on a failure: for the log, and nobody's who asked.
    """

    outcome: Outcome
    text: str
    error: str | None = None
    tokens: int | None = None
    reason: str = ""


class _EndlessError(Exception):
    """A run says more than anybody reads."""


class RunFollower:
    """Follows one run to its end.

    ``show`` is called at every piece of text, with a function that returns all text so far. Once
    ``cancel_requested`` is set, the run is cancelled.
    """

    def __init__(
        self,
        threads: AssistantThreads,
        clock: Clock,
        show: Callable[[Said], None],
        cancel_requested: asyncio.Event,
    ) -> None:
        self._threads = threads
        self._clock = clock
        self._show = show
        self._answer = Transcript()
        self._cancel_requested = cancel_requested

    @property
    def text(self) -> str:
        """What was said so far."""
        return self._answer.text

    async def to_end(self, run: Run, events: EventStream | None) -> RunEnd:
        """Follow the run until it has ended, or will not be waited for any longer."""
        end = await self._to_end(run, events)
        if len(end.text) <= MOST_TEXT:
            return end
        error = "incomplete" if end.outcome == "answered" else end.error
        return replace(end, text=end.text[:MOST_TEXT], error=error)

    async def _to_end(self, run: Run, events: EventStream | None) -> RunEnd:
        follow = asyncio.create_task(self._follow(run, events))
        cancelled = asyncio.create_task(self._cancel_when_asked(run))
        expired = asyncio.create_task(self._clock.sleep(_lifetime(run) + _LIFETIME_GRACE))
        async with cancelling(follow, cancelled, expired):
            tasks = (follow, cancelled, expired)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if follow.done():
                return follow.result()
            if cancelled.done():
                _log.warning("Run %s was told to stop and did not", run.id)
                return RunEnd("cancelled", self.text)
            await self._stop_soon(run)
            reason = "it is past its lifetime and still active"
            return RunEnd("failed", self.text, "expired", reason=reason)

    async def _cancel_when_asked(self, run: Run) -> None:
        await self._cancel_requested.wait()
        async with cancelling(asyncio.create_task(self._stop(run))):
            await self._clock.sleep(CANCEL_GRACE)

    async def _stop_soon(self, run: Run) -> None:
        """Tell a run to stop that nobody waits for; a server that does not answer is left alone."""
        stopping = asyncio.create_task(self._stop(run))
        overdue = asyncio.create_task(self._clock.sleep(CANCEL_GRACE))
        async with cancelling(stopping, overdue):
            await asyncio.wait({stopping, overdue}, return_when=asyncio.FIRST_COMPLETED)

    async def _stop(self, run: Run) -> None:
        try:
            await self._threads.api.cancel_run(run.thread_id, run.id)
        except (APIError, TurnError) as error:
            # It has ended, or is ending, or can't be reached: following it tells.
            _log.info("Run %s was not cancelled: %s", run.id, error)

    async def _follow(self, run: Run, events: EventStream | None) -> RunEnd:
        try:
            return await self._follow_to_end(run, events)
        except _EndlessError:
            _log.warning("Run %s has said %d characters and is stopped", run.id, MOST_TEXT)
            await self._stop_soon(run)
            return RunEnd("answered", self.text, "incomplete")

    async def _follow_to_end(self, run: Run, events: EventStream | None) -> RunEnd:
        last: Run | None = run
        while events is not None:
            last, failed = await self._read(events, last or run)
            if last is not None and last.status in TERMINAL:
                return await self._end(last)
            events = None
            if last is not None and last.status == "requires_action" and not failed:
                events = await self._answer_calls(last, stream=True)
        return await self._poll(run)

    async def _read(self, events: EventStream, last: Run) -> tuple[Run, bool]:
        """Read events until they stop; return the run as last told, and whether they broke off."""
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    if isinstance(event.data, ErrorBody):
                        _log.info("The stream of run %s broke: %s", last.id, event.data.message)
                        return last, True
                    last = self._take(event, last)
        except APIError as error:
            _log.info("The stream of run %s broke: %s", last.id, error)
            return last, True
        return last, False

    def _take(self, event: StreamEvent, last: Run) -> Run:
        data = event.data
        if isinstance(data, Run):
            return data
        if isinstance(data, MessageDelta):
            self._answer.add(data)
            if self._answer.taken > MOST_TEXT:
                raise _EndlessError
        elif isinstance(data, Message) and event.event != "thread.message.created":
            self._answer.put(data)
        else:
            return last
        self._show(lambda: self.text)
        return last

    async def _answer_calls(self, run: Run, *, stream: bool) -> EventStream | None:
        """Submit an output for each call a run waits for; no run hangs on one we don't have."""
        api = self._threads.api
        outputs = unavailable(run)
        if not outputs:
            return None
        request = SubmitToolOutputs(tool_outputs=tuple(outputs))
        try:
            if stream:
                return await api.stream_tool_outputs(run.thread_id, run.id, request)
            await api.submit_tool_outputs(run.thread_id, run.id, request)
        except APIError as error:
            # Submitted before a cut, or the run has ended meanwhile: polling tells which.
            _log.info("Run %s took no tool outputs: %s", run.id, error)
        return None

    async def _poll(self, run: Run) -> RunEnd:
        wait = _FIRST_POLL
        while True:
            try:
                current = await self._threads.api.retrieve_run(run.thread_id, run.id)
            except APIError as error:
                kind = "model_failed" if gone(error) else refusal(error)
                return RunEnd("failed", self.text, kind, reason=f"it can't be read: {error}")
            if current.status in TERMINAL:
                return await self._end(current)
            if current.status == "requires_action":
                await self._answer_calls(current, stream=False)
            await self._clock.sleep(wait)
            wait = min(wait * 1.3, _LONGEST_POLL)

    async def _end(self, run: Run) -> RunEnd:
        if not self.text or not self._answer.is_whole or run.status != "completed":
            await self._read_messages(run)
        return ended(run, self.text)

    async def _read_messages(self, run: Run) -> None:
        try:
            messages = await self._threads.messages_of(run.thread_id, run.id)
        except (APIError, TurnError) as error:
            if run.status == "completed":
                raise
            _log.info("What run %s said can't be read: %s", run.id, error)
            return
        kept = Transcript()
        for message in messages:
            kept.put(message)
        # A server that keeps nothing of a run that was stopped has less than we were told.
        if kept.text:
            self._answer = kept


def ended(run: Run, text: str) -> RunEnd:
    """Put a run's end into the ledger's words."""
    tokens = run.usage.total_tokens if run.usage else None
    if tokens is not None and not 0 <= tokens <= _MOST_TOKENS:
        tokens = None
    if run.status == "completed":
        return RunEnd("answered", text, None, tokens)
    if run.status == "incomplete":
        return RunEnd("answered", text, "incomplete", tokens)
    if run.status == "cancelled":
        return RunEnd("cancelled", text, None, tokens)
    reason = f"{run.last_error.code}: {run.last_error.message}" if run.last_error else run.status
    return RunEnd("failed", text, _failure_kind(run), tokens, reason)


def unavailable(run: Run) -> list[ToolOutput]:
    """Return, for each call a run waits for, an output that says it can't be made here."""
    if run.required_action is None:
        return []
    calls = run.required_action.submit_tool_outputs.tool_calls
    return [
        ToolOutput(tool_call_id=call.id, output=sentences.FUNCTION_UNAVAILABLE) for call in calls
    ]


def _lifetime(run: Run) -> float:
    """Return how long a run may take in seconds, where its server says something believable."""
    told = (run.expires_at or 0) - run.created_at
    return float(told) if 0 < told <= _LONGEST_LIFETIME else _LIFETIME


def _failure_kind(run: Run) -> FailureKind:
    if run.status == "expired":
        return "expired"
    if run.last_error is not None and run.last_error.message == INTERRUPTED_RUN:
        return "gave_up"
    if run.last_error is not None and (kind := _BY_CAUSE.get(str(run.last_error.cause))):
        return kind
    code = run.last_error.code if run.last_error else ""
    if code == "rate_limit_exceeded":
        return "rate_limited"
    return "rejected" if code == "invalid_prompt" else "model_failed"
