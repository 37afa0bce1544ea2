"""A Responses API that misbehaves: each failure is a ModelError as with chat completions."""

import asyncio
from contextlib import aclosing

import pytest

from bot.models.http.endpoint import EndpointTimeouts
from bot.models.responses.model import Responses
from bot.runtime.retry import RetryPolicy
from tests.models.asking import asking, collect, collect_until_error, said
from tests.support.fake_clock import FakeClock, pass_loop_time
from tests.support.model_turns import Cut, Raw, json_answer
from tests.support.responses_endpoint import ScriptedResponses, replies
from tests.support.responses_turns import End, Reply, Say


@pytest.mark.parametrize(
    ("status", "kind", "code", "tries"),
    [
        (400, "rejected", "invalid_prompt", 1),
        (401, "unauthorized", "server_error", 1),
        (402, "rate_limited", "rate_limit_exceeded", 1),
        (403, "unauthorized", "server_error", 1),
        (404, "rejected", "server_error", 1),
        (429, "rate_limited", "rate_limit_exceeded", 3),
        (500, "server", "server_error", 3),
        (502, "server", "server_error", 3),
        (503, "overloaded", "server_error", 3),
    ],
)
async def test_a_status_that_is_no_answer_becomes_the_right_error_after_sensible_tries(
    there: ScriptedResponses,
    responses: Responses,
    status: int,
    kind: str,
    code: str,
    tries: int,
) -> None:
    there.fail(status, message="no such luck", times=4)
    _, error = await collect_until_error(responses)
    assert (error.kind, error.code) == (kind, code)
    assert f"answered {status}: no such luck" in error.message
    assert len(there.requests) == tries


