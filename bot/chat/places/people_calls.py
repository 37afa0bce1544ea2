"""Calls the people who answer where a channel thread was handed over to them."""

import logging
from typing import Final

import discord

from bot.chat.texts.fluent import localized, using
from bot.chat.texts.locales import Locales
from bot.chat.transport.rest_retry import RestRetry

_log: Final = logging.getLogger(__name__)


class PeopleCalls:
    """Mentions a role in a channel thread."""

    def __init__(self, client: discord.Client, rest: RestRetry, locales: Locales) -> None:
        self._client = client
        self._rest = rest
        self._locales = locales

    async def call(self, channel_id: int, target: str) -> None:
        """Mention the role of a chore's target, "guild.role.member.time"; a refusal is logged."""
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
            _log.warning("Nobody is called in channel %d: %s", channel_id, error)
