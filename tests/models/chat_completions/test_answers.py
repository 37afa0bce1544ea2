"""Answers of a chat completions endpoint, as the engine gets them."""

import asyncio

import pytest

from bot.models.chat_completions.model import ChatCompletions
from bot.models.http.endpoint import EndpointTimeouts
from bot.models.types import (
    Finished,
    ModelRefusalDelta,
    ModelTextDelta,
    ModelUsage,
    ToolCallDelta,
    ToolCallStarted,
)
from tests.models.asking import asking, collect, said
from tests.support.model_endpoint import ScriptedModel, TokenUsage, turns


async def test_text_arrives_token_by_token_and_ends_with_the_usage(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.say("Sleep at the same hour.", usage=TokenUsage(12, 7))
    assert await collect(chat) == [
        *[ModelTextDelta(token) for token in ("Sleep ", "at ", "the ", "same ", "hour.")],
        Finished("stop", ModelUsage(12, 7, 19)),
    ]


async def test_a_token_is_handed_on_before_the_next_one_is_sent(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    gate = endpoint.gate()
    endpoint.say("one two", gate=gate)
    events = chat.stream(asking())
    gate.let()
    assert await anext(events) == ModelTextDelta("one ")
    await gate.until_waiting()
    gate.open()
    assert await anext(events) == ModelTextDelta("two")
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
    assert events[:-1] == [ModelRefusalDelta("I "), ModelRefusalDelta("can't.")]


async def test_an_unscripted_endpoint_echoes_the_question(
    chat: ChatCompletions,
) -> None:
    events = await collect(chat, asking("number seven"))
    assert said(events) == "number seven"


async def test_a_function_of_the_request_can_answer(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.then(lambda asked: turns.say(asked.question.upper()))
    assert (await collect(chat, asking("loud")))[0] == ModelTextDelta("LOUD")


async def test_a_missing_usage_is_estimated_and_marked(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.say("x" * 400, usage=None)
    finished = (await collect(chat, asking("y" * 4000)))[-1]
    assert isinstance(finished, Finished)
    assert finished.usage is not None
    assert finished.usage.estimated
    assert finished.usage.completion_tokens == 100
    assert 1000 <= finished.usage.prompt_tokens <= 1020


async def test_an_answer_in_one_piece_is_taken_as_well(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    message = {"role": "assistant", "content": "Wait.", "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    endpoint.then(turns.json_answer({"choices": [choice], "usage": usage}))
    assert await collect(chat) == [
        ModelTextDelta("Wait."),
        ToolCallStarted(0, "c1", "f"),
        ToolCallDelta(0, '{"a":1}'),
        Finished("tool_calls", ModelUsage(1, 2, 3)),
    ]


@pytest.mark.parametrize(
    ("told", "reason"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("eos", "stop")],
)
async def test_the_finish_reason_is_translated(
    endpoint: ScriptedModel, chat: ChatCompletions, told: str, reason: str
) -> None:
    endpoint.say("x", finish=told)
    finished = (await collect(chat))[-1]
    assert isinstance(finished, Finished)
    assert finished.reason == reason


async def test_a_stream_without_done_ends_with_its_finish_reason(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    whole = turns.say("All of it.", usage=None)
    endpoint.then(turns.Turn([*whole.steps[:-1], turns.Cut()]))
    assert said(await collect(chat)) == "All of it."


async def test_usage_that_does_not_come_is_not_waited_for_long(endpoint: ScriptedModel) -> None:
    whole = turns.say("All of it.", usage=None)
    endpoint.then(turns.Turn([*whole.steps[:-1], endpoint.gate()]))
    chat = ChatCompletions(endpoint.url, timeouts=EndpointTimeouts(after_finish=0.05))
    events = await collect(chat)
    await chat.close()
    assert said(events) == "All of it."
    assert isinstance(events[-1], Finished)


async def test_thoughts_are_not_part_of_the_answer(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    thought = turns.Delta({"reasoning_content": "Hm.", "content": None})
    endpoint.then(turns.Turn([thought, *turns.say("Yes.").steps]))
    assert said(await collect(chat)) == "Yes."


async def test_a_connection_serves_answer_after_answer(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    for _ in range(5):
        await collect(chat)
    # A connection whose end comes late, as on a busy machine, is not waited for.
    assert len({asked.peer for asked in endpoint.requests}) < 5


async def test_many_conversations_at_once_keep_their_answers_apart(chat: ChatCompletions) -> None:
    texts = [f"conversation number {number}" for number in range(50)]
    answers = await asyncio.gather(*(collect(chat, asking(text)) for text in texts))
    assert [said(events) for events in answers] == texts


async def test_closing_the_stream_drops_the_connection(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.stall("Let me think ")
    events = chat.stream(asking())
    await anext(events)
    await events.aclose()
    asked = await endpoint.until_request()
    await asked.until_over()
    assert asked.disconnected


async def test_cancelling_a_caller_that_waits_for_the_first_event_drops_the_connection(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.say("late", first=endpoint.gate())
    waiting = asyncio.create_task(collect(chat))
    asked = await endpoint.until_request()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asked.until_over()
    assert asked.disconnected
