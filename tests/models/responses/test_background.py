"""Background responses: cut connections, our own end, cancelling and forgetting."""

import asyncio
import json
from contextlib import aclosing

import pytest

from bot.models.http.endpoint import EndpointTimeouts
from bot.models.responses.model import Responses
from bot.models.types import (
    Finished,
    Model,
    ModelError,
    ModelEvent,
    ModelTextDelta,
    ModelUsage,
    ResumableModel,
    Started,
)
from bot.runtime.retry import RetryPolicy
from tests.models.asking import asking, collect, collect_until_error, said
from tests.models.chat_completions.test_stream import calls_in
from tests.support.eventually import eventually
from tests.support.fake_clock import FakeClock
from tests.support.model_turns import Cut, Raw, Turn, fail, json_answer
from tests.support.responses_endpoint import ScriptedResponses, replies
from tests.support.responses_turns import End, Reply, Say, Think

WORDS = "one two three four five"


def started(events: list[ModelEvent]) -> str:
    """The id the answer is resumed by; it came first, and once."""
    first, *others = events
    assert isinstance(first, Started)
    assert not any(isinstance(event, Started) for event in others)
    return first.response_id


async def resumed(model: ResumableModel, response_id: str) -> list[ModelEvent]:
    return [event async for event in model.resume(response_id, asking())]


async def resumed_until_error(model: Responses, response_id: str) -> tuple[str, ModelError]:
    text = ""
    try:
        async for event in model.resume(response_id, asking()):
            text += event.text if isinstance(event, ModelTextDelta) else ""
    except ModelError as error:
        return text, error
    raise AssertionError("it did not fail")


async def test_the_id_comes_before_all_else(
    there: ScriptedResponses, background: Responses
) -> None:
    gate = there.gate()
    there.say(WORDS, gate=gate)
    async with aclosing(background.stream(asking())) as events:
        assert await anext(events) == Started("resp_0000")
        gate.open()
        assert said([event async for event in events]) == WORDS


async def test_only_background_responses_tell_an_id(
    there: ScriptedResponses, responses: Responses
) -> None:
    events = await collect(responses)
    assert not any(isinstance(event, Started) for event in events)
    model: Model = responses
    assert isinstance(model, ResumableModel)


@pytest.mark.parametrize("at", range(13))
async def test_wherever_a_connection_is_cut_all_comes_once(
    there: ScriptedResponses, background: Responses, at: int
) -> None:
    there.say(WORDS, cut_at=[at])
    events = await collect(background)
    started(events)
    assert said(events) == WORDS
    assert events[-1] == Finished("stop", ModelUsage(10, 5, 15))
    last = len(there.last.events) - 1
    assert [f"starting_after={at}&" in call for call in there.calls] == [True] * (at < last)
    assert len(there.requests) == 1


async def test_a_connection_cut_at_every_event_is_gone_on_with_each_time(
    there: ScriptedResponses, background: Responses, clock: FakeClock
) -> None:
    there.call_tools(("f", {"a": 1}), ("g", {"b": 2}), text=WORDS, think=Think(), cut_at=range(40))
    events = await collect(background)
    assert said(events) == WORDS
    assert [call.arguments for call in calls_in(events)] == ['{"a": 1}', '{"b": 2}']
    assert len(there.calls) == len(there.last.events) - 1
    assert max(clock.slept) <= 0.5, "whatever brings something new counts the tries from one"


async def test_an_outage_in_the_middle_is_sat_out(
    there: ScriptedResponses, background: Responses
) -> None:
    there.say(WORDS, cut_at=[6])
    there.fail_calls(503)
    assert said(await collect(background)) == WORDS
    assert len(there.calls) == 2


async def test_an_endpoint_that_stays_away_is_given_up_after_its_last_event(
    there: ScriptedResponses, background: Responses
) -> None:
    there.say(WORDS, cut_at=[6])
    there.fail_calls(*[503] * 9)
    text, error = await collect_until_error(background)
    assert WORDS.startswith(text)
    assert text
    assert error.kind == "overloaded"
    assert "Tried 3 times." in error.message


async def test_a_response_that_is_streamed_no_longer_is_polled_until_it_ends(
    there: ScriptedResponses, background: Responses, clock: FakeClock
) -> None:
    gate = there.gate()
    there.then(Reply([Say(["one "]), Cut(), gate, Say(["two"]), End()]))
    there.streams_kept = False
    reader = asyncio.create_task(collect(background))
    await there.until_call("GET /responses/resp_0000?include[]=reasoning.encrypted_content", 3)
    gate.open()
    events = await reader
    assert said(events) == "one \n\ntwo"
    assert clock.slept[-1] == 2.0


