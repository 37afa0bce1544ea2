"""Reads a channel's history page by page; messages that can't be parsed are logged and kept apart.

discord.py's ``Messageable.history`` stops at the first message that can't be parsed.
"""

import logging
from typing import Any, Final

import discord
from msgspec import Struct

from bot.chat.transport import dpy_internals
from bot.chat.transport.message_payload import describe_unparsed

PAGE_SIZE: Final = 100
"""The most messages of a page: Discord's limit."""

_log: Final = logging.getLogger(__name__)


class HistoryPage(Struct, frozen=True):
    """A page of a channel's history, newest message first.

    ``unreadable`` are the payloads of messages that can't be parsed. ``next_before`` is the id
    before which the next page begins; None where nothing is older.
    """

    messages: list[discord.Message]
    unreadable: list[Any]
    next_before: int | None


async def newest_page(channel: discord.abc.Messageable, before: int | None = None) -> HistoryPage:
    """Return a channel's newest messages, or the newest before an id.

    Raises ``discord.HTTPException``.
    """
    return await _page(channel, before=before)


async def oldest_messages(
    channel: discord.abc.Messageable, after: int = 0
) -> list[discord.Message]:
    """Return the oldest messages after an id, oldest first; raises ``discord.HTTPException``."""
    return (await _page(channel, after=after)).messages[::-1]


async def _page(
    channel: discord.abc.Messageable, *, before: int | None = None, after: int | None = None
) -> HistoryPage:
    raw, parse, channel_id = await dpy_internals.raw_history(
        channel, PAGE_SIZE, before=before, after=after
    )
    messages: list[discord.Message] = []
    unreadable: list[Any] = []
    for data in raw:
        try:
            messages.append(parse(data))
        except Exception as error:  # noqa: BLE001 - one broken message must not hide the others
            unreadable.append(data)
            reason = describe_unparsed(error, data)
            _log.warning("A message in channel %d is skipped: %s", channel_id, reason)
    is_full = len(raw) == PAGE_SIZE and bool(messages)
    return HistoryPage(messages, unreadable, messages[-1].id if is_full else None)
