"""The assistants are on a server elsewhere: chat cannot tell, and outlives that server."""

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError, UnreachableError
from bot.assistants.events import StreamEvent
from bot.assistants.schema.objects import Message
from bot.assistants.schema.requests import CreateMessage, CreateRun
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from tests.scenarios.commands.test_assistants import made
from tests.scenarios.community import Community, answer, community, is_final, labels


@pytest.fixture
async def remote(tmp_path: Path) -> AsyncIterator[Community]:
    """A community whose engine is behind a server and a client."""
    async with community(tmp_path, "channel", remote=True) as whole:
        yield whole


async def test_an_answer_from_a_server_elsewhere_grows_and_ends(remote: Community) -> None:
    gate = remote.model.gate()
    remote.model.say("First words. Last words.", gate=gate)
    await remote.ask("go")
    reply = await remote.reply(remote.general)
    gate.let(2)
    await remote.until(lambda: reply.content == "First words.")
    gate.open()
    assert answer(await remote.finished(remote.general)) == "First words. Last words."


async def test_a_server_that_goes_away_in_the_middle_of_a_run_is_waited_for(
    remote: Community,
) -> None:
    gate = remote.model.gate()
    remote.model.say("Lost with the server.", first=gate)
    await remote.ask("one")
    reply = await remote.reply(remote.general)
    await remote.in_state(1, "running")
    # The server has asked its model: the answer that waits there is lost with the server.
    await remote.model.until_request(1)
    await remote.stop_engine()
    gate.open()
    remote.model.say("Back again.")
    await remote.start_engine()
    await remote.until(lambda: is_final(reply) and answer(reply) == "Back again.")
    assert len(remote.replies(remote.general)) == 1
    assert len(await remote.runs_on(remote.general)) == 1


async def test_cancel_reaches_a_server_elsewhere(remote: Community) -> None:
    remote.model.stall("Some")
    await remote.ask("one")
    reply = await remote.reply(remote.general)
    await remote.in_state(1, "running")
    await remote.ada.click(reply, "Cancel")
    await remote.finished(remote.general)
    assert reply.content.endswith("-# Cancelled by Ada.")
    (run,) = await remote.runs_on(remote.general)
    assert run.status == "cancelled"


class Doubtful:
    """An API that does what it is asked, and then sometimes says that it can't be reached."""

    def __init__(self, whole: Community, *names: str) -> None:
        self._api = whole.api
        self._names = list(names)

    def __getattr__(self, name: str) -> object:
        operation = getattr(self._api, name)
        if name not in self._names:
            return operation

        async def doubtful(*args: object, **values: object) -> object:
            result = await operation(*args, **values)
            if name in self._names:
                self._names.remove(name)
                if hasattr(result, "aclose"):
                    await result.aclose()
                raise UnreachableError("the answer was lost")
            return result

        return doubtful


async def test_an_operation_of_a_cut_connection_is_looked_up_and_not_repeated(
    tmp_path: Path,
) -> None:
    async with community(tmp_path, "channel", start=False) as whole:
        await whole.start_engine()
        whole.api = Doubtful(whole, "create_message", "stream_run")  # type: ignore[assignment]  # all of it but the types
        await whole.start_bot()
        await whole.ask("one")
        assert answer(await whole.finished(whole.general)) == "one"
        assert await whole.on_thread(whole.general) == [("user", "one"), ("assistant", "one")]
        assert len(await whole.runs_on(whole.general)) == 1


class Silent:
    """An API whose streams tell states only, as where a server elsewhere is polled."""

    def __init__(self, whole: Community) -> None:
        self._api = whole.api

    def __getattr__(self, name: str) -> object:
        return getattr(self._api, name)

    async def stream_run(self, thread_id: str, request: CreateRun) -> EventStream:
        return self._states(await self._api.stream_run(thread_id, request))

    async def _states(self, events: EventStream) -> AsyncGenerator[StreamEvent, None]:
        async for event in events:
            if event.event.startswith("thread.run.") and ".step." not in event.event:
                yield event


