"""Tells members elsewhere that their channel took no answer: in its parent, else by DM."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import discord

from bot.chat.texts import sentences
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Ledger, Turn

MOST_TOLD: Final = 10
"""How many members are told by DM of one turn; Discord takes many DMs at once for spam."""

_log: Final = logging.getLogger(__name__)


class Notice:
    """Says that a turn has no reply, where Discord takes none in its own channel."""

    def __init__(self, client: discord.Client, ledger: Ledger, rest: RestRetry) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest

    async def tell(self, turn: Turn) -> None:
        """Tell those who asked; whom nothing reaches is named in the log.

        May be done twice. Raises ``LedgerError``.
        """
        link = await self._ledger.link(turn.channel_id)
        # A private channel thread's members and subject are none of its parent's business.
        has_parent = turn.parent_id != turn.channel_id and link is not None and not link.private
        if has_parent and await self._told_in_parent(turn):
            return
        for asker in turn.askers[:MOST_TOLD]:
            if turn.guild_id is None or not await self._told_directly(turn, asker.id):
                _log.warning("Turn %d: user %d can't be told of it", turn.id, asker.id)
        for asker in turn.askers[MOST_TOLD:]:
            _log.warning("Turn %d: user %d is not told of it", turn.id, asker.id)

    async def reply_to(self, message: discord.Message, sentence: str) -> None:
        """Reply to a question that gets no turn; a refusal of Discord is logged."""
        try:
            await self._rest.insist(
                lambda: message.channel.send(
                    sentence, reference=message, nonce=f"told.{message.id}"
                )
            )
        except discord.HTTPException as error:
            _log.info("The author of message %d can't be told: %s", message.id, error)

    async def _told_in_parent(self, turn: Turn) -> bool:
        parent = self._client.get_partial_messageable(turn.parent_id, guild_id=turn.guild_id)
        questions = await self._ledger.questions.of_turn(turn.id)
        asked_there = [each.id for each in questions if each.channel_id == turn.parent_id]
        text = sentences.undelivered(turn.channel_id, sentences.askers(turn))
        if asked_there:
            reference = discord.MessageReference(
                message_id=asked_there[-1],
                channel_id=turn.parent_id,
                guild_id=turn.guild_id,
                fail_if_not_exists=False,
            )
            if await self._sent(
                turn, lambda: parent.send(text, nonce=_nonce(turn), reference=reference)
            ):
                return True
        return await self._sent(turn, lambda: parent.send(text, nonce=_nonce(turn)))

    async def _told_directly(self, turn: Turn, user_id: int) -> bool:
        async def send() -> discord.Message:
            channel = await self._client.create_dm(discord.Object(user_id))
            return await channel.send(
                sentences.undelivered(turn.channel_id), nonce=_nonce(turn, user_id)
            )

        return await self._sent(turn, send)

    async def _sent(self, turn: Turn, send: Callable[[], Awaitable[discord.Message]]) -> bool:
        try:
            await self._rest.insist(send)
        except discord.HTTPException as error:
            _log.info("Turn %d: that it has no reply can't be told: %s", turn.id, error)
            return False
        return True


def _nonce(turn: Turn, user_id: int = 0) -> str:
    # Discord takes 25 characters, and compares the nonces of all channels.
    return f"n{turn.id}.{turn.attempt}.{user_id % 10**9}"[:25]
