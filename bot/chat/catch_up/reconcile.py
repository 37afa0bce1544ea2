"""Finds the bot's replies in a channel that the ledger does not know.

A ledger restored from a backup lacks the replies that the bot sent after the backup. Discord has
them: finished answers, refusals, and placeholders of turns that no longer exist.
"""

import contextlib
import logging
from collections.abc import Sequence
from typing import Final

import discord
import msgspec
from msgspec import Struct

from bot.chat.intake.mentions import SPOKEN, can_ask, is_readable, mentions
from bot.chat.reply.approval_buttons import shows_call
from bot.chat.reply.buttons import cancellable
from bot.chat.texts import sentences
from bot.chat.transport.login import own_user
from bot.chat.transport.message_history import oldest_messages
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Ledger, Link, ReadMarker

_log: Final = logging.getLogger(__name__)


class FoundAnswer(Struct, frozen=True):
    """A finished reply that the ledger does not know.

    The reply answers all questions up to the question with the id ``up_to``.
    """

    up_to: int
    message_id: int


class FoundReplies(Struct, frozen=True):
    """The bot's replies in a channel that the ledger does not know.

    ``refused`` are the ids of questions that were refused, or answered in a channel thread of their
    own. ``orphaned`` are the ids of the bot's messages that belong to no open turn.
    """

    answers: tuple[FoundAnswer, ...] = ()
    refused: frozenset[int] = frozenset()
    orphaned: tuple[int, ...] = ()

    def answers_question(self, message_id: int) -> bool:
        """Return whether a question has its answer or its refusal already."""
        return message_id in self.refused or any(
            message_id <= answer.up_to for answer in self.answers
        )


class Reconciler:
    """Stores replies in the ledger that only Discord has."""

    def __init__(self, client: discord.Client, ledger: Ledger, rest: RestRetry) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest

    async def find_replies(
        self,
        channel: discord.abc.Messageable,
        mark: ReadMarker,
        messages: Sequence[discord.Message],
    ) -> FoundReplies:
        """Return the replies among messages after a marker; store answers, delete orphans.

        A second call changes nothing. Raises ``LedgerError``.
        """
        found = await self._find_and_store(channel, mark, messages)
        elsewhere = await self._answered_in_threads(messages)
        return msgspec.structs.replace(found, refused=found.refused | elsewhere)

    def may_ask(self, channel: discord.abc.Messageable, message: discord.Message) -> bool:
        """Return whether a message may be a question; in text channels only a mention may be."""
        everywhere = isinstance(channel, discord.Thread | discord.PartialMessageable)
        return (
            can_ask(message)
            and is_readable(message, self._client)
            and (everywhere or mentions(message, self._me))
        )

    async def _answered_in_threads(self, messages: Sequence[discord.Message]) -> frozenset[int]:
        """Return the questions that were answered in a channel thread opened from them."""
        asked = [each for each in messages if _may_be_answered_in_thread(each, self._me)]
        if not asked:
            return frozenset()
        known = await self._ledger.questions.known(message.id for message in asked)
        unknown = [message for message in asked if message.id not in known]
        return frozenset(
            [message.id for message in unknown if await self._answered_in_thread(message)]
        )

    async def _answered_in_thread(self, question: discord.Message) -> bool:
        guild_id = question.guild.id if question.guild is not None else None
        mark = ReadMarker(channel_id=question.id, guild_id=guild_id, message_id=question.id)
        thread = self._client.get_partial_messageable(question.id, guild_id=guild_id)
        try:
            messages = await self._rest.call(lambda: oldest_messages(thread))
        except discord.HTTPException as error:
            _log.info("Channel thread %d can't be read: %s", question.id, error)
            return False
        return bool((await self._find_and_store(thread, mark, messages)).answers)

    async def _find_and_store(
        self,
        channel: discord.abc.Messageable,
        mark: ReadMarker,
        messages: Sequence[discord.Message],
    ) -> FoundReplies:
        channel_id = mark.channel_id
        may_be_opened = mark.guild_id is not None and isinstance(
            channel, discord.Thread | discord.PartialMessageable
        )
        found = await self.find(channel_id, messages, opened=may_be_opened)
        for answer in found.answers:
            _log.info(
                "Questions up to %d are already answered in channel %d", answer.up_to, channel_id
            )
            await self._ledger.reconcile.answered(
                channel_id, answer.up_to, answer.message_id, opened=_link(channel)
            )
        partial = self._client.get_partial_messageable(channel_id)
        for message_id in found.orphaned:
            _log.info(
                "Placeholder %d in channel %d belongs to no open turn and is deleted",
                message_id,
                channel_id,
            )
            with contextlib.suppress(discord.HTTPException):
                await self._rest.call(partial.get_partial_message(message_id).delete)
        return found

    async def find(
        self, channel_id: int, messages: Sequence[discord.Message], *, opened: bool
    ) -> FoundReplies:
        """Find the bot's replies that the ledger does not know in a channel's messages.

        ``messages`` are in order. ``opened`` is True where the channel may be a channel thread that
        was opened from a question. Raises ``LedgerError``.
        """
        own_messages = [message for message in messages if _is_reply_of(message, self._me)]
        if not own_messages:
            return FoundReplies()
        known = await self._ledger.turns.known_parts(message.id for message in own_messages)
        if known.issuperset(message.id for message in own_messages):
            return FoundReplies()
        answers: list[FoundAnswer] = []
        refused: set[int] = set()
        orphaned: list[int] = []
        has_replied = await self._ledger.reconcile.has_replied_in(channel_id)
        is_orphaned = False  # the reply to which the messages after it belong
        for message in own_messages:
            asked = message.reference.message_id if message.reference is not None else None
            if message.id in known:
                has_replied, is_orphaned = True, False
            elif sentences.is_refusal(message.content):
                refused.update(() if asked is None else (asked,))
            elif (attempt := cancellable(message)) is not None:
                has_replied = True
                is_orphaned = not await self._is_open(channel_id, *attempt)
                orphaned += [message.id] if is_orphaned else []
            elif asked is None and (has_replied or not opened):
                # A further part of the reply before.
                orphaned += [message.id] if is_orphaned else []
            else:
                # The first reply in a channel thread answers the question it was opened from.
                answers.append(FoundAnswer(asked or message.id, message.id))
                has_replied, is_orphaned = True, False
        return FoundReplies(tuple(answers), frozenset(refused), tuple(orphaned))

    async def _is_open(self, channel_id: int, turn_id: int, attempt: int) -> bool:
        turn = await self._ledger.history.turn(turn_id)
        return (
            turn is not None
            and turn.open
            and (turn.channel_id, turn.attempt) == (channel_id, attempt)
        )

    @property
    def _me(self) -> int:
        return own_user(self._client).id


def _is_reply_of(message: discord.Message, me: int) -> bool:
    """Return whether a message is a reply of the bot, no request for approval or for people."""
    return (
        message.author.id == me
        and message.type in SPOKEN
        and message.interaction_metadata is None
        and not message.role_mentions
        and not shows_call(message)
    )


def _may_be_answered_in_thread(message: discord.Message, me: int) -> bool:
    """Return whether a message may be a question from which a channel thread was opened."""
    return mentions(message, me) and (message.thread is not None or message.flags.has_thread)


def _link(channel: discord.abc.Messageable) -> Link | None:
    """Return the link that a channel thread gets in the ledger; None for any other channel."""
    if not isinstance(channel, discord.Thread):
        return None
    return Link(
        channel_id=channel.id,
        guild_id=channel.guild.id,
        parent_id=channel.parent_id,
        listening=True,
    )
