"""Every object as the API's published description has it, in the states it can be in."""

from bot.assistants.schema.objects import MessageCreationDetails
from bot.assistants.schema.requests import CreateAssistant, CreateRun, CreateThread, Page
from tests.contract.described import assert_described, needs_description
from tests.contract.tooling import outputs, tool
from tests.support.assistants import House, collected

pytestmark = needs_description


async def test_assistants_are_as_described(home: House) -> None:
    bare = await home.api.create_assistant(CreateAssistant(model="m"))
    full = await home.api.create_assistant(
        CreateAssistant(
            model="m",
            name="n",
            description="d",
            instructions="i",
            tools=(tool("f"),),
            metadata={"k": "v"},
            temperature=0.5,
            top_p=0.5,
        )
    )
    for assistant in (bare, full):
        assert_described("AssistantObject", assistant)
    assert_described("ListAssistantsResponse", await home.api.list_assistants())
    deleted = await home.api.delete_assistant(bare.id)
    assert_described("DeleteAssistantResponse", deleted)


async def test_threads_and_messages_are_as_described(home: House) -> None:
    thread = await home.api.create_thread(CreateThread())
    assert_described("ThreadObject", thread)
    thread_id = await home.thread("one", "two")
    listed = await home.api.list_messages(thread_id)
    assert_described("ListMessagesResponse", listed)
    assert_described("MessageObject", listed.data[0])
    deleted = await home.api.delete_message(thread_id, listed.data[0].id)
    assert_described("DeleteMessageResponse", deleted)
    assert_described("DeleteThreadResponse", await home.api.delete_thread(thread.id))


async def test_a_run_and_its_steps_are_as_described_in_every_state(home: House) -> None:
    home.model.call_tools(("f", {"x": 1}))
    gate = home.model.gate()
    home.model.say("done now", gate=gate)
    thread_id = await home.thread("go")
    queued = await home.run(thread_id, await home.assistant(tools=(tool("f"),)))
    assert_described("RunObject", queued)
    waiting = await home.until(queued, "requires_action")
    assert_described("RunObject", waiting)
    await home.api.submit_tool_outputs(thread_id, waiting.id, outputs(waiting))
    await home.model.until_request(2)
    assert_described("RunObject", await home.until(queued, "in_progress"))
    gate.open()
    assert_described("RunObject", await home.until(queued, "completed"))
    steps = await home.api.list_steps(thread_id, queued.id, Page(order="asc"))
    assert_described("ListRunStepsResponse", steps)
    assert [step.type for step in steps.data] == ["tool_calls", "message_creation"]
    for step in steps.data:
        assert_described("RunStepObject", step)
    details = steps.data[1].step_details
    assert isinstance(details, MessageCreationDetails)
    message = await home.api.retrieve_message(thread_id, details.message_creation.message_id)
    assert_described("MessageObject", message)
    assert_described("ListRunsResponse", await home.api.list_runs(thread_id))


async def test_failed_and_cancelled_runs_are_as_described(home: House) -> None:
    home.model.fail(400, message="No such thing.")
    home.model.cut("so far")
    home.model.say("something", finish="content_filter")
    gate = home.model.gate()
    home.model.say("never said", gate=gate)
    for expected in ("failed", "failed", "failed", "cancelled"):
        thread_id = await home.thread("go")
        run = await home.run(thread_id)
        if expected == "cancelled":
            await home.model.until_request(4)
            assert_described("RunObject", await home.api.cancel_run(thread_id, run.id))
        ended = await home.until(run, expected)
        assert_described("RunObject", ended)
        for step in (await home.api.list_steps(thread_id, run.id)).data:
            assert_described("RunStepObject", step)
        for message in (await home.api.list_messages(thread_id)).data:
            assert_described("MessageObject", message)


async def test_every_event_is_as_described(home: House) -> None:
    home.model.call_tools(("f", {"x": 1}), text="Let me look. ")
    home.model.say("All is well.")
    assistant_id = await home.assistant(tools=(tool("f"),))
    thread_id = await home.thread("go")
    request = CreateRun(assistant_id=assistant_id)
    events = await collected(await home.api.stream_run(thread_id, request))
    (run,) = (await home.api.list_runs(thread_id)).data
    events += await collected(await home.api.stream_tool_outputs(thread_id, run.id, outputs(run)))
    schemas = {
        "thread.run": "RunObject",
        "thread.run.step": "RunStepObject",
        "thread.run.step.delta": "RunStepDeltaObject",
        "thread.message": "MessageObject",
        "thread.message.delta": "MessageDeltaObject",
    }
    seen = set()
    for event in events:
        kind: str = getattr(event.data, "object", "error")
        seen.add(kind)
        assert_described(schemas[kind], event.data)
    assert seen == set(schemas)
