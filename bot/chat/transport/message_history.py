"""Reads a channel's history page by page; skips and logs a message that can't be parsed.

``Messageable.history`` of discord.py stops at the first such message, and never returns the
messages behind it.
"""

import logging
from typing import Final

import discord
from msgspec import Struct

from bot.chat.transport import dpy_internals

PAGE_SIZE: Final = 100
"""The most messages on a page, Discord's limit."""

_log: Final = logging.getLogger(__name__)


class HistoryPage(Struct, frozen=True):
    """A page of a channel's history, newest message first.

    ``next_before`` is the id before which the next page begins; None where nothing is older.
    """

    messages: list[discord.Message]
    next_before: int | None


async def newest_page(channel: discord.abc.Messageable, before: int | None = None) -> HistoryPage:
    """Return a channel's newest messages, or the newest before an id.

    Raises ``discord.HTTPException``.
    """
    messages, is_full = await _page(channel, before=before)
    return HistoryPage(messages, messages[-1].id if messages and is_full else None)


async def oldest_messages(
    channel: discord.abc.Messageable, after: int = 0
) -> list[discord.Message]:
    """Return the oldest messages after an id, oldest first; raises ``discord.HTTPException``."""
    messages, _ = await _page(channel, after=after)
    return messages[::-1]


async def _page(
    channel: discord.abc.Messageable, *, before: int | None = None, after: int | None = None
) -> tuple[list[discord.Message], bool]:
    """Return a page, newest message first, and whether it is full."""
    raw, parse, channel_id = await dpy_internals.raw_history(
        channel, PAGE_SIZE, before=before, after=after
    )
    messages: list[discord.Message] = []
    for data in raw:
        try:
            message = parse(data)
            # discord.py sets no such attribute where the payload names no author.
            _ = message.author
            messages.append(message)
        except Exception as error:  # noqa: BLE001 - one broken message must not hide the others
            _log.warning(
                "A message in channel %d is skipped: %r in %.300r", channel_id, error, data
            )
    return messages, len(raw) == PAGE_SIZE
