"""Finds messages that were deleted or edited while the bot was away, before the model reads them.

Discord reports no such changes to a new session. So the channel's history is compared with the
ledger, once in each session, right before the channel's first turn.
"""

import logging
from collections.abc import Collection
from functools import partial
from typing import Final

import discord

from bot.chat.intake.listener import question_of
from bot.chat.intake.mentions import is_readable
from bot.chat.threads.messages.message_builder import is_same_wording
from bot.chat.transport.login import own_user
from bot.chat.transport.message_history import newest_page
from bot.chat.transport.rest_retry import UNKNOWN_MESSAGE, RestRetry
from bot.runtime.clock import Clock
from bot.store.ledger import Deletion, Ledger

MOST_PAGES: Final = 3
"""The most pages of 100 messages that are compared with the ledger, newest first."""

_log: Final = logging.getLogger(__name__)


class MissedChanges:
    """Compares channels with the ledger, each channel once in a session."""

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        clock: Clock,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._clock = clock
        self._since = clock.now()
        self._compared: set[int] = set()

    def session_began(self) -> None:
        """Note a new session: messages may have changed since the session before."""
        self._since = self._clock.now()
        self._compared.clear()

    async def compare(self, channel_id: int, guild_id: int | None) -> Deletion | None:
        """Store the changes that were missed in a channel; raises ``LedgerError``.

        Returns None where nothing can have been missed: the channel was compared in this session,
        or the model was shown no message of the channel.
        """
        if channel_id in self._compared:
            return None
        self._compared.add(channel_id)
        shown = await self._ledger.deletions.shown_in(channel_id, before=self._since)
        if not shown:
            return None
        by_channel: dict[int, set[int]] = {}
        for each in shown:
            by_channel.setdefault(each.channel_id, set()).add(each.id)
        gone: list[int] = []
        try:
            for place_id, wanted in by_channel.items():
                channel = self._client.get_partial_messageable(place_id, guild_id=guild_id)
                if len(wanted) > 1:
                    gone += await self._missing_in(channel, wanted)
                else:
                    gone += [each for each in wanted if await self._is_deleted(channel, each)]
        except discord.HTTPException as error:
            _log.info("Channel %d can't be compared: %s", channel_id, error)
            return Deletion()
        if not gone:
            return Deletion()
        _log.info("%d messages of channel %d were deleted meanwhile", len(gone), channel_id)
        return await self._ledger.deletions.messages_deleted(gone)

    async def _missing_in(
        self, channel: discord.PartialMessageable, wanted: Collection[int]
    ) -> list[int]:
        """Return ``wanted`` messages that a channel's history lacks; store edits of the others."""
        found: set[int] = set()
        before: int | None = None
        for _ in range(MOST_PAGES):
            page = await self._rest.call(partial(newest_page, channel, before))
            for message in page.messages:
                found.add(message.id)
                if message.id in wanted and not message.author.bot:
                    await self._store_edit(message)
            found.update(int(data["id"]) for data in page.unreadable if "id" in data)
            before = page.next_before
            if before is None or before <= min(wanted):
                break
        if found.isdisjoint(wanted):
            # To a bot that may not read the history, Discord returns an empty history.
            return []
        # Messages older than the pages that were read may exist.
        read = (each for each in wanted if before is None or each >= before)
        return sorted(each for each in read if each not in found)

    async def _store_edit(self, message: discord.Message) -> None:
        known = await self._ledger.questions.question(message.id)
        if known is None or message.edited_at is None or not is_readable(message, self._client):
            return
        edited = question_of(message, own_user(self._client).id)
        if not is_same_wording(known, edited):
            await self._ledger.questions.amend(edited)

    async def _is_deleted(self, channel: discord.PartialMessageable, message_id: int) -> bool:
        message = channel.get_partial_message(message_id)
        try:
            await self._rest.call(message.fetch)
        except discord.HTTPException as error:
            return error.code == UNKNOWN_MESSAGE
        return False
