"""What a started engine makes of what the last one left."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.assistants.errors import INTERRUPTED_RUN
from bot.assistants.schema.objects import LastError
from bot.assistants.schema.requests import CreateMessage, Page, SubmitToolOutputs, ToolOutput
from bot.assistants.schema.tools import FunctionDefinition, FunctionTool
from bot.engine import EngineOptions
from tests.support.assistants import house, text_of
from tests.support.databases import execute
from tests.support.eventually import eventually
from tests.support.files import upload
from tests.support.model_endpoint import ScriptedModel

TOOL = FunctionTool(FunctionDefinition("look_up"))


async def test_a_run_cut_in_its_answer_is_repeated_and_says_it_once(tmp_path: Path) -> None:
    model = ScriptedModel()
    model.stall("half of")
    async with house(tmp_path, "engine", model=model) as before:
        run = await before.run(await before.thread("question"))
        await model.until_request(1)
        await before.until(run, "in_progress")
    model.say("half of the answer")
    async with house(tmp_path, "engine", model=model) as after:
        ended = await after.until(run)
        assert ended.status == "completed"
        assert ended.created_at == run.created_at
        messages = (await after.api.list_messages(run.thread_id, Page(order="asc"))).data
        assert [text_of(message) for message in messages] == ["question", "half of the answer"]
        steps = (await after.api.list_steps(run.thread_id, run.id)).data
        assert [step.status for step in steps] == ["completed"]


async def test_a_run_that_waited_for_its_turn_still_gets_it(tmp_path: Path) -> None:
    model = ScriptedModel()
    model.stall()
    one_at_a_time = EngineOptions(max_concurrent_runs=1)
    async with house(tmp_path, "engine", model=model, options=one_at_a_time) as before:
        first = await before.run(await before.thread("first"))
        await model.until_request(1)
        second = await before.run(await before.thread("second"))
        assert (await before.api.retrieve_run(second.thread_id, second.id)).status == "queued"
    async with house(tmp_path, "engine", model=model, options=one_at_a_time) as after:
        for run, text in ((first, "first"), (second, "second")):
            assert (await after.until(run)).status == "completed"
            newest = (await after.api.list_messages(run.thread_id)).data[0]
            assert text_of(newest) == text


async def test_a_run_that_was_being_cancelled_is_cancelled(tmp_path: Path) -> None:
    model = ScriptedModel()
    model.stall("some")
    async with house(tmp_path, "engine", model=model) as before:
        run = await before.run(await before.thread("question"))
        await model.until_request(1)
        await before.until(run, "in_progress")
        # As a process killed between the two transactions of a cancellation leaves it.
        await before.engine.store.write(
            lambda tables: tables.move_run("default", run.id, "cancelling")
        )
    async with house(tmp_path, "engine", model=model) as after:
        ended = await after.api.retrieve_run(run.thread_id, run.id)
        assert ended.status == "cancelled"
        assert len(model.requests) == 1
        await after.api.create_message(run.thread_id, CreateMessage(role="user", content="next"))


async def test_tool_outputs_are_still_taken_after_a_restart(tmp_path: Path) -> None:
    model = ScriptedModel()
    model.call_tools(("look_up", {"word": "x"}), ids=["call_1"])
    async with house(tmp_path, "engine", model=model) as before:
        run = await before.run(await before.thread("question"), tools=(TOOL,))
        await before.until(run, "requires_action")
    model.say("found")
    async with house(tmp_path, "engine", model=model) as after:
        outputs = SubmitToolOutputs(tool_outputs=(ToolOutput(tool_call_id="call_1", output="y"),))
        await after.api.submit_tool_outputs(run.thread_id, run.id, outputs)
        assert (await after.until(run)).status == "completed"
        assert model.requests[-1].messages[-1] == {
            "role": "tool",
            "tool_call_id": "call_1",
            "content": "y",
        }


async def test_a_run_repeats_only_what_came_after_its_last_finished_step(tmp_path: Path) -> None:
    model = ScriptedModel()
    model.call_tools(("look_up", {}), ids=["call_1"])
    async with house(tmp_path, "engine", model=model) as before:
        run = await before.run(await before.thread("question"), tools=(TOOL,))
        await before.until(run, "requires_action")
        model.stall("it")
        outputs = SubmitToolOutputs(tool_outputs=(ToolOutput(tool_call_id="call_1", output="y"),))
        await before.api.submit_tool_outputs(run.thread_id, run.id, outputs)
        await model.until_request(2)
        await before.until(run, "in_progress")
    model.say("it is y")
    async with house(tmp_path, "engine", model=model) as after:
        assert (await after.until(run)).status == "completed"
        steps = (await after.api.list_steps(run.thread_id, run.id, Page(order="asc"))).data
        assert [(step.type, step.status) for step in steps] == [
            ("tool_calls", "completed"),
            ("message_creation", "completed"),
        ]
        assert len(model.requests) == 3


@pytest.mark.parametrize(("apart", "status"), [(61, "failed"), (5, "completed")])
async def test_a_run_fails_after_three_stops_unless_these_come_within_seconds(
    tmp_path: Path, apart: float, status: str
) -> None:
    model = ScriptedModel()
    async with house(tmp_path, "engine", model=model) as first:
        model.stall()
        run = await first.run(await first.thread("question"))
        await model.until_request(1)
        await first.until(run, "in_progress")
    killed(tmp_path, apart)
    for count in (2, 3):
        model.stall()
        async with house(tmp_path, "engine", model=model):
            await model.until_request(count)
        killed(tmp_path, apart)
    async with house(tmp_path, "engine", model=model) as last:
        ended = await last.until(run)
        assert ended.status == status
        if status == "failed":
            assert ended.last_error == LastError("server_error", INTERRUPTED_RUN)
            assert len(model.requests) == 3
        await last.api.create_message(run.thread_id, CreateMessage(role="user", content="next"))


async def test_an_orderly_stop_does_not_count_against_a_run(tmp_path: Path) -> None:
    model = ScriptedModel()
    model.stall()
    async with house(tmp_path, "engine", model=model) as first:
        run = await first.run(await first.thread("question"))
        await model.until_request(1)
        await first.until(run, "in_progress")
    for count in range(2, 6):
        model.stall()
        async with house(tmp_path, "engine", model=model):
            await model.until_request(count)
    async with house(tmp_path, "engine", model=model) as last:
        assert (await last.until(run)).status == "completed"


def killed(directory: Path, ago: float) -> None:
    """Have the last stop of the engine count as a kill, ``ago`` seconds before the next start."""
    with closing(sqlite3.connect(directory / "engine.db")) as db, db:
        db.execute("UPDATE runs SET tries = tries + 1, tried_at = tried_at - ?", (ago,))


async def test_a_run_whose_time_came_while_nobody_ran_it_expires(tmp_path: Path) -> None:
    model = ScriptedModel()
    model.stall()
    async with house(tmp_path, "engine", model=model) as before:
        run = await before.run(await before.thread("question"))
        await model.until_request(1)
        await before.until(run, "in_progress")
        # The next engine's clock starts anew: let the run have been made long before that.
        long_ago = "UPDATE runs SET expires_at = 1, body = json_set(body, '$.expires_at', 1)"
        await execute(tmp_path / "engine.db", long_ago)
    async with house(tmp_path, "engine", model=model) as after:
        ended = await after.api.retrieve_run(run.thread_id, run.id)
        assert ended.status == "expired"
        assert len(model.requests) == 1


async def test_unknown_files_in_the_files_directory_do_not_prevent_the_start(
    tmp_path: Path,
) -> None:
    (tmp_path / "files" / "lost+found").mkdir(parents=True)
    (tmp_path / "files" / "file-left.part").write_bytes(b"half")
    async with house(tmp_path, "engine") as home:
        run = await home.run(await home.thread("one"))
        assert (await home.until(run)).status == "completed"
        assert not (tmp_path / "files" / "file-left.part").exists()


async def test_a_file_whose_bytes_cannot_be_deleted_keeps_no_other_from_being_dropped(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, "engine") as home:
        stuck, gone = [await upload(home.api, f"{name}.txt", name) for name in ("a", "b")]
        path = tmp_path / "files" / stuck.id
        path.unlink()
        path.mkdir()
        await execute(tmp_path / "engine.db", "UPDATE files SET expires_at = 1")
        home.clock.advance(3_700)
        await eventually(lambda: not (tmp_path / "files" / gone.id).exists())
