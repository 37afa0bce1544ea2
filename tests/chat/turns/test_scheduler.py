"""The scheduler: one turn at a time in a channel, and channels that are held begin none."""

from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from tests.support.discord_rest import RestBot


async def test_questions_that_wait_during_a_turn_are_answered_together_in_the_next(
    bot: RestBot,
) -> None:
    gate = bot.model.stall(then="First.")
    await bot.stored("one")
    bot.parts.scheduler.schedule(bot.general.id)
    await bot.in_state(1, "running")
    for text in ("two", "three"):
        await bot.stored(text)
        bot.parts.scheduler.schedule(bot.general.id)
    bot.model.say("Second.")
    gate.open()
    await bot.ended(2)
    assert [one.content for one in await bot.ledger.questions.of_turn(2)] == ["two", "three"]
    assert await bot.ledger.history.turn(3) is None
    assert bot.texts() == ["First.", "Second."]


async def test_two_channels_are_answered_at_the_same_time(bot: RestBot) -> None:
    other = bot.sandbox.guild.add_text_channel("other")
    gate = bot.model.gate()
    bot.model.say("First.", gate=gate, first=gate)
    bot.model.say("Second.", gate=gate, first=gate)
    for channel in (bot.general, other):
        await bot.stored("question", channel)
        bot.parts.scheduler.schedule(channel.id)
    await bot.model.until_request(2)
    gate.open()
    for number in (1, 2):
        assert (await bot.ended(number)).outcome == "answered"


async def test_a_held_channel_begins_its_turn_once_it_is_released(bot: RestBot) -> None:
    bot.parts.read_markers.set_behind(bot.general.guild.id, [bot.general.id])  # type: ignore[union-attr]  # it has one
    await bot.stored("one")
    bot.parts.scheduler.schedule(bot.general.id)
    other = bot.sandbox.guild.add_text_channel("other")
    bot.model.otherwise = lambda asked: asked.question
    await bot.stored("elsewhere", other)
    bot.parts.scheduler.schedule(other.id)
    assert (await bot.ended(1)).channel_id == other.id
    assert bot.texts() == []
    bot.parts.read_markers.forget(bot.general.id)
    bot.parts.scheduler.release()
    await bot.ended(2)
    assert bot.texts() == ["one"]


async def test_a_cancelled_turn_says_who_cancelled_and_its_run_is_cancelled(bot: RestBot) -> None:
    gate = bot.model.stall("Begun")
    await bot.stored("one")
    bot.parts.scheduler.schedule(bot.general.id)
    await bot.in_state(1, "running")
    await bot.ledger.turns.request_cancel(1, 1, bot.ben.user.id, "ben")
    bot.parts.scheduler.cancel(1)
    turn = await bot.ended(1)
    gate.open()
    assert turn.outcome == "cancelled"
    assert turn.thread_id is not None
    assert turn.run_id is not None
    assert (await bot.api.retrieve_run(turn.thread_id, turn.run_id)).status == "cancelled"
    assert sentences.cancelled(turn.canceller) in bot.general.messages[-1].content


async def test_the_turns_of_a_lost_guild_end_without_a_run_that_goes_on(bot: RestBot) -> None:
    gate = bot.model.stall("Begun")
    await bot.stored("one")
    bot.parts.scheduler.schedule(bot.general.id)
    await bot.in_state(1, "running")
    bot.parts.scheduler.stop_in(bot.sandbox.guild.id)
    turn = await bot.ended(1)
    gate.open()
    assert (turn.outcome, turn.error) == ("failed", "undeliverable")


async def test_a_stopped_scheduler_leaves_turns_open_with_a_note_in_their_replies(
    bot: RestBot,
) -> None:
    gate = bot.model.stall("Begun")
    await bot.stored("one")
    bot.parts.scheduler.schedule(bot.general.id)
    await bot.in_state(1, "running")
    await bot.parts.scheduler.stop()
    gate.open()
    turn = await bot.ledger.history.turn(1)
    assert turn is not None
    assert turn.state == "running"
    assert bot.general.messages[-1].content.endswith(localized("restarting"))
    await bot.stored("two")
    bot.parts.scheduler.schedule(bot.general.id)
    assert await bot.ledger.history.turn(2) is None
