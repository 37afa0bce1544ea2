"""Metadata's limits, which are the same wherever there is metadata."""

from collections.abc import Awaitable, Callable

import pytest

from bot.assistants.schema.requests import (
    CreateAssistant,
    CreateMessage,
    CreateRun,
    CreateThread,
    CreateThreadAndRun,
    ModifyAssistant,
    ModifyMessage,
    ModifyRun,
    ModifyThread,
)
from tests.contract.refusals import refused
from tests.support.assistants import House

Metadata = dict[str, str]
Writer = Callable[[Metadata], Awaitable[object]]

FULL = {f"{'k' * 62}{n:02}": "v" * 512 for n in range(16)}


async def writers(home: House) -> list[Writer]:
    """Every operation that writes metadata."""
    api = home.api
    assistant_id = await home.assistant()
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id, assistant_id), "completed")
    message_id = (await api.list_messages(thread_id)).data[0].id
    return [
        lambda m: api.create_assistant(CreateAssistant(model="m", metadata=m)),
        lambda m: api.modify_assistant(assistant_id, ModifyAssistant(metadata=m)),
        lambda m: api.create_thread(CreateThread(metadata=m)),
        lambda m: api.modify_thread(thread_id, ModifyThread(metadata=m)),
        lambda m: api.create_message(
            thread_id, CreateMessage(role="user", content="x", metadata=m)
        ),
        lambda m: api.modify_message(thread_id, message_id, ModifyMessage(metadata=m)),
        lambda m: api.modify_run(thread_id, run.id, ModifyRun(metadata=m)),
        lambda m: api.create_thread_and_run(
            CreateThreadAndRun(assistant_id=assistant_id, metadata=m)
        ),
        lambda m: api.create_run(thread_id, CreateRun(assistant_id=assistant_id, metadata=m)),
    ]


async def test_sixteen_long_pairs_are_kept_everywhere(home: House) -> None:
    for write in await writers(home):
        assert getattr(await write(FULL), "metadata", None) == FULL


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (
            {f"k{n}": "v" for n in range(17)},
            "Invalid 'metadata': too many properties. Expected an object with at most 16 "
            "properties, but got an object with 17 properties instead.",
        ),
        (
            {"k" * 65: "v"},
            "Invalid 'metadata': key too long. Expected a key with maximum length 64, "
            "but got one with length 65 instead.",
        ),
        (
            {"k": "v" * 513},
            "Invalid 'metadata': value too long. Expected a value with maximum length 512, "
            "but got one with length 513 instead.",
        ),
    ],
    ids=["pairs", "key", "value"],
)
async def test_metadata_over_a_limit_is_refused_everywhere(
    home: House, metadata: Metadata, message: str
) -> None:
    for write in await writers(home):
        error = await refused(write(metadata))
        assert error.message == message
        assert error.param == "metadata"


async def test_metadata_changed_during_a_run_loses_nothing_of_the_run(
    home: House,
) -> None:
    gate = home.model.gate()
    home.model.say("an answer", gate=gate)
    thread_id = await home.thread("go")
    run = await home.run(thread_id, metadata={"a": "1"})
    await home.model.until_request()
    changed = await home.api.modify_run(thread_id, run.id, ModifyRun(metadata={"b": "2"}))
    assert changed.metadata == {"b": "2"}
    gate.open()
    ended = await home.until(run, "completed")
    assert ended.metadata == {"b": "2"}
