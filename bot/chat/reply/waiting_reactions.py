"""Adds a reaction to each question that waits behind a running answer, until its turn starts.

The ledger stores a reaction before Discord gets it, so that every reaction is removed again.
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
"""The reaction to a question that waits."""

_REFUSED_SECONDS: Final = 600.0
"""The pause after a refused reaction in a channel, in seconds.

Discord bans an address after ten thousand refused requests in ten minutes.
"""

_MOST_REMEMBERED: Final = 10_000
"""The most questions of which this process remembers that they have their reaction."""

_log: Final = logging.getLogger(__name__)


class WaitingReactions:
    """Adds and removes the reactions; a refusal of Discord is no error."""

    def __init__(self, ledger: Ledger, writers: ChannelWriterFactory, clock: Clock) -> None:
        self._ledger = ledger
        self._writers = writers
        self._clock = clock
        self._tasks = BackgroundTasks()
        self._handled: set[int] = set()
        self._refused_at: dict[int, float] = {}
        # One lock per channel: a reaction is removed only after Discord answered its addition.
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    def add_soon(self, channel_id: int) -> None:
        """Add reactions to the questions that wait for a channel's next turn, in the background."""
        self._tasks.start(
            self._add_to_waiting(channel_id),
            f"The waiting questions of channel {channel_id} got no reaction",
        )

    async def remove(self, channel_id: int, message_id: int) -> None:
        """Remove the reaction from a question, if there is one."""
        self._handled.discard(message_id)
        async with self._lock(channel_id):
            try:
                await self._writers.in_channel(channel_id).remove_reaction(message_id, WAITING)
            except discord.HTTPException as error:
                # Most likely the reaction does not exist, or the question was deleted.
                _log.debug("Message %d keeps its reactions: %s", message_id, error)

    async def stop(self) -> None:
        """Add no more reactions."""
        await self._tasks.stop()

    async def _add_to_waiting(self, channel_id: int) -> None:
        for question in await self._ledger.questions.waiting(channel_id):
            if question.cause is not None:
                continue  # the question is no message on Discord
            if question.id not in self._handled and not self._is_refused(question.channel_id):
                if len(self._handled) >= _MOST_REMEMBERED:
                    self._handled.clear()
                self._handled.add(question.id)
                await self._add(question)

    def _is_refused(self, channel_id: int) -> bool:
        """Return whether Discord refused a reaction in a channel a short time ago."""
        refused_at = self._refused_at.get(channel_id, -_REFUSED_SECONDS)
        return self._clock.monotonic() - refused_at < _REFUSED_SECONDS

    async def _add(self, question: Question) -> None:
        channel_id = question.channel_id
        async with self._lock(channel_id):
            if self._is_refused(channel_id) or not await self._ledger.questions.mark(question.id):
                self._handled.discard(question.id)
                return
            try:
                await self._writers.in_channel(channel_id).add_reaction(question.id, WAITING)
            except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
                _log.info("Message %d gets no reaction: %s", question.id, error)
                if isinstance(error, discord.Forbidden):
                    self._refused_at[channel_id] = self._clock.monotonic()

    def _lock(self, channel_id: int) -> asyncio.Lock:
        return self._locks.setdefault(channel_id, asyncio.Lock())
