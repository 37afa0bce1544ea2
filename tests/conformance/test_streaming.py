"""The SDK's streams, with its own event handler and its helpers."""

from typing import Any

import pytest
from openai import APIError, AssistantEventHandler, AsyncOpenAI, OpenAI
from openai.types.beta.threads import Message, Run, Text, TextDelta
from openai.types.beta.threads.runs import RunStep, ToolCall

from bot.assistants.api import EventStream
from bot.assistants.errors import server_error
from bot.assistants.events import StreamEvent
from bot.server import Server
from tests.conformance.conftest import elsewhere
from tests.server.fakes import RecordingAPI
from tests.support.assistants import House
from tests.support.objects import run

pytestmark = [  # what the SDK says of the Assistants API
    pytest.mark.filterwarnings("ignore:The Assistants API is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),
]

TOOL: Any = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}


class Handler(AssistantEventHandler):
    """Writes down what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.whole = ""
        self.calls: list[ToolCall] = []
        self.messages: list[Message] = []
        self.steps: list[RunStep] = []
        self.names: list[str] = []
        self.ended = False

    def on_event(self, event: Any) -> None:
        self.names.append(event.event)

    def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
        self.text += delta.value or ""
        assert snapshot.value == self.text

    def on_text_done(self, text: Text) -> None:
        self.whole = text.value

    def on_tool_call_done(self, tool_call: ToolCall) -> None:
        self.calls.append(tool_call)

    def on_message_done(self, message: Message) -> None:
        self.messages.append(message)

    def on_run_step_done(self, run_step: RunStep) -> None:
        self.steps.append(run_step)

    def on_end(self) -> None:
        self.ended = True


async def test_an_event_handler_is_told_the_whole_run(home: House, blocking: OpenAI) -> None:
    home.model.say("one two three four")
    thread_id, assistant_id = await home.thread("hi"), await home.assistant()
    handler = Handler()

    def program() -> tuple[Run, list[Message]]:
        with blocking.beta.threads.runs.stream(
            thread_id=thread_id, assistant_id=assistant_id, event_handler=handler
        ) as stream:
            stream.until_done()
        return handler.get_final_run(), handler.get_final_messages()

    final, messages = await elsewhere(program)
    assert final.status == "completed"
    assert final.usage is not None
    assert handler.text == handler.whole == "one two three four"
    assert [message.id for message in handler.messages] == [message.id for message in messages]
    assert [step.status for step in handler.steps] == ["completed"]
    assert handler.ended
    assert handler.names[:3] == [
        "thread.run.created",
        "thread.run.queued",
        "thread.run.in_progress",
    ]
    assert handler.names[-1] == "thread.run.completed"


async def test_a_handler_goes_on_with_a_submission(home: House, blocking: OpenAI) -> None:
    home.model.call_tools(("weather", {"place": "Rome"}), ("weather", {"place": "Oslo"}))
    home.model.say("Warm and cold.")
    thread_id = await home.thread("Weather?")

    def program() -> tuple[Handler, Handler]:
        assistant = blocking.beta.assistants.create(model="scripted-model", tools=[TOOL])
        asking, answering = Handler(), Handler()
        with blocking.beta.threads.runs.stream(
            thread_id=thread_id, assistant_id=assistant.id, event_handler=asking
        ) as stream:
            stream.until_done()
        waiting = asking.current_run
        assert waiting is not None
        assert waiting.status == "requires_action"
        assert waiting.required_action is not None
        calls = waiting.required_action.submit_tool_outputs.tool_calls
        with blocking.beta.threads.runs.submit_tool_outputs_stream(
            run_id=waiting.id,
            thread_id=thread_id,
            tool_outputs=[{"tool_call_id": call.id, "output": "12 °C"} for call in calls],
            event_handler=answering,
        ) as stream:
            stream.until_done()
        return asking, answering

    asking, answering = await elsewhere(program)
    assert answering.text == "Warm and cold."
    assert [step.status for step in answering.steps] == ["completed", "completed"]
    assert answering.names[:2] == ["thread.run.step.completed", "thread.run.queued"]
    arguments = [call.function.arguments for call in asking.calls if call.type == "function"]
    assert arguments
    assert '{"place": "Rome"}' in arguments


async def test_a_thread_and_run_are_streamed_asynchronously(home: House, sdk: AsyncOpenAI) -> None:
    home.model.say("hello you")
    async with sdk.beta.threads.create_and_run_stream(
        assistant_id=await home.assistant(),
        thread={"messages": [{"role": "user", "content": "hi"}]},
    ) as stream:
        text = "".join([delta async for delta in stream.text_deltas])
        final = await stream.get_final_run()
    assert text == "hello you"
    assert final.status == "completed"


async def test_a_plain_stream_is_a_row_of_events(home: House, sdk: AsyncOpenAI) -> None:
    thread_id, assistant_id = await home.thread("hi"), await home.assistant()
    stream = await sdk.beta.threads.runs.create(
        thread_id=thread_id, assistant_id=assistant_id, stream=True
    )
    names = [event.event async for event in stream]
    assert names[0] == "thread.run.created"
    assert names[-1] == "thread.run.completed"


async def test_the_events_of_a_failed_run_show_the_failure(home: House, sdk: AsyncOpenAI) -> None:
    home.model.cut("so far ")
    async with sdk.beta.threads.runs.stream(
        thread_id=await home.thread("hi"), assistant_id=await home.assistant()
    ) as stream:
        final = await stream.get_final_run()
    assert final.status == "failed"
    assert final.last_error is not None
    assert final.last_error.code == "server_error"


async def test_a_failure_after_the_headers_is_raised_by_the_sdk() -> None:
    async def failing() -> EventStream:
        yield StreamEvent("thread.run.created", run())
        raise server_error("The disk is full.")

    api = RecordingAPI()
    api.answers["stream_run"] = failing()
    server = Server(lambda _project: api.api, keys={}, port=0)
    await server.start()
    try:
        async with AsyncOpenAI(base_url=server.url, api_key="any", max_retries=0) as sdk:
            stream = await sdk.beta.threads.runs.create(
                thread_id="thread_1", assistant_id="asst_1", stream=True
            )
            assert (await anext(stream)).event == "thread.run.created"
            with pytest.raises(APIError, match=r"The disk is full\.") as caught:
                await anext(stream)
        assert caught.value.type == "server_error"
    finally:
        await server.stop()