async def test_a_background_response_in_silence_is_looked_at(
    there: ScriptedResponses, clock: FakeClock
) -> None:
    gate = there.stall("one ", then="two")
    model = Responses(
        there.url,
        background=True,
        timeouts=EndpointTimeouts(between_chunks=0.05),
        clock=clock,
        retries=RetryPolicy(attempts=3),
    )
    reader = asyncio.create_task(collect(model))
    await there.until_call("GET /responses/resp_0000?include[]=reasoning.encrypted_content", 2)
    gate.open()
    assert said(await reader) == "one \n\ntwo"
    await model.close()


async def test_an_answer_in_one_piece_that_is_not_there_yet_is_waited_for(
    there: ScriptedResponses, background: Responses
) -> None:
    there.say("first")
    await collect(background)
    whole = there.last.object()
    there.then(json_answer({**whole, "status": "queued", "output": []}))
    events = await collect(background)
    assert started(events) == "resp_0000"
    assert said(events) == "first"


async def test_rubbish_on_the_way_is_read_again(
    there: ScriptedResponses, background: Responses
) -> None:
    there.then(replies.garble("one two "))
    events = await collect(background)
    assert said(events) == "one two "
    assert isinstance(events[-1], Finished)


async def test_rubbish_behind_which_nothing_comes_is_given_up(
    there: ScriptedResponses, background: Responses
) -> None:
    raw = [Raw(b"data: {not json\n\n") for _ in range(20)]
    there.then(Reply([Say(["one "]), *raw, Cut()]))
    there.fail_calls(*[500] * 20)
    text, error = await collect_until_error(background)
    assert text == "one "
    assert error.kind == "server"


ODD_BODIES = {
    "a byte order mark": lambda whole: b"\xef\xbb\xbf" + whole,
    "text that is no UTF-8 elsewhere": lambda whole: whole[:-1] + b', "x": "\xe9"}',
    "numbers that are no JSON": lambda whole: whole[:-1] + b', "x": NaN}',
    "a control character": lambda whole: whole[:-1] + b', "x": "\x01"}',
    "a prefix": lambda whole: b"data: " + whole + b"\n\n",
    "an object around it": lambda whole: b'{"response": ' + whole + b"}",
    "capitals": lambda whole: whole.replace(b'"completed"', b'"COMPLETED"'),
    "another word": lambda whole: whole.replace(b'"completed"', b'"succeeded"'),
    "no status": lambda whole: whole.replace(b'"status": "completed", ', b""),
}


@pytest.mark.parametrize("odd", ODD_BODIES)
async def test_a_response_that_is_looked_at_is_read_as_leniently_as_a_stream(
    there: ScriptedResponses, background: Responses, odd: str
) -> None:
    there.say(WORDS)
    response_id = started(await collect(background))
    there.streams_kept = False
    body = ODD_BODIES[odd](json.dumps(there.last.object()).encode())
    refused = fail(400, message="This response can no longer be streamed.")
    there.answer_calls(refused, Turn([Raw(body)], content_type="application/json"))
    calls = len(there.calls)
    assert said(await resumed(background, response_id)) == WORDS
    assert len(there.calls) == calls + 2


@pytest.mark.parametrize("over", [True, False])
async def test_after_a_restart_an_answer_is_read_from_its_beginning(
    there: ScriptedResponses, background: Responses, over: bool
) -> None:
    gate = there.gate()
    there.say(WORDS, gate=gate)
    gate.let(2)
    before = Responses(there.url, background=True)
    async with aclosing(before.stream(asking())) as events:
        first = await anext(events)
        assert isinstance(first, Started)
        before.leave_running()
    await before.close()
    assert there.calls == []
    if over:
        gate.open()
        assert there.last.task is not None
        await there.last.task
        reader = asyncio.create_task(resumed(background, first.response_id))
    else:
        reader = asyncio.create_task(resumed(background, first.response_id))
        await there.until_call(
            "GET /responses/resp_0000?stream=true&include_obfuscation=false"
            "&include[]=reasoning.encrypted_content"
        )
        gate.open()
    after = await reader
    assert said(after) == WORDS
    assert after[-1] == Finished("stop", ModelUsage(10, 5, 15))


async def test_an_answer_that_can_not_be_streamed_any_more_comes_all_at_once(
    there: ScriptedResponses, background: Responses
) -> None:
    there.call_tools(("f", "{}"), text=WORDS, ids=["c1"])
    before = await collect(background)
    there.streams_kept = False
    after = await resumed(background, started(before))
    assert said(after) == said(before)
    assert calls_in(after) == calls_in(before)
    assert after[-1] == before[-1]


