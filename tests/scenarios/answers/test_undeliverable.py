"""Discord takes no answer where it was asked: the member is told somewhere, the run is stopped."""

import pytest

from bot.chat.texts import sentences
from bot.sandbox import Channel, Permission
from tests.scenarios.bot_process import killed
from tests.scenarios.community import Community, answer, deny, labels
from tests.support.databases import execute

EDIT = "/channels/{channel_id}/messages/{message_id}"
DM = "/users/@me/channels"
REFUSED = sentences.failure("undeliverable")


async def told_directly(whole: Community, channel: Channel) -> None:
    """See that Ada was told by DM of a channel that took no answer."""
    told = await whole.reply(await whole.ada.open_dm())
    assert told.content == sentences.undelivered(channel.id)


async def run_is_stopped(whole: Community) -> None:
    """See that the model does not write on for nobody."""
    await whole.model.requests[0].until_over()


async def test_a_channel_thread_that_may_be_opened_but_not_written_in_is_told_in_its_parent(
    threads: Community,
) -> None:
    deny(threads.sandbox, Permission.SEND_MESSAGES_IN_THREADS)
    question = await threads.ask("one")
    thread = await threads.thread_of(question)
    told = await threads.reply(threads.general)
    assert told.content == sentences.undelivered(thread.id, "Ada")
    assert told.reference is not None
    assert told.reference.message_id == question.id
    (turn,) = await threads.ended_turns(1)
    assert (turn.state, turn.error) == ("failed", "undeliverable")
    assert threads.model.requests == []
    # Allowed again, the conversation goes on.
    threads.sandbox.guild.allow_bot(Permission.SEND_MESSAGES_IN_THREADS)
    await threads.admin.say(thread, "two")
    assert answer(await threads.finished(thread)).endswith("two")


async def test_where_the_parent_takes_nothing_either_whoever_asked_is_told_directly(
    threads: Community,
) -> None:
    question = await threads.ask("one")
    thread = await threads.thread_of(question)
    await threads.finished(thread)
    threads.sandbox.troubles.forbid_sending(threads.general)
    await threads.ada.say(thread, "two")
    await told_directly(threads, thread)
    await threads.ended_turns(2)


async def test_where_nothing_reaches_the_member_the_log_says_so(
    threads: Community, caplog: pytest.LogCaptureFixture
) -> None:
    thread = await threads.thread_of(await threads.ask("one"))
    await threads.finished(thread)
    threads.sandbox.troubles.forbid_sending(threads.general)
    threads.sandbox.faults.fail_next("POST", DM, status=403, code=50007, times=None)
    await threads.ada.say(thread, "two")
    await threads.ended_turns(2)
    assert f"user {threads.ada.id} can't be told" in caplog.text
    # And nobody else waits for it.
    home = threads.sandbox.guild.add_text_channel("elsewhere")
    other = await threads.thread_of(await threads.ask("three", channel=home))
    assert answer(await threads.finished(other)) == "three"


@pytest.mark.parametrize("code", [200000, 240000, 50035])
async def test_a_last_edit_that_a_filter_refuses_says_so_in_its_place(
    channels: Community, code: int
) -> None:
    channels.sandbox.faults.block_word("bad.example", code=code)
    channels.model.say("Look at https://bad.example.")
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    (turn,) = await channels.ended_turns(1)
    assert (turn.state, turn.error) == ("failed", "undeliverable")
    assert reply.content == REFUSED
    assert labels(reply) == ["Retry"]
    channels.model.say("Without a link.")
    await channels.ada.click(reply, "Retry")
    await channels.until(lambda: answer(reply) == "Without a link.")


async def test_a_part_that_a_filter_refuses_leaves_the_others_as_they_are(
    channels: Community,
) -> None:
    text = "alpha " * 300 + "\n\n" + "beta " * 300 + "\n\n" + "gamma " * 300
    channels.sandbox.faults.block_word("beta")
    channels.model.say(text)
    await channels.ask("one")
    (turn,) = await channels.ended_turns(1)
    assert turn.state == "failed"
    contents = [reply.content for reply in channels.replies(channels.general)]
    assert len(contents) == 3
    assert set(contents[0].split()) == {"alpha"}
    assert contents[1] == REFUSED
    assert contents[2].startswith("gamma gamma")
    assert [labels(reply) for reply in channels.replies(channels.general)] == [[], [], ["Retry"]]


async def test_where_no_edit_is_taken_a_new_message_says_so_and_the_button_goes(
    channels: Community,
) -> None:
    gate = channels.model.gate()
    channels.model.say("Unheard.", first=gate)
    await channels.ask("one")
    placeholder = await channels.reply(channels.general)
    await channels.model.until_request()
    channels.sandbox.faults.fail_next("PATCH", EDIT, status=403, code=50001, times=None)
    gate.open()
    await channels.ended_turns(1)
    assert placeholder.deleted
    (told,) = channels.replies(channels.general)
    assert told.content == REFUSED
    assert labels(told) == ["Retry"]
    channels.sandbox.faults.clear()
    await channels.ask("two")
    assert answer(await channels.finished(channels.general, 2)) == "two"


