"""Tells members that their channel accepts no answer: in its parent channel, or by DM."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import discord

from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized, using
from bot.chat.texts.locales import Locales
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Ledger, Turn

MOST_TOLD: Final = 10
"""The most members who get a DM about one turn; Discord takes many DMs at once for spam."""

_log: Final = logging.getLogger(__name__)


class AskerNotices:
    """Tells the members who asked a question that the question gets no reply."""

    def __init__(
        self, client: discord.Client, ledger: Ledger, rest: RestRetry, locales: Locales
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._locales = locales

    async def tell_askers(self, turn: Turn) -> None:
        """Tell everybody who asked that the turn has no reply; log who can't be told.

        A second call sends no second message. Raises ``LedgerError``.
        """
        link = await self._ledger.link(turn.channel_id)
        # The parent's readers must not learn of a private channel thread.
        has_parent = turn.in_channel_thread and link is not None and not link.private
        if has_parent and await self._sent_to_parent(turn):
            return
        for asker in turn.askers[:MOST_TOLD]:
            may_tell = turn.guild_id is not None or turn.personal is not None
            if not may_tell or not await self._sent_by_dm(turn, asker.id):
                _log.warning(
                    "Turn %d: user %d can't be told that it has no reply", turn.id, asker.id
                )
        for asker in turn.askers[MOST_TOLD:]:
            _log.warning("Turn %d: user %d is not told that it has no reply", turn.id, asker.id)

    async def reply_to(self, message: discord.Message, sentence: str) -> None:
        """Reply to a question that gets no turn; a refusal of Discord is logged."""
        try:
            await self._rest.call(
                lambda: message.channel.send(
                    sentence, reference=message, nonce=f"told.{message.id}"
                )
            )
        except discord.HTTPException as error:
            _log.info("The author of message %d can't be told: %s", message.id, error)

    async def _sent_to_parent(self, turn: Turn) -> bool:
        parent = self._client.get_partial_messageable(turn.parent_id, guild_id=turn.guild_id)
        questions = await self._ledger.questions.of_turn(turn.id)
        asked_there = [each.id for each in questions if each.channel_id == turn.parent_id]
        text = sentences.undelivered(turn.channel_id, sentences.askers(turn))
        if asked_there:
            question = parent.get_partial_message(asked_there[-1])
            reference = question.to_reference(fail_if_not_exists=False)
            if await self._sent(
                turn, lambda: parent.send(text, nonce=_nonce(turn), reference=reference)
            ):
                return True
        return await self._sent(turn, lambda: parent.send(text, nonce=_nonce(turn)))

    async def _sent_by_dm(self, turn: Turn, user_id: int) -> bool:
        with using(await self._locales.of_user(user_id)):
            text = sentences.undelivered(turn.channel_id)
            if turn.personal is not None:
                text = localized("answer-undelivered", number=str(turn.id))

        async def send() -> discord.Message:
            channel = await self._client.create_dm(discord.Object(user_id))
            return await channel.send(text, nonce=_nonce(turn, user_id))

        return await self._sent(turn, send)

    async def _sent(self, turn: Turn, send: Callable[[], Awaitable[discord.Message]]) -> bool:
        try:
            await self._rest.call(send)
        except discord.HTTPException as error:
            _log.info("Turn %d: the notice about its reply was refused: %s", turn.id, error)
            return False
        return True


def _nonce(turn: Turn, user_id: int = 0) -> str:
    # Discord accepts 25 characters, and compares nonces across channels.
    return f"n{turn.id}.{turn.attempt}.{user_id % 10**9}"[:25]
