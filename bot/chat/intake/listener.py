"""Stores the questions among Discord's messages in the ledger, before anything else happens.

The listener filters, stores and delegates. It asks Discord only where a mention has no text: for
the message before the mention.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable
from typing import Final
from weakref import WeakValueDictionary

import discord
from msgspec.structs import replace

from bot.chat.access.access_gate import role_ids_json
from bot.chat.access.operator_alerts import OperatorAlerts
from bot.chat.access.question_gate import QuestionGate
from bot.chat.intake.attachments import files_of
from bot.chat.intake.channel_thread_opener import ChannelThreadOpener
from bot.chat.intake.mentions import can_ask, guild_of, is_readable, mentions
from bot.chat.intake.question_text import question_text
from bot.chat.intake.references import RecentForwards, ReferenceReader, pointers_for, quotes_in
from bot.chat.intake.routing import Router
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized, using
from bot.chat.texts.locales import Locales
from bot.chat.texts.plain_text import well_formed
from bot.chat.threads.messages.message_builder import attachments_json, is_same_wording
from bot.chat.threads.messages.pointers import Pointers
from bot.chat.transport.login import own_user
from bot.runtime.clock import Clock
from bot.runtime.metrics import Metrics
from bot.runtime.newest_entries import NewestEntries
from bot.store.ledger import Ledger, Link, NewQuestion, QueueFullError

MOST_WAITING: Final = 100
"""The most questions that wait in a channel; the next turn answers all of them together."""

_MOST_REFUSED: Final = 1_000
_MOST_REFUSED_IN: Final = 1_000
_REFUSAL_SECONDS: Final = 30.0
"""Time between two refusals in a channel that is full, in seconds."""

_log: Final = logging.getLogger(__name__)


class Listener:
    """Stores questions in the ledger, if ``gate`` admits them.

    ``schedule`` is called with the channel that answers a stored question. After an edit or a
    deletion ``cancel`` is called with each turn that must stop, and ``do_chores`` with the channels
    that have new chores. ``reply`` answers a question that is not stored. ``mark_read`` is called
    with channel, guild and message id of each message that was handled.
    """

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        router: Router,
        clock: Clock,
        locales: Locales,
        gate: QuestionGate,
        references: ReferenceReader,
        thread_opener: ChannelThreadOpener,
        alerts: OperatorAlerts,
        metrics: Metrics,
        *,
        schedule: Callable[[int], None],
        cancel: Callable[[int], None],
        do_chores: Callable[[Iterable[int]], None],
        reply: Callable[[discord.Message, str], Awaitable[None]],
        mark_read: Callable[[int, int | None, int], None],
        most_waiting: int,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._router = router
        self._clock = clock
        self._locales = locales
        self._gate = gate
        self._references = references
        self._thread_opener = thread_opener
        self._schedule = schedule
        self._cancel = cancel
        self._do_chores = do_chores
        self._reply = reply
        self._mark_read = mark_read
        self._alerts = alerts
        self._forwards = RecentForwards()
        self._most_waiting = most_waiting
        self._metrics = metrics
        self._refused_at = NewestEntries[int, float](_MOST_REFUSED_IN)
        # Questions whose refusal may not stand in the channel's history yet.
        self._refused = NewestEntries[int, None](_MOST_REFUSED)
        # discord.py runs each event in its own task. One lock per channel keeps the order of a
        # channel's events; a lock is freed when no task uses it.
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._open = True

    def stop(self) -> None:
        """Store no more questions."""
        self._open = False

    async def message(self, message: discord.Message) -> None:
        """Store a message that is a question, and mark the message as read.

        Nothing is stored or marked after ``stop``.
        """
        if not self._open:
            return
        if can_ask(message):
            await self._answer_or_store(message)
        # The bot may have stopped meanwhile; an unmarked message is read again after the start.
        if self._open:
            self._mark_read(message.channel.id, guild_of(message), message.id)

    async def _answer_or_store(self, message: discord.Message) -> None:
        mentioned = mentions(message, self._me.id)
        try:
            asks = await self._store(message, mentioned=mentioned)
        except QueueFullError as error:
            _log.warning("Question %d is refused: %s", message.id, error)
            self._refused[message.id] = None
            await self._refuse_full(message)
            return
        except Exception as error:  # noqa: BLE001 - a full disk or a defect: the author is told
            if not self._open:
                _log.info("Question %d waits for the next start: the bot stops", message.id)
                return
            _log.exception("Question %d could not be stored", message.id)
            self._alerts.not_stored_soon(error)
            if mentioned or guild_of(message) is None or self._is_heard_in_thread(message):
                self._refused[message.id] = None
                await self._tell(message, lambda: localized("not-saved"))
            return
        if mentioned and not asks:
            readable = is_readable(message, self._client)
            say = sentences.empty_question if readable else sentences.role_mentioned
            await self._tell(message, lambda: say(_own_name(message, self._me)))

    async def _refuse_full(self, message: discord.Message) -> None:
        """Refuse a question in a full channel, with a reply at most every 30 seconds."""
        now, channel_id = self._clock.monotonic(), message.channel.id
        if now - self._refused_at.get(channel_id, -math.inf) >= _REFUSAL_SECONDS:
            self._refused_at[channel_id] = now
            await self._tell(message, lambda: localized("queue-full", most=self._most_waiting))

    async def _tell(self, message: discord.Message, sentence: Callable[[], str]) -> None:
        """Reply to a question that is not stored."""
        with using(await self._locales.of_place(guild_of(message), message.author.id)):
            await self._reply(message, sentence())

    async def store_missed(self, message: discord.Message) -> None:
        """Store a question that was written while the bot was away, unless it was refused since.

        Raises ``LedgerError``, and ``QueueFullError`` where the channel is full.
        """
        if not self._open or not can_ask(message):
            return
        # The author of a stored question may have left the server since.
        if not await self._ledger.questions.known([message.id]):
            await self._store(message, mentioned=mentions(message, self._me.id))

    async def _store(self, message: discord.Message, *, mentioned: bool) -> bool:
        """Store a message that is a question; return False if the message has no question in it.

        Returns True for a message that needs no reply, such as one that the gate refused.
        """
        async with self._lock(message.channel.id):
            if message.id in self._refused:
                return True
            forward = self._forwards.before(message)
            question = question_of(message, self._me.id)
            readable, is_empty = is_readable(message, self._client), _is_empty(question)
            if readable and is_empty and not mentioned:
                return False
            destination = await self._router.route(message, mentioned=mentioned)
            if not destination.is_question:
                return True
            if not readable:
                return not mentioned or not await self._gate.admits(message, question.guild_id)
            asker = await self._gate.admits_question(message, question.guild_id)
            if asker is None:
                return True
            if is_empty and forward is None:
                forward = await self._references.forward_before(message)
            if forward is not None and await self._ledger.questions.known((forward,)):
                if is_empty:
                    return True  # the forward itself was a question
                forward = None
            points = pointers_for(
                message, self._me.id, forward=forward, context=destination.context > 0
            )
            if is_empty and not _names_something(points, destination.link):
                return False
            question = replace(
                question,
                points_to=points.to_json(),
                quotes=quotes_in(message, self._me.id, points),
                role_ids=role_ids_json(asker.role_ids),
            )
            stored = await self._ledger.questions.take(
                question, destination.link, most=self._most_waiting
            )
        if stored:
            self._metrics.question_taken()
            self._alerts.stored_soon()
        if stored and destination.link is not None:
            self._schedule(destination.link.channel_id)
        elif stored:
            self._thread_opener.open_soon(question)
        return True

    async def edited(self, message: discord.Message) -> None:
        """Store the newest wording of a question that was edited.

        Discord also reports link previews as edits. Until the question's turn begins, they are part
        of the question; afterwards they are read again when the question is posted.
        """
        if message.author.bot or not self._open or not is_readable(message, self._client):
            return
        async with self._lock(message.channel.id):
            known = await self._ledger.questions.question(message.id)
            if known is None:
                return
            if known.turn_id is not None and message.edited_at is None:
                self._references.previewed(message.id)
                return
            edited = question_of(message, self._me.id)
            if is_same_wording(known, edited):
                return
            if known.turn_id is None and not await self._gate.admits(message, edited.guild_id):
                await self._ledger.questions.withdraw(message.id)
                return
            channel_id = await self._ledger.questions.amend(edited)
        if channel_id is not None:
            self._do_chores((channel_id,))

    async def deleted(self, channel_id: int, message_ids: Iterable[int]) -> None:
        """Withdraw deleted questions, and end the turns whose reply was deleted."""
        if not self._open:
            return
        async with self._lock(channel_id):
            deletion = await self._ledger.deletions.messages_deleted(message_ids)
        for turn_id in deletion.turns:
            self._cancel(turn_id)
        for home_id in deletion.channels:
            self._schedule(home_id)
        self._do_chores(deletion.channels)

    def _is_heard_in_thread(self, message: discord.Message) -> bool:
        """Return whether a message is in a channel thread where every message is a question."""
        return (
            self._client.intents.message_content
            and isinstance(message.channel, discord.Thread)
            and message.channel.owner_id == self._me.id
        )

    @property
    def _me(self) -> discord.ClientUser:
        return own_user(self._client)

    def _lock(self, channel_id: int) -> asyncio.Lock:
        return self._locks.setdefault(channel_id, asyncio.Lock())


def _own_name(message: discord.Message, me: discord.ClientUser) -> str:
    """Return the bot's name as members see it in a message's guild."""
    member = message.guild.me if message.guild is not None else None
    return me.display_name if member is None else member.display_name


def _is_empty(question: NewQuestion) -> bool:
    return not question.content and question.attachments == "[]"


def question_of(message: discord.Message, me: int) -> NewQuestion:
    """Return the question that a message asks; ``me`` is the bot's user id."""
    return NewQuestion(
        id=message.id,
        channel_id=message.channel.id,
        guild_id=guild_of(message),
        author_id=message.author.id,
        author_name=well_formed(message.author.display_name),
        content=question_text(message, me),
        attachments=attachments_json(files_of(message, me)),
    )


def _names_something(points: Pointers, link: Link | None) -> bool:
    """Return whether an empty mention points at a message, or joins a channel thread."""
    joins = points.starter and link is not None and link.thread_id is None
    return joins or points.forward is not None or points.reply is not None
