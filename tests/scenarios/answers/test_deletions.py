"""Deleted messages: a question, one of several, the reply, many at once, and after the answer."""

from pathlib import Path

import pytest

from bot.assistants.schema.requests import CreateMessage
from bot.chat.texts.fluent import localized
from bot.chat.threads.messages.bystander_poster import BYSTANDER_KEY
from bot.sandbox import Permission
from tests.scenarios.community import Community, answer, community, is_final, labels
from tests.support.eventually import eventually


async def asked_on_thread(whole: Community) -> list[str]:
    return [text for role, text in await whole.on_thread(whole.general) if role == "user"]


async def until_on_thread(whole: Community, expected: list[tuple[str, str]]) -> None:
    """Wait until just these messages are on the thread of the channel."""
    await eventually(lambda: whole.on_thread(whole.general), lambda found: found == expected)


async def test_a_deleted_reply_ends_its_turn_and_nothing_is_posted_again(
    channels: Community,
) -> None:
    gate = channels.model.stall(then="Too late.")
    await channels.ask("one")
    await channels.model.until_request()
    await channels.admin.delete(await channels.reply(channels.general))
    await channels.in_state(1, "withdrawn")
    gate.open()
    (run,) = await channels.runs_on(channels.general)
    assert run.status == "cancelled"
    # And the conversation goes on.
    await channels.ask("two")
    assert answer(await channels.finished(channels.general)) == "two"
    assert len(channels.replies(channels.general)) == 1


async def test_a_reply_whose_deletion_discord_did_not_tell_is_not_posted_again(
    channels: Community,
) -> None:
    gate = channels.model.stall(then="Too late.")
    await channels.ask("one")
    await channels.model.until_request()
    channels.sandbox.faults.lose_events("MESSAGE_DELETE")
    await channels.admin.delete(await channels.reply(channels.general))
    gate.open()
    await channels.in_state(1, "withdrawn")
    assert channels.replies(channels.general) == []


async def test_a_reply_of_two_parts_that_loses_one_keeps_the_other_without_buttons(
    channels: Community,
) -> None:
    gate = channels.model.gate()
    tokens = ["alpha " * 300 + "\n\n", "beta " * 300, "end"]
    channels.model.say("".join(tokens), tokens=tokens, gate=gate)
    await channels.ask("one")
    gate.let(2)
    first, second = [await channels.reply(channels.general, number) for number in (1, 2)]
    await eventually(
        lambda: channels.ledger.turns.known_parts([second.id]), lambda known: bool(known)
    )
    await channels.admin.delete(second)
    await channels.in_state(1, "withdrawn")
    gate.open()
    assert channels.replies(channels.general) == [first]
    assert first.content.startswith("alpha alpha")
    assert first.content.endswith(localized("reply-deleted"))
    assert labels(first) == []


async def test_a_question_deleted_during_its_run_cancels_the_run(channels: Community) -> None:
    gate = channels.model.gate()
    channels.model.say("Half of it and more.", gate=gate)
    question = await channels.ask("one")
    reply = await channels.reply(channels.general)
    gate.let(2)
    await channels.until(lambda: reply.content == "Half of")
    await channels.ada.delete(question)
    await channels.in_state(1, "withdrawn")
    gate.open()
    assert reply.content == f"Half of\n{localized('question-deleted')}"
    assert labels(reply) == []
    (run,) = await channels.runs_on(channels.general)
    assert run.status == "cancelled"
    # Neither the question nor what was said to it is shown to the model again.
    await until_on_thread(channels, [])
    await channels.ask("two")
    await channels.finished(channels.general, 2)
    assert await channels.on_thread(channels.general) == [("user", "two"), ("assistant", "two")]


async def test_one_of_two_questions_deleted_during_their_run_leaves_the_other_answered(
    channels: Community,
) -> None:
    gate = channels.model.stall(then="first")
    await channels.ask("one")
    await channels.model.until_request()
    two, three = await channels.ask("two"), await channels.ask("three")
    await channels.waiting(["two", "three"])
    both = channels.model.stall(then="To both.")
    gate.open()
    await channels.model.until_request(2)
    await channels.ada.delete(three)
    reply = await channels.finished(channels.general, 2)
    await channels.ended_turns(2)
    both.open()
    assert answer(reply) == "two"
    assert await channels.on_thread(channels.general) == [
        ("user", "one"),
        ("assistant", "first"),
        ("user", "two"),
        ("assistant", "two"),
    ]
    statuses = [run.status for run in await channels.runs_on(channels.general)]
    assert statuses == ["completed", "cancelled", "completed"]
    assert two.deleted is False


