"""A context for functions that are called without Discord."""

import logging
from collections.abc import Sequence
from typing import Any

from bot.tools import Context, ToolError
from bot.tools.context import Caller, CallPlace, FoundMessage, SetReminder
from bot.tools.public_session import PublicSession


class MemoryValues:
    """A key-value store in memory."""

    def __init__(self) -> None:
        self.stored: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self.stored.get(key)

    async def set(self, key: str, value: str) -> None:
        self.stored[key] = value

    async def delete(self, key: str) -> None:
        self.stored.pop(key, None)


class NoChannels:
    """No channel of Discord."""

    async def recent(self, channel: str, count: int) -> Sequence[FoundMessage]:
        return ()

    async def search(self, text: str, channel: str, count: int) -> Sequence[FoundMessage]:
        return ()


class MemoryReminders:
    """Reminders in memory; each is due at the same time."""

    def __init__(self) -> None:
        self.stored: list[SetReminder] = []

    async def add(self, text: str, when: str) -> SetReminder:
        self.stored.append(SetReminder(number=len(self.stored) + 1, text=text, due_at=1.8e9))
        return self.stored[-1]

    async def all(self) -> Sequence[SetReminder]:
        return self.stored

    async def delete(self, number: int) -> bool:
        before = len(self.stored)
        self.stored = [each for each in self.stored if each.number != number]
        return len(self.stored) < before


class NoPeople:
    """Nobody can be called."""

    async def call(self) -> str:
        raise ToolError("Nobody is here.")


def context_of_ada(public: PublicSession | None = None) -> Context:
    """Ada asks in the channel general, in Tokyo's time; without ``public`` the web is away."""
    http: Any = None if public is None else public.session
    return Context(
        asker=Caller(1, "Ada"),
        place=CallPlace(
            channel_id=2,
            channel_name="general",
            server_id=3,
            server_name="Test",
            time_zone="Asia/Tokyo",
        ),
        http=http,
        log=logging.getLogger("tools.test"),
        values=MemoryValues(),
        channels=NoChannels(),
        reminders=MemoryReminders(),
        people=NoPeople(),
    )
