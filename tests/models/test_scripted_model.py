"""The scripted endpoint itself: what tests lean on must do what it says."""

import asyncio

import aiohttp

from bot.models.chat_completions.model import ChatCompletions
from bot.models.types import Finished, ModelTextDelta, ModelUsage
from tests.models.asking import asking, collect, said
from tests.support.gate import Gate
from tests.support.model_endpoint import ScriptedModel


async def test_turns_are_taken_in_the_order_they_were_scripted_then_it_echoes(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.say("one")
    endpoint.say("two")
    assert [said(await collect(chat, asking("three"))) for _ in range(3)] == ["one", "two", "three"]


async def test_a_request_can_be_waited_for_before_and_after_it_came(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    waiting = asyncio.create_task(endpoint.until_request(2))
    await collect(chat, asking("first"))
    assert not waiting.done()
    await collect(chat, asking("second"))
    assert (await waiting).question == "second"
    assert (await endpoint.until_request(1)).question == "first"


async def test_a_gate_lets_the_given_number_through() -> None:
    gate, passed = Gate(), []

    async def walk(number: int) -> None:
        await gate.passed()
        passed.append(number)

    walkers = [asyncio.create_task(walk(number)) for number in range(4)]
    await gate.until_waiting(4)
    gate.let(2)
    await asyncio.gather(*walkers[:2])
    assert passed == [0, 1]
    walkers[2].cancel()
    await asyncio.wait([walkers[2]])
    gate.let()
    await walkers[3]
    assert passed == [0, 1, 3]
    gate.let()
    await gate.passed()
    gate.open()
    await gate.passed()
    gate.close()
    last = asyncio.create_task(gate.passed())
    await gate.until_waiting()
    gate.open()
    await last


async def test_two_answers_stand_at_one_gate_until_it_opens(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    gate = endpoint.gate()
    endpoint.say("a b", gate=gate)
    endpoint.say("c d", gate=gate)
    answers = [asyncio.create_task(collect(chat)) for _ in range(2)]
    await gate.until_waiting(2)
    assert not any(asked.over for asked in endpoint.requests)
    gate.open()
    assert sorted([said(await answer) for answer in answers]) == ["a b", "c d"]


async def test_the_scripted_endpoint_keeps_its_address_while_it_is_down(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    before = endpoint.url
    async with endpoint.down():
        assert not (await chat.check()).answered
    assert endpoint.url == before
    assert (await chat.check()).ok


async def test_usage_is_counted_and_sent_only_on_request(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.say("one two three")
    finished = (await collect(chat, asking("four words are here")))[-1]
    assert finished == Finished("stop", ModelUsage(6, 3, 9))
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{endpoint.url}/chat/completions", json=body) as response,
    ):
        assert b"usage" not in await response.read()


async def test_a_stalled_answer_continues_when_it_is_released(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    gate = endpoint.stall("So far ", then="so good.")
    events = chat.stream(asking())
    assert [await anext(events), await anext(events)] == [
        ModelTextDelta("So "),
        ModelTextDelta("far "),
    ]
    await gate.until_waiting()
    gate.open()
    assert [e.text async for e in events if isinstance(e, ModelTextDelta)] == ["so ", "good."]


async def test_the_scripted_model_stops_while_answers_are_held() -> None:
    async with ScriptedModel() as model:
        model.say("never", gate=model.gate())
        chat = ChatCompletions(model.url)
        held = asyncio.create_task(collect(chat))
        await model.until_request()
        held.cancel()
        await asyncio.wait([held])
        await chat.close()