async def test_where_only_states_are_told_it_stays_thinking_until_the_answer(
    tmp_path: Path,
) -> None:
    async with community(tmp_path, "channel", start=False) as whole:
        await whole.start_engine()
        whole.api = Silent(whole)  # type: ignore[assignment]  # all of it but the types
        await whole.start_bot()
        gate = whole.model.gate()
        whole.model.say("All at once.", gate=gate)
        await whole.ask("one")
        reply = await whole.reply(whole.general)
        gate.let(2)
        await gate.until_waiting()
        assert reply.content == "thinking…"
        assert labels(reply) == ["Cancel"]
        gate.open()
        assert answer(await whole.finished(whole.general)) == "All at once."


async def test_a_deleted_assistant_is_named_in_plain_words(remote: Community) -> None:
    await remote.api.delete_assistant(remote.assistant_id)
    await remote.ask("one")
    reply = await remote.finished(remote.general)
    assert reply.content == sentences.failure("assistant_gone", told=True)
    assert labels(reply) == ["Retry"]
    with pytest.raises(APIError):
        await remote.api.retrieve_assistant(remote.assistant_id)


async def test_cancel_does_not_wait_for_a_server_that_does_not_answer(remote: Community) -> None:
    await remote.stop_engine()
    await remote.ask("one")
    reply = await remote.reply(remote.general)
    await remote.in_state(1, "placed")
    await remote.ada.click(reply, "Cancel")
    await remote.finished(remote.general)
    assert reply.content == "-# Cancelled by Ada."
    await remote.start_engine()
    await remote.ask("two")
    assert answer(await remote.finished(remote.general, 2)) == "two"


async def test_a_retry_does_not_post_again_what_a_failed_attempt_posted_without_knowing(
    remote: Community,
) -> None:
    create = remote.api.create_message

    async def done_but_not_told(*given: Any, **named: Any) -> Any:
        await create(*given, **named)
        raise APIError(400, "nobody knows that it was done")

    remote.operations["create_message"] = done_but_not_told
    await remote.ask("one")
    reply = await remote.finished(remote.general)
    remote.operations.clear()
    await remote.ada.click(reply, "Retry")
    await remote.until(lambda: is_final(reply) and answer(reply) == "one")
    assert await remote.on_thread(remote.general) == [("user", "one"), ("assistant", "one")]


async def test_a_message_stored_long_after_its_connection_was_cut_exists_once(
    channels: Community,
) -> None:
    create = channels.api.create_message
    late: list[CreateMessage] = []

    async def cut_and_late(thread_id: str, request: CreateMessage) -> Message:
        if not late:
            late.append(request)
            raise APIError(503, "cut before the answer")
        if len(late) == 1:
            # The server had it in its queue all the time, where no list shows it.
            await create(thread_id, late[0])
            late.append(request)
        return await create(thread_id, request)

    channels.operations["create_message"] = cut_and_late
    await channels.ask("one")
    assert answer(await channels.finished(channels.general)) == "one"
    assert len(late) == 2
    assert await channels.on_thread(channels.general) == [("user", "one"), ("assistant", "one")]


async def test_the_models_of_a_server_elsewhere_are_offered_and_others_still_work(
    remote: Community,
) -> None:
    async def offered() -> list[str]:
        found = await remote.admin.autocomplete(
            remote.general, "assistant create", focused="model", others={"name": "X"}
        )
        return [choice["value"] for choice in found]

    await remote.stop_engine()
    assert await offered() == []
    await remote.start_engine()
    assert await offered() == []  # an endpoint without a list is not asked for each key
    remote.clock.monotonic_speed = 1e3
    assert await offered() == ["scripted-model"]
    await remote.stop_engine()
    remote.clock.monotonic_speed = 1e6
    assert await offered() == ["scripted-model"]
    await remote.start_engine()
    assert localized("assistant-unknown-model", model="odd") in await made(
        remote, "Odd", model="odd"
    )
