"""Takes messages through the gate; tells the authors of refused ones.

A refused message gets a reaction, and its author one direct message a day that says why. A question
beyond a limit gets another reaction, and a reply that says when the limit ends.
"""

import logging
from collections.abc import Coroutine
from typing import Final

import discord

from bot.chat.access.gate import AccessGate, AccessRequest, Refusal
from bot.chat.access.question_limits import QuestionLimits, RateReached
from bot.chat.access.visitors import Visitors
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized, using
from bot.chat.texts.limits import LimitReached
from bot.chat.texts.locales import Locales
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import Ledger

REFUSED: Final = "🚫"
"""The reaction on a message that the gate refused."""

LIMITED: Final = "🛑"
"""The reaction on a question beyond a limit."""

TOLD_EVERY: Final = 86_400.0
"""The shortest time between two direct messages to a person about refusals, in seconds."""

_LIMIT_TOLD_EVERY: Final = 60.0
"""The shortest time between two replies to a member about limits in a channel, in seconds."""

_MOST_AT_ONCE: Final = 50
"""The most refusals that are told at the same time; a flood beyond them is only logged."""

_MOST_REMEMBERED: Final = 10_000

_NOBODY: Final = 0
"""The id of the author of a message without an author."""

_log: Final = logging.getLogger(__name__)


class QuestionGate:
    """Says whether a message is let in; what is said about a refused one is said beside that."""

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        locales: Locales,
        gate: AccessGate,
        visitors: Visitors,
        limits: QuestionLimits,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._locales = locales
        self._gate = gate
        self._visitors = visitors
        self._limits = limits
        self._limit_told: dict[tuple[int, int], float] = {}
        self._tasks = BackgroundTasks()
        self._under_way = 0

    async def admits(self, message: discord.Message, guild_id: int | None) -> bool:
        """Return whether a message's author may ask there. Raises ``LedgerError``."""
        request = await self._visitors.of_message(message, guild_id)
        return await self._admits(request, message.id, message.channel.id)

    async def admits_question(
        self, message: discord.Message, guild_id: int | None
    ) -> AccessRequest | None:
        """Return who asks a new question; None: the gate or a limit refuses the question.

        Raises ``LedgerError``.
        """
        request = await self._visitors.of_message(message, guild_id)
        if not await self._admits(request, message.id, message.channel.id):
            return None
        limit = await self._limits.of_question(request, message.id)
        if limit is None:
            return request
        _log.info("Question %d is beyond a limit: %s", message.id, limit)
        asked_at = message.created_at.timestamp()
        key = message.channel.id, request.user_id
        told_at = self._limit_told.pop(key, None)
        in_words = told_at is None or not 0 <= asked_at - told_at < _LIMIT_TOLD_EVERY
        self._limit_told[key] = asked_at if told_at is None or in_words else told_at
        if len(self._limit_told) > _MOST_REMEMBERED:
            del self._limit_told[next(iter(self._limit_told))]
        self._begin(self._limit_shown(message, guild_id, limit if in_words else None), message.id)
        return None

    async def admits_author(
        self,
        author_id: int | None,
        role_ids: frozenset[int] | None,
        *,
        message_id: int,
        channel_id: int,
        guild_id: int | None,
    ) -> bool:
        """Return the same for a message of which these parts are known.

        ``role_ids`` is None where Discord did not tell them. Nobody in particular may ask what
        everybody may. Raises ``LedgerError``.
        """
        if author_id is None:
            author_id, role_ids = _NOBODY, frozenset()
        request = await self._visitors.of_author(author_id, channel_id, guild_id, role_ids)
        return await self._admits(request, message_id, channel_id)

    async def stop(self) -> None:
        """Tell nobody any more."""
        await self._tasks.stop()

    async def _admits(self, request: AccessRequest, message_id: int, channel_id: int) -> bool:
        refusal = await self._gate.check(request)
        if refusal is not None:
            self._begin(self._told(refusal, request, message_id, channel_id), message_id)
        return refusal is None

    def _begin(self, telling: Coroutine[None, None, None], message_id: int) -> None:
        if self._under_way >= _MOST_AT_ONCE:
            _log.warning("Message %d is refused without a word: too many are", message_id)
            telling.close()
            return
        self._under_way += 1
        task = self._tasks.start(
            telling,
            f"The author of message {message_id} can't be told that it is refused",
        )
        task.add_done_callback(self._ended)

    def _ended(self, _: object) -> None:
        self._under_way -= 1

    async def _told(
        self, refusal: Refusal, request: AccessRequest, message_id: int, channel_id: int
    ) -> None:
        guild_id, author_id = request.guild_id, request.user_id
        await self._react(channel_id, guild_id, message_id, REFUSED)
        if author_id == _NOBODY:
            return
        # Stored first: a crash leaves out one direct message rather than sending many.
        if not await self._ledger.access_rules.tell_refused(author_id, every=TOLD_EVERY):
            return
        with using(await self._locales.of_user(author_id)):
            url = sentences.jump_url(guild_id, channel_id, message_id)
            text = localized("refused-message", url=url, why=refusal.sentence())
        try:
            await self._rest.call(lambda: self._sent(author_id, text, f"refused.{message_id}"))
        except discord.HTTPException as error:
            _log.info("User %d takes no direct message: %s", author_id, error)

    async def _limit_shown(
        self,
        message: discord.Message,
        guild_id: int | None,
        limit: RateReached | LimitReached | None,
    ) -> None:
        """Mark a question beyond a limit; None: the member was told of it moments ago."""
        await self._react(message.channel.id, guild_id, message.id, LIMITED)
        if limit is None:
            return
        with using(await self._locales.of_place(guild_id, message.author.id)):
            text = limit.sentence()
        try:
            await self._rest.call(
                lambda: message.channel.send(text, reference=message, nonce=f"limit.{message.id}")
            )
        except discord.HTTPException as error:
            _log.info("The author of message %d can't be told: %s", message.id, error)

    async def _react(
        self, channel_id: int, guild_id: int | None, message_id: int, emoji: str
    ) -> None:
        channel = self._client.get_partial_messageable(channel_id, guild_id=guild_id)
        try:
            await self._rest.call(
                lambda: channel.get_partial_message(message_id).add_reaction(emoji)
            )
        except discord.HTTPException as error:
            _log.info("Message %d gets no reaction: %s", message_id, error)

    async def _sent(self, user_id: int, text: str, nonce: str) -> discord.Message:
        direct = await self._client.create_dm(discord.Object(user_id))
        return await direct.send(text, nonce=nonce[:25])
