"""The daily job: forgets old data and servers that removed the bot, and looks for deletions.

The time of the last complete run is stored. An interrupted run is repeated after the next start;
the repetition of a step does no harm. Tokens of interactions, which work for 15 minutes, are
removed each minute.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import discord

from bot.chat.places.server_settings import server_settings
from bot.runtime.clock import Clock
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import Deletion, Ledger, LedgerError

DONE_FACT: Final = "housekeeping.done"
"""The name of the ledger's value: when the last complete run was, in seconds since 1970."""

FIRST_SECONDS: Final = 60.0
"""Seconds between the start and the first run: members come first."""

_DAY: Final = 86_400.0
_LOOK_AGAIN: Final = 3_600.0
_BETWEEN_CHANNELS: Final = 0.2
_PURGE_SECONDS: Final = 60.0

_log: Final = logging.getLogger(__name__)

ChannelComparer = Callable[[int, int | None], Awaitable[Deletion | None]]
"""Stores what was deleted in a channel while the bot was away; takes channel and guild id."""


class Housekeeping:
    """Runs once a day while the bot is on Discord.

    A server that removed the bot is forgotten after ``grace_days``. ``cancel`` stops a turn,
    ``do_chores`` does the chores of channels, ``delete_assistants`` deletes the assistants of
    forgotten servers.
    """

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        clock: Clock,
        *,
        grace_days: int,
        compare: ChannelComparer,
        cancel: Callable[[int], None],
        do_chores: Callable[[Iterable[int]], None],
        delete_assistants: Callable[[], Awaitable[None]],
        first_seconds: float = FIRST_SECONDS,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._grace = grace_days * _DAY
        self._compare = compare
        self._cancel = cancel
        self._do_chores = do_chores
        self._delete_assistants = delete_assistants
        self._first_seconds = first_seconds
        self._tasks = BackgroundTasks()

    def begin(self) -> None:
        """Run each day from now on."""
        self._tasks.start(self._run_daily(), "The daily job stopped; the next start begins again")
        self._tasks.start(self._purge(), "Expired tokens of interactions stay until the next start")

    def removed_from(self, guild_id: int) -> None:
        """Note that a server removed the bot."""
        self._tasks.start(
            self._ledger.forgetting.guild_removed(guild_id),
            f"The removal from server {guild_id} can't be stored; the daily job stores it",
        )

    def added_to(self, guild_id: int) -> None:
        """Note that a server added the bot, perhaps again."""
        self._tasks.start(
            self._ledger.forgetting.guild_joined(guild_id),
            f"That server {guild_id} has the bot can't be stored; the daily job stores it",
        )

    async def stop(self) -> None:
        """Stop the job; the next start resumes it."""
        await self._tasks.stop()

    async def _run_daily(self) -> None:
        await self._clock.sleep(self._first_seconds)
        while True:
            try:
                if await self._is_due():
                    await self._run()
            except Exception:  # noqa: BLE001 - a full disk, or a defect: the next hour tries again
                _log.exception("The daily job failed; it is tried again in an hour")
            await self._clock.sleep(_LOOK_AGAIN)

    async def _purge(self) -> None:
        while True:
            try:
                await self._ledger.asks.purge()
            except LedgerError as error:
                _log.warning("Expired tokens of interactions can't be removed yet: %s", error)
            await self._clock.sleep(_PURGE_SECONDS)

    async def _is_due(self) -> bool:
        done = await self._ledger.fact(DONE_FACT)
        now = self._clock.now()
        # A stored time in the future, from a wrong clock, must not delay the job for ever.
        return done is None or not float(done) <= now < float(done) + _DAY

    async def _run(self) -> None:
        forgetting, now = self._ledger.forgetting, self._clock.now()
        await forgetting.prune(told_before=now - 2 * _DAY)
        for guild_id in await forgetting.guilds():
            if self._client.get_guild(guild_id) is None:
                await forgetting.guild_removed(guild_id)
            else:
                await forgetting.guild_joined(guild_id)
        forgotten = await forgetting.removed_before(now - self._grace)
        for guild_id in forgotten:
            _log.info("Server %d removed the bot long ago and is forgotten now", guild_id)
            self._carry_out(await forgetting.forget_guild(guild_id))
        if forgotten:
            await self._delete_assistants()
        for guild_id in await forgetting.guilds():
            days = (await server_settings(self._ledger, guild_id)).retention_days
            if days is not None:
                self._carry_out(await forgetting.forget_before(guild_id, now - days * _DAY))
        for channel_id, home in await self._ledger.deletions.channels_shown():
            if (deletion := await self._compare(channel_id, home)) is not None:
                self._carry_out(deletion)
            await self._clock.sleep(_BETWEEN_CHANNELS)
        await self._ledger.set_fact(DONE_FACT, str(now))

    def _carry_out(self, deletion: Deletion) -> None:
        for turn_id in deletion.turns:
            self._cancel(turn_id)
        self._do_chores(deletion.channels)
