"""What a run reads and sends is bounded by bytes, whatever its thread and its tools hold."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.assistants.ids import new_id
from bot.assistants.schema.content import ImageUrl, ImageUrlPart, TextPart, TextValue
from bot.assistants.schema.objects import Message, ToolCallsDetails
from bot.assistants.schema.requests import Page
from bot.assistants.schema.tools import (
    CalledCode,
    CalledFunction,
    CalledSearch,
    CodeInterpreterCall,
    FileSearchCall,
    FunctionCall,
    LogsOutput,
    SearchContent,
    SearchResult,
    ToolCall,
)
from bot.engine.prompt import history
from bot.engine.prompt.images import MOST_BYTES_TOGETHER
from bot.models.types import ToolResult
from tests.contract.tooling import outputs, tool
from tests.engine.prompt.test_images import shown
from tests.support import objects
from tests.support.assistants import House, house

MB = 1024 * 1024
ADDRESS = "data:image/png;base64,"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, "engine") as whole:
        yield whole


async def _store_image(home: House, thread_id: str, number: int, size: int) -> None:
    """Store a message as earlier versions did: an image of ``size`` bytes in its address."""
    beginning = base64.b64encode(PNG_SIGNATURE + f"{number:04}".encode()).decode()
    image = ImageUrlPart(ImageUrl(ADDRESS + beginning + "A" * size))
    message = Message(
        id=new_id("msg"),
        created_at=1,
        thread_id=thread_id,
        role="user",
        content=(TextPart(TextValue(f"Image {number}.")), image),
    )
    await home.engine.store.write(lambda tables: tables.add_message(message))


def _texts(messages: list[dict[str, Any]]) -> str:
    return json.dumps(messages)


async def test_stored_images_of_megabytes_are_sent_up_to_a_bound_the_newest_first(
    home: House,
) -> None:
    thread_id = await home.thread()
    for number in range(12):
        await _store_image(home, thread_id, number, 6 * MB)
    await home.until(await home.run(thread_id), "completed")
    (asked,) = home.model.requests
    sent = shown(asked.messages)
    beginnings = [base64.b64decode(address.removeprefix(ADDRESS)[:16]) for address in sent]
    assert [beginning[8:] for beginning in beginnings] == [b"0009", b"0010", b"0011"]
    assert sum(map(len, sent)) <= MOST_BYTES_TOGETHER
    assert "too large, alone or with the newer ones" in _texts(asked.messages)


async def test_messages_are_not_read_on_once_all_their_images_are_left_out(home: House) -> None:
    thread_id = await home.thread()
    taken: list[str] = []

    def newest() -> Iterator[Message]:
        for number in range(1000):
            image = ImageUrlPart(ImageUrl("data:," + "A" * (2 * MB)))
            taken.append(str(number))
            yield Message(
                id=f"msg_{number}", created_at=1, thread_id=thread_id, role="user", content=(image,)
            )

    run = await home.run(thread_id)
    history.build(run, history.PromptSource(newest()), 1_000_000)
    assert len(taken) * 2 * MB < 3 * MOST_BYTES_TOGETHER


async def test_outputs_of_megabytes_are_sent_up_to_a_bound_the_newest_first(home: House) -> None:
    for number in range(4):
        home.model.call_tools(("f", {"x": number}), ids=[f"call_{number}"])
    home.model.say("Done.")
    thread_id = await home.thread("Count.")
    run = await home.run(thread_id, await home.assistant(tools=(tool("f"),)))
    for number in range(4):
        run = await home.until(run, "requires_action")
        value = str(number) * (6 * MB)
        run = await home.api.submit_tool_outputs(thread_id, run.id, outputs(run, value))
    await home.until(run, "completed")
    last = home.model.requests[-1].messages
    sent = [message["content"] for message in last if message["role"] == "tool"]
    assert [output[:1] for output in sent] == ["(", "(", "2", "3"]
    assert "too large together" in sent[0]
    assert sum(map(len, sent)) < 16 * MB
    calls = [call for message in last for call in message.get("tool_calls") or ()]
    assert [call["function"]["name"] for call in calls] == ["f"] * 4
    # What was submitted is all there for who asks.
    steps = await home.api.list_steps(thread_id, run.id, Page(order="asc"))
    whole = steps.data[0].step_details
    assert isinstance(whole, ToolCallsDetails)
    assert whole.functions()[0].function.output == "0" * (6 * MB)


def test_every_kind_of_call_keeps_its_place_where_there_is_no_room_for_it() -> None:
    large = "x" * (17 * MB)
    found = (SearchResult("file-1", "a.txt", 0.5, (SearchContent(large),)),)
    calls: tuple[ToolCall, ...] = (
        FunctionCall("call_1", CalledFunction("f", "{}", large)),
        CodeInterpreterCall("call_2", CalledCode("print()", (LogsOutput(large),))),
        FileSearchCall("call_3", CalledSearch(results=found, queries=("a",))),
        FunctionCall("call_4", CalledFunction("f", '{"x": 1}', "small")),
    )
    (bounded,) = history.bounded_steps(iter([objects.tool_calls_step(*calls)]))
    items = history.build(objects.run(), history.PromptSource((), [bounded]), 1_000_000).items
    told = [item for item in items if isinstance(item, ToolResult)]
    assert [output.call_id for output in told] == ["call_1", "call_2", "call_3", "call_4"]
    assert all("too large together" in output.output for output in told[:3])
    assert told[3].output == "small"
