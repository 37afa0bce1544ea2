"""Model endpoints that fail in every way: the run says so, and its thread goes on."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.assistants.schema.requests import CreateMessage, CreateRun
from bot.assistants.states import TERMINAL
from bot.models.http.endpoint import EndpointTimeouts
from tests.support import model_turns as turns
from tests.support.assistants import House, Way, collected, house, names, text_of
from tests.support.fake_clock import pass_loop_time
from tests.support.model_endpoint import ScriptedModel

FAULTS: dict[str, tuple[Callable[[ScriptedModel], object], str]] = {
    "unauthorized": (lambda model: model.fail(401), "server_error"),
    "rejected": (lambda model: model.fail(400), "invalid_prompt"),
    "rate limited": (lambda model: model.fail(429, times=9), "rate_limit_exceeded"),
    "server error": (lambda model: model.fail(500, times=9), "server_error"),
    "overloaded": (lambda model: model.fail(503, times=9), "server_error"),
    "cut at once": (lambda model: model.then(*[turns.cut()] * 9), "server_error"),
    "rubbish": (lambda model: model.then(*[turns.garble()] * 9), "server_error"),
    "a web page": (lambda model: model.then(*[turns.web_page()] * 9), "server_error"),
    "cut under way": (lambda model: model.cut("so far "), "server_error"),
    "error under way": (
        lambda model: model.error_mid_stream("so far ", {"message": "out of memory"}),
        "server_error",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_of_the_endpoint_is_the_runs_last_error(home: House, fault: str) -> None:
    script, code = FAULTS[fault]
    script(home.model)
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id), "failed")
    assert run.last_error is not None
    assert run.last_error.code == code
    assert run.last_error.message
    assert run.failed_at == run.created_at
    assert (run.completed_at, run.cancelled_at) == (None, None)
    if "under way" in fault:
        message = (await home.api.list_messages(thread_id)).data[0]
        assert (message.status, text_of(message)) == ("incomplete", "so far ")
        assert message.incomplete_details is not None
        assert message.incomplete_details.reason == "run_failed"
        (step,) = (await home.api.list_steps(thread_id, run.id)).data
        assert (step.status, step.failed_at) == ("failed", run.failed_at)
        assert step.last_error is not None
        assert step.last_error.code == code
    else:
        assert len((await home.api.list_messages(thread_id)).data) == 1


@pytest.mark.parametrize("fault", ["rejected", "cut under way"])
async def test_the_thread_takes_the_next_message_after_a_failed_run(
    home: House, fault: str
) -> None:
    FAULTS[fault][0](home.model)
    thread_id = await home.thread("hi")
    failed = await home.until(await home.run(thread_id), "failed")
    await home.api.create_message(thread_id, CreateMessage(role="user", content="again"))
    done = await home.until(await home.run(thread_id), "completed")
    assert text_of((await home.api.list_messages(thread_id)).data[0]) == "again"
    assert [run.id for run in (await home.api.list_runs(thread_id)).data] == [done.id, failed.id]


async def test_a_failed_run_is_streamed_to_its_end(home: House) -> None:
    home.model.cut("so far ")
    thread_id = await home.thread("hi")
    request = CreateRun(assistant_id=await home.assistant())
    events = await collected(await home.api.stream_run(thread_id, request))
    assert names(events)[-4:] == [
        "thread.message.delta",
        "thread.message.incomplete",
        "thread.run.step.failed",
        "thread.run.failed",
    ]


async def test_an_endpoint_that_is_down_fails_the_run(home: House) -> None:
    thread_id = await home.thread("hi")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(home.model.down())
        run = await home.until(await home.run(thread_id), "failed")
        assert run.last_error is not None
        assert run.last_error.code == "server_error"
    await home.until(await home.run(thread_id), "completed")


async def test_an_endpoint_that_falls_silent_fails_the_run(tmp_path: Path, way: Way) -> None:
    async with house(tmp_path, way, timeouts=EndpointTimeouts(between_chunks=30)) as home:
        gate = home.model.stall("so far ")
        thread_id = await home.thread("hi")
        run = await home.run(thread_id)
        await gate.until_waiting()
        while run.status not in TERMINAL:
            await pass_loop_time(31)
            run = await home.api.retrieve_run(thread_id, run.id)
        assert run.status == "failed"
        assert run.last_error is not None
        assert run.last_error.code == "server_error"
        assert text_of((await home.api.list_messages(thread_id)).data[0]) == "so far "


async def test_a_passing_fault_of_the_endpoint_is_not_reported(home: House) -> None:
    home.model.fail(503)
    home.model.say("here I am")
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id), "completed")
    assert run.last_error is None
    assert len(home.model.requests) == 2


async def test_an_answer_stopped_by_a_content_filter_fails_and_says_so(home: House) -> None:
    home.model.say("something ", finish="content_filter")
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id), "failed")
    assert run.last_error is not None
    message = (await home.api.list_messages(thread_id)).data[0]
    assert message.incomplete_details is not None
    assert message.incomplete_details.reason == "content_filter"
