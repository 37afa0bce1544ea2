"""Checks who may ask by a message, and tells the authors of refused messages why.

A refused message gets a reaction, and its author one direct message a day with the reason. A
question beyond a limit gets another reaction, and a reply that says when the limit ends.
"""

import logging
from collections.abc import Coroutine
from typing import Final

import discord

from bot.chat.access.access_gate import AccessGate, AccessRequest, Refusal
from bot.chat.access.access_requests import AccessRequests
from bot.chat.access.question_limits import QuestionLimits, RateReached
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized, using
from bot.chat.texts.limits import LimitReached
from bot.chat.texts.locales import Locales
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.newest_entries import NewestEntries
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import Ledger

REFUSED: Final = "🚫"
"""The reaction on a message that the gate refused."""

LIMITED: Final = "🛑"
"""The reaction on a question beyond a limit."""

NOTICE_SECONDS: Final = 86_400.0
"""The shortest time between two direct messages to a person about refusals, in seconds."""

_LIMIT_NOTICE_SECONDS: Final = 60.0
"""The shortest time between two replies to a member about limits in a channel, in seconds."""

_MOST_AT_ONCE: Final = 50
"""The most authors that are told at once; other refusals are only logged."""

_MOST_REMEMBERED: Final = 10_000

_NOBODY: Final = 0
"""The id of the author of a message without an author."""

_log: Final = logging.getLogger(__name__)


class QuestionGate:
    """Decides whether a message is taken; tells the author of a refused one in the background."""

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        locales: Locales,
        gate: AccessGate,
        access_requests: AccessRequests,
        limits: QuestionLimits,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._locales = locales
        self._gate = gate
        self._requests = access_requests
        self._limits = limits
        self._limit_noticed_at = NewestEntries[tuple[int, int], float](_MOST_REMEMBERED)
        self._tasks = BackgroundTasks()
        self._under_way = 0

    async def admits(self, message: discord.Message, guild_id: int | None) -> bool:
        """Return whether a message's author may ask in its channel. Raises ``LedgerError``."""
        request = await self._requests.of_message(message, guild_id)
        return await self._admits(request, message.id, message.channel.id)

    async def admits_question(
        self, message: discord.Message, guild_id: int | None
    ) -> AccessRequest | None:
        """Return who asks a new question; None if the gate or a limit refuses the question.

        Raises ``LedgerError``.
        """
        request = await self._requests.of_message(message, guild_id)
        if not await self._admits(request, message.id, message.channel.id):
            return None
        limit = await self._limits.of_question(request, message.id)
        if limit is None:
            return request
        _log.info("Question %d is beyond a limit: %s", message.id, limit)
        asked_at = message.created_at.timestamp()
        key = message.channel.id, request.user_id
        noticed_at = self._limit_noticed_at.get(key)
        is_told = noticed_at is None or not 0 <= asked_at - noticed_at < _LIMIT_NOTICE_SECONDS
        self._limit_noticed_at[key] = asked_at if noticed_at is None or is_told else noticed_at
        self._begin(self._show_limit(message, guild_id, limit if is_told else None), message.id)
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
        """Return whether the author of a message that can't be read may ask in its channel.

        ``role_ids`` is None where Discord did not send the roles. An unknown author may ask where
        everybody may. Raises ``LedgerError``.
        """
        if author_id is None:
            author_id, role_ids = _NOBODY, frozenset()
        request = await self._requests.of_author(author_id, channel_id, guild_id, role_ids)
        return await self._admits(request, message_id, channel_id)

    async def stop(self) -> None:
        """Stop telling authors."""
        await self._tasks.stop()

    async def _admits(self, request: AccessRequest, message_id: int, channel_id: int) -> bool:
        refusal = await self._gate.check(request)
        if refusal is not None:
            self._begin(self._send_refusal(refusal, request, message_id, channel_id), message_id)
        return refusal is None

    def _begin(self, notice: Coroutine[None, None, None], message_id: int) -> None:
        if self._under_way >= _MOST_AT_ONCE:
            _log.warning("The author of message %d is not told: too many are refused", message_id)
            notice.close()
            return
        self._under_way += 1
        task = self._tasks.start(
            notice,
            f"The author of message {message_id} can't be told that it is refused",
        )
        task.add_done_callback(self._ended)

    def _ended(self, _: object) -> None:
        self._under_way -= 1

    async def _send_refusal(
        self, refusal: Refusal, request: AccessRequest, message_id: int, channel_id: int
    ) -> None:
        guild_id, author_id = request.guild_id, request.user_id
        await self._react(channel_id, guild_id, message_id, REFUSED)
        if author_id == _NOBODY:
            return
        # Stored first: a crash leaves out one direct message rather than sending many.
        if not await self._ledger.access_rules.tell_refused(author_id, every=NOTICE_SECONDS):
            return
        with using(await self._locales.of_user(author_id)):
            url = sentences.jump_url(guild_id, channel_id, message_id)
            text = localized("refused-message", url=url, why=refusal.sentence())
        try:
            await self._rest.call(
                lambda: self._send_direct(author_id, text, f"refused.{message_id}")
            )
        except discord.HTTPException as error:
            _log.info("User %d takes no direct message: %s", author_id, error)

    async def _show_limit(
        self,
        message: discord.Message,
        guild_id: int | None,
        limit: RateReached | LimitReached | None,
    ) -> None:
        """React with 🛑 to a question; reply with ``limit``, or not if its author was just told."""
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

    async def _send_direct(self, user_id: int, text: str, nonce: str) -> discord.Message:
        direct = await self._client.create_dm(discord.Object(user_id))
        return await direct.send(text, nonce=nonce[:25])
