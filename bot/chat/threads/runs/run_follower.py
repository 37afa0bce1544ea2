"""Follows a run to its end by its events, and answers its function calls.

Following always ends: a run that is active past its lifetime is cancelled.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

from msgspec.structs import replace

from bot.assistants.api import AssistantsAPI, EventStream
from bot.assistants.errors import APIError, ErrorBody
from bot.assistants.events import MessageDelta, RunStepDelta, StreamEvent
from bot.assistants.schema.objects import FileSearchResources, Message, Run, RunStep
from bot.assistants.schema.requests import SubmitToolOutputs, ToolOutput
from bot.assistants.states import TERMINAL
from bot.chat.texts.fluent import localized
from bot.chat.threads.api_errors import TurnError, gone, refusal
from bot.chat.threads.messages.answer_text import AnswerText, answer_text_of
from bot.chat.threads.runs.run_end import MOST_TEXT, RunEnd, ended, with_answer
from bot.chat.threads.runs.run_progress import RunProgress, answered_calls
from bot.chat.threads.threads import AssistantThreads
from bot.runtime.backoff import backoff
from bot.runtime.clock import Clock
from bot.runtime.quoted_text import without_quotes
from bot.runtime.tasks import cancelling

FUNCTION_UNAVAILABLE: Final = (
    "This function is not available here. Answer without it, and say so if that matters."
)
"""What the model reads as the output of a function that the bot does not have."""

CANCEL_GRACE: Final = 15.0
"""How long a run may take to end after a cancel request, in seconds."""

_LIFETIME: Final = 600.0
_LONGEST_LIFETIME: Final = 86_400
_LIFETIME_GRACE: Final = 30.0
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 2.0

_MESSAGE_ENDS: Final = ("thread.message.completed", "thread.message.incomplete")

_log: Final = logging.getLogger(__name__)

CurrentText: TypeAlias = Callable[[], str]
"""Returns the answer's text so far.

