"""What was written while the bot was away is read and answered: in order, once, within bounds."""

import asyncio

import pytest

from bot.chat.internal_limits import ChatLimits
from bot.chat.texts.fluent import localized
from bot.sandbox import Channel
from tests.scenarios.community import Community, answer
from tests.support.eventually import eventually

HISTORY = "/channels/{channel_id}/messages"
EDIT = "/channels/{channel_id}/messages/{message_id}"


async def answered(whole: Community, channel: Channel, count: int = 1) -> list[str]:
    """Wait for so many finished replies and return what they say."""
    for number in range(1, count + 1):
        await whole.finished(channel, number)
    return [answer(reply) for reply in whole.replies(channel)]


async def test_a_direct_message_is_answered_after_the_bot_is_back(threads: Community) -> None:
    home = await threads.ada.open_dm()
    await threads.ada.say(home, "one")
    await threads.finished(home)
    await threads.stop_bot()
    await threads.ada.say(home, "two")
    await threads.ada.say(home, "three")
    await threads.start_bot()
    await threads.settled(3)
    assert [answer(reply) for reply in threads.replies(home)] == ["one", "three"]
    asked = [text for role, text in await threads.on_thread(home) if role == "user"]
    assert asked == ["one", "two", "three"]


async def test_what_was_said_in_a_channel_thread_meanwhile_is_answered(threads: Community) -> None:
    thread = await threads.thread_of(await threads.ask("one"))
    await threads.finished(thread)
    await threads.stop_bot()
    await threads.ada.say(thread, "two")
    await threads.start_bot()
    assert await answered(threads, thread, 2) == ["one", "two"]


async def test_in_a_text_channel_mentions_alone_are_answered(threads: Community) -> None:
    # The bot is not new in the guild once it has written down how far it has seen its channels.
    await eventually(lambda: threads.ledger.read_markers.of_guild(threads.sandbox.guild.id))
    await threads.stop_bot()
    await threads.ada.say(threads.general, "nobody in particular")
    question = await threads.ask("one")
    elsewhere = threads.sandbox.guild.add_text_channel("made-meanwhile")
    other = await threads.ask("two", channel=elsewhere)
    await threads.start_bot()
    assert await answered(threads, await threads.thread_of(question)) == ["one"]
    assert await answered(threads, await threads.thread_of(other)) == ["two"]
    await threads.settled(2)
    assert len(threads.sandbox.guild.threads) == 2


async def test_in_a_server_that_is_new_nothing_old_is_answered(asleep: Community) -> None:
    await asleep.ask("before you came")
    await asleep.start_engine()
    await asleep.start_bot()
    question = await asleep.ask("now")
    assert await answered(asleep, await asleep.thread_of(question)) == ["now"]
    assert len(asleep.sandbox.guild.threads) == 1


async def test_a_thread_that_was_archived_meanwhile_is_read(threads: Community) -> None:
    thread = await threads.thread_of(await threads.ask("one"))
    await threads.finished(thread)
    await threads.stop_bot()
    await threads.ada.say(thread, "two")
    threads.sandbox.troubles.archive_thread(thread)
    await threads.start_bot()
    assert await answered(threads, thread, 2) == ["one", "two"]


async def test_questions_missed_by_an_unresumable_session_are_answered(
    threads: Community,
) -> None:
    home = await threads.ada.open_dm()
    await threads.ada.say(home, "one")
    await threads.finished(home)
    threads.sandbox.faults.lose_events("MESSAGE_CREATE", times=2)
    await threads.ada.say(home, "two")
    question = await threads.ask("three")
    threads.sandbox.troubles.invalidate()
    assert await answered(threads, home, 2) == ["one", "two"]
    assert await answered(threads, await threads.thread_of(question)) == ["three"]


async def test_what_arrives_while_it_reads_is_taken_once_and_in_order(threads: Community) -> None:
    home = await threads.ada.open_dm()
    await threads.ada.say(home, "one")
    await threads.finished(home)
    await threads.stop_bot()
    await threads.ada.say(home, "two")
    reading = threads.sandbox.faults.hold_requests("GET", HISTORY, times=None)
    await threads.start_bot()
    await threads.ada.say(home, "three")
    await threads.waiting(["three"], home)
    await threads.befallen(reading)
    reading.release()
    assert await answered(threads, home, 2) == ["one", "three"]
    asked = [text for role, text in await threads.on_thread(home) if role == "user"]
    assert asked == ["one", "two", "three"]


