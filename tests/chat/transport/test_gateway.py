import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
import yarl
from discord.gateway import DiscordWebSocket

from bot.chat.transport.dpy_internals import use_api
from bot.chat.transport.gateway import LONGEST_WAIT, Gateway
from bot.sandbox import Sandbox
from tests.support.eventually import PATIENCE, eventually
from tests.support.fake_clock import FakeClock

AGES = 1e9


class Guest(discord.Client):
    """A client that does nothing but be there."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(
            guild_ready_timeout=0.05,
            intents=discord.Intents(guilds=True, guild_messages=True, message_content=True),
        )
        self.gateway = Gateway(self, clock)
        self.heard: list[str] = []
        self.resumes = 0

    async def connect(self, *, reconnect: bool = True) -> None:
        await self.gateway.run()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        self.gateway.count_session()

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message.content)

    async def on_resumed(self) -> None:
        self.resumes += 1


class Visit:
    """A guest on a sandbox."""

    def __init__(self, sandbox: Sandbox, clock: FakeClock, guest: Guest) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self.guest = guest
        self.general = sandbox.guild.text_channel("general")
        self.life: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self.life = asyncio.create_task(self.guest.connect())

    async def says(self, text: str) -> None:
        await self.sandbox.members[0].say(self.general, text)

    async def until(self, condition: Any) -> None:
        await eventually(condition)

    async def away_for(self, seconds: float) -> None:
        """Let Discord be away until so much time has passed for the guest."""
        self.sandbox.troubles.outage(AGES)
        over = self.clock.monotonic() + seconds
        await self.until(lambda: self.clock.monotonic() > over)
        self.sandbox.troubles.clear()


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    async with Sandbox(rate_limits=False) as sandbox:
        use_api(sandbox.api_url)
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(sandbox.gateway_url)
        clock = FakeClock(skips=True, pause=0.002)
        guest = Guest(clock)
        async with guest:
            await guest.login(sandbox.token)
            visit = Visit(sandbox, clock, guest)
            yield visit
            await guest.close()
            if visit.life is not None:
                await asyncio.gather(visit.life, return_exceptions=True)
            # A heart that beats on without its socket does so into a loop that is closed.
            await visit.until(lambda: not any(map(_is_a_heart, threading.enumerate())))


def _is_a_heart(thread: threading.Thread) -> bool:
    return thread.name.startswith("keep-alive-handler")


async def test_after_hours_the_gateway_is_still_tried_every_20_seconds(
    visit: Visit,
) -> None:
    visit.begin()
    await visit.guest.wait_until_ready()
    await visit.away_for(6 * 3_600)
    await visit.sandbox.bot_ready(commands=False, timeout=PATIENCE)
    assert max(visit.clock.slept) <= LONGEST_WAIT
    assert len(visit.clock.slept) < 6 * 3_600 / (LONGEST_WAIT / 2) + 10


async def test_a_gateway_that_is_away_at_the_first_try_is_waited_for(visit: Visit) -> None:
    visit.sandbox.troubles.outage(AGES)
    visit.begin()
    await visit.until(lambda: len(visit.clock.slept) > 3)
    visit.sandbox.troubles.clear()
    await visit.sandbox.bot_ready(commands=False, timeout=PATIENCE)


async def test_a_session_is_resumed_after_a_short_outage(visit: Visit) -> None:
    visit.begin()
    await visit.guest.wait_until_ready()
    visit.sandbox.troubles.drop_socket()
    visit.sandbox.troubles.outage(AGES)
    await visit.says("meanwhile")
    await visit.away_for(60)
    await visit.until(lambda: visit.guest.heard == ["meanwhile"])
    await visit.until(lambda: visit.guest.resumes == 1)
    assert visit.sandbox.world.identified == 1


async def test_a_new_session_begins_after_a_long_outage(visit: Visit) -> None:
    visit.begin()
    await visit.guest.wait_until_ready()
    await visit.away_for(400)
    await visit.until(lambda: visit.sandbox.world.identified == 2)
    await visit.says("again")
    await visit.until(lambda: visit.guest.heard == ["again"])
    assert visit.guest.resumes == 0


async def test_a_session_that_discord_forgot_is_replaced_without_another_backoff(
    visit: Visit,
) -> None:
    visit.begin()
    await visit.guest.wait_until_ready()
    visit.sandbox.troubles.outage(AGES)
    await visit.until(lambda: visit.clock.monotonic() > 200)
    visit.sandbox.gateway.sessions.clear()
    visit.sandbox.troubles.clear()
    await visit.until(lambda: visit.sandbox.world.identified == 2)
    assert visit.clock.slept[-1] <= 1.0


async def test_a_gateway_that_refuses_sessions_is_asked_less_and_less_often(visit: Visit) -> None:
    visit.sandbox.gateway.identify = lambda socket, data: socket.end_session()  # type: ignore[method-assign]  # as Discord does in trouble
    visit.begin()
    await visit.until(lambda: visit.clock.monotonic() > 600)
    assert len([slept for slept in visit.clock.slept if slept > 5.0]) > 30
    assert len(visit.clock.slept) < 120


async def test_a_gateway_that_ends_every_session_is_not_asked_until_the_token_is_reset(
    visit: Visit,
) -> None:
    asked = 0

    def refuse(socket: Any, data: Any) -> None:
        nonlocal asked
        asked += 1
        socket.end_session()

    visit.sandbox.gateway.identify = refuse  # type: ignore[method-assign]  # as Discord does in trouble
    visit.begin()
    await visit.until(lambda: visit.clock.monotonic() > 3 * 3_600)
    # At this rate a day has some 930, and 1,000 would be too many.
    assert 250 < asked < 330


async def test_sessions_begin_five_seconds_apart(
    visit: Visit,
) -> None:
    visit.begin()
    await visit.guest.wait_until_ready()
    for number in range(2, 6):
        visit.sandbox.troubles.invalidate()
        await visit.until(lambda number=number: visit.sandbox.world.identified == number)
        await visit.sandbox.bot_ready(commands=False, timeout=PATIENCE)
    assert visit.clock.monotonic() >= 4 * 5.0


async def test_an_unreadable_event_does_not_end_the_connection(visit: Visit) -> None:
    visit.begin()
    await visit.guest.wait_until_ready()
    session = visit.sandbox.gateway.bot_session()
    assert session is not None
    session.dispatch("MESSAGE_CREATE", b'{"nothing": "of use"}')
    await visit.says("and then")
    await visit.until(lambda: visit.guest.heard == ["and then"])


async def test_a_token_that_only_rest_refuses_keeps_its_session(visit: Visit) -> None:
    visit.begin()
    await visit.guest.wait_until_ready()
    visit.guest.gateway.check_token()
    await visit.until(lambda: visit.guest.resumes == 1)
    visit.guest.gateway.check_token()
    await visit.says("still here")
    await visit.until(lambda: visit.guest.heard == ["still here"])
    assert visit.guest.resumes == 1


@pytest.mark.parametrize("during_an_outage", [False, True])
async def test_a_revoked_token_ends_the_connection(visit: Visit, during_an_outage: bool) -> None:
    visit.begin()
    await visit.guest.wait_until_ready()
    assert visit.life is not None
    if during_an_outage:
        visit.sandbox.troubles.outage(AGES)
        await visit.until(lambda: len(visit.clock.slept) > 3)
        visit.sandbox.troubles.token_revoked = True
        visit.sandbox.faults.clear()
    else:
        # Discord has not told the socket, which REST's 401 finds out.
        visit.sandbox.troubles.token_revoked = True
        visit.guest.gateway.check_token()
    with pytest.raises(discord.ConnectionClosed) as caught:
        await asyncio.wait_for(visit.life, PATIENCE)
    assert caught.value.code == 4004


async def test_a_revoked_intent_ends_the_connection(visit: Visit) -> None:
    visit.begin()
    await visit.guest.wait_until_ready()
    visit.sandbox.troubles.close_socket(4014)
    assert visit.life is not None
    with pytest.raises(discord.PrivilegedIntentsRequired):
        await asyncio.wait_for(visit.life, PATIENCE)


async def test_stopping_during_an_outage_ends_the_connection_at_once(visit: Visit) -> None:
    clock = FakeClock()
    visit.guest.gateway = gateway = Gateway(visit.guest, clock)
    visit.sandbox.troubles.outage(AGES)
    visit.begin()
    await visit.until(lambda: clock.slept)
    await visit.guest.close()
    gateway.stop()
    assert visit.life is not None
    await asyncio.wait_for(visit.life, PATIENCE)


async def test_a_stopped_gateway_is_not_asked_again_while_other_parts_still_stop(
    visit: Visit,
) -> None:
    clock = FakeClock()
    visit.guest.gateway = gateway = Gateway(visit.guest, clock)
    visit.sandbox.troubles.outage(AGES)
    visit.begin()
    await visit.until(lambda: clock.slept)
    gateway.stop()
    assert visit.life is not None
    await asyncio.wait_for(visit.life, PATIENCE)
    assert not visit.guest.is_closed()
