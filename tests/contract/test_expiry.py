"""Expiry: 600 seconds after it was made a run that has not ended does, whatever it is doing."""

import asyncio
from pathlib import Path

from bot.assistants.schema.requests import CreateMessage, CreateRun
from bot.engine import EngineOptions
from tests.contract.refusals import refused
from tests.contract.tooling import outputs, tool
from tests.support.assistants import House, Way, collected, house, names, streamed_text, text_of
from tests.support.eventually import PATIENCE


async def test_a_run_at_work_expires_with_what_it_said(home: House) -> None:
    home.model.stall("once upon ")
    thread_id = await home.thread("tell me")
    request = CreateRun(assistant_id=await home.assistant())
    events = await home.api.stream_run(thread_id, request)
    told = []
    async with asyncio.timeout(PATIENCE):
        async for event in events:
            told.append(event)
            if streamed_text(told):
                break
    (run,) = (await home.api.list_runs(thread_id)).data
    assert run.expires_at == run.created_at + 600
    home.clock.advance(599)
    assert (await home.api.retrieve_run(thread_id, run.id)).status == "in_progress"
    home.clock.advance(1)
    expired = await home.until(run, "expired")
    assert (expired.completed_at, expired.cancelled_at, expired.failed_at) == (None, None, None)
    told += await collected(events)
    assert names(told)[-3:] == [
        "thread.message.incomplete",
        "thread.run.step.expired",
        "thread.run.expired",
    ]
    async with asyncio.timeout(PATIENCE):
        await home.model.requests[0].until_over()
    assert home.model.requests[0].disconnected
    message = (await home.api.list_messages(thread_id)).data[0]
    assert (message.status, text_of(message)) == ("incomplete", "once upon ")
    assert message.incomplete_details is not None
    assert message.incomplete_details.reason == "run_expired"
    (step,) = (await home.api.list_steps(thread_id, run.id)).data
    assert (step.status, step.expired_at) == ("expired", run.created_at + 600)


async def test_a_run_that_waits_for_outputs_expires_and_takes_them_no_more(home: House) -> None:
    home.model.call_tools(("f", {"x": 1}))
    thread_id = await home.thread("go")
    run = await home.run(thread_id, await home.assistant(tools=(tool("f"),)))
    waiting = await home.until(run, "requires_action")
    home.clock.advance(600)
    await home.until(run, "expired")
    error = await refused(home.api.submit_tool_outputs(thread_id, run.id, outputs(waiting)))
    assert error.message == 'Runs in status "expired" do not accept tool outputs.'
    error = await refused(home.api.cancel_run(thread_id, run.id))
    assert error.message == "Cannot cancel run with status 'expired'"
    await home.api.create_message(thread_id, CreateMessage(role="user", content="again"))
    await home.until(await home.run(thread_id), "completed")


async def test_a_run_that_waits_for_its_turn_expires_too(tmp_path: Path, way: Way) -> None:
    options = EngineOptions(max_concurrent_runs=1, run_expires_after=60)
    async with house(tmp_path, way, options=options) as home:
        home.model.stall("busy ")
        first = await home.run(await home.thread("one"))
        await home.model.until_request()
        home.clock.advance(30)
        second = await home.run(await home.thread("two"))
        assert (await home.api.retrieve_run(second.thread_id, second.id)).status == "queued"
        assert second.expires_at == second.created_at + 60
        home.clock.advance(30)
        await home.until(first, "expired")
        await home.until(second, "completed")
        home.model.stall("busy ")
        home.model.stall("busy ")
        third = await home.run(await home.thread("three"))
        await home.model.until_request(3)
        fourth = await home.run(await home.thread("four"))
        home.clock.advance(60)
        await home.until(third, "expired")
        assert (await home.until(fourth)).status == "expired"


async def test_a_run_that_ended_in_time_does_not_expire(home: House) -> None:
    thread_id = await home.thread("hi")
    done = await home.until(await home.run(thread_id), "completed")
    home.clock.advance(601)
    other = await home.until(await home.run(await home.thread("ho")), "completed")
    assert other.created_at == done.created_at + 601
    assert await home.api.retrieve_run(thread_id, done.id) == done
