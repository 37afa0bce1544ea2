"""Polling of a run: yields the events of a stream, but without deltas: whole objects only."""

from collections.abc import AsyncGenerator
from typing import Final, Protocol

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError
from bot.assistants.schema.objects import ListPage, Message, Run, RunStep
from bot.assistants.schema.requests import Page
from bot.assistants.seen_events import SeenEvents
from bot.assistants.states import TERMINAL
from bot.runtime.clock import Clock

DEFAULT_WAIT: Final = 1.0
"""Seconds between two polls where the server names none."""

_MOST_PAGES: Final = 100


class Pollable(Protocol):
    """The operations that polling needs."""

    async def poll_run(self, thread_id: str, run_id: str) -> tuple[Run, float | None]:
        """Return the run, and the seconds until the next poll if the server names them."""

    async def list_steps(
        self, thread_id: str, run_id: str, page: Page, *, include: tuple[str, ...]
    ) -> ListPage[RunStep]:
        """List a run's steps."""

    async def list_messages(
        self, thread_id: str, page: Page, *, run_id: str | None
    ) -> ListPage[Message]:
        """List a run's messages."""


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
        steps: list[RunStep] = []
        messages: list[Message] = []
        if run.status != "queued" or run.started_at is not None:  # else no step exists yet
            steps = [step async for step in _steps(client, run, seen.include)]
            ended = [step for step in steps if step.status != "in_progress"]
            if run.status in TERMINAL or not all(map(seen.has_end, ended)):
                messages = [message async for message in _messages(client, run)]
        for event in seen.new_in(run, steps, messages):
            yield event
        if seen.rests:
            return
        await clock.sleep(DEFAULT_WAIT if wait is None else wait)
        run = None


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
