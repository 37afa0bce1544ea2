"""An endpoint that misbehaves: each failure is a ModelError saying what happened, what to do."""

import asyncio
import contextlib
import socket
from email.utils import formatdate

import pytest

from bot.models.chat_completions.model import ChatCompletions
from bot.models.http.endpoint import EndpointTimeouts
from bot.runtime.retry import RetryPolicy
from tests.models.asking import asking, collect, collect_until_error, said
from tests.support.fake_clock import START, FakeClock, pass_loop_time
from tests.support.model_endpoint import ScriptedModel, turns

ONCE = RetryPolicy(attempts=1)


@pytest.mark.parametrize(
    ("status", "kind", "code", "tries", "advice"),
    [
        (400, "rejected", "invalid_prompt", 1, "will not be taken"),
        (401, "unauthorized", "server_error", 1, "API key"),
        (402, "rate_limited", "rate_limit_exceeded", 1, "no credit left"),
        (403, "unauthorized", "server_error", 1, "API key"),
        (404, "rejected", "server_error", 1, "Check the endpoint's URL"),
        (429, "rate_limited", "rate_limit_exceeded", 3, "try again later"),
        (500, "server", "server_error", 3, "its own log tells more"),
        (502, "server", "server_error", 3, "its own log tells more"),
        (503, "overloaded", "server_error", 3, "still loading"),
        (504, "server", "server_error", 3, "its own log tells more"),
        (529, "overloaded", "server_error", 3, "overloaded"),
    ],
)
async def test_a_status_that_is_no_answer_becomes_the_right_error_after_sensible_tries(
    endpoint: ScriptedModel,
    chat: ChatCompletions,
    status: int,
    kind: str,
    code: str,
    tries: int,
    advice: str,
) -> None:
    endpoint.fail(status, message="no such luck", times=4)
    _, error = await collect_until_error(chat)
    assert (error.kind, error.code) == (kind, code)
    assert f"answered {status}: no such luck" in error.message
    assert advice in error.message
    assert len(endpoint.requests) == tries


