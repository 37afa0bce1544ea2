"""Answers of a chat completions endpoint, as the engine gets them."""

from collections.abc import AsyncIterator

import pytest

from bot.models.chat import ChatCompletions
from bot.models.types import (
    Finished,
    ModelEvent,
    ModelRequest,
    RefusalDelta,
    SystemMessage,
    Text,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
    UserMessage,
)
from tests.support.model_endpoint import ScriptedModel, TokenUsage, turns


def asking(text: str = "Hi") -> ModelRequest:
    return ModelRequest(model="m", items=(SystemMessage("Be kind."), UserMessage((Text(text),))))


async def collect(model: ChatCompletions, request: ModelRequest | None = None) -> list[ModelEvent]:
    return [event async for event in model.stream(request or asking())]


@pytest.fixture
async def endpoint() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel() as model:
        yield model


@pytest.fixture
async def chat(endpoint: ScriptedModel) -> AsyncIterator[ChatCompletions]:
    model = ChatCompletions(endpoint.url)
    yield model
    await model.close()


async def test_text_arrives_token_by_token_and_ends_with_the_usage(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.say("Sleep at the same hour.", usage=TokenUsage(12, 7))
    assert await collect(chat) == [
        *[TextDelta(token) for token in ("Sleep ", "at ", "the ", "same ", "hour.")],
        Finished("stop", Usage(12, 7, 19)),
    ]


async def test_a_token_is_handed_on_before_the_next_one_is_sent(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    gate = endpoint.gate()
    endpoint.say("one two", gate=gate)
    events = chat.stream(asking())
    gate.let()
    assert await anext(events) == TextDelta("one ")
    await gate.until_waiting()
    gate.open()
    assert await anext(events) == TextDelta("two")
    await events.aclose()


async def test_several_tool_calls_at_once_keep_their_arguments_apart(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.call_tools(("weather", {"city": "Oslo"}), ("time", "{}"), text="Let me see.")
    events = await collect(chat)
    assert [e for e in events if isinstance(e, ToolCallStarted)] == [
        ToolCallStarted(0, "call_0_weather", "weather"),
        ToolCallStarted(1, "call_1_time", "time"),
    ]
    arguments = ["", ""]
    for event in events:
        if isinstance(event, ToolCallDelta):
            arguments[event.index] += event.arguments
    assert arguments == ['{"city": "Oslo"}', "{}"]
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "tool_calls"


async def test_a_refusal_is_no_text(endpoint: ScriptedModel, chat: ChatCompletions) -> None:
    endpoint.refuse("I can't.")
    events = await collect(chat)
    assert events[:-1] == [RefusalDelta("I "), RefusalDelta("can't.")]


async def test_unscripted_the_endpoint_echoes_so_that_conversations_can_be_told_apart(
    chat: ChatCompletions,
) -> None:
    events = await collect(chat, asking("number seven"))
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "number seven"


async def test_a_function_of_the_request_can_answer(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.then(lambda asked: turns.say(asked.question.upper()))
    assert (await collect(chat, asking("loud")))[0] == TextDelta("LOUD")