async def test_reading_again_may_be_cut_as_well(
    there: ScriptedResponses, background: Responses
) -> None:
    there.say(WORDS)
    response_id = started(await collect(background))
    there.last.cuts = [2, 5, 7]
    assert said(await resumed(background, response_id)) == WORDS


async def test_a_deleted_or_unknown_response_is_gone(
    there: ScriptedResponses, background: Responses
) -> None:
    response_id = started(await collect(background))
    await background.forget(response_id)
    assert there.deleted == {response_id}
    for gone in (response_id, "resp_of_another"):
        text, error = await resumed_until_error(background, gone)
        assert (text, error.kind, error.code) == ("", "gone", "server_error")
        assert gone in error.message


async def test_a_response_that_was_cancelled_at_the_endpoint_is_gone(
    there: ScriptedResponses, background: Responses
) -> None:
    there.stall("one ")
    async with aclosing(background.stream(asking())) as events:
        first = await anext(events)
        assert isinstance(first, Started)
        there.last.status, there.last.over = "cancelled", True
        background.leave_running()
    _, error = await resumed_until_error(background, first.response_id)
    assert error.kind == "gone"


async def test_a_response_that_failed_while_the_bot_was_away_fails_and_is_not_requested_again(
    there: ScriptedResponses, background: Responses
) -> None:
    there.then(replies.failed("one ", code="rate_limit_exceeded"))
    text, error = await collect_until_error(background)
    assert (text, error.kind) == ("one ", "rate_limited")
    there.streams_kept = False
    text, error = await resumed_until_error(background, there.last.id)
    assert error.kind == "rate_limited"
    await background.close()
    assert not [call for call in there.calls if not call.startswith("GET")]
    assert len(there.calls) == 2


@pytest.mark.parametrize("how", ["closed", "cancelled", "resumed"])
async def test_an_answer_that_nobody_wants_is_cancelled_there_and_deleted(
    there: ScriptedResponses, background: Responses, how: str
) -> None:
    gate = there.stall("one ")
    if how == "cancelled":
        reader = asyncio.create_task(collect(background))
        await gate.until_waiting()
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
    elif how == "closed":
        async with aclosing(background.stream(asking())) as events:
            await anext(events)
    else:
        before = Responses(there.url, background=True)
        async with aclosing(before.stream(asking())) as events:
            await anext(events)
            before.leave_running()
        await before.close()
        async with aclosing(background.resume(there.last.id, asking())) as events:
            await anext(events)
    await there.until_call("DELETE /responses/resp_0000")
    await background.close()
    assert there.last.status == "cancelled"
    assert there.calls[-2:] == [
        "POST /responses/resp_0000/cancel",
        "DELETE /responses/resp_0000",
    ]


async def test_an_unwanted_answer_is_cancelled_even_before_its_id_is_known(
    there: ScriptedResponses, background: Responses
) -> None:
    first = there.gate()
    there.then(Reply([Say(["one "]), there.gate(), End()], first=first))
    reader = asyncio.create_task(collect(background))
    await first.until_waiting()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    first.open()
    await background.close()
    assert there.last.status == "cancelled"
    assert len(there.requests) == 1


async def test_a_caller_that_is_cancelled_between_two_tries_starts_nothing(
    there: ScriptedResponses,
) -> None:
    model = Responses(there.url, background=True, retries=RetryPolicy(first_delay=0.1))
    there.fail(503)
    reader = asyncio.create_task(collect(model))
    await (await there.until_request()).until_over()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await model.close()
    assert len(there.requests) == 1
    assert there.responses == {}


async def test_an_answer_that_is_all_here_is_neither_cancelled_nor_deleted_unasked(
    there: ScriptedResponses, background: Responses
) -> None:
    await collect(background)
    await background.close()
    assert there.calls == []


async def test_cancelling_is_tried_again(there: ScriptedResponses, background: Responses) -> None:
    there.stall("one ")
    there.fail_calls(503)
    async with aclosing(background.stream(asking())) as events:
        await anext(events)
    await eventually(lambda: there.last.status == "cancelled")
    await background.close()


async def test_forgetting_waits_for_a_cancellation_that_is_on_its_way(
    there: ScriptedResponses, background: Responses
) -> None:
    there.stall("one ")
    async with aclosing(background.stream(asking())) as events:
        await anext(events)
    await background.forget("resp_0000")
    assert [call.partition(" ")[0] for call in there.calls] == ["POST", "DELETE", "DELETE"]


async def test_forgetting_raises_nothing(there: ScriptedResponses, background: Responses) -> None:
    there.fail_calls(*[500] * 3)
    await background.forget("resp_1")
    async with there.down():
        await background.forget("resp_1")
    await background.forget("resp_1")
    assert there.calls == ["DELETE /responses/resp_1"] * 4
