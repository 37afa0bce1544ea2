"""Replies in Discord that a restored ledger does not know are found, stored, or deleted."""

import pytest

from bot.chat.catch_up.reconcile import FoundAnswer, FoundReplies, Reconciler
from bot.chat.reply import buttons
from bot.chat.reply.approval_buttons import approval_view, decided_view
from bot.chat.texts.fluent import localized
from bot.chat.transport.message_history import oldest_messages
from bot.chat.transport.rest_retry import RestRetry
from bot.sandbox import Channel
from bot.store.ledger import ReadMarker
from tests.support.discord_rest import RestBot


class Forgotten:
    """A DM in which the bot wrote messages that its ledger does not know."""

    def __init__(self, bot: RestBot, home: Channel) -> None:
        self.bot = bot
        self.home = home
        self.channel = bot.client.get_partial_messageable(home.id)
        self.reconciler = Reconciler(bot.client, bot.ledger, RestRetry(bot.clock))

    async def asked(self, text: str) -> int:
        return (await self.bot.ada.say(self.home, text)).id

    async def replied(self, text: str, to: int | None = None, attempt: int | None = None) -> int:
        message = self.channel.get_partial_message(to) if to is not None else None
        view = None
        if attempt is not None:
            view = buttons.view(buttons.ReplyButton("cancel", 7, attempt))
        if message is not None:
            sent = await message.reply(text)
        elif view is not None:
            sent = await self.channel.send(text, view=view)
        else:
            sent = await self.channel.send(text)
        return sent.id

    async def found(self) -> FoundReplies:
        messages = await oldest_messages(self.channel)
        return await self.reconciler.find(self.home.id, messages, opened=False)


@pytest.fixture
async def forgotten(bot: RestBot) -> Forgotten:
    return Forgotten(bot, await bot.ada.open_dm())


async def test_an_answer_that_replies_to_a_question_answers_that_question(
    forgotten: Forgotten,
) -> None:
    first = await forgotten.asked("one")
    answer = await forgotten.replied("An answer.", to=first)
    await forgotten.replied("Its second part.")
    later = await forgotten.asked("two")
    found = await forgotten.found()
    assert found.answers[0] == FoundAnswer(first, answer)
    assert found.answers_question(first)
    assert not found.answers_question(later)


async def test_a_refusal_answers_its_question_alone(forgotten: Forgotten) -> None:
    first, second = await forgotten.asked("one"), await forgotten.asked("two")
    await forgotten.replied(localized("not-saved"), to=second)
    found = await forgotten.found()
    assert found.refused == {second}
    assert not found.answers_question(first)


@pytest.mark.parametrize("is_decided", [False, True])
async def test_a_message_that_shows_a_call_answers_nothing_and_stays(
    forgotten: Forgotten, is_decided: bool
) -> None:
    question = await forgotten.asked("one")
    view = decided_view(1) if is_decided else approval_view(1)
    await forgotten.channel.send("May I?", view=view)
    assert await forgotten.found() == FoundReplies()
    # Nor is it a part of a placeholder above it, which is deleted.
    placeholder = await forgotten.replied(localized("thinking"), attempt=1)
    await forgotten.channel.send("May I?", view=view)
    found = await forgotten.found()
    assert found.orphaned == (placeholder,)
    assert not found.answers_question(question)


async def test_a_placeholder_of_no_open_turn_is_deleted_with_its_further_parts(
    forgotten: Forgotten,
) -> None:
    question = await forgotten.asked("one")
    await forgotten.replied(localized("thinking"), attempt=1)
    await forgotten.replied("A second part.")
    messages = await oldest_messages(forgotten.channel)
    marker = ReadMarker(channel_id=forgotten.home.id, guild_id=None, message_id=0)
    found = await forgotten.reconciler.find_replies(forgotten.channel, marker, messages)
    assert not found.answers_question(question)
    assert forgotten.bot.texts(forgotten.home) == []


async def test_replies_that_the_ledger_knows_are_left_alone(bot: RestBot) -> None:
    home = await bot.ada.open_dm()
    await bot.stored("one", home)
    bot.parts.scheduler.schedule(home.id)
    await bot.ended(1)
    forgotten = Forgotten(bot, home)
    found = await forgotten.found()
    assert (found.answers, found.refused, found.orphaned) == ((), frozenset(), ())
