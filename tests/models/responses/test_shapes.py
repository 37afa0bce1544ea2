"""What endpoints of the Responses API really send: every shape gives the answer that was meant."""

import asyncio
import re
from typing import cast
from unittest import mock

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.models.http.stream_reader import AnswerStream, StreamFault
from bot.models.responses.events import ResponseReader
from bot.models.types import ModelEvent
from tests.models.asking import said
from tests.models.chat_completions.test_stream import calls_in
from tests.models.shapes.responses import (
    CALLS,
    CREATED,
    HELLOS,
    MESSAGE,
    ROME,
    Event,
    arguments,
    call,
    completed,
    delta,
    stream,
)
from tests.models.shapes.responses import done as item_done
from tests.support.eventually import PATIENCE


async def read(pieces: list[bytes]) -> list[ModelEvent]:
    """The events of an answer whose bytes arrive in these pieces, one at a time."""
    content = aiohttp.StreamReader(mock.Mock(_reading_paused=False), 2**20)
    response = cast("aiohttp.ClientResponse", mock.Mock(content=content))
    receiving = AnswerStream(response, ResponseReader(prompt_estimate=1))

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
    """What an answer came to; ids made here differ each time."""
    events = asyncio.run(read(pieces))
    return said(events), [(each.name, each.arguments) for each in calls_in(events)], events[-1]


@pytest.mark.parametrize("shape", HELLOS)
async def test_a_response_of_any_shape_is_read_as_the_same_answer(shape: str) -> None:
    assert said(await read([HELLOS[shape]])) == "hello"


@pytest.mark.parametrize("shape", CALLS)
async def test_calls_in_whatever_shape_are_the_right_calls(shape: str) -> None:
    body, calls = CALLS[shape]
    assert [(each.name, each.arguments) for each in calls_in(await read([body]))] == calls


async def test_arguments_in_two_versions_are_a_clear_failure() -> None:
    other = item_done(call(arguments='{"city":"Oslo"}'))
    body = stream(CREATED, item_done(call(), kind="added"), arguments(ROME), other, completed())
    with pytest.raises(StreamFault, match="two versions"):
        await read([body])


@pytest.mark.parametrize("output", [(MESSAGE, call(arguments=ROME)), (call(arguments=ROME),)])
async def test_text_before_a_call_is_said_once(output: tuple[Event, ...]) -> None:
    body = stream(CREATED, delta(), item_done(call(arguments=ROME), 1), completed(*output))
    events = await read([body])
    assert said(events) == "hello"
    assert [each.arguments for each in calls_in(events)] == [ROME]


@pytest.mark.parametrize(
    "told",
    [
        {"type": "response.failed", "error": {"message": "plain words"}},
        {"type": "response.error", "error": {"message": "plain words"}},
        {"type": "response.failed", "response": {"last_error": {"message": "plain words"}}},
    ],
)
async def test_an_error_quotes_the_endpoints_words_wherever_they_stand(told: Event) -> None:
    with pytest.raises(StreamFault) as failed:
        await read([stream(CREATED, told)])
    assert failed.value.error == {"message": "plain words"}


async def test_ids_made_here_are_nine_letters_and_digits() -> None:
    nameless = {key: value for key, value in call(arguments="{}").items() if key != "call_id"}
    (made,) = calls_in(await read([stream(CREATED, completed(nameless))]))
    assert re.fullmatch(r"[a-zA-Z0-9]{9}", made.id)


EVERYTHING = HELLOS | {f"calls: {name}": body for name, (body, _) in CALLS.items()}


@given(st.sampled_from(sorted(EVERYTHING)), st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=150)
def test_wherever_the_bytes_are_cut_the_response_is_the_same(
    name: str, data: st.DataObject
) -> None:
    body = EVERYTHING[name]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(body) - 1), max_size=12)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert outcome(pieces) == outcome([body])
