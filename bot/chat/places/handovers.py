"""Hands channel threads over to people, and calls the people who answer there."""

import logging
from collections.abc import Callable, Iterable
from typing import Final

import discord
from msgspec import Struct

from bot.chat.places.channel_settings import ChannelSettingsReader
from bot.chat.texts.fluent import localized, using
from bot.chat.texts.locales import Locales
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Ledger

_log: Final = logging.getLogger(__name__)


class HandedOver(Struct, frozen=True):
    """The result of a hand-over.

    ``is_new`` is False if people answered there before. ``role_id`` is the role of the people, None
    if none is chosen. ``may_mention`` is whether the bot may mention the role, and ``is_called``
    whether the role is mentioned now.
    """

    is_new: bool
    is_called: bool
    role_id: int | None
    may_mention: bool


class Handovers:
    """Hands channel threads over to people; ``do_chores`` does the chores of channels soon."""

    def __init__(
        self,
        ledger: Ledger,
        channel_settings: ChannelSettingsReader,
        do_chores: Callable[[Iterable[int]], None],
    ) -> None:
        self._ledger = ledger
        self._channel_settings = channel_settings
        self._do_chores = do_chores

    async def begin(self, thread: discord.Thread, member_id: int) -> HandedOver:
        """Silence the assistant in a channel thread, and call people; raises ``LedgerError``."""
        guild = thread.guild
        settings = await self._channel_settings.of(guild.id, thread.id, thread.parent_id)
        role = None if settings.people_role is None else guild.get_role(settings.people_role)
        parent = thread.parent
        may_mention = role is not None and (
            role.mentionable
            or (parent is not None and parent.permissions_for(guild.me).mention_everyone)
        )
        begun = await self._ledger.handovers.begin(
            thread.id,
            guild.id,
            member_id,
            role_id=role.id if role is not None and may_mention else None,
            tag=settings.people_tag is not None,
        )
        self._do_chores((thread.id,))
        return HandedOver(
            begun.is_new, begun.pinged, None if role is None else role.id, may_mention
        )


class PeopleCalls:
    """Mentions a role in a channel thread."""

    def __init__(self, client: discord.Client, rest: RestRetry, locales: Locales) -> None:
        self._client = client
        self._rest = rest
        self._locales = locales

    async def call(self, channel_id: int, target: str) -> None:
        """Mention a role; log a refusal. ``target`` is a chore's "guild.role.member.time" (ids)."""
        guild_id, role_id, member_id, _ = map(int, target.split("."))
        with using(await self._locales.of_guild(guild_id)):
            text = localized("people-called", role=str(role_id), member=str(member_id))
        channel = self._client.get_partial_messageable(channel_id, guild_id=guild_id)
        mentions = discord.AllowedMentions(
            everyone=False, users=False, roles=[discord.Object(role_id)]
        )
        try:
            await self._rest.call(
                lambda: channel.send(
                    text, allowed_mentions=mentions, nonce=f"ping.{target.partition('.')[2]}"[-25:]
                )
            )
        except discord.HTTPException as error:
            _log.warning("The people of channel %d can't be called: %s", channel_id, error)
