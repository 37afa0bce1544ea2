"""The reaction of a question that waits behind a running answer."""

from bot.chat.reply.waiting_reactions import WAITING
from bot.sandbox import DiscordMessage, Permission
from tests.scenarios.community import Community, answer
from tests.support.eventually import eventually

REACTION = "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/@me"


def marked(question: DiscordMessage) -> bool:
    return any(reaction.emoji_name == WAITING for reaction in question.reactions)


async def test_a_question_that_waits_is_marked_until_its_turn_starts(channels: Community) -> None:
    gate = channels.model.stall(then="first")
    one = await channels.ask("one")
    await channels.model.until_request()
    two, three = await channels.ask("two"), await channels.ask("three")
    await channels.until(lambda: marked(two) and marked(three))
    assert not marked(one)
    gate.open()
    await channels.until(lambda: not marked(two) and not marked(three))
    assert answer(await channels.finished(channels.general, 2)) == "three"
    assert not marked(one)


async def test_a_bot_that_may_not_react_answers_all_the_same(channels: Community) -> None:
    channels.sandbox.troubles.forbid(channels.general, Permission.ADD_REACTIONS)
    refused = channels.sandbox.faults.fail_next("PUT", REACTION, status=403, code=50013, times=None)
    gate = channels.model.stall(then="first")
    await channels.ask("one")
    await channels.model.until_request()
    two = await channels.ask("two")
    await channels.befallen(refused)
    # A channel that refused a reaction is not asked for another one.
    await channels.ask("three")
    await channels.waiting(["two", "three"])
    gate.open()
    assert answer(await channels.finished(channels.general, 2)) == "three"
    assert not marked(two)
    assert refused.hits == 1


async def test_a_mark_from_before_a_restart_is_removed(channels: Community) -> None:
    gate = channels.model.stall(then="first")
    await channels.ask("one")
    await channels.model.until_request()
    two = await channels.ask("two")
    await channels.until(lambda: marked(two))
    await channels.stop_bot()
    gate.open()
    await channels.start_bot()
    await channels.finished(channels.general, 2)
    await channels.until(lambda: not marked(two))


async def test_a_mark_that_arrives_late_is_removed_after_it_arrived(channels: Community) -> None:
    gate = channels.model.stall(then="first")
    await channels.ask("one")
    await channels.model.until_request()
    channels.sandbox.faults.delay_requests(0.3, times=1, method="PUT", route=REACTION)
    two = await channels.ask("two")
    await channels.waiting(["two"])
    gate.open()
    assert answer(await channels.finished(channels.general, 2)) == "two"
    await eventually(channels.ledger.chores.channels, lambda owed: owed == ())
    assert not marked(two)


async def test_a_mark_whose_connection_breaks_keeps_no_question_from_its_answer(
    channels: Community,
) -> None:
    gate = channels.model.stall(then="first")
    await channels.ask("one")
    await channels.model.until_request()
    broken = channels.sandbox.faults.drop_next("PUT", REACTION, times=10, after_effect=True)
    two = await channels.ask("two")
    await channels.befallen(broken)
    gate.open()
    assert answer(await channels.finished(channels.general, 2)) == "two"
    await eventually(channels.ledger.chores.channels, lambda owed: owed == ())
    assert not marked(two)
