"""Gateway events for sessions, and changes of state for tests that wait or watch."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from enum import IntFlag
from typing import Any, Final, Literal

from bot.sandbox.backend.state.model import Channel, DiscordMessage
from bot.sandbox.backend.state.parts import Payload


class Intent(IntFlag):
    """Gateway intents."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_EXPRESSIONS = 1 << 3
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15
    GUILD_MESSAGE_POLLS = 1 << 24
    DIRECT_MESSAGE_POLLS = 1 << 25


KNOWN_INTENTS: Final = (1 << 26) - 1
PRIVILEGED: Final = {
    "members": Intent.GUILD_MEMBERS,
    "presences": Intent.GUILD_PRESENCES,
    "message_content": Intent.MESSAGE_CONTENT,
}


@dataclass(slots=True, eq=False)
class GatewayEvent:
    """A gateway dispatch and its recipients.

    A bot's session gets the event if it identified with the ``intent``; None: whatever its intents.
    ``channel`` restricts the event to users who see the channel, ``only`` to users by their ids.
    ``guild_id`` chooses the shard; its default is the channel's guild. ``stripped`` makes the
    payload for a session that may not read message content.
    """

    name: str
    payload: Payload
    intent: Intent | None = None
    channel: Channel | None = None
    only: frozenset[int] | None = None
    stripped: Callable[[], Payload] | None = None
    guild_id: int | None = None

    def __post_init__(self) -> None:
        if self.guild_id is None and self.channel is not None:
            self.guild_id = self.channel.guild_id


ChangeKind = Literal[
    "message_created",
    "message_edited",
    "message_deleted",
    "thread_created",
    "thread_changed",
    "channel_created",
    "channel_changed",
    "channel_deleted",
    "reaction",
    "poll_vote",
    "link_preview",
    "typing",
    "interaction",
    "commands",
    "session",
    "guild",
    "request",
]


@dataclass(slots=True, frozen=True)
class Change:
    """A change of the sandbox's state at Unix seconds ``at``."""

    kind: ChangeKind
    at: float
    channel: Channel | None = None
    message: DiscordMessage | None = None
    detail: Any = None


class Changes:
    """Sends changes to watchers and wakes callers that wait for a condition."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[Change]] = set()
        self._waiters: set[asyncio.Future[None]] = set()

    def publish(self, change: Change) -> None:
        """Send the change to every watcher and let every waiter check its condition."""
        for queue in self._watchers:
            queue.put_nowait(change)
        # A waiter whose condition is still false registers again, so the set is swapped first.
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, condition: Callable[[], Any], timeout: float) -> None:
        """Return once ``condition()`` is true; it is checked after each change.

        Raises ``TimeoutError`` after ``timeout`` real seconds.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout):
            while not condition():
                waiter: asyncio.Future[None] = loop.create_future()
                self._waiters.add(waiter)
                try:
                    await waiter
                finally:
                    self._waiters.discard(waiter)

    async def watch(self) -> AsyncGenerator[Change, None]:
        """Yield each change from now on, in order, without end."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        self._watchers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._watchers.discard(queue)
