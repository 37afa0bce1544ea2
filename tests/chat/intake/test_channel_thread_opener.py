"""The opener of channel threads: a question that is stored while the bot stops."""

from bot.store.ledger import NewQuestion
from tests.support.discord_rest import RestBot
from tests.support.eventually import eventually


async def test_a_question_that_is_stored_while_the_bot_stops_waits_for_the_next_start(
    bot: RestBot,
) -> None:
    message = await bot.ada.say(bot.general, "Why?")
    question = NewQuestion(
        id=message.id,
        channel_id=bot.general.id,
        guild_id=bot.sandbox.guild.id,
        author_id=bot.ada.user.id,
        author_name="Ada",
        content="Why?",
    )
    await bot.ledger.questions.take(question, None)
    opener = bot.parts.thread_opener
    opening = bot.sandbox.faults.hold_requests(
        "POST", "/channels/{channel_id}/messages/{message_id}/threads"
    )
    opener.open_soon(question)
    await eventually(lambda: opening.hits)
    await opener.stop()
    opener.open_soon(question)
    await bot.client.fetch_channel(bot.general.id)  # a request that was begun before is sent before
    assert [each.id for each in await bot.ledger.questions.unrouted()] == [message.id]
    assert opening.hits == 1
    opening.release()
