"""Projects see nothing of each other."""

from collections.abc import Awaitable

from bot.assistants.schema.requests import (
    CreateMessage,
    CreateRun,
    CreateThread,
    CreateThreadAndRun,
    ModifyAssistant,
    ModifyMessage,
    ModifyRun,
    ModifyThread,
)
from tests.contract.refusals import refused
from tests.contract.tooling import submission
from tests.support.assistants import House


async def test_one_projects_objects_do_not_exist_in_another(home: House) -> None:
    assistant_id = await home.assistant()
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id, assistant_id), "completed")
    message_id = (await home.api.list_messages(thread_id)).data[0].id
    step_id = (await home.api.list_steps(thread_id, run.id)).data[0].id
    other = home.other
    of_assistant: list[Awaitable[object]] = [
        other.retrieve_assistant(assistant_id),
        other.modify_assistant(assistant_id, ModifyAssistant(name="mine")),
        other.delete_assistant(assistant_id),
        other.create_thread_and_run(CreateThreadAndRun(assistant_id=assistant_id)),
    ]
    for request in of_assistant:
        error = await refused(request, 404)
        assert error.message == f"No assistant found with id '{assistant_id}'."
    on_thread: list[Awaitable[object]] = [
        other.retrieve_thread(thread_id),
        other.modify_thread(thread_id, ModifyThread(metadata={})),
        other.delete_thread(thread_id),
        other.create_message(thread_id, CreateMessage(role="user", content="x")),
        other.list_messages(thread_id),
        other.retrieve_message(thread_id, message_id),
        other.modify_message(thread_id, message_id, ModifyMessage(metadata={})),
        other.delete_message(thread_id, message_id),
        other.create_run(thread_id, CreateRun(assistant_id=assistant_id)),
        other.list_runs(thread_id),
        other.retrieve_run(thread_id, run.id),
        other.modify_run(thread_id, run.id, ModifyRun(metadata={})),
        other.cancel_run(thread_id, run.id),
        other.submit_tool_outputs(thread_id, run.id, submission(("c", "o"))),
        other.list_steps(thread_id, run.id),
        other.retrieve_step(thread_id, run.id, step_id),
    ]
    for request in on_thread:
        error = await refused(request, 404)
        assert error.message == f"No thread found with id '{thread_id}'."
    assert (await other.list_assistants()).data == ()
    assert await home.api.retrieve_run(thread_id, run.id) == run


async def test_an_assistant_of_another_project_runs_on_no_thread_here(home: House) -> None:
    assistant_id = await home.assistant()
    mine = await home.other.create_thread(CreateThread())
    error = await refused(home.other.create_run(mine.id, CreateRun(assistant_id=assistant_id)), 404)
    assert error.message == f"No assistant found with id '{assistant_id}'."
