"""Threads: made with messages, changed, deleted with all that belongs to them."""

import asyncio

from bot.assistants.schema.objects import CodeInterpreterResources, Deleted, Thread, ToolResources
from bot.assistants.schema.requests import (
    CreateMessage,
    CreateRun,
    CreateThread,
    ModifyMessage,
    ModifyRun,
    ModifyThread,
    NewCodeInterpreterResources,
    NewToolResources,
    Page,
)
from tests.contract.refusals import refused
from tests.contract.tooling import submission
from tests.support.assistants import House, text_of
from tests.support.eventually import PATIENCE


async def test_a_thread_keeps_its_first_messages_in_order(home: House) -> None:
    thread = await home.api.create_thread(
        CreateThread(
            messages=(
                CreateMessage(role="user", content="one"),
                CreateMessage(role="assistant", content="two", metadata={"k": "v"}),
                CreateMessage(role="user", content="three"),
            ),
            metadata={"place": "here"},
        )
    )
    assert thread == Thread(
        id=thread.id,
        created_at=int(home.clock.now()),
        tool_resources=thread.tool_resources,
        metadata={"place": "here"},
    )
    assert thread.id.startswith("thread_")
    messages = (await home.api.list_messages(thread.id, Page(order="asc"))).data
    assert [(m.role, text_of(m)) for m in messages] == [
        ("user", "one"),
        ("assistant", "two"),
        ("user", "three"),
    ]
    assert messages[1].metadata == {"k": "v"}
    assert await home.api.retrieve_thread(thread.id) == thread


async def test_threads_are_listed_in_pages_and_only_those_of_the_project(home: House) -> None:
    made = [await home.thread() for _ in range(3)]
    assert [each.id for each in (await home.api.list_threads()).data] == made[::-1]
    page = await home.api.list_threads(Page(limit=2, order="asc"))
    assert ([each.id for each in page.data], page.has_more) == (made[:2], True)
    rest = await home.api.list_threads(Page(after=made[1], order="asc"))
    assert ([each.id for each in rest.data], rest.has_more) == (made[2:], False)
    assert (await home.other.list_threads()).data == ()
    await home.api.delete_thread(made[0])
    assert len((await home.api.list_threads()).data) == 2


async def test_a_thread_is_changed(home: House) -> None:
    thread_id = await home.thread()
    resources = ToolResources(code_interpreter=CodeInterpreterResources(()))
    wanted = NewToolResources(code_interpreter=NewCodeInterpreterResources())
    await home.api.modify_thread(thread_id, ModifyThread(tool_resources=wanted))
    changed = await home.api.modify_thread(thread_id, ModifyThread(metadata={"a": "b"}))
    assert changed.metadata == {"a": "b"}
    assert changed.tool_resources == resources
    assert await home.api.retrieve_thread(thread_id) == changed


async def test_a_deleted_thread_is_not_found_by_any_operation(home: House) -> None:
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id), "completed")
    (message, *_) = (await home.api.list_messages(thread_id)).data
    (step,) = (await home.api.list_steps(thread_id, run.id)).data
    assistant_id = await home.assistant()
    deleted = await home.api.delete_thread(thread_id)
    assert deleted == Deleted(thread_id, "thread.deleted")
    api = home.api
    for request in (
        api.retrieve_thread(thread_id),
        api.modify_thread(thread_id, ModifyThread(metadata={})),
        api.delete_thread(thread_id),
        api.create_message(thread_id, CreateMessage(role="user", content="x")),
        api.list_messages(thread_id),
        api.retrieve_message(thread_id, message.id),
        api.modify_message(thread_id, message.id, ModifyMessage(metadata={})),
        api.delete_message(thread_id, message.id),
        api.create_run(thread_id, CreateRun(assistant_id=assistant_id)),
        api.stream_run(thread_id, CreateRun(assistant_id=assistant_id)),
        api.list_runs(thread_id),
        api.retrieve_run(thread_id, run.id),
        api.modify_run(thread_id, run.id, ModifyRun(metadata={})),
        api.submit_tool_outputs(thread_id, run.id, submission(("call_1", ""))),
        api.stream_tool_outputs(thread_id, run.id, submission(("call_1", ""))),
        api.cancel_run(thread_id, run.id),
        api.list_steps(thread_id, run.id),
        api.retrieve_step(thread_id, run.id, step.id),
    ):
        error = await refused(request, 404)
        assert error.message == f"No thread found with id '{thread_id}'."


async def test_deleting_a_thread_stops_its_run(home: House) -> None:
    home.model.stall("so far ")
    thread_id = await home.thread("go")
    await home.run(thread_id)
    asked = await home.model.until_request()
    await home.api.delete_thread(thread_id)
    async with asyncio.timeout(PATIENCE):
        await asked.until_over()
    assert asked.disconnected
