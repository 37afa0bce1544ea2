"""Discord's events in: which messages are questions; they are in the ledger before all else.

It filters and hands on; what takes long happens elsewhere.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final
from weakref import WeakValueDictionary

import discord

from bot.chat.intake.attachments import files_of
from bot.chat.intake.mentions import attachments_of, can_ask, mentions, question_text
from bot.chat.intake.routing import Router
from bot.chat.texts import sentences
from bot.chat.texts.plain_text import well_formed
from bot.chat.threads.message_builder import attachments_json
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger, NewQuestion, QueueFullError

MOST_WAITING: Final = 100
"""How many questions wait in a channel at most; they are answered together in its next turn."""

_TELL_SECONDS: Final = 30.0

_log: Final = logging.getLogger(__name__)


class Listener:
    """Stores questions in the ledger.

    Afterwards it calls ``schedule`` with the channel of a question, or ``open_thread`` where a
    channel thread must be opened first. ``reply`` answers questions that are not stored, and
    ``mark_read`` is called with channel, guild and message id of each message that was handled.
    """

    def __init__(
        self,
        ledger: Ledger,
        router: Router,
        clock: Clock,
        *,
        schedule: Callable[[int], None],
        open_thread: Callable[[NewQuestion], None],
        reply: Callable[[discord.Message, str], Awaitable[None]],
        mark_read: Callable[[int, int | None, int], None],
    ) -> None:
        self._ledger = ledger
        self._router = router
        self._clock = clock
        self._schedule = schedule
        self._open_thread = open_thread
        self._reply = reply
        self._mark_read = mark_read
        self._refused_at: dict[int, float] = {}
        # Events come as tasks of their own: a channel's order must not depend on whose read is
        # faster, nor a channel wait for another one. An order is there while somebody is in it.
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._open = True

    def stop(self) -> None:
        """Take no more questions."""
        self._open = False

    async def message(self, message: discord.Message, me: discord.ClientUser) -> None:
        """Store a message that is a question, and mark the message as read.

        Nothing is stored or marked after ``stop``.
        """
        if not self._open:
            return
        if can_ask(message):
            await self._answer_or_store(message, me)
        self._mark_read(message.channel.id, guild_of(message), message.id)

    async def _answer_or_store(self, message: discord.Message, me: discord.ClientUser) -> None:
        mentioned = mentions(message, me.id)
        try:
            await self._store(message, me, mentioned=mentioned)
        except QueueFullError as error:
            _log.warning("Question %d is refused: %s", message.id, error)
            await self._refuse_full(message)
            return
        except Exception:  # noqa: BLE001 - a full disk or our own defect: whoever asked is told
            _log.exception("Question %d could not be written down", message.id)
            if mentioned or guild_of(message) is None or _in_own_thread(message, me):
                await self._reply(message, sentences.NOT_TAKEN)
            return
        if mentioned and _is_empty(message, me):
            await self._reply(message, sentences.empty_question(_own_name(message, me)))

    async def _refuse_full(self, message: discord.Message) -> None:
        """Say so, once in a while: who floods a channel is not helped by a flood of ours."""
        now = self._clock.monotonic()
        self._refused_at = {
            channel: told
            for channel, told in self._refused_at.items()
            if now - told < _TELL_SECONDS
        }
        if message.channel.id not in self._refused_at:
            self._refused_at[message.channel.id] = now
            await self._reply(message, sentences.queue_full(MOST_WAITING))

    async def store_missed(self, message: discord.Message, me: discord.ClientUser) -> None:
        """Take a message that came while we were away, if it is a question.

        Raises ``LedgerError``, and ``QueueFullError`` for one that is left out.
        """
        if self._open and can_ask(message):
            await self._store(message, me, mentioned=mentions(message, me.id))

    async def _store(
        self, message: discord.Message, me: discord.ClientUser, *, mentioned: bool
    ) -> None:
        if _is_empty(message, me):
            return
        question = _question(message, me)
        async with self._lock(message.channel.id):
            destination = await self._router.route(message, mentioned=mentioned, me=me.id)
            taken = destination.asked and await self._ledger.questions.take(
                question, destination.link, most=MOST_WAITING
            )
        if not taken:
            return
        if destination.link is not None:
            self._schedule(destination.link.channel_id)
        else:
            self._open_thread(question)

    async def edited(self, message: discord.Message, me: discord.ClientUser) -> None:
        """Take over an edit of a question that still waits."""
        if message.author.bot or not self._open:
            return
        async with self._lock(message.channel.id):
            await self._ledger.questions.amend(message.id, question_text(message, me.id))

    async def deleted(self, channel_id: int, message_id: int) -> None:
        """Take out a question that still waits."""
        if not self._open:
            return
        async with self._lock(channel_id):
            await self._ledger.questions.withdraw(message_id)

    def _lock(self, channel_id: int) -> asyncio.Lock:
        return self._locks.setdefault(channel_id, asyncio.Lock())


def _in_own_thread(message: discord.Message, me: discord.ClientUser) -> bool:
    """Whether a message is in a channel thread that we opened, where each one is a question."""
    return isinstance(message.channel, discord.Thread) and message.channel.owner_id == me.id


def guild_of(message: discord.Message) -> int | None:
    """Return the guild a message is from, also one that is not known yet; None: a direct one."""
    if message.guild is not None:
        return message.guild.id
    # Of a channel that is not known there is still said that it is in a guild.
    guild_id: int | None = getattr(message.channel, "guild_id", None)
    return guild_id


def _own_name(message: discord.Message, me: discord.ClientUser) -> str:
    """Return our name as members see it where a message is."""
    member = message.guild.me if message.guild is not None else None
    return me.display_name if member is None else member.display_name


def _is_empty(message: discord.Message, me: discord.ClientUser) -> bool:
    return not question_text(message, me.id) and not attachments_of(message, me.id)


def _question(message: discord.Message, me: discord.ClientUser) -> NewQuestion:
    return NewQuestion(
        id=message.id,
        channel_id=message.channel.id,
        guild_id=guild_of(message),
        author_id=message.author.id,
        author_name=well_formed(message.author.display_name),
        content=question_text(message, me.id),
        attachments=attachments_json(files_of(message, me.id)),
    )