@pytest.mark.parametrize("together", [True, False])
async def test_two_questions_deleted_at_once_end_their_turn(
    channels: Community, *, together: bool
) -> None:
    gate = channels.model.stall(then="first")
    await channels.ask("one")
    await channels.model.until_request()
    regretted = [await channels.ask("two"), await channels.ask("three")]
    await channels.waiting(["two", "three"])
    both = channels.model.stall(then="To both.")
    gate.open()
    await channels.model.until_request(2)
    if together:
        await channels.admin.delete_many(regretted)
    else:
        for question in regretted:
            await channels.ada.delete(question)
    await channels.in_state(2, "withdrawn")
    both.open()
    assert answer(await channels.finished(channels.general, 2)) == ""
    await until_on_thread(channels, [("user", "one"), ("assistant", "first")])


async def test_a_question_deleted_after_its_answer_leaves_what_the_model_sees(
    channels: Community,
) -> None:
    question = await channels.ask("one")
    await channels.finished(channels.general)
    await channels.ended_turns(1)
    await channels.ada.delete(question)
    await until_on_thread(channels, [("assistant", "one")])
    await channels.ask("two")
    await channels.finished(channels.general, 2)
    assert "user: one" not in str(channels.model.requests[-1].messages)
    assert await asked_on_thread(channels) == ["two"]


async def test_an_answer_that_is_deleted_leaves_what_the_model_sees(channels: Community) -> None:
    await channels.ask("one")
    await channels.admin.delete(await channels.finished(channels.general))
    await until_on_thread(channels, [("user", "one")])


async def test_a_whole_conversation_deleted_in_bulk_leaves_an_empty_thread(
    channels: Community,
) -> None:
    for number in (1, 2):
        await channels.ask(f"question {number}")
        await channels.finished(channels.general, number)
    await channels.ended_turns(2)
    await channels.admin.delete_many(list(channels.general.messages))
    await until_on_thread(channels, [])
    await channels.ask("And now?")
    assert answer(await channels.finished(channels.general)) == "And now?"
    assert await asked_on_thread(channels) == ["And now?"]


async def test_a_question_deleted_while_it_is_posted_is_not_answered(channels: Community) -> None:
    await channels.ask("one")
    await channels.finished(channels.general)
    post = channels.api.create_message

    async def deleted_meanwhile(*args: object, **options: object) -> object:
        created = await post(*args, **options)  # type: ignore[arg-type]  # handed on unread
        await channels.ada.delete(question)
        await eventually(
            lambda: channels.ledger.history.turn(2),
            lambda turn: turn is not None and turn.outcome == "withdrawn",
        )
        return created

    channels.api.create_message = deleted_meanwhile  # type: ignore[method-assign,assignment]  # slowed
    question = await channels.ask("two")
    await channels.in_state(2, "withdrawn")
    channels.api.create_message = post  # type: ignore[method-assign]  # as before
    await until_on_thread(channels, [("user", "one"), ("assistant", "one")])
    assert len(await channels.runs_on(channels.general)) == 1


async def test_deleted_messages_that_concern_nobody_change_nothing(channels: Community) -> None:
    await channels.ask("one")
    await channels.finished(channels.general)
    await channels.ada.delete(await channels.ada.say(channels.general, "nothing to see here"))
    await channels.ask("two")
    assert answer(await channels.finished(channels.general, 2)) == "two"
    assert is_final(channels.replies(channels.general)[0])