A long answer arrives in thousands of pieces. Few states of the text are shown, so the pieces are
joined on demand.
"""

CallEnded: TypeAlias = Callable[[str, bool], None]
"""Called with the id of each function call that ended, and whether the call succeeded."""


class CallAnswerer(Protocol):
    """Makes the function calls of runs, and stores which outputs a run has received."""

    async def outputs(self, run: Run, ended: CallEnded) -> Sequence[ToolOutput]:
        """Return an output for each call that a run waits for; a cancellation cancels the calls."""

    async def submitted(self, run_id: str, call_ids: Sequence[str]) -> None:
        """Store that a run has the outputs of these calls."""

    async def settled(self, run_id: str) -> None:
        """Store that a run waits for no output, whatever is stored about its calls."""

    async def looked_up(self, run_id: str, answered: Mapping[str, int]) -> None:
        """Store how many calls of each id have their outputs, according to the run's steps.

        Some models use an id again.
        """

    async def cancelled(self, run_id: str) -> None:
        """Store that the calls under way were cancelled with their run."""


class _TooLongError(Exception):
    """A run has written more than the longest answer."""


class RunFollower:
    """Follows one run to its end.

    ``show`` is called at every piece of text, with a function that returns all text so far. Once
    ``cancel_requested`` is set, the run is cancelled. ``answerer`` makes the function calls.
    """

    def __init__(
        self,
        threads: AssistantThreads,
        clock: Clock,
        show: Callable[[CurrentText], None],
        cancel_requested: asyncio.Event,
        answerer: CallAnswerer,
    ) -> None:
        self._threads = threads
        self._answerer = answerer
        self._calls_unsure = False
        self._clock = clock
        self._show = show
        self._answer = AnswerText()
        self._progress = RunProgress()
        self._calls_tools = False
        self._files: int | None = None
        self._counting: asyncio.Task[None] | None = None
        self._cancel_requested = cancel_requested

    @property
    def text(self) -> str:
        """The answer's text so far."""
        return self._answer.text

    @property
    def shown(self) -> str:
        """The text so far, or "thinking…"; below are the tool calls while the run makes them."""
        calls = self._progress.lines(self._files) if self._calls_tools else []
        return "\n".join([self.text or localized("thinking"), *calls])

    async def to_end(self, run: Run, events: EventStream | None) -> RunEnd:
        """Follow the run until it has ended, or until the bot waits for it no longer.

        ``events`` are those that the run was created with; None for a run that existed already.
        """
        # Outputs of an earlier process may have been submitted.
        self._calls_unsure = events is None
        try:
            end = await self._to_end(run, events)
        finally:
            if self._counting is not None:
                self._counting.cancel()
        if len(end.text) > MOST_TEXT and end.outcome == "answered":
            end = replace(end, error="incomplete")
        return with_answer(end, self._answer)

    async def _to_end(self, run: Run, events: EventStream | None) -> RunEnd:
        follow = asyncio.create_task(self._follow(run, events))
        cancelled = asyncio.create_task(self._cancel_on_request(run))
        expired = asyncio.create_task(self._clock.sleep(_lifetime(run) + _LIFETIME_GRACE))
        async with cancelling(follow, cancelled, expired):
            tasks = (follow, cancelled, expired)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if follow.done():
                return follow.result()
            if cancelled.done():
                _log.warning("Run %s did not end after its cancellation", run.id)
                return RunEnd("cancelled", self.text)
            await self._cancel_briefly(run)
            reason = "it is past its lifetime and still active"
            return RunEnd("failed", self.text, "expired", reason=reason)

    async def _cancel_on_request(self, run: Run) -> None:
        await self._cancel_requested.wait()
        async with cancelling(asyncio.create_task(self._cancel(run))):
            await self._clock.sleep(CANCEL_GRACE)

    async def _cancel_briefly(self, run: Run) -> None:
        """Cancel a run that nobody waits for; give up if the server does not answer in time."""
        stopping = asyncio.create_task(self._cancel(run))
        overdue = asyncio.create_task(self._clock.sleep(CANCEL_GRACE))
        async with cancelling(stopping, overdue):
            await asyncio.wait({stopping, overdue}, return_when=asyncio.FIRST_COMPLETED)

    async def _cancel(self, run: Run) -> None:
        try:
            await self._threads.api.cancel_run(run.thread_id, run.id)
        except (APIError, TurnError) as error:
            # The run may have ended, or the server be unreachable: following it shows which.
            _log.info("Run %s was not cancelled: %s", run.id, error)

    async def _follow(self, run: Run, events: EventStream | None) -> RunEnd:
        try:
            return await self._follow_to_end(run, events)
        except _TooLongError:
            _log.warning(
                "Run %s has written more than %d characters and is cancelled", run.id, MOST_TEXT
            )
            await self._cancel_briefly(run)
            return RunEnd("answered", self.text, "incomplete", model=run.model)

    async def _follow_to_end(self, run: Run, events: EventStream | None) -> RunEnd:
        api, pauses = self._threads.api, 0
        try:
            while True:
                if events is None:
                    events = await api.follow_run(run.thread_id, run.id)
                last = await self._read(events, run)
                is_whole = last is not None
                if last is None:
                    # The rest may be unreadable although the run has ended.
                    last = await api.retrieve_run(run.thread_id, run.id)
                    await self._note_outputs(last)
                if last.status in TERMINAL:
                    return await self._end(last, is_whole=is_whole)
                events = None
                if last.status == "requires_action" and await self._look_up_calls(last):
                    events = await self._answer_calls(last)
                if events is None:
                    await self._clock.sleep(backoff(pauses, _LONGEST_PAUSE, first=_FIRST_PAUSE))
                    pauses += 1
        except APIError as error:
            kind = "model_failed" if gone(error) else refusal(error)
            return RunEnd("failed", self.text, kind, reason=f"it can't be read: {error}")

    async def _read(self, events: EventStream, run: Run) -> Run | None:
        """Read events to their end; return the run's newest state, None if they broke off."""
        last = run
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    if isinstance(event.data, ErrorBody):
                        _log.info(
                            "The stream of run %s broke: %s",
                            run.id,
                            without_quotes(event.data.message),
                        )
                        return None
                    if isinstance(event.data, Run):
                        last = event.data
                        await self._note_outputs(last)
                    else:
                        self._handle(event, last)
        except APIError as error:
            _log.info("The stream of run %s broke: %s", run.id, error)
            return None
        return last

    async def _note_outputs(self, run: Run) -> None:
        """Store that a run has received its outputs, if that was unsure and it waits for none."""
        if self._calls_unsure and run.tools and run.status != "requires_action":
            await self._answerer.settled(run.id)
            self._calls_unsure = False

    def _handle(self, event: StreamEvent, run: Run) -> None:
        """Add an event to the text or to the list of tool calls, and show both."""
        data = event.data
        if isinstance(data, RunStep | RunStepDelta):
            if not self._progress.add(data):
                return
            self._list_calls(run)
        elif isinstance(data, MessageDelta):
            self._calls_tools = False
            self._answer.add(data)
            if self._answer.characters > MOST_TEXT:
                raise _TooLongError
        elif isinstance(data, Message) and event.event in _MESSAGE_ENDS:
            self._answer.put(data)
        elif not (
            isinstance(data, Message)
            and event.event == "thread.message.in_progress"
            and self._answer.withdraw(data.id)
        ):
            return
        self._show(lambda: self.shown)

    def _list_calls(self, run: Run) -> None:
        """List the tool calls below the text, until more text arrives."""
        self._calls_tools = True
        if self._counting is None and self._progress.searches:
            self._counting = asyncio.create_task(self._count_files(run))

    async def _count_files(self, run: Run) -> None:
        """Count the files that the run's searches cover; they stay uncounted after a failure."""
        try:
            self._files = await _searchable_files(self._threads.api, run)
        except (APIError, TurnError) as error:
            _log.info("The files that run %s searches can't be counted: %s", run.id, error)
            return
        self._show(lambda: self.shown)

    async def _answer_calls(self, run: Run) -> EventStream | None:
        """Make the calls that a run waits for, submit all outputs, and return the next events.

        The calls are cancelled with the run, or on request; then no output is submitted. None where
        the run may not have the outputs.
        """
        if run.required_action is None:
            return None
        answering = asyncio.ensure_future(self._answerer.outputs(run, self._call_ended))
        stopped = asyncio.create_task(self._until_stopped(run))
        async with cancelling(answering, stopped):
            await asyncio.wait({answering, stopped}, return_when=asyncio.FIRST_COMPLETED)
            outputs = answering.result() if answering.done() else None
        if outputs is None:
            await self._answerer.cancelled(run.id)
            return None
        self._calls_unsure = True
        request = SubmitToolOutputs(tool_outputs=tuple(outputs))
        api = self._threads.api
        try:
            events = await api.stream_tool_outputs(run.thread_id, run.id, request)
        except APIError as error:
            # Whether the outputs arrived, or the run has ended, is looked up on the run.
            _log.info("Run %s accepted no tool outputs: %s", run.id, error)
            return None
        await self._answerer.submitted(run.id, [each.tool_call_id for each in outputs])
        self._calls_unsure = False
        return events

    def _call_ended(self, call_id: str, succeeded: bool) -> None:
        if self._progress.ended(call_id, succeeded=succeeded):
            self._show(lambda: self.shown)

    async def _until_stopped(self, run: Run) -> None:
        """Return once the run is to be cancelled, or waits for outputs no more."""
        requested = asyncio.create_task(self._cancel_requested.wait())
        async with cancelling(requested):
            while not requested.done():
                pause = asyncio.create_task(self._clock.sleep(_LONGEST_PAUSE))
                async with cancelling(pause):
                    await asyncio.wait({requested, pause}, return_when=asyncio.FIRST_COMPLETED)
                if requested.done():
                    return
                with contextlib.suppress(APIError, TurnError):
                    current = await self._threads.api.retrieve_run(run.thread_id, run.id)
                    if current.status != "requires_action":
                        return

    async def _look_up_calls(self, run: Run) -> bool:
        """Look up which outputs a run has, where that is not known; False where it can't be read.

        The run may wait for further calls, and a model may have given them the ids of earlier ones.
        """
        if not self._calls_unsure:
            return True
        try:
            steps = await self._threads.steps_of(run.thread_id, run.id)
        except (APIError, TurnError) as error:
            _log.info("Which outputs run %s has can't be read: %s", run.id, error)
            return False
        await self._answerer.looked_up(run.id, answered_calls(steps))
        return True

    async def _end(self, run: Run, *, is_whole: bool) -> RunEnd:
        """Return a run's end; the messages are read unless the events told all of them."""
        if not (is_whole and self.text and self._answer.is_complete) or run.status != "completed":
            await self._read_messages(run)
        return ended(run, self.text)

    async def _read_messages(self, run: Run) -> None:
        try:
            messages = await self._threads.messages_of(run.thread_id, run.id)
        except (APIError, TurnError) as error:
            if run.status == "completed":
                raise
            _log.info("The messages of run %s can't be read: %s", run.id, error)
            return
        stored = answer_text_of(messages)
        # Some servers store nothing of a cancelled run: then the events had more text.
        if stored.text:
            self._answer = stored


async def _searchable_files(api: AssistantsAPI, run: Run) -> int:
    """Return how many files a search of a run covers; raises what ``api`` raises."""
    thread = await api.retrieve_thread(run.thread_id)
    assistant = await api.retrieve_assistant(run.assistant_id)
    store_ids = {
        store_id
        for owner in (thread, assistant)
        if owner.tool_resources is not None
        and isinstance(owner.tool_resources.file_search, FileSearchResources)
        for store_id in owner.tool_resources.file_search.vector_store_ids
    }
    stores = [await api.retrieve_vector_store(store_id) for store_id in store_ids]
    return sum(store.file_counts.completed for store in stores)


def _lifetime(run: Run) -> float:
    """Return how long a run may take, in seconds; a default if the server's times are absurd."""
    seconds = (run.expires_at or 0) - run.created_at
    return float(seconds) if 0 < seconds <= _LONGEST_LIFETIME else _LIFETIME
