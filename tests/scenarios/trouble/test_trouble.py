"""Discord in trouble: what it refuses, loses or forgets in the middle of a reply."""

from pathlib import Path

import pytest

from bot.chat.texts.fluent import localized
from tests.scenarios.community import Community, answer, community, is_final, labels

EDIT = "/channels/{channel_id}/messages/{message_id}"
SEND = "/channels/{channel_id}/messages"


def accept_no_edit(channels: Community) -> None:
    """Have Discord accept no more edits, as of old messages that were edited too often."""
    channels.sandbox.faults.fail_next(
        "PATCH", EDIT, status=429, code=30046, retry_after=0.001, times=10
    )


async def test_parts_sent_anew_keep_their_order(channels: Community) -> None:
    gate = channels.model.gate()
    channels.model.say(
        "alpha " * 300 + "\n\n" + "beta " * 300,
        tokens=["alpha " * 300 + "\n\n", "beta " * 300],
        gate=gate,
    )
    await channels.ask("one")
    placeholder = await channels.reply(channels.general)
    gate.let(2)
    await channels.until(lambda: "alpha" in placeholder.content)
    accept_no_edit(channels)
    gate.open()
    await channels.ended_turns(1)
    first, second = channels.replies(channels.general)
    assert set(first.content.split()) == {"alpha"}
    assert second.content.startswith("beta beta")


async def test_a_message_that_accepts_no_more_edits_is_replaced(channels: Community) -> None:
    gate = channels.model.gate()
    channels.model.say("At last.", first=gate)
    await channels.ask("one")
    placeholder = await channels.reply(channels.general)
    await channels.model.until_request()
    accept_no_edit(channels)
    gate.open()
    await channels.ended_turns(1)
    assert placeholder.deleted
    (reply,) = channels.replies(channels.general)
    assert answer(reply) == "At last."


async def test_a_retry_of_an_old_reply_is_answered_below(channels: Community) -> None:
    channels.model.fail(400)
    await channels.ask("one")
    old = await channels.finished(channels.general)
    await channels.ended_turns(1)
    channels.clock.later = 3_500.0
    await channels.ada.click(old, "Retry")
    await channels.until(lambda: old.deleted)
    assert answer(await channels.finished(channels.general)) == "one"


async def test_three_429s_stop_progress_edits_and_never_the_final_edit(channels: Community) -> None:
    gate = channels.model.gate()
    channels.model.say("a b c d e f", gate=gate)
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    await channels.model.until_request()
    storm = channels.sandbox.faults.storm(times=3, retry_after=0.001, method="PATCH", route=EDIT)
    gate.let(2)
    await channels.until(lambda: reply.content.startswith("a"))
    assert storm.hits == 3
    seen = reply.content
    gate.let(2)
    await gate.until_waiting()
    # As long as it takes a reply elsewhere to grow twice, this one stays as it is.
    other = channels.model.gate()
    channels.model.say("1 2 3 4", gate=other)
    elsewhere = channels.sandbox.guild.add_text_channel("elsewhere")
    await channels.ask("two", channel=elsewhere)
    growing = await channels.reply(elsewhere)
    for said in ("1", "1 2", "1 2 3"):
        other.let(1)
        await channels.until(lambda said=said: growing.content == said)
    assert reply.content == seen
    other.open()
    gate.open()
    await channels.finished(channels.general)
    assert answer(reply) == "a b c d e f"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_the_last_edit_arrives_whatever_is_in_its_way(
    channels: Community, status: int
) -> None:
    gate = channels.model.gate()
    channels.model.say("Through.", first=gate)
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    await channels.model.until_request()
    channels.sandbox.faults.fail_next("PATCH", EDIT, status=status, retry_after=0.001, times=2)
    gate.open()
    await channels.finished(channels.general)
    assert answer(reply) == "Through."


async def test_a_delayed_progress_edit_does_not_overwrite_the_final_edit(
    channels: Community,
) -> None:
    await channels.restart_bot(progress_grace=30.0)
    gate = channels.model.stall("Begun", then=" and done.")
    edit = channels.sandbox.faults.hold_requests("PATCH", EDIT)
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    await channels.befallen(edit)
    gate.open()
    await channels.in_state(1, "closing")
    # The final edit would be made now, and the one on its way would arrive behind it.
    await channels.ada.command(channels.general, "runs list")
    edit.release()
    await channels.ended_turns(1)
    assert answer(reply) == "Begun and done."


async def test_a_placeholder_whose_answer_was_cut_off_stands_once(channels: Community) -> None:
    channels.sandbox.faults.drop_next("POST", SEND, after_effect=True)
    await channels.ask("one")
    await channels.finished(channels.general)
    await channels.ended_turns(1)
    assert len(channels.replies(channels.general)) == 1


async def test_a_channel_thread_whose_opening_was_cut_off_is_used(threads: Community) -> None:
    threads.sandbox.faults.drop_next(
        "POST", "/channels/{channel_id}/messages/{message_id}/threads", after_effect=True
    )
    question = await threads.ask("one")
    thread = await threads.thread_of(question)
    assert answer(await threads.finished(thread)) == "one"
    assert threads.replies(threads.general) == []


async def test_after_an_outage_the_answer_arrives(channels: Community) -> None:
    gate = channels.model.gate()
    channels.model.say("Still here.", first=gate)
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    await channels.model.until_request()
    channels.sandbox.faults.outage(1.0)
    gate.open()
    await channels.until(lambda: is_final(reply) and answer(reply) == "Still here.")


async def test_an_archived_channel_thread_takes_the_end_of_its_answer(threads: Community) -> None:
    gate = threads.model.gate()
    threads.model.say("Awake.", first=gate)
    question = await threads.ask("one")
    thread = await threads.thread_of(question)
    await threads.reply(thread)
    await threads.model.until_request()
    assert thread.thread is not None
    thread.thread.archived = True
    gate.open()
    assert answer(await threads.finished(thread)) == "Awake."


async def test_questions_asked_while_discord_is_slow_are_answered_in_order(
    channels: Community,
) -> None:
    channels.sandbox.faults.delay_requests(0.05)
    for number in range(3):
        await channels.ask(f"q{number}")
    await channels.settled(3)
    asked = [text for role, text in await channels.on_thread(channels.general) if role == "user"]
    assert asked == ["q0", "q1", "q2"]


async def test_within_discords_limits_every_answer_grows_and_ends(tmp_path: Path) -> None:
    async with community(tmp_path, "channel", rate_limits=True) as whole:
        homes = [whole.sandbox.guild.add_text_channel(f"room-{number}") for number in range(5)]
        for home in homes:
            await whole.ask("one two three", channel=home)
        for home in homes:
            assert answer(await whole.finished(home)) == "one two three"
        assert not [r for r in whole.sandbox.requests if r.status == 429]


async def test_stopping_says_that_it_will_go_on_and_it_does(channels: Community) -> None:
    gate = channels.model.gate()
    channels.model.say("Begun and done.", gate=gate)
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    gate.let(1)
    await channels.until(lambda: reply.content == "Begun")
    await channels.stop_bot()
    assert reply.content == f"Begun\n{localized('restarting')}"
    assert labels(reply) == ["Cancel"]
    await channels.start_bot()
    gate.open()
    await channels.finished(channels.general)
    assert answer(reply) == "Begun and done."
    assert len(channels.replies(channels.general)) == 1
    assert len(await channels.runs_on(channels.general)) == 1
