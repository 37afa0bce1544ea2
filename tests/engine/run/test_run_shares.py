"""Runs at once: projects take turns, and one of them cannot hold every slot."""

from pathlib import Path

from bot.assistants.schema.requests import CreateAssistant, CreateMessage, CreateRun, CreateThread
from bot.engine import EngineOptions
from tests.support.assistants import house
from tests.support.eventually import eventually


async def test_one_projects_slow_runs_leave_a_slot_to_another_project(tmp_path: Path) -> None:
    options = EngineOptions(max_concurrent_runs=4, runs_per_project=3)
    async with house(tmp_path, "engine", options=options) as home:
        assistant = await home.assistant()
        gates = [home.model.stall() for _ in range(3)]
        slow = [await home.run(await home.thread("slow"), assistant) for _ in range(3)]
        await home.model.until_request(3)
        waiting = await home.run(await home.thread("waiting"), assistant)
        api = home.other
        made = await api.create_assistant(CreateAssistant(model="scripted-model"))
        message = CreateMessage(role="user", content="quick")
        thread = await api.create_thread(CreateThread(messages=(message,)))
        run = await api.create_run(thread.id, CreateRun(assistant_id=made.id))
        await eventually(
            lambda: api.retrieve_run(thread.id, run.id), lambda run: run.status == "completed"
        )
        assert (await home.api.retrieve_run(waiting.thread_id, waiting.id)).status == "queued"
        for gate in gates:
            gate.open()
        for each in (*slow, waiting):
            await home.until(each, "completed")