@pytest.mark.parametrize("said", ["", "Some words. "])
async def test_a_channel_thread_that_is_deleted_during_a_run_stops_it_and_is_told_in_its_parent(
    threads: Community, said: str
) -> None:
    gate = threads.model.stall(said)
    thread = await threads.thread_of(await threads.ask("one"))
    await threads.reply(thread)
    await threads.model.until_request()
    threads.sandbox.troubles.delete_channel(thread)
    await run_is_stopped(threads)
    told = await threads.reply(threads.general)
    assert told.content == sentences.undelivered(thread.id, "Ada")
    (turn,) = await threads.ended_turns(1)
    assert (turn.state, turn.error) == ("failed", "undeliverable")
    gate.open()


async def test_a_text_channel_that_is_deleted_during_a_run_stops_it_and_is_told_directly(
    channels: Community,
) -> None:
    elsewhere = channels.sandbox.guild.add_text_channel("elsewhere")
    channels.model.stall("Some words. ")
    await channels.ask("one", channel=elsewhere)
    await channels.reply(elsewhere)
    await channels.model.until_request()
    channels.sandbox.troubles.delete_channel(elsewhere)
    await run_is_stopped(channels)
    await told_directly(channels, elsewhere)


async def test_a_server_that_is_left_during_a_run_stops_it_and_is_told_directly(
    threads: Community,
) -> None:
    threads.model.stall("Some words. ")
    thread = await threads.thread_of(await threads.ask("one"))
    await threads.reply(thread)
    await threads.model.until_request()
    threads.sandbox.troubles.remove_bot()
    await run_is_stopped(threads)
    await told_directly(threads, thread)
    (turn,) = await threads.ended_turns(1)
    assert turn.error == "undeliverable"
    # The bot goes on elsewhere.
    home = await threads.ben.open_dm()
    await threads.ben.say(home, "hello")
    assert answer(await threads.finished(home)) == "hello"


@pytest.mark.parametrize(("status", "code"), [(404, 10003), (403, 50001), (403, 50013)])
async def test_a_channel_that_progress_finds_closed_stops_the_run(
    threads: Community, status: int, code: int
) -> None:
    gate = threads.model.gate()
    threads.model.say("a b c d e f g", gate=gate)
    thread = await threads.thread_of(await threads.ask("one"))
    reply = await threads.reply(thread)
    gate.let(1)
    await threads.until(lambda: reply.content == "a")
    # Nobody tells the bot of it.
    threads.sandbox.faults.fail_next("*", EDIT, status=status, code=code, times=None)
    threads.sandbox.troubles.forbid_sending(thread)
    gate.let(1)
    await run_is_stopped(threads)
    await told_directly(threads, thread)


async def test_a_name_that_a_filter_refuses_gives_way_to_a_neutral_one(threads: Community) -> None:
    opening = "/channels/{channel_id}/messages/{message_id}/threads"
    threads.sandbox.faults.fail_next("POST", opening, status=400, code=200001)
    thread = await threads.thread_of(await threads.ask("something rude"))
    assert thread.name == "Question of Ada"
    assert answer(await threads.finished(thread)) == "something rude"


async def test_a_channel_thread_that_is_locked_during_a_run_is_told_in_its_parent(
    threads: Community,
) -> None:
    gate = threads.model.gate()
    threads.model.say("Unheard.", first=gate)
    thread = await threads.thread_of(await threads.ask("one"))
    await threads.reply(thread)
    await threads.model.until_request()
    deny(threads.sandbox, Permission.MANAGE_THREADS)
    threads.sandbox.troubles.lock_thread(thread)
    gate.open()
    told = await threads.reply(threads.general)
    assert told.content == sentences.undelivered(thread.id, "Ada")
    await threads.ended_turns(1)


async def test_a_private_channel_thread_is_never_named_in_its_parent(
    threads: Community,
) -> None:
    thread = await threads.thread_of(await threads.ask("one"))
    await threads.finished(thread)
    await execute(threads.directory / "bot.db", "UPDATE links SET private = 1")
    deny(threads.sandbox, Permission.SEND_MESSAGES_IN_THREADS)
    await threads.admin.say(thread, "two")
    direct, told = await threads.admin.open_dm(), sentences.undelivered(thread.id)
    # Mira also owns the bot's application, so that she reads of the lost permission, too.
    await threads.until(lambda: told in [each.content for each in threads.replies(direct)])
    assert threads.replies(threads.general) == []


@pytest.mark.parametrize("point", ["before turns.undelivered", "after turns.undelivered"])
async def test_killed_while_it_is_told_the_member_is_told_and_nothing_is_owed(
    asleep: Community, point: str
) -> None:
    deny(asleep.sandbox, Permission.SEND_MESSAGES_IN_THREADS)
    await killed(asleep, point)
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(1)
    (thread,) = asleep.sandbox.guild.threads
    told = asleep.replies(asleep.general)
    assert {each.content for each in told} == {sentences.undelivered(thread.id, "Ada")}
    assert len(told) == 1
    (turn,) = await asleep.ended_turns(1)
    assert turn.state == "failed"