async def test_a_start_that_reads_messages_again_stores_no_question_twice(
    threads: Community,
) -> None:
    home = await threads.ada.open_dm()
    for number in (1, 2, 3):
        await threads.ada.say(home, str(number))
        await threads.finished(home, number)
        await threads.stop_bot()
        await threads.start_bot()
    await threads.settled(3)
    assert [answer(reply) for reply in threads.replies(home)] == ["1", "2", "3"]
    assert len(await threads.runs_on(home)) == 3


async def test_messages_beyond_the_read_limit_are_announced(threads: Community) -> None:
    threads.limits = ChatLimits(most_pages=1)  # from the next start on
    home = await threads.ada.open_dm()
    await threads.ada.say(home, "first")
    await threads.finished(home)
    await threads.stop_bot()
    for number in range(101):
        await threads.ada.say(home, f"q{number}")
    await threads.start_bot()
    await threads.settled(101)
    asked = [question for question in await taken(threads) if question != "first"]
    assert asked == [f"q{number}" for number in range(1, 101)]
    assert localized("some-missed") in [reply.content for reply in threads.replies(home)]


async def test_old_questions_are_left_out_and_that_is_said(threads: Community) -> None:
    home = await threads.ada.open_dm()
    await threads.ada.say(home, "first")
    await threads.finished(home)
    await threads.stop_bot()
    await threads.ada.say(home, "long ago")
    later = 4 * 86_400
    threads.sandbox.advance(later)
    threads.clock.later = float(later)
    await threads.ada.say(home, "just now")
    await threads.start_bot()
    await threads.settled(2)
    assert await taken(threads) == ["first", "just now"]
    assert localized("some-missed") in [reply.content for reply in threads.replies(home)]


async def test_after_a_long_absence_nothing_is_told_where_nothing_was_missed(
    threads: Community,
) -> None:
    home = await threads.ada.open_dm()
    await threads.ada.say(home, "one")
    await threads.finished(home)
    await threads.stop_bot()
    later = 4 * 86_400
    threads.sandbox.advance(later)
    threads.clock.later = float(later)
    await threads.start_bot()
    await threads.ada.say(home, "two")
    assert await answered(threads, home, 2) == ["one", "two"]


async def test_left_out_messages_are_announced_only_where_members_ask_the_bot(
    threads: Community, caplog: pytest.LogCaptureFixture
) -> None:
    threads.limits = ChatLimits(most_pages=1)  # from the next start on
    elsewhere = threads.sandbox.guild.add_text_channel("elsewhere")
    await threads.ada.say(elsewhere, "nobody asks here")
    await threads.finished(await threads.thread_of(await threads.ask("one")))
    await threads.stop_bot()
    for number in range(101):
        await threads.ada.say(threads.general, f"talk {number}")
        await threads.ada.say(elsewhere, f"talk {number}")
    await threads.start_bot()
    await eventually(
        lambda: f"Not all missed messages of channel {elsewhere.id} are" in caplog.text
    )
    await threads.until(lambda: bool(threads.replies(threads.general)))
    question = await threads.ask("two", channel=elsewhere)
    await threads.finished(await threads.thread_of(question))
    assert [reply.content for reply in threads.replies(threads.general)] == [
        localized("some-missed")
    ]
    assert threads.replies(elsewhere) == []
    for channel in (threads.general, elsewhere):
        assert f"Not all missed messages of channel {channel.id} are" in caplog.text


async def test_only_channels_with_missed_messages_are_told_so(
    threads: Community, caplog: pytest.LogCaptureFixture
) -> None:
    threads.limits = ChatLimits(most_channels=1)  # from the next start on
    homes = [await person.open_dm() for person in (threads.ada, threads.ben)]
    for person, home in zip((threads.ada, threads.ben), homes, strict=True):
        await person.say(home, "one")
        await threads.finished(home)
    thread = await threads.thread_of(await threads.ask("one"))
    await threads.finished(thread)
    await threads.stop_bot()
    await threads.ada.say(thread, "missed")
    await threads.ask("missed", channel=threads.general)
    await threads.start_bot()
    await threads.until(lambda: bool(threads.replies(threads.general)))
    assert [reply.content for reply in threads.replies(threads.general)] == [
        localized("some-missed")
    ]
    assert f"Channel {threads.general.id} is not read" in caplog.text
    # One of the direct channels was not read, but none has a note.
    await threads.ada.say(homes[0], "two")
    await threads.ben.say(homes[1], "two")
    for home in homes:
        assert await answered(threads, home, 2) == ["one", "two"]
        assert sum(f"Channel {home.id} is not read" in line for line in caplog.messages) <= 1
    assert any(f"Channel {home.id} is not read" in caplog.text for home in homes)


