"""Opens channel threads for stored questions, in the background."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final
from weakref import WeakValueDictionary

import discord

from bot.chat.intake.ledger_retry import until_ledger_answers
from bot.chat.intake.routing import link_in_channel
from bot.chat.texts.fluent import using
from bot.chat.texts.locales import Locales
from bot.chat.texts.sentences import channel_thread_name, neutral_channel_thread_name
from bot.chat.transport import dpy_internals
from bot.chat.transport.rest_retry import (
    CHANNEL_THREAD_EXISTS,
    UNKNOWN_CHANNEL,
    UNKNOWN_MESSAGE,
    RestRetry,
)
from bot.runtime.clock import Clock
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import Ledger, Link, NewQuestion

_log: Final = logging.getLogger(__name__)


class ChannelThreadOpener:
    """Opens the channel threads of questions that have no channel yet.

    ``schedule`` is called with the id of the channel that answers a question.
    """

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        clock: Clock,
        locales: Locales,
        schedule: Callable[[int], None],
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._clock = clock
        self._locales = locales
        self._schedule = schedule
        self._tasks = BackgroundTasks()
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    def open_soon(self, question: NewQuestion) -> None:
        """Open a question's channel thread in the background; does nothing after ``stop``."""
        self._tasks.start(
            self._open(question),
            f"No channel was found for question {question.id}; the next start tries again",
        )

    async def stop(self) -> None:
        """Open no more channel threads; the next start opens those that are missing."""
        await self._tasks.stop()

    async def _open(self, question: NewQuestion) -> None:
        async def find_channel() -> int | None:
            # discord.py would queue concurrent requests of a channel, and give some of them up.
            async with self._locks.setdefault(question.channel_id, asyncio.Lock()):
                return await self._find_channel(question)

        failure = f"The channel of question {question.id} can't be stored"
        channel_id = await until_ledger_answers(find_channel, self._clock, failure)
        if channel_id is not None:
            self._schedule(channel_id)

    async def _find_channel(self, question: NewQuestion) -> int | None:
        """Open a question's channel thread, store it in the ledger, and return its id.

        Where Discord refuses the channel thread, the question is answered in its own channel, whose
        id is returned. Returns None where the question was deleted. A second call changes nothing.
        """
        channel_id, guild_id = question.channel_id, question.guild_id
        link = Link(channel_id=question.id, guild_id=guild_id, parent_id=channel_id, listening=True)
        refused = False
        try:
            await self._create_thread(question)
        except discord.HTTPException as error:
            if error.code in (UNKNOWN_MESSAGE, UNKNOWN_CHANNEL):
                await self._ledger.questions.withdraw(question.id)
                return None
            refused = error.code != CHANNEL_THREAD_EXISTS
            if refused:
                _log.info("Channel %d accepts no channel thread: %s", channel_id, error)
                link = link_in_channel(channel_id, guild_id)
        await self._ledger.questions.route(question.id, link, fallback=refused)
        return link.channel_id

    async def _create_thread(self, question: NewQuestion) -> None:
        """Create a channel thread; if Discord refuses its name, try again with a neutral name."""
        with using(await self._locales.of_place(question.guild_id, question.author_id)):
            name = channel_thread_name(question.content, question.author_name)
            neutral_name = neutral_channel_thread_name(question.author_name)
        try:
            await self._create_named_thread(question, name)
        except discord.HTTPException as error:
            if error.status != 400 or error.code == CHANNEL_THREAD_EXISTS:
                raise
            # Most likely a filter of the server refuses the name.
            _log.info("Channel %d refuses a thread's name: %s", question.channel_id, error)
            await self._create_named_thread(question, neutral_name)

    async def _create_named_thread(self, question: NewQuestion, name: str) -> None:
        await self._rest.call(
            lambda: dpy_internals.open_channel_thread(
                self._client, question.channel_id, question.id, name
            )
        )
