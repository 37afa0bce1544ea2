"""Cancelling: the model call stops, what was said stays, and the thread is open again."""

import asyncio

import pytest

from bot.assistants.schema.requests import CreateMessage, CreateRun
from tests.contract.refusals import refused
from tests.support.assistants import House, collected, names, streamed_text, text_of
from tests.support.eventually import PATIENCE


async def test_cancelling_stops_the_model_and_keeps_what_was_said(home: House) -> None:
    home.model.stall("once upon ")
    assistant_id = await home.assistant()
    thread_id = await home.thread("tell me")
    events = await home.api.stream_run(thread_id, CreateRun(assistant_id=assistant_id))
    told = []
    async with asyncio.timeout(PATIENCE):
        async for event in events:
            told.append(event)
            if streamed_text(told) == "once upon ":
                break
    (run,) = (await home.api.list_runs(thread_id)).data
    home.clock.advance(3)
    cancelling = await home.api.cancel_run(thread_id, run.id)
    assert cancelling.status == "cancelling"
    told += await collected(events)
    cancelled = await home.until(run, "cancelled")
    asked = home.model.requests[0]
    async with asyncio.timeout(PATIENCE):
        await asked.until_over()
    assert asked.disconnected
    assert cancelled.cancelled_at == run.created_at + 3
    assert (cancelled.completed_at, cancelled.last_error) == (None, None)
    assert names(told)[-4:] == [
        "thread.run.cancelling",
        "thread.message.incomplete",
        "thread.run.step.cancelled",
        "thread.run.cancelled",
    ]
    message = (await home.api.list_messages(thread_id)).data[0]
    assert (message.status, text_of(message)) == ("incomplete", "once upon ")
    assert message.incomplete_details is not None
    assert message.incomplete_details.reason == "run_cancelled"
    assert message.incomplete_at == cancelled.cancelled_at
    (step,) = (await home.api.list_steps(thread_id, run.id)).data
    assert (step.status, step.cancelled_at) == ("cancelled", cancelled.cancelled_at)


async def test_a_run_cancelled_before_it_said_anything_leaves_no_message(home: House) -> None:
    gate = home.model.gate()
    home.model.say("never", first=gate)
    thread_id = await home.thread("tell me")
    run = await home.run(thread_id)
    asked = await home.model.until_request()
    await home.api.cancel_run(thread_id, run.id)
    await home.until(run, "cancelled")
    async with asyncio.timeout(PATIENCE):
        await asked.until_over()
    assert asked.disconnected
    assert [text_of(m) for m in (await home.api.list_messages(thread_id)).data] == ["tell me"]


async def test_the_thread_takes_the_next_message_after_a_cancelled_run(home: House) -> None:
    home.model.stall("once ")
    thread_id = await home.thread("tell me")
    run = await home.run(thread_id)
    await home.model.until_request()
    await home.api.cancel_run(thread_id, run.id)
    await home.until(run, "cancelled")
    await home.api.create_message(thread_id, CreateMessage(role="user", content="go on"))
    await home.until(await home.run(thread_id), "completed")
    assert text_of((await home.api.list_messages(thread_id)).data[0]) == "go on"


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
async def test_a_run_that_has_ended_cannot_be_cancelled(home: House, status: str) -> None:
    if status == "failed":
        home.model.fail(400)
    if status == "cancelled":
        home.model.stall("once ")
    thread_id = await home.thread("hi")
    run = await home.run(thread_id)
    if status == "cancelled":
        await home.model.until_request()
        await home.api.cancel_run(thread_id, run.id)
    ended = await home.until(run)
    assert ended.status == status
    error = await refused(home.api.cancel_run(thread_id, run.id))
    assert error.message == f"Cannot cancel run with status '{status}'"
    assert await home.api.retrieve_run(thread_id, run.id) == ended


async def test_cancelling_a_run_that_never_was_is_not_found(home: House) -> None:
    thread_id = await home.thread()
    error = await refused(home.api.cancel_run(thread_id, "run_none"), 404)
    assert error.message == "No run found with id 'run_none'."


async def test_when_many_cancel_a_run_at_once_one_succeeds_and_the_run_ends_once(
    home: House,
) -> None:
    home.model.stall("once ")
    thread_id = await home.thread("hi")
    run = await home.run(thread_id)
    await home.model.until_request()
    results = await asyncio.gather(
        *(home.api.cancel_run(thread_id, run.id) for _ in range(5)), return_exceptions=True
    )
    assert sum(not isinstance(result, BaseException) for result in results) == 1
    await home.until(run, "cancelled")
