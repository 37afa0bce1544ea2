"""Does the ledger's chores: cleans up threads before a run, Discord's messages at any time."""

import asyncio
import logging
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from bot.chat.places.channel_settings import ChannelSettingsReader
from bot.chat.places.handovers import PeopleCalls
from bot.chat.places.post_tags import PostTags
from bot.chat.reply import buttons
from bot.chat.reply.delivery.channel_writer_factory import ChannelWriterFactory
from bot.chat.reply.waiting_reactions import WaitingReactions
from bot.chat.texts.fluent import using
from bot.chat.texts.locales import Locales
from bot.chat.threads.api_errors import TurnError
from bot.chat.threads.thread_cleanup import ThreadCleanup
from bot.chat.transport.rate_limiter import RequestPriority
from bot.config import AnswerButton
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import Chore, ChoreKind, Ledger

AT_ONCE: Final = 4
"""The number of channels whose chores are done at the same time."""

_ON_THREADS: Final[tuple[ChoreKind, ...]] = ("run", "attempt", "message", "question", "thread")
_IN_DISCORD: Final[tuple[ChoreKind, ...]] = ("part", "reaction", "offer", "tag", "ping")

_log: Final = logging.getLogger(__name__)


class ChoreRunner:
    """Does the chores of channels; a chore that fails stays in the ledger for the next try.

    ``chosen`` are the buttons that the operator wants under answers.
    """

    def __init__(
        self,
        ledger: Ledger,
        cleanup: ThreadCleanup,
        writers: ChannelWriterFactory,
        waiting_reactions: WaitingReactions,
        tags: PostTags,
        calls: PeopleCalls,
        locales: Locales,
        channel_settings: ChannelSettingsReader,
        chosen: Sequence[AnswerButton],
    ) -> None:
        self._ledger = ledger
        self._cleanup = cleanup
        self._writers = writers
        self._waiting_reactions = waiting_reactions
        self._tags = tags
        self._calls = calls
        self._locales = locales
        self._channel_settings = channel_settings
        self._chosen = chosen
        self._tasks = BackgroundTasks()
        self._at_once = asyncio.Semaphore(AT_ONCE)

    def begin(self, channel_ids: Iterable[int]) -> None:
        """Do all chores of these channels in the background."""
        self._start(channel_ids)

    async def finish(self, channel_ids: Collection[int], *, within: float) -> bool:
        """Do all chores of these channels; return whether they are done ``within`` seconds."""
        if channel_ids:
            await asyncio.wait(self._start(channel_ids), timeout=within)
        left = await self._ledger.chores.channels()
        return set(left).isdisjoint(channel_ids)

    def _start(self, channel_ids: Iterable[int]) -> list[asyncio.Task[None]]:
        return [
            self._tasks.start(
                self._do_all(channel_id), f"The chores of channel {channel_id} are not done yet"
            )
            for channel_id in channel_ids
        ]

    async def begin_all(self) -> None:
        """Do the chores that an earlier process left; raises ``LedgerError``."""
        self.begin(await self._ledger.chores.channels())

    async def clean_thread(self, channel_id: int) -> None:
        """Do the chores on a channel's thread; raises ``TurnError`` and ``LedgerError``."""
        for chore in await self._ledger.chores.of_channel(channel_id, *_ON_THREADS):
            if await self._cleanup.do(chore):
                await self._ledger.chores.done(chore)

    async def stop(self) -> None:
        """Stop doing chores; the next start continues."""
        await self._tasks.stop()

    async def _do_all(self, channel_id: int) -> None:
        async with self._at_once:
            for chore in await self._ledger.chores.of_channel(channel_id, *_IN_DISCORD):
                await self._do_in_discord(chore)
                await self._ledger.chores.done(chore)
            try:
                await self.clean_thread(channel_id)
            except TurnError as error:
                _log.info("The thread of channel %d is cleaned up later: %s", channel_id, error)

    async def _do_in_discord(self, chore: Chore) -> None:
        if chore.kind == "offer":
            await self._offer(int(chore.place), int(chore.target))
        elif chore.kind == "ping":
            await self._calls.call(int(chore.place), chore.target)
        elif chore.kind == "tag":
            await self._tags.set(int(chore.place), chore.target)
        elif chore.kind == "reaction":
            await self._waiting_reactions.remove(int(chore.place), int(chore.target))
        else:
            writer = self._writers.in_channel(int(chore.place))
            await writer.delete(int(chore.target), priority=RequestPriority.USUAL)

    async def _offer(self, turn_id: int, attempt: int) -> None:
        """Offer "Answer again" under a finished reply whose question was edited."""
        turn = await self._ledger.history.turn(turn_id)
        if turn is None or turn.open or turn.attempt != attempt or not turn.parts:
            return
        chosen = self._chosen if turn.state == "answered" else ()
        if "answer_again" in chosen:
            return  # the button stands there already
        with using(await self._locales.of_turn(turn)):
            offered = buttons.answer_buttons(
                turn_id,
                attempt,
                chosen,
                cut_off=turn.error == "incomplete",
                outdated=True,
            )
            offered += buttons.place_buttons(turn, await self._channel_settings.buttons_of(turn))
            writer = await self._writers.of(turn)
            await writer.set_buttons(
                turn.parts[-1], buttons.view(*offered), priority=RequestPriority.USUAL
            )
