"""Catching up on a sandbox and a real ledger: missed messages are handed on in order, once."""

import discord
import pytest

from bot.chat.catch_up.catch_up import MOST_PAGES, CatchUp
from bot.chat.catch_up.read_markers import ReadMarkers
from bot.chat.intake.unreadable import UnreadableMessage
from bot.chat.texts.fluent import localized
from bot.chat.texts.locales import Locales
from bot.chat.transport.rest_retry import RestRetry
from bot.sandbox import Channel
from bot.store.ledger import LedgerError, ReadMarker
from tests.support.discord_rest import RestBot
from tests.support.eventually import eventually


class Reading:
    """A DM channel that was answered in before, and a reader of what was missed there."""

    def __init__(self, bot: RestBot, home: Channel) -> None:
        self.bot = bot
        self.home = home
        self.texts: list[str] = []
        self.failures: list[Exception] = []
        self.read_markers = ReadMarkers(bot.ledger, bot.clock)
        self.released = 0
        self.catch_up = self.built()

    def built(self, *, most_pages: int = MOST_PAGES) -> CatchUp:
        return CatchUp(
            self.bot.client,
            self.bot.ledger,
            self.read_markers,
            RestRetry(self.bot.clock),
            self.bot.clock,
            Locales(self.bot.client, self.bot.ledger),
            take=self._take,
            answer_unreadable=self._refuse,
            new_session=lambda: None,
            release=self._release,
            most_pages=most_pages,
        )

    async def _take(self, message: discord.Message) -> None:
        if self.failures:
            raise self.failures.pop()
        self.texts.append(message.content)

    async def _refuse(self, message: UnreadableMessage) -> None:
        raise AssertionError("no message here is unreadable")

    def _release(self) -> None:
        self.released += 1

    async def caught_up(self) -> None:
        """Read what was missed until no turn is held in the channel."""
        self.catch_up.session_began()
        self.catch_up.ready()

        async def not_held() -> bool:
            return not self.read_markers.holds(self.home.id)

        assert self.read_markers.holds(self.home.id)
        await eventually(not_held)


@pytest.fixture
async def reading(bot: RestBot) -> Reading:
    home = await bot.ada.open_dm()
    last_read = await bot.stored("one", home)
    bot.parts.scheduler.schedule(home.id)
    await bot.ended(1)
    marker = ReadMarker(channel_id=home.id, guild_id=None, message_id=home.messages[-1].id)
    assert marker.message_id > last_read
    await bot.ledger.read_markers.advance([marker])
    return Reading(bot, home)


async def test_missed_messages_are_handed_on_in_order(reading: Reading) -> None:
    for number in range(3):
        await reading.bot.ada.say(reading.home, f"missed {number}")
    await reading.caught_up()
    assert reading.texts == ["missed 0", "missed 1", "missed 2"]
    assert reading.released > 0
    await reading.catch_up.stop()


async def test_a_second_session_reads_nothing_twice(reading: Reading) -> None:
    await reading.bot.ada.say(reading.home, "missed")
    await reading.caught_up()
    await reading.read_markers.write()
    await reading.read_markers.write()
    await reading.caught_up()
    assert reading.texts == ["missed"]


async def test_one_message_that_fails_does_not_keep_back_the_next(reading: Reading) -> None:
    for text in ("first", "second"):
        await reading.bot.ada.say(reading.home, text)
    reading.failures = [ValueError("a defect")]
    await reading.caught_up()
    assert reading.texts == ["second"]
    # A question that was left out is not passed over in silence.
    assert reading.bot.texts(reading.home)[-1:] == [""]
    assert reading.home.messages[-1].content == localized("some-missed")


async def test_a_message_is_handed_on_again_once_the_ledger_answers(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading.bot.clock.sleep_speed = 100.0
    await reading.bot.ada.say(reading.home, "missed")
    reading.failures = [LedgerError("the disk is full")] * 2
    await reading.caught_up()
    assert reading.texts == ["missed"]


async def test_more_pages_than_are_read_are_announced(
    reading: Reading,
) -> None:
    reading.catch_up = reading.built(most_pages=1)
    for number in range(101):
        await reading.bot.ada.say(reading.home, f"{number}")
    await reading.caught_up()
    assert reading.texts == [f"{number}" for number in range(1, 101)]
    assert reading.home.messages[-1].content == localized("some-missed")
