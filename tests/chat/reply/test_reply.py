"""A reply on a real ledger and a sandbox: sent once, edited, split, and replaced if deleted."""

import asyncio
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.chat.reply import buttons
from bot.chat.reply.buttons import ReplyButton
from bot.chat.reply.content.message_content import Upload
from bot.chat.reply.delivery.channel_writer import ChannelWriter, MessageDeletedError
from bot.chat.reply.delivery.edit_throttle import EditThrottle
from bot.chat.reply.delivery.message_routes import UndeliverableError
from bot.chat.reply.reply import Reply
from bot.chat.texts.fluent import localized
from bot.chat.transport.message_text import display_texts
from bot.chat.transport.rest_retry import RestRetry
from bot.sandbox import Permission
from bot.store.ledger import Turn
from tests.scenarios.community import labels
from tests.support.discord_rest import RestBot
from tests.support.eventually import PATIENCE, eventually
from tests.support.fake_clock import FakeClock

EDIT = "/channels/{channel_id}/messages/{message_id}"


@dataclass
class Written:
    """A turn in the ledger, and how its reply is made."""

    bot: RestBot
    turn: Turn
    lost: asyncio.Event

    def reply(self, *, unsure: bool = False) -> Reply:
        clock = self.bot.clock
        place = self.turn.channel_id, self.turn.guild_id
        writer = ChannelWriter(self.bot.client, *place, RestRetry(clock), clock)
        throttle = EditThrottle(clock, channel_seconds=0.0, per_second=10_000)
        throttle.begin(self.turn.channel_id)
        return Reply(
            self.turn,
            writer,
            self.bot.ledger,
            throttle,
            unsure=unsure,
            channel_lost=self.lost.set,
        )

    async def send_others(self) -> None:
        """Send other messages, one after the other: an edit under way ends before the last one."""
        for number in range(5):
            await self.bot.client.get_partial_messageable(self.bot.general.id).send(f"no. {number}")

    async def parts(self) -> tuple[int, ...]:
        turn = await self.bot.ledger.history.turn(self.turn.id)
        assert turn is not None
        return turn.parts


@pytest.fixture
async def written(bot: RestBot) -> Written:
    await bot.stored("one")
    turn = await bot.ledger.turns.next_in(bot.general.id)
    assert turn is not None
    return Written(bot, turn, asyncio.Event())


async def placed(written: Written, reply: Reply) -> int:
    """Send the placeholder and store it, as the turn's runner does."""
    message_id = await reply.send_placeholder(in_reply=True)
    await written.bot.ledger.turns.placed(written.turn.id, 1, message_id)
    return message_id


async def test_the_placeholder_replies_to_the_question_and_has_a_cancel_button(
    written: Written,
) -> None:
    message_id = await placed(written, written.reply())
    message = written.bot.general.by_id[message_id]
    assert message.content == localized("thinking")
    assert labels(message) == [localized("cancel-button")]
    assert message.reference is not None


async def test_an_unsure_reply_uses_the_placeholder_that_exists(written: Written) -> None:
    first = await written.reply().send_placeholder(in_reply=True)
    assert await written.reply(unsure=True).send_placeholder(in_reply=True) == first
    assert written.bot.texts() == [localized("thinking")]


async def test_a_placeholder_that_is_closed_with_a_note_is_in_the_ledger(written: Written) -> None:
    message_id = await written.reply().send_placeholder(in_reply=True)
    await written.reply(unsure=True).close(localized("question-deleted"))
    assert [message.content for message in written.bot.general.messages[1:]] == [
        localized("question-deleted")
    ]
    assert await written.parts() == (message_id,)


async def test_a_reply_with_a_file_keeps_the_file_when_it_is_closed_with_a_note(
    written: Written,
) -> None:
    first = written.reply()
    await placed(written, first)
    retry = ReplyButton("retry", written.turn.id, 1)
    await first.finish("Here.", [], [retry], uploads=[Upload("data.txt", b"1, 2")])
    again = Written(written.bot, await refreshed(written), asyncio.Event())
    await again.reply().close("The note.")
    (message_id,) = await again.parts()
    assert labels(written.bot.general.by_id[message_id]) == []
    channel = written.bot.client.get_partial_messageable(written.bot.general.id)
    fetched = await channel.fetch_message(message_id)
    assert display_texts(fetched) == "Here.\nThe note."
    (file,) = [each for each in fetched.components if isinstance(each, discord.FileComponent)]
    assert file.name == "data.txt"


async def test_progress_shows_in_the_reply_and_the_end_replaces_it(written: Written) -> None:
    reply = written.reply()
    message = written.bot.general.by_id[await placed(written, reply)]
    reply.show(lambda: "Half of")
    await written.bot.sandbox.until(lambda: message.content == "Half of")
    assert labels(message) == [localized("cancel-button")]
    assert await reply.finish("Half of it.", ["-# note"], [])
    assert message.content == "Half of it.\n-# note"
    assert labels(message) == []


async def test_no_progress_edit_begins_once_progress_has_ended(written: Written) -> None:
    reply = written.reply()
    message = written.bot.general.by_id[await placed(written, reply)]
    held = written.bot.sandbox.faults.hold_requests("PATCH", EDIT)
    reply.show(lambda: "Half of")
    await eventually(lambda: held.hits)
    reply.show(lambda: "Half of it")
    reply.end_progress()
    held.release()
    await written.bot.sandbox.until(lambda: message.content == "Half of")
    await written.send_others()
    assert await reply.finish("Half of it.", [], [])
    assert [edit.content for edit in message.edits] == ["Half of", "Half of it."]


