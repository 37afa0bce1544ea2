"""What a function may know of Discord; ``chat`` implements the protocols."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from msgspec import Struct


class Caller(Struct, frozen=True):
    """A member on whose behalf a function is called."""

    id: int
    name: str


class CallPlace(Struct, frozen=True, kw_only=True):
    """The Discord channel of the answer; a DM has no server.

    ``time_zone`` is an IANA name: the server's time zone, or the bot's.
    """

    channel_id: int
    channel_name: str
    server_id: int | None
    server_name: str
    time_zone: str


class FoundMessage(Struct, frozen=True, kw_only=True):
    """A Discord message that everybody in the channel of the answer may read."""

    author: str
    sent_at: str
    text: str
    channel: str
    link: str


class Values(Protocol):
    """A key-value store for the function and the server, or the DM; it survives restarts.

    A key has at most 200 characters, a value 10,000, and a server 1,000 values. Beyond these limits
    the methods raise ``ToolError``.
    """

    async def get(self, key: str) -> str | None:
        """Return a value; None if it was never set."""

    async def set(self, key: str, value: str) -> None:
        """Set a value."""

    async def delete(self, key: str) -> None:
        """Delete a value, if it was set."""


class ReadableChannels(Protocol):
    """Reads the Discord channels that all readers of the answer may read, and no others."""

    async def recent(self, channel: str, count: int) -> Sequence[FoundMessage]:
        """Return the newest messages of a channel, the oldest of these first.

        ``channel`` is a name, an id, a mention, or "" for the channel of the answer. Raises
        ``ToolError``.
        """

    async def search(self, text: str, channel: str, count: int) -> Sequence[FoundMessage]:
        """Return the server's newest messages with a text; "" searches every channel.

        Raises ``ToolError``, such as while Discord builds its index.
        """


class SetReminder(Struct, frozen=True, kw_only=True):
    """A reminder of a member; ``due_at`` is in seconds since 1970."""

    number: int
    text: str
    due_at: float


class AskersReminders(Protocol):
    """The asker's reminders in this server, or in direct messages."""

    async def add(self, text: str, when: str) -> SetReminder:
        """Set a reminder of a text for the asker, in the channel of the answer.

        ``when`` is a duration such as "2 hours", or a date and time in the place's time zone.
        Raises ``ToolError``.
        """

    async def all(self) -> Sequence[SetReminder]:
        """Return the reminders, oldest first."""

    async def delete(self, number: int) -> bool:
        """Delete a reminder; return whether the asker had it."""


class People(Protocol):
    """The people in charge, who answer questions that the assistant can't."""

    async def call(self) -> str:
        """Hand the channel thread over to people, call them, and return the outcome for the model.

        The assistant answers no further question there. Raises ``ToolError``.
        """


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a function may know of the turn that calls it; the context holds no secret of the bot.

    ``asker`` is the member who asked last of those whose questions are answered together. ``http``
    connects to public addresses only, also after redirects. ``values`` belong to the function
    alone. ``log`` writes to the bot's log.
    """

    asker: Caller
    place: CallPlace
    http: aiohttp.ClientSession
    log: logging.Logger
    values: Values
    channels: ReadableChannels
    reminders: AskersReminders
    people: People


PreparedCall = Callable[[Context], Awaitable[Any]]
"""A call whose arguments were validated, ready to be made."""
