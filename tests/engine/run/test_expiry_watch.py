"""The watch on deadlines outlives a database that can't be read for a moment."""

from collections.abc import Awaitable
from pathlib import Path

import pytest

from bot.assistants.schema.objects import Run
from tests.support.assistants import House, house
from tests.support.eventually import eventually
from tests.support.troubled_database import troubled_store


async def test_one_failed_read_of_the_database_does_not_end_the_watch_on_deadlines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, database = await troubled_store(tmp_path / "engine.db")
    async with house(tmp_path, "engine", store=store) as home:
        home.model.stall("one ")
        first = await home.run(await home.thread("one"))
        await home.model.until_request(1)
        await home.until(first, "in_progress")
        database.failing_reads = 1
        home.clock.advance(600)

        # A look that was under way when time moved comes again a second later.
        def failed_a_second_later() -> bool:
            home.clock.advance(1)
            return database.failing_reads == 0

        await eventually(failed_a_second_later)
        # What was overdue then ends soon, and what is made after it in its own time.
        await expired(home, first)
        assert "Looking for expired runs failed" in caplog.text
        home.model.stall("two ")
        second = await home.run(await home.thread("two"))
        await home.model.until_request(2)
        assert second.expires_at is not None
        home.clock.advance(second.expires_at - home.clock.now())
        await expired(home, second)


async def expired(home: House, run: Run) -> None:
    """Let seconds pass until a run has expired, well before anything else would."""

    def a_second_later() -> Awaitable[Run]:
        home.clock.advance(1)
        return home.api.retrieve_run(run.thread_id, run.id)

    await eventually(a_second_later, lambda run: run.status == "expired")
