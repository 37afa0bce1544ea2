"""Decides where a question is answered: in its channel, or in a channel thread opened from it."""

import logging
from typing import Final

import discord
from msgspec import Struct

from bot.chat.intake.question_text import begins_post
from bot.chat.places.channel_rules import ChannelRules, RuleBook
from bot.chat.texts.fluent import using
from bot.chat.texts.locales import Locales
from bot.chat.texts.sentences import channel_thread_name, neutral_channel_thread_name
from bot.chat.transport import dpy_internals
from bot.chat.transport.login import own_user
from bot.chat.transport.rest_retry import (
    CHANNEL_THREAD_EXISTS,
    UNKNOWN_CHANNEL,
    UNKNOWN_MESSAGE,
    RestRetry,
)
from bot.store.ledger import Ledger, Link, NewQuestion

_log: Final = logging.getLogger(__name__)


class Router:
    """Finds or opens the channel in which a question is answered.

    ``reads_all`` tells whether Discord sends the content of every message.
    """

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        locales: Locales,
        rules: RuleBook,
        *,
        reads_all: bool = True,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._locales = locales
        self._rules = rules
        self._reads_all = reads_all

    async def route(self, message: discord.Message, *, mentioned: bool, me: int) -> "Destination":
        """Return whether a message is a question, and where it is answered."""
        channel = message.channel
        guild_id = message.guild.id if message.guild else getattr(channel, "guild_id", None)
        if guild_id is None:
            return Destination(
                is_question=True,
                link=Link(
                    channel_id=channel.id, guild_id=None, parent_id=channel.id, listening=True
                ),
            )
        rules = await self._rules.of(guild_id, channel.id, getattr(channel, "parent_id", None))
        if rules.is_silent:
            await self._note_take_over(message, rules)
            return Destination(is_question=False, link=None)
        if rules.answer == "never":
            return Destination(is_question=False, link=None)
        asked = mentioned or rules.answer == "every"
        if isinstance(channel, discord.Thread | discord.PartialMessageable):
            link = await self._ledger.link(channel.id)
            if link is not None:
                return Destination(
                    is_question=link.listening or asked, link=link, context=rules.context
                )
        if isinstance(channel, discord.Thread):
            # A channel thread of the bot without a link was opened a moment ago.
            is_own = channel.owner_id == me
            is_post = rules.answer == "posts" and begins_post(message)
            link = Link(
                channel_id=channel.id,
                guild_id=guild_id,
                parent_id=channel.parent_id,
                listening=is_own,
                private=channel.is_private(),
            )
            return Destination(
                is_question=is_own or is_post or asked, link=link, context=rules.context
            )
        here = None if rules.reply_in == "thread" else _in_channel(channel.id, guild_id)
        return Destination(is_question=asked, link=here, context=rules.context)

    async def _note_take_over(self, message: discord.Message, rules: ChannelRules) -> None:
        """Store that a member of the called role writes where people answer."""
        roles = message.author.roles if isinstance(message.author, discord.Member) else []
        if any(role.id == rules.people_role for role in roles):
            await self._ledger.handovers.taken(message.channel.id, message.author.id)

    async def listens_in(self, channel_id: int, guild_id: int | None) -> bool:
        """Return whether each message in a channel is a question, also without a mention.

        Raises ``LedgerError``.
        """
        if guild_id is None or not self._reads_all:
            return guild_id is None
        channel = self._client.get_channel(channel_id)
        rules = await self._rules.of(guild_id, channel_id)
        if rules.is_silent:
            return False
        if rules.answer in ("every", "never"):
            return rules.answer == "every"
        link = await self._ledger.link(channel_id)
        if link is not None:
            return link.listening
        return isinstance(channel, discord.Thread) and channel.owner_id == own_user(self._client).id

    async def open_thread(self, question: NewQuestion) -> int | None:
        """Open a question's channel thread, store it in the ledger, and return its id.

        Where Discord refuses the channel thread, the question is answered in its own channel, whose
        id is returned. Returns None where the question was deleted. A second call changes nothing.
        """
        channel_id, guild_id = question.channel_id, question.guild_id
        with using(await self._locales.of_place(guild_id, question.author_id)):
            name = channel_thread_name(question.content, question.author_name)
            neutral_name = neutral_channel_thread_name(question.author_name)
        fallback = False
        try:
            try:
                await self._create_thread(channel_id, question.id, name)
            except discord.HTTPException as error:
                if error.status != 400 or error.code == CHANNEL_THREAD_EXISTS:
                    raise
                # Most likely a filter of the server refuses the name.
                _log.info("No channel thread in %d under its name: %s", channel_id, error)
                await self._create_thread(channel_id, question.id, neutral_name)
        except discord.HTTPException as error:
            if error.code in (UNKNOWN_MESSAGE, UNKNOWN_CHANNEL):
                await self._ledger.questions.withdraw(question.id)
                return None
            fallback = error.code != CHANNEL_THREAD_EXISTS
            if fallback:
                _log.info("No channel thread in %d: %s", channel_id, error)
        link = _in_channel(channel_id, guild_id)
        if not fallback:
            link = Link(
                channel_id=question.id, guild_id=guild_id, parent_id=channel_id, listening=True
            )
        await self._ledger.questions.route(question.id, link, fallback=fallback)
        return link.channel_id

    async def _create_thread(self, channel_id: int, message_id: int, name: str) -> None:
        await self._rest.call(
            lambda: dpy_internals.open_channel_thread(self._client, channel_id, message_id, name)
        )


class Destination(Struct, frozen=True, kw_only=True):
    """Whether a message is a question, and the link of the channel that answers it.

    ``link`` is None where a channel thread has to be opened first. ``context`` is the number of
    messages before the question that the model is shown.
    """

    is_question: bool
    link: Link | None
    context: int = 0


def _in_channel(channel_id: int, guild_id: int | None) -> Link:
    return Link(channel_id=channel_id, guild_id=guild_id, parent_id=channel_id, listening=False)
