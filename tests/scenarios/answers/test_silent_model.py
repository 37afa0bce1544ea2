"""A model in process that is silent or trickles for ever: its run ends, and the channel goes on."""

import asyncio
from pathlib import Path

from bot.chat.texts import sentences
from bot.sandbox import DiscordMessage
from tests.scenarios.community import answer, community, is_final, labels
from tests.support.fake_clock import ShiftedClock
from tests.support.model_endpoint import Asked, ScriptedModel
from tests.support.model_turns import Delta, Done, Pace, Raw, Turn, say, stall

SPEED = 300.0
"""At this pace a run's ten minutes are over in two seconds."""

TRICKLE = 20.0


def ways(model: ScriptedModel) -> dict[str, Turn]:
    """How a model can be at work for ever."""
    words = [Delta({"content": "and "}) for _ in range(1_000)]
    thoughts = [Delta({"reasoning_content": "hm "}) for _ in range(1_000)]
    return {
        "no-byte": say("late", first=model.gate()),
        "no-word": stall("", model.gate()),
        "first-words": stall("Some words", model.gate()),
        "words": Turn(steps=[Pace(TRICKLE), *words, Done()]),
        "thoughts": Turn(steps=[Pace(TRICKLE), *thoughts, Done()]),
        "half-an-event": Turn(steps=[Raw(b"data: {"), model.gate()]),
    }


async def test_a_run_on_a_model_that_never_ends_expires_with_a_sentence_and_a_retry(
    tmp_path: Path,
) -> None:
    async with community(tmp_path, "channel", start=False) as whole:
        whole.clock = ShiftedClock(speed=SPEED)
        await whole.start_engine()
        await whole.start_bot()
        for_ever = ways(whole.model)

        def says(asked: Asked) -> Turn:
            return for_ever.pop(asked.question, None) or say(asked.question)

        whole.model.otherwise = says

        async def expires(way: str) -> DiscordMessage:
            channel = whole.sandbox.guild.add_text_channel(way)
            await whole.ask(way, channel=channel)
            reply = await whole.finished(channel)
            assert reply.content.endswith(sentences.failure("expired"))
            assert labels(reply) == ["Retry"]
            return reply

        async def goes_on(way: str, reply: DiscordMessage) -> None:
            channel = reply.channel
            await whole.ada.click(reply, "Retry")
            await whole.until(lambda: is_final(reply) and answer(reply) == way)
            await whole.ask("after", channel=channel)
            assert answer(await whole.finished(channel, 2)) == "after"
            told = await whole.on_thread(channel)
            assert [text for role, text in told if role == "user"] == [way, "after"]

        named = list(for_ever)
        replies = await asyncio.gather(*map(expires, named))
        # A busy machine may need more than two seconds for a run that ends.
        whole.clock.sleep_speed = SPEED / 30
        await asyncio.gather(*map(goes_on, named, replies))