async def test_what_was_deleted_while_the_bot_was_away_is_not_shown_to_the_model(
    channels: Community,
) -> None:
    one = await channels.ask("one")
    await channels.settled(1)
    two = await channels.ask("two")
    await channels.settled(2)
    answers = channels.replies(channels.general)
    await channels.stop_bot()
    await channels.ada.delete(two)
    await channels.admin.delete(answers[0])
    await channels.start_bot()
    await channels.ask("three")
    await channels.in_state(3, "answered")
    shown = await channels.on_thread(channels.general)
    assert ("user", "two") not in shown
    assert ("user", "one") in shown
    assert shown[-2:] == [("user", "three"), ("assistant", "three")]
    assert len([role for role, _ in shown if role == "assistant"]) == len(answers)
    assert not one.deleted


async def test_a_question_deleted_while_it_waited_and_the_bot_was_away_is_not_answered(
    channels: Community,
) -> None:
    gate = channels.model.stall(then="first")
    await channels.ask("one")
    await channels.model.until_request()
    two, three = await channels.ask("two"), await channels.ask("three")
    await channels.waiting(["two", "three"])
    await channels.stop_bot()
    await channels.ada.delete(two)
    await channels.ada.edit(three, f"{channels.sandbox.bot_user.mention} three, please")
    gate.open()
    await channels.start_bot()
    await channels.settled(2)
    assert await asked_on_thread(channels) == ["one", "three, please"]
    assert answer(channels.replies(channels.general)[-1]) == "three, please"


async def test_a_reply_deleted_while_the_bot_was_away_is_not_posted_again(
    channels: Community,
) -> None:
    gate = channels.model.stall(then="Too late.")
    await channels.ask("one")
    await channels.model.until_request()
    await channels.stop_bot()
    await channels.admin.delete(channels.replies(channels.general)[0])
    gate.open()
    await channels.start_bot()
    await channels.in_state(1, "withdrawn")
    assert channels.replies(channels.general) == []


async def test_a_channel_whose_history_is_hidden_forgets_nothing(channels: Community) -> None:
    await channels.ask("one")
    await channels.settled(1)
    await channels.stop_bot()
    channels.sandbox.troubles.forbid(channels.general, Permission.READ_MESSAGE_HISTORY)
    await channels.start_bot()
    await channels.ask("two")
    await channels.settled(2)
    assert await asked_on_thread(channels) == ["one", "two"]


async def test_the_question_of_a_channel_thread_that_was_deleted_meanwhile_is_forgotten(
    threads: Community,
) -> None:
    question = await threads.ask("one")
    thread = await threads.thread_of(question)
    await threads.settled(1)
    await threads.stop_bot()
    await threads.ada.delete(question)
    await threads.start_bot()
    await threads.ada.say(thread, "two")
    await threads.in_state(2, "answered")
    shown = await threads.on_thread(thread)
    assert [text for role, text in shown if role == "user"] == ["two"]


@pytest.mark.parametrize("away", [False, True])
async def test_the_deleted_words_of_a_bystander_leave_what_the_model_sees(
    tmp_path: Path, *, away: bool
) -> None:
    async with community(tmp_path, "channel", context_messages=3) as whole:
        said = await whole.ben.say(whole.general, "the secret is 42")
        await whole.ask("one")
        await whole.settled(1)
        assert "the secret is 42" in str(await whole.on_thread(whole.general))
        if away:
            await whole.stop_bot()
        await whole.ben.delete(said)
        if away:
            await whole.start_bot()
        await whole.ask("two")
        await whole.settled(2)
        assert "the secret is 42" not in str(await whole.on_thread(whole.general))


async def test_the_words_of_a_bystander_that_a_kill_may_have_left_are_looked_for(
    channels: Community,
) -> None:
    await channels.ask("one")
    await channels.settled(1)
    thread_id = await channels.thread_id(channels.general)
    # Planned, and posted by a process that was killed before it could store that.
    await channels.ledger.bystanders.plan(
        channels.general.messages[0].id, channels.general.id, thread_id, {5: 7}
    )
    await channels.api.create_message(
        thread_id, CreateMessage(role="user", content="secret", metadata={BYSTANDER_KEY: "5"})
    )
    deletion = await channels.ledger.deletions.messages_deleted([5])
    assert deletion.channels == {channels.general.id}
    await channels.ask("two")
    await channels.settled(2)
    assert "secret" not in str(await channels.on_thread(channels.general))
