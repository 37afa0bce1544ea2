"""Polling of a run: yields a stream's events, but whole objects only."""

from collections.abc import AsyncGenerator
from typing import Final, Protocol

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError
from bot.assistants.events import (
    StreamEvent,
    message_event,
    run_event,
    step_event,
)
from bot.assistants.schema.objects import ListPage, Message, MessageCreationDetails, Run, RunStep
from bot.assistants.schema.requests import Page
from bot.assistants.states import TERMINAL, RunStatus
from bot.runtime.clock import Clock

DEFAULT_WAIT: Final = 1.0
"""Seconds between two polls where the server names none."""


_MOST_PAGES: Final = 100

_UNDER_WAY: Final[frozenset[RunStatus]] = frozenset({"queued", "in_progress", "cancelling"})


class Pollable(Protocol):
    """The operations that polling needs."""

    async def poll_run(self, thread_id: str, run_id: str) -> tuple[Run, float | None]:
        """Return the run, and the seconds until the next poll if the server names them."""
        ...

    async def list_steps(
        self, thread_id: str, run_id: str, page: Page, *, include: tuple[str, ...]
    ) -> ListPage[RunStep]:
        """List a run's steps."""
        ...

    async def list_messages(
        self, thread_id: str, page: Page, *, run_id: str | None
    ) -> ListPage[Message]:
        """List a run's messages."""
        ...


class SeenEvents:
    """The events of a run that the caller has, so that none is yielded twice."""

    def __init__(
        self,
        thread_id: str | None = None,
        run_id: str | None = None,
        include: tuple[str, ...] = (),
    ) -> None:
        self.thread_id = thread_id
        self.run_id = run_id
        self.include = include
        """Extra fields of steps, see ``AssistantsAPI.list_steps``."""
        self.status: RunStatus | None = None
        self._begun: set[str] = set()
        self._ended: set[str] = set()

    def note(self, event: StreamEvent) -> None:
        """Record an event that the caller has."""
        data = event.data
        if isinstance(data, Run):
            self.thread_id, self.run_id, self.status = data.thread_id, data.id, data.status
        elif isinstance(data, RunStep | Message):
            self._begun.add(data.id)
            if data.status != "in_progress":
                self._ended.add(data.id)

    @property
    def rests(self) -> bool:
        """Whether the run has ended or waits for tool outputs: a stream ends there."""
        return self.status == "requires_action" or self.status in TERMINAL

    def run(self, run: Run) -> list[StreamEvent]:
        """Return the event of a run's new status, if it is new."""
        if run.status == self.status:
            return []
        return self._told(run_event(run))

    def step(self, step: RunStep) -> list[StreamEvent]:
        """Return the new events of a step."""
        if step.id in self._ended or (step.status == "in_progress" and step.id in self._begun):
            return []
        if step.status == "in_progress":
            return self._told(StreamEvent("thread.run.step.created", step), step_event(step))
        return self._told(step_event(step))

    def message(self, message: Message) -> list[StreamEvent]:
        """Return the new events of a message: none until it is complete."""
        if message.id in self._ended or message.status == "in_progress":
            return []
        return self._told(message_event(message))

    def _told(self, *events: StreamEvent) -> list[StreamEvent]:
        for event in events:
            self.note(event)
        return list(events)


async def follow(
    client: Pollable, seen: SeenEvents, clock: Clock, first: Run | None
) -> EventStream:
    """Yield the events of the run in ``seen`` until it ends or waits for tool outputs.

    ``first`` is the run as last read, None to read it now. Raises ``APIError``.
    """
    thread_id, run_id = seen.thread_id or "", seen.run_id or ""
    wait: float | None = None
    run = first
    while True:
        if run is None:
            run, wait = await client.poll_run(thread_id, run_id)
        # As in a stream, a run's start comes before its steps, and its end after them.
        if run.status in _UNDER_WAY:
            for event in seen.run(run):
                yield event
        async for event in _objects(client, seen, run):
            yield event
        for event in seen.run(run):
            yield event
        if seen.rests:
            return
        await clock.sleep(DEFAULT_WAIT if wait is None else wait)
        run = None


async def _objects(
    client: Pollable, seen: SeenEvents, run: Run
) -> AsyncGenerator[StreamEvent, None]:
    """Yield the events of the run's messages and steps, each message before its step."""
    if run.status == "queued" and run.started_at is None:
        return  # no step exists yet
    steps = [step async for step in _steps(client, run, seen.include)]
    fresh = [(step, events) for step in steps if (events := seen.step(step))]
    if run.status not in TERMINAL and all(step.status == "in_progress" for step, _ in fresh):
        for _, events in fresh:
            for event in events:
                yield event
        return
    messages = {message.id: message async for message in _messages(client, run)}
    for step, events in fresh:
        details = step.step_details
        if isinstance(details, MessageCreationDetails):
            message = messages.pop(details.message_creation.message_id, None)
            for event in seen.message(message) if message else ():
                yield event
        for event in events:
            yield event
    for message in messages.values():
        for event in seen.message(message):
            yield event


async def _steps(
    client: Pollable, run: Run, include: tuple[str, ...]
) -> AsyncGenerator[RunStep, None]:
    after: str | None = None
    for _ in range(_MOST_PAGES):
        page = Page(limit=100, order="asc", after=after)
        try:
            found = await client.list_steps(run.thread_id, run.id, page, include=include)
        except APIError as error:
            if error.status in (404, 405, 501):  # some servers keep no steps
                return
            raise
        for step in found.data:
            yield step
        before, after = after, found.data[-1].id if found.data else None
        if not found.has_more or after in (None, before):  # or the server can't page
            return


async def _messages(client: Pollable, run: Run) -> AsyncGenerator[Message, None]:
    after: str | None = None
    for _ in range(_MOST_PAGES):
        page = Page(limit=100, order="asc", after=after)
        found = await client.list_messages(run.thread_id, page, run_id=run.id)
        for message in found.data:
            if message.run_id == run.id:  # some servers ignore the filter
                yield message
        before, after = after, found.data[-1].id if found.data else None
        if not found.has_more or after in (None, before):  # or the server can't page
            return
