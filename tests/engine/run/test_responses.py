"""Runs executed with OpenAI's Responses API: what is asked there, kept here, and read again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.assistants.schema.objects import Run
from bot.assistants.schema.requests import (
    CreateAssistant,
    CreateMessage,
    CreateRun,
    CreateThread,
    Page,
    SubmitToolOutputs,
    ToolOutput,
)
from bot.assistants.schema.tools import (
    CodeInterpreterCall,
    CodeInterpreterTool,
    FunctionDefinition,
    FunctionTool,
)
from bot.assistants.states import RunStatus
from bot.engine import Engine
from bot.engine.services.project import Project
from bot.models.responses.model import Responses
from bot.store.engine import EngineStore
from tests.support.assistants import IMPATIENT, collected, names, text_of
from tests.support.eventually import eventually
from tests.support.fake_clock import FakeClock
from tests.support.responses_endpoint import ScriptedResponses
from tests.support.responses_turns import Code, End, Reply, Say, Step, Think

OLDEST_FIRST = Page(order="asc")


@asynccontextmanager
async def engine_on(
    directory: Path, endpoint: ScriptedResponses, *, background: bool = False
) -> AsyncIterator[Project]:
    store = await EngineStore.open(directory / "engine.db")
    model = Responses(endpoint.url, background=background, retries=IMPATIENT, poll=0.01)
    engine = Engine(store, model, clock=FakeClock(real_below=1.0))
    await engine.start()
    try:
        yield engine.for_project("default")
    finally:
        await engine.stop()
        await model.close()
        await store.close()


async def start_run(api: Project, text: str = "question", **fields: object) -> Run:
    assistant = await api.create_assistant(CreateAssistant(model="gpt-5", **fields))  # type: ignore[arg-type]  # whatever a test wants
    message = CreateMessage(role="user", content=text)
    thread = await api.create_thread(CreateThread(messages=(message,)))
    return await api.create_run(thread.id, CreateRun(assistant_id=assistant.id))


async def until(api: Project, run: Run, *statuses: RunStatus) -> Run:
    found = await eventually(
        lambda: api.retrieve_run(run.thread_id, run.id),
        lambda found: found.status in statuses or found.last_error,
    )
    assert found.status in statuses, found.last_error
    return found


async def test_a_run_is_a_response_that_is_kept_here_alone(tmp_path: Path) -> None:
    async with ScriptedResponses() as endpoint, engine_on(tmp_path, endpoint) as api:
        endpoint.say("an answer")
        run = await until(api, await start_run(api, instructions="Be brief."), "completed")
        assert run.usage is not None
        assert (run.usage.prompt_tokens, run.usage.completion_tokens) == (10, 5)
        assert text_of((await api.list_messages(run.thread_id)).data[0]) == "an answer"
        (asked,) = endpoint.requests
        assert asked.body["store"] is False
        assert asked.body["instructions"] == "Be brief."


async def test_reasoning_is_given_back_with_the_outputs_of_its_calls(tmp_path: Path) -> None:
    async with ScriptedResponses() as endpoint, engine_on(tmp_path, endpoint) as api:
        endpoint.call_tools(("look_up", {"word": "x"}), ids=["call_1"], think=Think())
        endpoint.say("found")
        tools = (FunctionTool(FunctionDefinition("look_up")),)
        run = await until(api, await start_run(api, tools=tools), "requires_action")
        outputs = SubmitToolOutputs(tool_outputs=(ToolOutput(tool_call_id="call_1", output="y"),))
        await api.submit_tool_outputs(run.thread_id, run.id, outputs)
        await until(api, run, "completed")
        kinds = [item.get("type", "message") for item in endpoint.requests[1].body["input"]]
        assert kinds[-3:] == ["reasoning", "function_call", "function_call_output"]


async def test_hosted_code_becomes_a_step_of_its_own(tmp_path: Path) -> None:
    async with ScriptedResponses() as endpoint, engine_on(tmp_path, endpoint) as api:
        steps: list[Step] = [Code("print(6 * 7)", ["42\n"]), Say(["It is ", "42."]), End()]
        endpoint.then(Reply(steps))
        assistant = await api.create_assistant(
            CreateAssistant(model="gpt-5", tools=(CodeInterpreterTool(),))
        )
        message = CreateMessage(role="user", content="Six times seven?")
        thread = await api.create_thread(CreateThread(messages=(message,)))
        told = await collected(
            await api.stream_run(thread.id, CreateRun(assistant_id=assistant.id))
        )
        assert endpoint.requests[0].body["tools"] == [
            {"type": "code_interpreter", "container": {"type": "auto"}}
        ]
        (run,) = (await api.list_runs(thread.id)).data
        code, answer = (await api.list_steps(thread.id, run.id, OLDEST_FIRST)).data
        (call,) = code.step_details.tool_calls  # type: ignore[union-attr]  # it is one of calls
        assert isinstance(call, CodeInterpreterCall)
        assert call.code_interpreter.input == "print(6 * 7)"
        assert [getattr(out, "logs", "") for out in call.code_interpreter.outputs] == ["42\n"]
        assert (code.status, answer.status) == ("completed", "completed")
        assert names(told)[3:8] == [
            "thread.run.step.created",
            "thread.run.step.in_progress",
            "thread.run.step.delta",
            "thread.run.step.completed",
            "thread.run.step.created",
        ]


async def test_web_search_is_requested_if_the_metadata_of_a_run_asks_for_it(tmp_path: Path) -> None:
    async with ScriptedResponses() as endpoint, engine_on(tmp_path, endpoint) as api:
        run = await start_run(api, metadata={"web_search": "true"})
        await until(api, run, "completed")
        assert endpoint.requests[0].body["tools"] == [{"type": "web_search"}]


async def test_a_background_answer_goes_on_while_the_process_is_away(tmp_path: Path) -> None:
    async with ScriptedResponses() as endpoint:
        gate = endpoint.gate()
        endpoint.say("half and the rest", gate=gate)
        gate.let(1)
        async with engine_on(tmp_path, endpoint, background=True) as before:
            run = await start_run(before)
            await eventually(
                lambda: before.list_messages(run.thread_id), lambda page: page.data[1:]
            )
        assert endpoint.calls == []  # neither cancelled nor deleted there
        gate.open()
        async with engine_on(tmp_path, endpoint, background=True) as after:
            await until(after, run, "completed")
            messages = (await after.list_messages(run.thread_id, OLDEST_FIRST)).data
            assert [text_of(message) for message in messages] == ["question", "half and the rest"]
            await endpoint.until_call("DELETE /responses/resp_0000")
        assert len(endpoint.requests) == 1


async def test_a_background_answer_that_is_gone_is_asked_for_anew(tmp_path: Path) -> None:
    async with ScriptedResponses() as endpoint:
        endpoint.stall("half ")
        async with engine_on(tmp_path, endpoint, background=True) as before:
            run = await start_run(before)
            await endpoint.until_request(1)
            await eventually(
                lambda: before.list_messages(run.thread_id), lambda page: page.data[1:]
            )
        endpoint.deleted.add("resp_0000")
        endpoint.say("a new answer")
        async with engine_on(tmp_path, endpoint, background=True) as after:
            await until(after, run, "completed")
            assert text_of((await after.list_messages(run.thread_id)).data[0]) == "a new answer"
        assert len(endpoint.requests) == 2


async def test_cancelling_a_background_answer_cancels_it_there(tmp_path: Path) -> None:
    async with (
        ScriptedResponses() as endpoint,
        engine_on(tmp_path, endpoint, background=True) as api,
    ):
        endpoint.stall("half ")
        run = await start_run(api)
        await eventually(lambda: api.list_messages(run.thread_id), lambda page: page.data[1:])
        await api.cancel_run(run.thread_id, run.id)
        await until(api, run, "cancelled")
        await endpoint.until_call("POST /responses/resp_0000/cancel")
        assert text_of((await api.list_messages(run.thread_id)).data[0]) == "half "