async def test_a_thread_unarchived_and_archived_again_during_an_absence_is_read(
    threads: Community,
) -> None:
    thread = await threads.thread_of(await threads.ask("one"))
    await threads.finished(thread)
    other = await threads.thread_of(await threads.ask("other"))
    await threads.finished(other)
    await threads.stop_bot()
    days = 14 * 86_400.0
    threads.sandbox.advance(days)
    await threads.ada.say(thread, "two")
    threads.sandbox.advance(1.5 * 86_400)
    assert thread.thread is not None
    assert thread.thread.archived
    threads.clock.later = days + 1.5 * 86_400
    await threads.start_bot()
    assert await answered(threads, thread, 2) == ["one", "two"]
    # Where nothing was written nothing is held up.
    await threads.ada.say(other, "more")
    assert await answered(threads, other, 2) == ["other", "more"]


async def test_an_unreadable_channel_holds_no_turn_up(threads: Community) -> None:
    thread = await threads.thread_of(await threads.ask("one"))
    await threads.finished(thread)
    await threads.stop_bot()
    await threads.ada.say(thread, "two")
    threads.sandbox.troubles.archive_thread(thread)
    threads.sandbox.troubles.delete_channel(thread)
    await threads.start_bot()
    question = await threads.ask("three")
    assert await answered(threads, await threads.thread_of(question)) == ["three"]


async def test_a_read_marker_never_passes_an_unread_message(threads: Community) -> None:
    home = await threads.ada.open_dm()
    await threads.ada.say(home, "one")
    await threads.finished(home)
    await threads.stop_bot()
    await threads.ada.say(home, "two")
    # Discord does not let itself be read: a question of the new session comes, and we go again.
    threads.sandbox.faults.fail_next("GET", HISTORY, status=503, times=None)
    await threads.start_bot()
    await threads.ada.say(home, "three")
    await threads.waiting(["three"], home)
    await threads.stop_bot()
    threads.sandbox.faults.clear()
    await threads.start_bot()
    await threads.settled(3)
    assert await taken(threads) == ["one", "two", "three"]


async def test_what_waited_when_a_session_was_lost_is_answered_once_the_gap_was_read(
    threads: Community,
) -> None:
    home = await threads.ada.open_dm()
    gate = threads.model.stall(then="one")
    await threads.ada.say(home, "one")
    await threads.model.until_request()
    threads.sandbox.faults.lose_events("MESSAGE_CREATE", times=1)
    await threads.ada.say(home, "missed")
    await threads.ada.say(home, "two")
    await threads.waiting(["two"], home)
    unread = threads.sandbox.faults.fail_next("GET", HISTORY, status=503, times=None)
    threads.sandbox.troubles.invalidate()
    await threads.befallen(unread)
    # The turn ends while something older may come before the next one.
    gate.open()
    await threads.ended_turns(1)
    threads.sandbox.faults.clear()
    assert await answered(threads, home, 2) == ["one", "two"]
    await threads.settled(3)
    assert await taken(threads) == ["one", "missed", "two"]


async def test_a_question_during_the_shutdown_is_answered_after_the_next_start(
    threads: Community,
) -> None:
    await threads.restart_bot(write_seconds=0.01)
    home = await threads.ada.open_dm()
    gate = threads.model.stall("Begun", then=" and done.")
    await threads.ada.say(home, "one")
    await threads.until(lambda: [m.content for m in threads.replies(home)] == ["Begun"])
    # Telling that it will go on takes so long that marks are written meanwhile.
    telling = threads.sandbox.faults.delay_requests(0.5, "PATCH", EDIT)
    stopping = asyncio.create_task(threads.stop_bot())
    await threads.befallen(telling)
    await threads.ada.say(home, "two")
    await stopping
    threads.sandbox.faults.clear()
    gate.open()
    await threads.start_bot()
    assert await answered(threads, home, 2) == ["Begun and done.", "two"]


async def taken(whole: Community) -> list[str]:
    """All that was asked, in the order of the turns and in each in order."""
    found: list[str] = []
    number = 1
    while await whole.ledger.history.turn(number) is not None:
        found += [one.content for one in await whole.ledger.questions.of_turn(number)]
        number += 1
    return found