async def test_a_progress_edit_that_waits_for_its_time_is_not_made_once_progress_has_ended(
    written: Written,
) -> None:
    reply = written.reply()
    message = written.bot.general.by_id[await placed(written, reply)]
    reply.show(lambda: "Half of")
    reply.end_progress()
    await written.send_others()
    assert message.content == localized("thinking")
    assert await reply.finish("Half of it.", [], [])
    assert message.content == "Half of it."


class HeldWriter:
    """A writer whose progress edits wait for ``accepted``."""

    response = None

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.accepted = asyncio.Event()
        self.edits: list[str] = []

    async def try_edit(self, message_id: int, content: str, *, priority: object) -> None:
        self.begun.set()
        await self.accepted.wait()
        self.edits.append(content)

    async def edit(self, message_id: int, content: str, *_: object, priority: object) -> None:
        self.edits.append(content)


def held_reply() -> tuple[Reply, HeldWriter]:
    """A reply with one message, and its writer."""
    turn: Any = SimpleNamespace(id=1, attempt=1, channel_id=5, parts=(3,))
    held: Any = HeldWriter()
    unused: Any = None
    throttle = EditThrottle(FakeClock(skips=True), channel_seconds=0.0, per_second=10_000)
    return Reply(turn, held, unused, throttle, unsure=False, channel_lost=unused), held


async def test_an_end_that_waits_for_a_progress_edit_can_be_cancelled_at_any_moment() -> None:
    for steps in range(1_000):
        reply, held = held_reply()
        reply.show(lambda: "Half of")
        await held.begun.wait()
        ending = asyncio.create_task(reply.finish("Half of it.", [], []))
        await asyncio.sleep(0)
        held.accepted.set()
        for _ in range(steps):
            await asyncio.sleep(0)
        if not ending.cancel():
            break
        await asyncio.wait({ending})
        assert ending.cancelled(), f"went on after {steps} steps"
        assert asyncio.all_tasks() == {asyncio.current_task()}, f"left one after {steps} steps"
    assert ending.result()


async def test_no_progress_follows_the_last_note() -> None:
    reply, writer = held_reply()
    writer.accepted.set()
    reply.show(lambda: "Half of")
    await writer.begun.wait()
    assert await reply.pause("The note.", last=True)
    reply.show(lambda: "Half of it")
    for _ in range(100):
        await asyncio.sleep(0)
    assert writer.edits == ["Half of", "Half of\nThe note."]
    await reply.stop()


async def test_a_long_answer_is_split_and_every_part_is_in_the_ledger(written: Written) -> None:
    reply = written.reply()
    await placed(written, reply)
    words = " ".join(f"word{number}" for number in range(700))
    assert await reply.finish(words, [], [ReplyButton("retry", written.turn.id, 1)])
    texts = written.bot.texts()
    assert len(texts) > 2
    assert " ".join(texts).split() == words.split()
    messages = [m for m in written.bot.general.messages if m.author is written.bot.sandbox.bot_user]
    assert await written.parts() == tuple(message.id for message in messages)
    assert [labels(message) for message in messages] == [[]] * (len(messages) - 1) + [
        [localized("retry-button")]
    ]


async def test_nothing_is_sent_in_the_place_of_a_deleted_placeholder(written: Written) -> None:
    reply = written.reply()
    message_id = await placed(written, reply)
    channel = written.bot.client.get_partial_messageable(written.bot.general.id)
    await channel.get_partial_message(message_id).delete()
    with pytest.raises(MessageDeletedError) as told:
        await reply.finish("Here.", [], [])
    assert told.value.message_id == message_id
    assert written.bot.texts() == []


async def test_an_unsure_end_uses_the_part_that_an_earlier_try_sent(written: Written) -> None:
    reply = written.reply()
    await placed(written, reply)
    channel = written.bot.client.get_partial_messageable(written.bot.general.id)
    # What a killed process sent and did not store.
    sent = await channel.send("second")
    again = Written(written.bot, await refreshed(written), asyncio.Event())
    assert await again.reply(unsure=True).finish("a " * 1_500, [], [])
    assert (await again.parts())[1] == sent.id
    assert len(written.bot.texts()) == 2


async def refreshed(written: Written) -> Turn:
    turn = await written.bot.ledger.history.turn(written.turn.id)
    assert turn is not None
    return turn


async def test_a_progress_edit_reports_that_the_channel_was_closed_to_the_bot(
    written: Written,
) -> None:
    reply = written.reply()
    await placed(written, reply)
    written.bot.general.deny(
        written.bot.sandbox.bot_user, Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES
    )
    reply.show(lambda: "Half of")
    await asyncio.wait_for(written.lost.wait(), PATIENCE)
    with pytest.raises(UndeliverableError):
        await reply.finish("Half of it.", [], [])


async def test_the_cancel_button_of_a_message_names_its_turn_and_attempt(written: Written) -> None:
    message_id = await placed(written, written.reply())
    channel = written.bot.client.get_partial_messageable(written.bot.general.id)
    fetched: discord.Message = await channel.fetch_message(message_id)
    assert buttons.cancellable(fetched) == (written.turn.id, 1)
