"""Marks questions that wait behind a running answer with a reaction, until their turn starts.

The ledger knows of a reaction before Discord does, so that none is left behind.
"""

import asyncio
import logging
from typing import Final
from weakref import WeakValueDictionary

import aiohttp
import discord

from bot.chat.reply.delivery.channel_writer_factory import ChannelWriterFactory
from bot.runtime.clock import Clock
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import Ledger, Question

WAITING: Final = "⏳"
"""The reaction of a question that waits."""

_REFUSED_SECONDS: Final = 600.0
"""How long no reaction is added in a channel that refused one, in seconds.

Discord bans an address with ten thousand refused requests in ten minutes.
"""

_MOST_KNOWN: Final = 10_000

_log: Final = logging.getLogger(__name__)


class WaitingReactions:
    """Adds and removes the reactions; a refusal of Discord is no error."""

    def __init__(self, ledger: Ledger, writers: ChannelWriterFactory, clock: Clock) -> None:
        self._ledger = ledger
        self._writers = writers
        self._clock = clock
        self._tasks = BackgroundTasks()
        self._begun: set[int] = set()
        self._refused_at: dict[int, float] = {}
        # One lock per channel: a reaction is removed only after Discord answered its addition.
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    def add_soon(self, channel_id: int) -> None:
        """Mark the questions that wait for a channel's next turn, in the background."""
        self._tasks.start(
            self._mark_waiting(channel_id),
            f"The waiting questions of channel {channel_id} could not be marked",
        )

    async def remove(self, channel_id: int, message_id: int) -> None:
        """Remove the reaction from a question, if there is one."""
        self._begun.discard(message_id)
        async with self._lock(channel_id):
            try:
                await self._writers.in_channel(channel_id).remove_reaction(message_id, WAITING)
            except discord.HTTPException as error:
                # Most likely there is no reaction, or the question was deleted.
                _log.debug("No reaction is removed from message %d: %s", message_id, error)

    async def stop(self) -> None:
        """Mark no more questions."""
        await self._tasks.stop()

    async def _mark_waiting(self, channel_id: int) -> None:
        for question in await self._ledger.questions.waiting(channel_id):
            if question.cause is not None:
                continue  # no message of Discord
            if question.id not in self._begun and not self._is_refused(question.channel_id):
                if len(self._begun) >= _MOST_KNOWN:
                    self._begun.clear()
                self._begun.add(question.id)
                await self._mark(question)

    def _is_refused(self, channel_id: int) -> bool:
        """Return whether Discord refused a reaction in a channel a short time ago."""
        refused_at = self._refused_at.get(channel_id)
        if refused_at is None:
            return False
        if self._clock.monotonic() - refused_at < _REFUSED_SECONDS:
            return True
        del self._refused_at[channel_id]
        return False

    async def _mark(self, question: Question) -> None:
        channel_id = question.channel_id
        async with self._lock(channel_id):
            if self._is_refused(channel_id) or not await self._ledger.questions.mark(question.id):
                self._begun.discard(question.id)
                return
            try:
                await self._writers.in_channel(channel_id).add_reaction(question.id, WAITING)
            except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
                _log.info("Message %d gets no reaction: %s", question.id, error)
                if isinstance(error, discord.Forbidden):
                    self._refused_at[channel_id] = self._clock.monotonic()

    def _lock(self, channel_id: int) -> asyncio.Lock:
        return self._locks.setdefault(channel_id, asyncio.Lock())
