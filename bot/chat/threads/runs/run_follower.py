"""Follows a run to its end: by its events while they arrive, by polling otherwise.

Following always ends: a run that is active past its lifetime is cancelled.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final, TypeAlias

from msgspec.structs import replace

from bot.assistants.api import AssistantsAPI, EventStream
from bot.assistants.errors import APIError, ErrorBody
from bot.assistants.events import MessageDelta, RunStepDelta, StreamEvent
from bot.assistants.schema.objects import FileSearchResources, Message, Run, RunStep
from bot.assistants.schema.requests import SubmitToolOutputs
from bot.assistants.states import TERMINAL
from bot.chat.texts.fluent import localized
from bot.chat.threads.api_errors import TurnError, gone, refusal
from bot.chat.threads.messages.transcript import Transcript, transcript_of
from bot.chat.threads.runs.call_answerer import CallAnswerer
from bot.chat.threads.runs.run_end import MOST_TEXT, RunEnd, ended, with_answer
from bot.chat.threads.runs.run_progress import RunProgress, answered_calls
from bot.chat.threads.threads import AssistantThreads
from bot.runtime.clock import Clock
from bot.runtime.quoted_text import without_quotes
from bot.runtime.tasks import cancelling

CANCEL_GRACE: Final = 15.0
"""How long a run may take to end after a cancel request, in seconds."""

_LIFETIME: Final = 600.0
_LONGEST_LIFETIME: Final = 86_400
_LIFETIME_GRACE: Final = 30.0
_FIRST_POLL: Final = 0.25
_LONGEST_POLL: Final = 2.0

_log: Final = logging.getLogger(__name__)


CurrentText: TypeAlias = Callable[[], str]
"""Returns the answer's text so far.

A long answer arrives in thousands of pieces, of which few are shown; its text is joined on demand.
"""


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
        self._answer = Transcript()
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
        """The text so far; while the run calls tools, its tool calls are listed below."""
        if not self._calls_tools:
            return self.text
        return "\n".join([self.text or localized("thinking"), *self._progress.lines(self._files)])

    async def to_end(self, run: Run, events: EventStream | None) -> RunEnd:
        """Follow the run until it has ended, or until the bot waits for it no longer."""
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
        """Read events to their end; return the run's newest state, and whether they broke off."""
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    if isinstance(event.data, ErrorBody):
                        _log.info(
                            "The stream of run %s broke: %s",
                            last.id,
                            without_quotes(event.data.message),
                        )
                        return last, True
                    last = self._handle(event, last)
        except APIError as error:
            _log.info("The stream of run %s broke: %s", last.id, error)
            return last, True
        return last, False

    def _handle(self, event: StreamEvent, last: Run) -> Run:
        data = event.data
        if isinstance(data, Run):
            return data
        if isinstance(data, RunStep | RunStepDelta):
            changed = (
                self._progress.put(data) if isinstance(data, RunStep) else self._progress.add(data)
            )
            if not changed:
                return last
            self._list_calls(last)
        elif isinstance(data, MessageDelta):
            self._calls_tools = False
            self._answer.add(data)
            if self._answer.characters > MOST_TEXT:
                raise _TooLongError
        elif isinstance(data, Message) and event.event != "thread.message.created":
            self._answer.put(data)
        else:
            return last
        self._show(lambda: self.shown)
        return last

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

    async def _answer_calls(self, run: Run, *, stream: bool) -> EventStream | None:
        """Make the calls that a run waits for, and submit all outputs together.

        The calls are cancelled with the run, or on request; then no output is submitted.
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
        api, events = self._threads.api, None
        try:
            if stream:
                events = await api.stream_tool_outputs(run.thread_id, run.id, request)
            else:
                await api.submit_tool_outputs(run.thread_id, run.id, request)
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
                pause = asyncio.create_task(self._clock.sleep(_LONGEST_POLL))
                async with cancelling(pause):
                    await asyncio.wait({requested, pause}, return_when=asyncio.FIRST_COMPLETED)
                if requested.done():
                    return
                with contextlib.suppress(APIError, TurnError):
                    current = await self._threads.api.retrieve_run(run.thread_id, run.id)
                    if current.status != "requires_action":
                        return

    async def _poll(self, run: Run) -> RunEnd:
        wait = _FIRST_POLL
        while True:
            try:
                current = await self._threads.api.retrieve_run(run.thread_id, run.id)
            except APIError as error:
                kind = "model_failed" if gone(error) else refusal(error)
                return RunEnd("failed", self.text, kind, reason=f"it can't be read: {error}")
            if self._calls_unsure and current.tools and current.status != "requires_action":
                await self._answerer.settled(run.id)
                self._calls_unsure = False
            if current.status in TERMINAL:
                return await self._end(current)
            if current.tools:
                await self._show_calls(current)
            if current.status == "requires_action" and await self._look_up_calls(current):
                await self._answer_calls(current, stream=False)
            await self._clock.sleep(wait)
            wait = min(wait * 1.3, _LONGEST_POLL)

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

    async def _show_calls(self, run: Run) -> None:
        """Show the tool calls of a run without events, as after a restart."""
        try:
            steps = await self._threads.steps_of(run.thread_id, run.id)
        except (APIError, TurnError) as error:
            _log.debug("The steps of run %s can't be read: %s", run.id, error)
            return
        listed = [self._progress.put(step) for step in steps]
        if any(listed):
            self._list_calls(run)
            self._show(lambda: self.shown)

    async def _end(self, run: Run) -> RunEnd:
        if not self.text or not self._answer.is_complete or run.status != "completed":
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
        stored = transcript_of(messages)
        # Some servers store nothing of a cancelled run: then the events had more text.
        if stored.text:
            self._answer = stored


async def _searchable_files(api: AssistantsAPI, run: Run) -> int:
    """Return how many files a search of a run covers; raises as ``api`` does."""
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
    """Return how long a run may take, in seconds; a default where the server's word is absurd."""
    seconds = (run.expires_at or 0) - run.created_at
    return float(seconds) if 0 < seconds <= _LONGEST_LIFETIME else _LIFETIME
