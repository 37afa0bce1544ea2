"""A gateway that is connected but brings no messages is noticed, and a new session begins."""

import pytest

from bot.sandbox import Permission
from bot.sandbox.faults import EventFault
from tests.scenarios.community import Community, answer
from tests.scenarios.trouble.test_broken_objects import change_guilds, without_a_position

QUIET = 6.0
SPEED = 40.0
"""How much faster the bot's time passes: five seconds lie between two sessions."""


async def watched(whole: Community) -> None:
    """Start the bot again, with a watchdog that looks often."""
    whole.clock.sleep_speed = whole.clock.monotonic_speed = SPEED
    await whole.restart_bot(watch_seconds=QUIET)


def sessions(whole: Community) -> int:
    """Return how many sessions the bot has begun."""
    return whole.sandbox.backend.world.identified


async def hears_again(whole: Community, deaf: EventFault, begun: int) -> None:
    """Wait until so many sessions were begun, and lose no more events, like that of the reply."""
    await whole.until(lambda: sessions(whole) == begun)
    whole.sandbox.faults.remove(deaf)


async def looks(whole: Community, count: int) -> None:
    """Wait until the watchdog has asked for messages so many times."""
    asked = whole.sandbox.faults.delay_requests(0.0, "GET", "/channels/{channel_id}/messages")
    await whole.until(lambda: asked.hits >= count)


async def test_a_deaf_gateway_is_noticed_and_what_was_asked_is_answered(
    channels: Community,
) -> None:
    await watched(channels)
    before = sessions(channels)
    await channels.ask("one")
    await channels.finished(channels.general)
    deaf = channels.sandbox.faults.lose_events("MESSAGE_CREATE", times=None)
    await channels.ask("two")
    await hears_again(channels, deaf, before + 1)
    assert answer(await channels.finished(channels.general, 2)) == "two"
    assert sessions(channels) == before + 1
    assert deaf.hits > 0


async def test_a_gateway_that_was_deaf_from_the_start_is_noticed(channels: Community) -> None:
    await channels.stop_bot()
    deaf = channels.sandbox.faults.lose_events("MESSAGE_CREATE", times=None)
    await watched(channels)
    before = sessions(channels)
    await channels.ask("one")
    await hears_again(channels, deaf, before + 1)
    assert answer(await channels.finished(channels.general)) == "one"
    assert sessions(channels) == before + 1


async def test_direct_messages_are_watched_too(channels: Community) -> None:
    await watched(channels)
    home = await channels.ada.open_dm()
    await channels.ada.say(home, "one")
    await channels.finished(home)
    channels.sandbox.faults.lose_events("MESSAGE_CREATE", times=None)
    await channels.ada.say(home, "two")
    assert answer(await channels.finished(home, 2)) == "two"


async def test_one_broken_channel_does_not_stop_the_watch(
    channels: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_guilds(monkeypatch, without_a_position)
    await watched(channels)
    before = sessions(channels)
    deaf = channels.sandbox.faults.lose_events("MESSAGE_CREATE", times=None)
    await channels.ask("one")
    await hears_again(channels, deaf, before + 1)
    assert answer(await channels.finished(channels.general)) == "one"
    assert sessions(channels) == before + 1


async def test_a_quiet_community_is_left_alone(channels: Community) -> None:
    await watched(channels)
    await channels.ask("one")
    await channels.finished(channels.general)
    before = sessions(channels)
    await looks(channels, 4)
    assert sessions(channels) == before


async def test_a_channel_that_the_bot_may_not_read_says_nothing(channels: Community) -> None:
    await watched(channels)
    await channels.ask("one")
    await channels.finished(channels.general)
    channels.sandbox.guild.forbid_bot(Permission.READ_MESSAGE_HISTORY)
    before = sessions(channels)
    await looks(channels, 4)
    assert sessions(channels) == before
    await channels.ask("two")
    assert answer(await channels.finished(channels.general, 2)) == "two"


async def test_a_gateway_that_stays_deaf_is_not_renewed_all_the_time(
    channels: Community, caplog: pytest.LogCaptureFixture
) -> None:
    await watched(channels)
    before = sessions(channels)
    channels.sandbox.faults.lose_events("MESSAGE_CREATE", times=None)
    await channels.ask("one")
    await channels.finished(channels.general)
    await channels.ask("two")
    await channels.until(lambda: sessions(channels) >= before + 2)
    first, second, *_ = [each.created for each in caplog.records if "new session" in each.msg]
    assert (second - first) * SPEED > 9 * QUIET
