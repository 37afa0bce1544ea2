"""Decides which messages are questions, and in which channel a question is answered."""

import discord
from msgspec import Struct

from bot.chat.intake.question_text import begins_post
from bot.chat.places.channel_settings import ChannelSettings, ChannelSettingsReader
from bot.chat.transport.dpy_internals import known_role_ids
from bot.chat.transport.login import own_user
from bot.store.ledger import Ledger, Link


class Destination(Struct, frozen=True, kw_only=True):
    """Whether a message is a question, and where it is answered.

    ``link`` is the ledger's record of the answering channel, None where a channel thread has to be
    opened first. ``context`` is the number of
    messages before the question that the model is shown.
    """

    is_question: bool
    link: Link | None = None
    context: int = 0


class Router:
    """Finds the channel in which a question is answered."""

    def __init__(
        self, client: discord.Client, ledger: Ledger, channel_settings: ChannelSettingsReader
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._channel_settings = channel_settings

    async def route(self, message: discord.Message, *, mentioned: bool) -> Destination:
        """Return whether a message is a question, and where it is answered.

        Raises ``LedgerError``.
        """
        channel = message.channel
        guild_id = message.guild.id if message.guild else getattr(channel, "guild_id", None)
        if guild_id is None:
            link = Link(channel_id=channel.id, guild_id=None, parent_id=channel.id, listening=True)
            return Destination(is_question=True, link=link)
        settings = await self._channel_settings.of(
            guild_id, channel.id, getattr(channel, "parent_id", None)
        )
        if settings.is_silent:
            await self._note_take_over(message, settings)
            return Destination(is_question=False)
        if settings.answer == "never":
            return Destination(is_question=False)
        asked = mentioned or settings.answer == "every"
        if isinstance(channel, discord.Thread | discord.PartialMessageable):
            known = await self._ledger.link(channel.id)
            if known is not None:
                return Destination(
                    is_question=known.listening or asked, link=known, context=settings.context
                )
        if isinstance(channel, discord.Thread):
            # A channel thread of the bot without a link was opened a moment ago.
            is_own = self._is_own(channel)
            is_post = settings.answer == "posts" and begins_post(message)
            link = Link(
                channel_id=channel.id,
                guild_id=guild_id,
                parent_id=channel.parent_id,
                listening=is_own,
                private=channel.is_private(),
            )
            return Destination(
                is_question=is_own or is_post or asked, link=link, context=settings.context
            )
        here = None if settings.reply_in == "thread" else link_in_channel(channel.id, guild_id)
        return Destination(is_question=asked, link=here, context=settings.context)

    async def listens_in(self, channel_id: int, guild_id: int | None) -> bool:
        """Return whether each message in a channel is a question, also without a mention.

        Raises ``LedgerError``.
        """
        if guild_id is None or not self._client.intents.message_content:
            return guild_id is None
        settings = await self._channel_settings.of(guild_id, channel_id)
        if settings.is_silent:
            return False
        if settings.answer in ("every", "never"):
            return settings.answer == "every"
        link = await self._ledger.link(channel_id)
        return (
            self._is_own(self._client.get_channel(channel_id)) if link is None else link.listening
        )

    async def _note_take_over(self, message: discord.Message, settings: ChannelSettings) -> None:
        """Store that a member of the called role writes where people answer."""
        author = message.author
        roles = known_role_ids(author) if isinstance(author, discord.Member) else frozenset()
        if settings.people_role in roles:
            await self._ledger.handovers.taken(message.channel.id, message.author.id)

    def _is_own(self, channel: object) -> bool:
        """Return whether a channel is a channel thread that the bot opened."""
        return isinstance(channel, discord.Thread) and (
            channel.owner_id == own_user(self._client).id
        )


def link_in_channel(channel_id: int, guild_id: int | None) -> Link:
    """Return the link of a channel whose questions are answered in the channel itself."""
    return Link(channel_id=channel_id, guild_id=guild_id, parent_id=channel_id, listening=False)
