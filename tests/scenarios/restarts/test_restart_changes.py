"""Killed in the middle of an edit, a deletion or another answer, the bot goes on with it."""

import pytest
from msgspec.structs import replace

from bot.chat.reply.waiting_reactions import WAITING
from bot.chat.texts.fluent import localized
from bot.sandbox import Channel, DiscordMessage
from tests.scenarios.bot_process import killed
from tests.scenarios.community import Community, answer, is_final, labels
from tests.support.eventually import eventually

AGAIN = localized("again-button")
EDIT = "/channels/{channel_id}/messages/{message_id}"


async def started_again(whole: Community) -> None:
    """Start the bot, later than Discord remembers nonces."""
    whole.sandbox.advance(600)
    await whole.start_engine()
    await whole.start_bot()


async def idle(whole: Community) -> None:
    """Wait until no chore is left."""
    await eventually(whole.ledger.chores.channels, lambda owed: owed == ())


async def begun(whole: Community) -> tuple[DiscordMessage, Channel, DiscordMessage]:
    """Ask "one"; return the question, its channel thread, and the reply that has no answer yet."""
    question = await whole.ask("one")
    thread = await whole.thread_of(question)
    reply = await whole.reply(thread)
    await whole.model.until_request()
    return question, thread, reply


@pytest.mark.parametrize("point", ["after turns.again", "before chores.done", "after chores.done"])
async def test_another_answer_is_given_once(asleep: Community, point: str) -> None:
    async def ask() -> None:
        question = await asleep.ask("one")
        reply = await asleep.finished(await asleep.thread_of(question))
        await asleep.until(lambda: AGAIN in labels(reply))
        await asleep.ada.click(reply, AGAIN)

    await killed(asleep, point, ask)
    await started_again(asleep)
    turn = await asleep.in_state(1, "answered")
    assert turn.attempt == 2
    (thread,) = asleep.sandbox.guild.threads
    (reply,) = asleep.replies(thread)
    await asleep.until(lambda: is_final(reply) and answer(reply) == "one")
    assert await asleep.on_thread(thread) == [("user", "one"), ("assistant", "one")]
    assert len(await asleep.runs_on(thread)) == 2


async def test_a_question_deleted_right_before_the_kill_is_not_answered(asleep: Community) -> None:
    gate = asleep.model.stall(then="Too late.")

    async def ask() -> None:
        question, _, _ = await begun(asleep)
        await asleep.ada.delete(question)

    await killed(asleep, "after deletions.messages_deleted", ask)
    gate.open()
    await started_again(asleep)
    await asleep.in_state(1, "withdrawn")
    await idle(asleep)
    (thread,) = asleep.sandbox.guild.threads
    (reply,) = asleep.replies(thread)
    assert (reply.content, labels(reply)) == (localized("question-deleted"), [])
    assert await asleep.on_thread(thread) == []
    (run,) = await asleep.runs_on(thread)
    assert run.status in ("cancelled", "completed")


async def test_the_question_that_is_left_of_two_is_answered_after_the_kill(
    asleep: Community,
) -> None:
    gate = asleep.model.stall(then="first")
    both = asleep.model.stall(then="To both.")

    async def ask() -> None:
        _, thread, _ = await begun(asleep)
        two, three = [await asleep.ada.say(thread, text) for text in ("two", "three")]
        await asleep.until(lambda: two.reactions and three.reactions)
        gate.open()
        await asleep.model.until_request(2)
        await asleep.ada.delete(three)

    await killed(asleep, "after deletions.messages_deleted", ask)
    both.open()
    await started_again(asleep)
    turn = await asleep.in_state(2, "answered")
    assert turn.attempt == 2
    (thread,) = asleep.sandbox.guild.threads
    first, reply = asleep.replies(thread)
    assert (answer(first), answer(reply)) == ("first", "two")
    assert await asleep.on_thread(thread) == [
        ("user", "one"),
        ("assistant", "first"),
        ("user", "two"),
        ("assistant", "two"),
    ]


async def test_a_deletion_that_a_kill_kept_from_being_stored_is_noticed(asleep: Community) -> None:
    gate = asleep.model.stall(then="Too late.")

    async def ask() -> None:
        question, _, _ = await begun(asleep)
        await asleep.ada.delete(question)

    await killed(asleep, "before deletions.messages_deleted", ask)
    gate.open()
    await started_again(asleep)
    await asleep.in_state(1, "answered")
    (thread,) = asleep.sandbox.guild.threads
    await asleep.ada.say(thread, "two")
    await asleep.in_state(2, "answered")
    asked = [text for role, text in await asleep.on_thread(thread) if role == "user"]
    assert asked == ["two"]


@pytest.mark.parametrize("point", ["before", "after"])
async def test_a_reply_deleted_right_before_the_kill_is_not_posted_again(
    asleep: Community, point: str
) -> None:
    gate = asleep.model.stall(then="Too late.")

    async def ask() -> None:
        _, _, reply = await begun(asleep)
        await asleep.admin.delete(reply)

    await killed(asleep, f"{point} deletions.messages_deleted", ask)
    gate.open()
    await started_again(asleep)
    await asleep.in_state(1, "withdrawn")
    (thread,) = asleep.sandbox.guild.threads
    assert asleep.replies(thread) == []


@pytest.mark.parametrize("point", ["before turns.drop_parts", "after turns.drop_parts"])
async def test_a_message_that_the_bot_was_replacing_itself_ends_no_turn(
    asleep: Community, point: str
) -> None:
    gate = asleep.model.stall(then="At last.")

    async def ask() -> None:
        await begun(asleep)
        # Discord accepts no more edits of this message, so it is deleted and sent anew.
        asleep.sandbox.faults.fail_next(
            "PATCH", EDIT, status=429, code=30046, retry_after=0.001, times=10
        )
        gate.open()

    await killed(asleep, point, ask)
    asleep.sandbox.troubles.clear()
    await started_again(asleep)
    await asleep.in_state(1, "answered")
    await idle(asleep)
    (thread,) = asleep.sandbox.guild.threads
    (reply,) = asleep.replies(thread)
    assert answer(reply) == "At last."


@pytest.mark.parametrize("point", ["after questions.mark", "before chores.done"])
async def test_no_reaction_is_left_behind(asleep: Community, point: str) -> None:
    gate = asleep.model.stall(then="first")

    async def ask() -> None:
        _, thread, _ = await begun(asleep)
        waiting = await asleep.ada.say(thread, "two")
        if point == "before chores.done":
            await asleep.until(lambda: waiting.reactions)
            gate.open()

    await killed(asleep, point, ask)
    gate.open()
    await started_again(asleep)
    await asleep.in_state(2, "answered")
    await idle(asleep)
    (thread,) = asleep.sandbox.guild.threads
    marks = [one.emoji_name for message in thread.messages for one in message.reactions]
    assert WAITING not in marks


async def test_an_edit_right_before_the_kill_still_offers_another_answer(
    asleep: Community,
) -> None:
    asleep.settings = replace(asleep.settings, buttons=())

    async def ask() -> None:
        question = await asleep.ask("waht?")
        await asleep.finished(await asleep.thread_of(question))
        await asleep.ada.edit(question, f"{asleep.sandbox.bot_user.mention} what?")

    await killed(asleep, "after questions.amend", ask)
    await started_again(asleep)
    (thread,) = asleep.sandbox.guild.threads
    (reply,) = asleep.replies(thread)
    await asleep.until(lambda: labels(reply) == [AGAIN])
    await asleep.ada.click(reply, AGAIN)
    await asleep.until(lambda: is_final(reply) and answer(reply) == "what?")