async def test_the_error_of_a_server_without_the_responses_api_names_chat_completions(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.fail(404, message="Not Found")
    _, error = await collect_until_error(responses)
    assert 'endpoint = "chat"' in error.message


async def test_the_endpoint_says_when_to_come_back(
    there: ScriptedResponses, responses: Responses, clock: FakeClock
) -> None:
    there.fail(429, retry_after=7)
    there.cut()
    there.say("Back.")
    assert said(await collect(responses)) == "Back."
    assert 7 <= clock.slept[0] <= 7.5


async def test_an_endpoint_that_is_down_is_unreachable(
    there: ScriptedResponses, responses: Responses
) -> None:
    async with there.down():
        _, error = await collect_until_error(responses)
    assert error.kind == "unreachable"
    assert said(await collect(responses, asking("back again"))) == "back again"


async def test_an_endpoint_that_is_slow_to_begin_is_given_up_and_let_go(
    there: ScriptedResponses, clock: FakeClock
) -> None:
    there.say("late", first=there.gate())
    model = Responses(there.url, timeouts=EndpointTimeouts(first_byte=30), clock=clock)
    reader = asyncio.create_task(collect_until_error(model))
    asked = await there.until_request()
    await pass_loop_time(31)
    _, error = await reader
    await model.close()
    assert error.kind == "timeout"
    assert "nothing for 30 s" in error.message
    await asked.until_over()
    assert asked.disconnected


async def test_an_endpoint_that_falls_silent_is_given_up_after_its_last_event(
    there: ScriptedResponses, clock: FakeClock
) -> None:
    gate = there.stall("So far ")
    model = Responses(there.url, timeouts=EndpointTimeouts(between_chunks=30), clock=clock)
    reader = asyncio.create_task(collect_until_error(model))
    await gate.until_waiting()
    await pass_loop_time(31)
    text, error = await reader
    await model.close()
    assert (text, error.kind) == ("So far ", "timeout")
    assert len(there.requests) == 1


@pytest.mark.parametrize("reply", [replies.cut("So far "), Reply([Say(["So far "])])])
async def test_a_stream_that_is_cut_in_the_middle_is_not_requested_again(
    there: ScriptedResponses, responses: Responses, reply: Reply
) -> None:
    there.then(reply)
    text, error = await collect_until_error(responses)
    assert (text, error.kind) == ("So far ", "cut")
    assert len(there.requests) == 1


async def test_a_stream_that_is_cut_before_its_first_event_is_requested_again(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.then(Reply([Cut()]))
    there.say("Second try.")
    assert said(await collect(responses)) == "Second try."


@pytest.mark.parametrize(
    ("data", "logged"),
    [
        (b"data: {not json\n\n", 1),
        (b"data: [1]\n\n", 1),
        (b"data: \xff\xfe\n\n", 1),
        (b"data: \n\n", 0),
        (b": comment\n\n", 0),
    ],
)
async def test_rubbish_in_the_stream_is_skipped_and_logged_once(
    there: ScriptedResponses,
    responses: Responses,
    data: bytes,
    logged: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    there.then(Reply([Say(["So far "]), Raw(data * 3), Say(["so good."]), End()]))
    assert said(await collect(responses)) == "So far \n\nso good."
    told = [record.getMessage() for record in caplog.records]
    assert [("3 events of a stream" in line) for line in told] == [True] * logged


async def test_an_event_without_end_is_bounded(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.then(replies.garble("So far ", data=b"data: " + b"x" * 9_000_000))
    text, error = await collect_until_error(responses)
    assert (text, error.kind) == ("So far ", "rubbish")


async def test_a_web_page_says_that_the_url_is_wrong(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.web_page()
    _, error = await collect_until_error(responses)
    assert error.kind == "rubbish"
    assert "web page" in error.message


@pytest.mark.parametrize("answer", [{}, [], {"status": "in_progress"}, {"object": "list"}])
async def test_an_answer_that_is_no_response_is_an_error(
    there: ScriptedResponses, responses: Responses, answer: object
) -> None:
    there.then(*[json_answer(answer)] * 3)
    _, error = await collect_until_error(responses)
    assert error.kind == ("rubbish" if answer == [] else "cut")


FAILURES = [
    ("server_error", "boom", "server", "server_error"),
    ("rate_limit_exceeded", "slow down", "rate_limited", "rate_limit_exceeded"),
    ("invalid_prompt", "no", "rejected", "invalid_prompt"),
    ("invalid_image_url", "no such image", "rejected", "invalid_prompt"),
    ("context_length_exceeded", "Your input exceeds", "context_length", "invalid_prompt"),
]


@pytest.mark.parametrize(("code", "message", "kind", "becomes"), FAILURES)
async def test_a_failed_response_raises_its_error(
    there: ScriptedResponses,
    responses: Responses,
    code: str,
    message: str,
    kind: str,
    becomes: str,
) -> None:
    there.then(replies.failed("So far ", code=code, message=message))
    text, error = await collect_until_error(responses)
    assert text == "So far "
    assert (error.kind, error.code) == (kind, becomes)
    assert message in error.message
    assert len(there.requests) == 1


@pytest.mark.parametrize(("code", "message", "kind", "becomes"), FAILURES)
async def test_an_error_event_raises_its_error(
    there: ScriptedResponses,
    responses: Responses,
    code: str,
    message: str,
    kind: str,
    becomes: str,
) -> None:
    there.then(replies.error_event("So far ", message, code=code))
    text, error = await collect_until_error(responses)
    assert text == "So far "
    assert (error.kind, error.code) == (kind, becomes)


async def test_a_failure_before_the_first_token_is_tried_again_like_a_status(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.then(replies.failed(), replies.error_event("", "boom"))
    there.say("Third try.")
    assert said(await collect(responses)) == "Third try."
    there.then(replies.failed(code="invalid_prompt"))
    _, error = await collect_until_error(responses)
    assert error.kind == "rejected"
    assert len(there.requests) == 4


async def test_an_error_event_is_an_error_whatever_its_data(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.then(Reply([Say(["So far "]), Raw(b"event: error\ndata: out of memory\n\n")]))
    text, error = await collect_until_error(responses)
    assert (text, error.kind) == ("So far ", "server")
    assert "out of memory" in error.message


async def test_a_response_cancelled_by_others_is_gone(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.then(Reply([Say(["So far "]), End("cancelled")]))
    text, error = await collect_until_error(responses)
    assert (text, error.kind, error.code) == ("So far ", "gone", "server_error")


async def test_a_refusal_of_a_long_conversation_names_the_context_window(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.fail(
        400,
        message="Your input exceeds the context window of this model. maximum context length is"
        " 128000 tokens.",
        error={"code": "context_length_exceeded"},
    )
    _, error = await collect_until_error(responses)
    assert error.kind == "context_length"
    assert error.context_window == 128_000


async def test_closing_drops_the_connection_and_cancels_nothing_that_is_not_stored(
    there: ScriptedResponses, responses: Responses
) -> None:
    there.stall("So far ")
    async with aclosing(responses.stream(asking())) as events:
        await anext(events)
    (asked,) = there.requests
    await asked.until_over()
    assert asked.disconnected
    assert there.calls == []


async def test_a_reader_that_is_cancelled_drops_the_connection(
    there: ScriptedResponses, responses: Responses
) -> None:
    gate = there.stall("So far ")
    reader = asyncio.create_task(collect(responses))
    await gate.until_waiting()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await there.requests[0].until_over()
    assert there.requests[0].disconnected


async def test_no_key_is_ever_in_an_error(there: ScriptedResponses) -> None:
    key = "sk-proj-abcdefghijklmnop"
    there.fail(401, message=f"Incorrect API key provided: {key}.")
    model = Responses(there.url, api_key=key)
    _, error = await collect_until_error(model)
    await model.close()
    assert key not in error.message


async def test_a_model_that_was_closed_says_so(responses: Responses) -> None:
    await responses.close()
    await responses.close()
    _, error = await collect_until_error(responses)
    assert error.kind == "unreachable"
    await responses.forget("resp_1")


@pytest.mark.parametrize("url", ["", "localhost:8000/v1", "ftp://x/v1"])
def test_an_invalid_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="no URL of a model endpoint"):
        Responses(url, retries=RetryPolicy())
