"""Where a question is answered: here, or in a channel thread that is opened from it."""

import logging
from typing import Literal

import discord

from bot.chat.texts.sentences import channel_thread_name, neutral_channel_thread_name
from bot.chat.transport import dpy_internals
from bot.chat.transport.rest_retry import (
    CHANNEL_THREAD_EXISTS,
    UNKNOWN_CHANNEL,
    UNKNOWN_MESSAGE,
    RestRetry,
)
from bot.store.ledger import Ledger, Link, NewQuestion

_log = logging.getLogger(__name__)


class Router:
    """Finds the channel in which a question is answered."""

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        answer_in: Literal["thread", "channel"],
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._answer_in = answer_in

    async def route(self, message: discord.Message, *, mentioned: bool, me: int) -> "Destination":
        """Say whether a message is a question and where it is answered, as far as is known yet."""
        channel = message.channel
        guild_id = message.guild.id if message.guild else getattr(channel, "guild_id", None)
        if guild_id is None:
            return Destination(
                asked=True,
                link=Link(
                    channel_id=channel.id, guild_id=None, parent_id=channel.id, listening=True
                ),
            )
        if isinstance(channel, discord.Thread | discord.PartialMessageable):
            link = await self._ledger.link(channel.id)
            if link is not None:
                return Destination(asked=link.listening or mentioned, link=link)
        if isinstance(channel, discord.Thread):
            # Ours without a link: its first question is just being settled.
            ours = channel.owner_id == me
            link = Link(
                channel_id=channel.id,
                guild_id=guild_id,
                parent_id=channel.parent_id,
                listening=ours,
                private=channel.is_private(),
            )
            return Destination(asked=ours or mentioned, link=link)
        if self._answer_in == "thread":
            return Destination(asked=mentioned, link=None)
        return Destination(asked=mentioned, link=_in_channel(channel.id, guild_id))

    async def open_thread(self, question: NewQuestion) -> int | None:
        """Open the channel thread of a question and return its id; it may be there already.

        Where none can be opened the question is answered in its own channel; None where its
        message is gone. May be done twice.
        """
        channel_id, guild_id = question.channel_id, question.guild_id
        name = channel_thread_name(question.content, question.author_name)
        fallback = False
        try:
            try:
                await self._create_thread(channel_id, question.id, name)
            except discord.HTTPException as error:
                if error.status != 400 or error.code == CHANNEL_THREAD_EXISTS:
                    raise
                # Most likely the name is what a filter of the server refuses.
                _log.info("No channel thread in %d under its name: %s", channel_id, error)
                name = neutral_channel_thread_name(question.author_name)
                await self._create_thread(channel_id, question.id, name)
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
        await self._ledger.questions.settle(question.id, link, fallback=fallback)
        return link.channel_id

    async def _create_thread(self, channel_id: int, message_id: int, name: str) -> None:
        await self._rest.call(
            lambda: dpy_internals.open_channel_thread(self._client, channel_id, message_id, name)
        )


class Destination:
    """Whether a message is a question, and where it is answered; None: in a thread to be opened."""

    def __init__(self, *, asked: bool, link: Link | None) -> None:
        self.asked = asked
        self.link = link


def _in_channel(channel_id: int, guild_id: int | None) -> Link:
    return Link(channel_id=channel_id, guild_id=guild_id, parent_id=channel_id, listening=False)
