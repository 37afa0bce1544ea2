"""Refused messages: a flood of them, failing reactions, and unknown authors."""

import asyncio
from types import SimpleNamespace
from typing import Any

from bot.chat.access.access_gate import AccessGate
from bot.chat.access.access_requests import AccessRequests
from bot.chat.access.question_gate import REFUSED, QuestionGate
from bot.chat.transport.rest_retry import RestRetry
from bot.config import AccessSettings
from tests.support.eventually import eventually
from tests.support.fake_clock import FakeClock
from tests.support.interactions import refused

ADA, GUILD, CHANNEL = 1, 7, 100


class FakeDiscord:
    """A client whose reactions wait for ``open``, and fail while ``failure`` is set."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.failure: Exception | None = None
        self.reactions: list[tuple[int, str]] = []

    def get_channel(self, channel_id: int) -> None:
        return None

    def get_partial_messageable(self, channel_id: int, *, guild_id: int | None) -> Any:
        return SimpleNamespace(get_partial_message=self._message)

    def _message(self, message_id: int) -> Any:
        async def add_reaction(emoji: str) -> None:
            await self.open.wait()
            self.reactions.append((message_id, emoji))
            if self.failure is not None:
                raise self.failure

        return SimpleNamespace(add_reaction=add_reaction)


class FakeLedger:
    """A ledger without rules; each author was told of a refusal today."""

    def __init__(self) -> None:
        self.access_rules = self
        self.asked: list[int] = []

    async def link(self, channel_id: int) -> None:
        return None

    async def tell_refused(self, user_id: int, *, every: float) -> bool:
        self.asked.append(user_id)
        return False


def gate(discord: FakeDiscord, ledger: FakeLedger) -> QuestionGate:
    """A gate of an operator who lets nobody use the server."""
    client: Any = discord
    stored: Any = ledger
    rest, unused = RestRetry(FakeClock(skips=True)), None
    return QuestionGate(
        client,
        stored,
        rest,
        unused,  # type: ignore[arg-type]  # nobody is told in words
        AccessGate(AccessSettings(deny_servers=(GUILD,)), stored),
        AccessRequests(client, stored, rest),
        unused,  # type: ignore[arg-type]  # no question passes the gate
    )


async def admitted(gated: QuestionGate, message_id: int, author_id: int | None = ADA) -> bool:
    """Take a message of the server through the gate."""
    return await gated.admits_author(
        author_id, frozenset(), message_id=message_id, channel_id=CHANNEL, guild_id=GUILD
    )


async def test_of_a_flood_of_refused_messages_fifty_are_marked_at_the_same_time() -> None:
    discord, ledger = FakeDiscord(), FakeLedger()
    gated = gate(discord, ledger)
    assert not any([await admitted(gated, number) for number in range(60)])
    discord.open.set()
    await eventually(lambda: len(ledger.asked) == 50)
    assert discord.reactions == [(number, REFUSED) for number in range(50)]
    assert not await admitted(gated, 99)  # there is room again
    await eventually(lambda: discord.reactions[-1] == (99, REFUSED))
    await gated.stop()


async def test_a_reaction_that_discord_refuses_keeps_nobody_from_being_told() -> None:
    discord, ledger = FakeDiscord(), FakeLedger()
    discord.open.set()
    discord.failure = refused(403, 50001)
    gated = gate(discord, ledger)
    assert not await admitted(gated, 1)
    await eventually(lambda: ledger.asked == [ADA])
    await gated.stop()


async def test_a_message_whose_author_is_unknown_is_marked_and_nobody_is_told() -> None:
    discord, ledger = FakeDiscord(), FakeLedger()
    discord.open.set()
    gated = gate(discord, ledger)
    assert not await admitted(gated, 1, author_id=None)
    await eventually(lambda: discord.reactions == [(1, REFUSED)])
    assert not await admitted(gated, 2)
    await eventually(lambda: len(ledger.asked) > 0)
    assert ledger.asked == [ADA]
    await gated.stop()
