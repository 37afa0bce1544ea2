"""Runs expire in time, whatever the machine's date and the disk do meanwhile."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Literal

import pytest

from bot.assistants.schema.objects import Run
from tests.contract.tooling import outputs, tool
from tests.support.assistants import House, house
from tests.support.eventually import eventually
from tests.support.model_endpoint import ScriptedModel
from tests.support.troubled_database import troubled_store

DAY = 86_400.0


@pytest.mark.parametrize("jump", [DAY, -DAY])
async def test_a_jump_of_the_date_neither_ends_a_run_nor_spares_it(
    tmp_path: Path, jump: float
) -> None:
    async with house(tmp_path, "engine") as home:
        gate = home.model.stall("once ", then="upon a time")
        first = await home.run(await home.thread("one"))
        await home.model.until_request(1)  # it takes the first answer, however slow the machine is
        home.clock.jump(jump)
        home.model.stall("busy ")
        second = await home.run(await home.thread("two"))
        await home.model.until_request(2)
        await home.until(first, "in_progress")
        gate.open()
        await home.until(first, "completed")
        home.clock.advance(599)
        await home.until(second, "in_progress")
        home.clock.advance(1)
        await home.until(second, "expired")


@pytest.mark.parametrize("jump", [DAY, -DAY])
async def test_a_run_that_waits_for_outputs_takes_them_after_a_jump_of_the_date(
    tmp_path: Path, jump: float
) -> None:
    async with house(tmp_path, "engine") as home:
        home.model.call_tools(("f", {"x": 1}))
        thread_id = await home.thread("go")
        run = await home.run(thread_id, await home.assistant(tools=(tool("f"),)))
        waiting = await home.until(run, "requires_action")
        home.clock.advance(300)
        home.clock.jump(jump)
        home.model.stall("busy ")
        await home.api.submit_tool_outputs(thread_id, run.id, outputs(waiting))
        await home.model.until_request(2)
        await home.until(run, "in_progress")
        home.clock.advance(299)
        await home.until(run, "in_progress")
        home.clock.advance(1)
        await home.until(run, "expired")


@pytest.mark.parametrize("status", ["in_progress", "requires_action"])
async def test_after_a_restart_a_run_has_the_time_that_its_stored_date_leaves(
    tmp_path: Path, status: Literal["in_progress", "requires_action"]
) -> None:
    model = ScriptedModel()
    if status == "in_progress":
        model.stall("busy ")
    else:
        model.call_tools(("f", {"x": 1}))
    async with house(tmp_path, "engine", model=model) as before:
        assistant = await before.assistant(tools=(tool("f"),))
        run = await before.run(await before.thread("one"), assistant)
        await model.until_request(1)
        await before.until(run, status)
    model.stall("busy ")
    async with house(tmp_path, "engine", model=model) as after:
        after.clock.advance(599)
        assert (await after.api.retrieve_run(run.thread_id, run.id)).status == status
        after.clock.advance(1)
        await after.until(run, "expired")


async def test_a_run_whose_end_the_disk_refuses_expires_a_little_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, database = await troubled_store(tmp_path / "engine.db")
    async with house(tmp_path, "engine", store=store) as home:
        home.model.call_tools(("f", {"x": 1}))
        assistant = await home.assistant(tools=(tool("f"),))
        run = await home.run(await home.thread("go"), assistant)
        await home.until(run, "requires_action")
        database.failing_writes = 2
        home.clock.advance(600)
        await expired(home, run)
        assert caplog.text.count("is overdue and can't be ended") == 2


async def expired(home: House, run: Run) -> None:
    """Let seconds pass until a run has expired, well before anything else would."""

    def a_second_later() -> Awaitable[Run]:
        home.clock.advance(1)
        return home.api.retrieve_run(run.thread_id, run.id)

    await eventually(a_second_later, lambda run: run.status == "expired")
