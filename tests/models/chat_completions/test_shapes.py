"""What endpoints really send: every shape of a stream gives the answer that was meant."""

import asyncio
import json
from typing import cast
from unittest import mock

import aiohttp
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bot.models.chat_completions.model import ChatCompletions
from bot.models.chat_completions.stream import CompletionReader
from bot.models.http.stream_reader import AnswerStream
from bot.models.types import FunctionSpec, ModelError, ModelEvent, ModelRequest, Text, UserMessage
from bot.runtime.retry import RetryPolicy
from tests.models.asking import collect, said
from tests.models.chat_completions.test_stream import calls_in
from tests.models.shapes.answers import HELLOS
from tests.models.shapes.calls import CALLS
from tests.models.shapes.pieces import STOP, stream
from tests.models.shapes.thoughts import THOUGHTS, thought
from tests.support.eventually import PATIENCE
from tests.support.model_endpoint import ScriptedModel, turns

ASKED = ModelRequest(
    model="m",
    items=(UserMessage((Text("Hi"),)),),
    tools=(FunctionSpec("get_weather"), FunctionSpec("now"), FunctionSpec("glob")),
)


async def asked(
    *bodies: bytes | turns.Turn, content_type: str = "text/event-stream"
) -> list[ModelEvent]:
    """The events of an answer that an endpoint sends in these pieces."""
    async with ScriptedModel() as endpoint:
        for body in bodies:
            turn = (
                body
                if isinstance(body, turns.Turn)
                else turns.Turn([turns.Raw(body)], content_type=content_type)
            )
            endpoint.then(turn)
        chat = ChatCompletions(endpoint.url, retries=RetryPolicy(attempts=1))
        try:
            return await collect(chat, ASKED)
        finally:
            await chat.close()


@pytest.mark.parametrize("shape", HELLOS)
async def test_an_answer_of_any_shape_is_read_as_the_same_answer(shape: str) -> None:
    assert said(await asked(HELLOS[shape])) == "hello"


@pytest.mark.parametrize(
    "rubbish",
    [
        b"data: {'choices': [{'delta': {'content': 'hello'}}]}\n\n",
        b'data: {"choices":[{"index":0,"delta":{"content":"hello",}}]}\n\n',
        b"data: b'{}'\n\n",
    ],
)
async def test_an_answer_of_which_nothing_can_be_read_is_a_failure_that_quotes_it(
    rubbish: bytes,
) -> None:
    with pytest.raises(ModelError, match="none of the answer can be read; it sent"):
        await asked(stream(rubbish, STOP))


@pytest.mark.parametrize("shape", THOUGHTS)
async def test_thoughts_are_no_part_of_the_text_and_talk_of_them_is(shape: str) -> None:
    body, text = THOUGHTS[shape]
    assert said(await asked(body)) == text


@pytest.mark.parametrize("shape", CALLS)
async def test_calls_in_whatever_pieces_are_the_right_calls(shape: str) -> None:
    body, calls = CALLS[shape]
    events = await asked(body)
    taken = calls_in(events)
    assert [(each.name, each.arguments) for each in taken] == calls
    assert len({each.id for each in taken}) == len(calls)
    assert said(events) == ""


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "text/html", "application/octet-stream"]
)
@pytest.mark.parametrize(
    "shape", ["as it should be", "an answer in one piece", "a chunk a line without data"]
)
async def test_a_wrong_content_type_changes_nothing(shape: str, content_type: str) -> None:
    assert said(await asked(HELLOS[shape], content_type=content_type)) == "hello"


EVERYTHING: dict[str, bytes] = {
    **HELLOS,
    **{f"thoughts: {name}": body for name, (body, _) in THOUGHTS.items()},
    **{f"calls: {name}": body for name, (body, _) in CALLS.items()},
}
SHORT = sorted(name for name, body in EVERYTHING.items() if len(body) < 5_000)
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=150)


async def read(pieces: list[bytes]) -> list[ModelEvent]:
    """The events of an answer whose bytes arrive in these pieces, one at a time."""
    content = aiohttp.StreamReader(mock.Mock(_reading_paused=False), 2**20)
    response = cast("aiohttp.ClientResponse", mock.Mock(content=content))
    tools = frozenset(tool.name for tool in ASKED.tools)
    receiving = AnswerStream(response, CompletionReader(tools=tools), after_finish=PATIENCE)

    async def arrive() -> None:
        for piece in pieces:
            content.feed_data(piece)
            while content._buffer and not receiving.ended:  # noqa: SLF001 - aiohttp tells this nowhere else
                await asyncio.sleep(0)
        content.feed_eof()

    arriving = asyncio.create_task(arrive())
    events: list[ModelEvent] = []
    while not receiving.ended:
        events += await receiving.more(PATIENCE)
    await arriving
    return events


def outcome(pieces: list[bytes]) -> object:
    """What an answer came to: its text, its calls and its end."""
    events = asyncio.run(read(pieces))
    return said(events), [(each.name, each.arguments) for each in calls_in(events)], events[-1]


@given(st.sampled_from(SHORT), st.data())
@PATIENT
def test_wherever_the_bytes_are_cut_the_answer_is_the_same(name: str, data: st.DataObject) -> None:
    body = EVERYTHING[name]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(body) - 1), max_size=12)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert outcome(pieces) == outcome([body])


def test_byte_by_byte_every_answer_is_the_same() -> None:
    for name in SHORT:
        body = EVERYTHING[name]
        assert outcome([bytes([byte]) for byte in body]) == outcome([body]), name


@given(st.sampled_from(sorted(THOUGHTS)), st.data())
@PATIENT
def test_wherever_the_text_is_cut_its_thoughts_are_kept_out(name: str, data: st.DataObject) -> None:
    body, text = THOUGHTS[name]
    chunks = [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: {")
              and b"\xe9" not in line and b"\\ud83d" not in line]  # fmt: skip
    written = "".join(str(chunk["choices"][0]["delta"].get("content", "")) for chunk in chunks)
    assume(written)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(written)), max_size=6)))
    pieces = [written[a:b] for a, b in zip([0, *cuts], [*cuts, len(written)], strict=True)]
    end = chunks[-1]["choices"][0]["finish_reason"] or "stop"
    assert said(asyncio.run(read([thought(*pieces, finish=end)]))) == text