async def test_a_fault_that_passes_is_never_seen(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.fail(500)
    endpoint.cut()
    assert said(await collect(chat, asking("still here"))) == "still here"


async def test_the_endpoint_says_when_to_come_back(
    endpoint: ScriptedModel, chat: ChatCompletions, clock: FakeClock
) -> None:
    endpoint.fail(429, retry_after=7)
    endpoint.fail(503, retry_after=formatdate(START + 20, usegmt=True))
    await collect(chat)
    assert 7 <= clock.slept[0] <= 7.5
    assert 12 <= clock.slept[1] <= 13.5


async def test_a_retry_after_of_a_day_ends_the_retries_at_once(
    endpoint: ScriptedModel, chat: ChatCompletions, clock: FakeClock
) -> None:
    endpoint.fail(429, retry_after=86_400)
    _, error = await collect_until_error(chat)
    assert error.retry_after == 86_400
    assert clock.slept == []
    assert len(endpoint.requests) == 1


async def test_an_account_without_credit_is_not_asked_again(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.fail(429, error={"code": "insufficient_quota"})
    _, error = await collect_until_error(chat)
    assert error.code == "rate_limit_exceeded"
    assert "billing" in error.message
    assert len(endpoint.requests) == 1


async def test_an_endpoint_that_is_down_is_unreachable(
    endpoint: ScriptedModel, chat: ChatCompletions, clock: FakeClock
) -> None:
    async with endpoint.down():
        _, error = await collect_until_error(chat)
    assert error.kind == "unreachable"
    assert endpoint.url in error.message
    assert "is it running" in error.message
    assert len(clock.slept) == 2
    assert said(await collect(chat, asking("back again"))) == "back again"


async def test_an_endpoint_that_speaks_no_tls_can_not_be_trusted_over_https(
    endpoint: ScriptedModel, clock: FakeClock
) -> None:
    chat = ChatCompletions(endpoint.url.replace("http:", "https:"), clock=clock)
    _, error = await collect_until_error(chat)
    await chat.close()
    assert error.kind == "unreachable"
    assert "certificate" in error.message
    assert clock.slept == []


async def test_an_endpoint_that_is_slow_to_begin_is_given_up_and_let_go(
    endpoint: ScriptedModel, clock: FakeClock
) -> None:
    endpoint.say("late", first=endpoint.gate())
    chat = ChatCompletions(endpoint.url, timeouts=EndpointTimeouts(first_byte=30), clock=clock)
    reader = asyncio.create_task(collect_until_error(chat))
    asked = await endpoint.until_request()
    await pass_loop_time(31)
    _, error = await reader
    assert error.kind == "timeout"
    assert "sent nothing for 30 s" in error.message
    await asked.until_over()
    assert asked.disconnected
    assert len(endpoint.requests) == 1, "asking again would double the load of a slow endpoint"
    await chat.close()


async def test_an_endpoint_that_takes_no_connection_is_given_up(clock: FakeClock) -> None:
    with socket.socket() as busy, contextlib.ExitStack() as others:
        busy.bind(("127.0.0.1", 0))
        busy.listen(0)
        for _ in range(4):  # nobody accepts: what is more than the queue holds is not answered
            other = others.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(busy.getsockname())
        chat = ChatCompletions(
            f"http://127.0.0.1:{busy.getsockname()[1]}/v1",
            timeouts=EndpointTimeouts(connect=0.05),
            retries=RetryPolicy(attempts=2),
            clock=clock,
        )
        _, error = await collect_until_error(chat)
        await chat.close()
    assert error.kind == "timeout"
    assert "took no connection within 0.05 s" in error.message
    assert len(clock.slept) == 1


async def test_a_model_that_is_heard_thinking_may_take_its_time(endpoint: ScriptedModel) -> None:
    gate = endpoint.gate()
    thought = turns.Delta({"reasoning_content": "Hm."})
    endpoint.then(turns.Turn([thought, gate, thought, gate, *turns.say("So.").steps]))
    chat = ChatCompletions(endpoint.url, timeouts=EndpointTimeouts(first_byte=60))
    reader = asyncio.create_task(collect(chat))
    for _ in range(2):
        await gate.until_waiting()
        await pass_loop_time(50)  # less than the time between two pieces
        gate.let()
    assert said(await reader) == "So."
    await chat.close()


async def test_a_model_that_stops_thinking_aloud_is_given_up(endpoint: ScriptedModel) -> None:
    thought = turns.Delta({"reasoning_content": "Hm."})
    endpoint.then(turns.Turn([thought, endpoint.gate()]))
    chat = ChatCompletions(endpoint.url, timeouts=EndpointTimeouts(between_chunks=0.05))
    _, error = await collect_until_error(chat)
    await chat.close()
    assert error.kind == "timeout"
    assert "nothing for 0.05 s" in error.message


async def test_a_model_that_was_closed_says_so(chat: ChatCompletions) -> None:
    await chat.close()
    await chat.close()
    _, error = await collect_until_error(chat)
    assert error.kind == "unreachable"


async def test_an_error_names_the_number_of_tries(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.fail(500, times=3)
    _, error = await collect_until_error(chat)
    assert "Tried 3 times." in str(error)


async def test_headers_without_a_first_token_are_slow_as_well(endpoint: ScriptedModel) -> None:
    endpoint.stall()
    chat = ChatCompletions(endpoint.url, timeouts=EndpointTimeouts(first_byte=0.05))
    _, error = await collect_until_error(chat)
    await chat.close()
    assert error.kind == "timeout"


async def test_an_endpoint_that_falls_silent_is_given_up_after_its_last_event(
    endpoint: ScriptedModel,
) -> None:
    gate = endpoint.stall("So far ")
    chat = ChatCompletions(endpoint.url, timeouts=EndpointTimeouts(between_chunks=30))
    reader = asyncio.create_task(collect_until_error(chat))
    await gate.until_waiting()
    await pass_loop_time(31)
    text, error = await reader
    await chat.close()
    assert text == "So far "
    assert error.kind == "timeout"
    assert len(endpoint.requests) == 1


async def test_a_stream_that_is_cut_in_the_middle_is_not_requested_again(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.cut("So far ")
    text, error = await collect_until_error(chat)
    assert text == "So far "
    assert error.kind == "cut"
    assert len(endpoint.requests) == 1


async def test_a_stream_that_ends_without_a_finish_reason_counts_as_cut(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.then(turns.Turn([turns.Delta({"content": "So far "})]))
    text, error = await collect_until_error(chat)
    assert (text, error.kind) == ("So far ", "cut")


@pytest.mark.parametrize("data", [b"data: {not json\n\n", b"data: [1]\n\n", b"data: \xff\xfe\n\n"])
async def test_rubbish_in_the_stream_is_skipped_and_logged_once(
    endpoint: ScriptedModel,
    chat: ChatCompletions,
    data: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    endpoint.garble("So far ", data=data * 3)
    assert said(await collect(chat)) == "So far "
    (logged,) = [record.getMessage() for record in caplog.records]
    assert "3 events of a stream hold nothing that can be read" in logged


async def test_an_unreadable_stream_is_an_error_that_says_so(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.then(*[turns.garble("", data=b"data: {not json\n\n")] * 3)
    _, error = await collect_until_error(chat)
    assert error.kind == "rubbish"
    assert "{not json" in error.message


async def test_an_event_without_end_is_bounded(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.garble("So far ", data=b"data: " + b"x" * 9_000_000)
    _, error = await collect_until_error(chat)
    assert error.kind == "rubbish"
    assert "larger than" in error.message


async def test_a_web_page_says_that_the_url_is_wrong(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.web_page()
    _, error = await collect_until_error(chat)
    assert error.kind == "rubbish"
    assert "web page" in error.message
    assert "Welcome" in error.message
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"object": "list"}])
async def test_an_answer_without_choices_is_rubbish(
    endpoint: ScriptedModel, chat: ChatCompletions, answer: dict[str, object]
) -> None:
    endpoint.then(*[turns.json_answer(answer)] * 3)
    _, error = await collect_until_error(chat)
    assert error.kind == "rubbish"
    assert "no choices" in error.message


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"message": "boom", "type": "server_error", "code": None}, "server"),
        ({"message": "slow down", "type": "rate_limit_error", "code": None}, "rate_limited"),
        ({"message": "slow down", "code": 429}, "rate_limited"),
        ({"message": "busy", "type": "overloaded_error"}, "overloaded"),
        ({"message": "bad", "code": 400}, "rejected"),
        ("boom", "server"),
    ],
)
async def test_an_error_in_the_middle_of_a_stream_is_raised(
    endpoint: ScriptedModel, chat: ChatCompletions, told: dict[str, object] | str, kind: str
) -> None:
    endpoint.error_mid_stream("So far ", told)
    text, error = await collect_until_error(chat)
    assert text == "So far "
    assert error.kind == kind
    assert len(endpoint.requests) == 1


async def test_an_error_before_the_first_token_is_tried_again_like_a_status(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.error_mid_stream("", {"message": "busy", "code": 503})
    assert said(await collect(chat, asking("there"))) == "there"
    endpoint.error_mid_stream("", {"message": "bad", "code": 400})
    _, error = await collect_until_error(chat)
    assert error.kind == "rejected"
    assert len(endpoint.requests) == 3


async def test_an_error_event_is_an_error_whatever_its_data(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.garble("So far ", data=b"event: error\ndata: out of memory\n\n")
    _, error = await collect_until_error(chat)
    assert error.kind == "server"
    assert "out of memory" in error.message


async def test_a_redirect_is_an_error_and_the_key_does_not_follow_it(
    endpoint: ScriptedModel,
) -> None:
    endpoint.then(turns.fail(307, headers={"Location": "http://elsewhere.example/v1"}))
    chat = ChatCompletions(endpoint.url, api_key="sk-very-secret-key", retries=ONCE)
    _, error = await collect_until_error(chat)
    await chat.close()
    assert "elsewhere.example" in error.message
    assert len(endpoint.requests) == 1
