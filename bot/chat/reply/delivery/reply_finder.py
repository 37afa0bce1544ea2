"""Finds messages of a reply on Discord that the ledger does not know, as after a crash."""

from collections.abc import Iterable

import discord

from bot.chat.reply import buttons
from bot.chat.reply.content.message_content import Content, is_shown_by
from bot.chat.reply.delivery.channel_writer import ChannelWriter
from bot.chat.transport.rate_limiter import RequestPriority
from bot.store.ledger import Ledger, Turn


class ReplyFinder:
    """Looks for the messages of one attempt's reply.

    Each method returns a message id, None if no message is found, and raises ``LedgerError``.
    """

    def __init__(self, turn: Turn, channel_writer: ChannelWriter, ledger: Ledger) -> None:
        self._turn = turn
        self._channel_writer = channel_writer
        self._ledger = ledger

    async def placeholder(self) -> int | None:
        """Look after the question for the placeholder: the Cancel button shows the attempt."""
        wanted = buttons.button_id("cancel", self._turn.id, self._turn.attempt)
        for message in await self._after_question():
            if self._channel_writer.is_own(message) and wanted in buttons.custom_ids(message):
                return message.id
        return None

    async def first(self, content: Content) -> int | None:
        """Look for a first part that was sent again, without a Cancel button, by its text."""
        return await self._unknown(
            message
            for message in await self._after_question()
            if self._channel_writer.is_own(message) and is_shown_by(content, message)
        )

    async def part(
        self, before_id: int, priority: RequestPriority = RequestPriority.URGENT
    ) -> int | None:
        """Look for the part that follows the message ``before_id``."""
        return await self._unknown(
            message
            for message in await self._channel_writer.after(before_id, priority=priority)
            if self._channel_writer.is_own(message)
            and self._channel_writer.is_follow_up(message)
            and buttons.is_finished_part(message, self._turn.id, self._turn.attempt)
        )

    async def _unknown(self, messages: Iterable[discord.Message]) -> int | None:
        """Return the id of the first message that the ledger knows as part of no reply."""
        ids = [message.id for message in messages]
        known = await self._ledger.turns.known_parts(ids)
        return next((message_id for message_id in ids if message_id not in known), None)

    async def _after_question(self) -> list[discord.Message]:
        return await self._channel_writer.after(
            self._turn.reply_to, priority=RequestPriority.URGENT
        )
