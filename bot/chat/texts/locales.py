"""Decides in which language a place or a member reads the bot."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import discord

from bot.chat.texts.fluent import DEFAULT, Language, language_of
from bot.store.ledger import Ledger, LedgerError, Turn

_COMMUNITY: Final = "COMMUNITY"
"""The feature of servers whose admins chose a primary language; others have Discord's default."""

_log: Final = logging.getLogger(__name__)


def language_of_guild(guild: discord.Guild) -> Language:
    """Return a server's own language: the one that its admins chose on Discord, else English."""
    if _COMMUNITY not in guild.features:
        return DEFAULT
    return language_of(guild.preferred_locale.value) or DEFAULT


class Locales:
    """The languages of servers and members; English where a language is unknown or not translated.

    A ledger that can't be read changes the language at most: the failure is logged.
    """

    def __init__(self, client: discord.Client, ledger: Ledger) -> None:
        self._client = client
        self._locales = ledger.locales

    async def of_guild(self, guild_id: int) -> Language:
        """Return the language of public replies: the server's setting, else its own language."""
        chosen = await self._stored(self._locales.of_guild, guild_id)
        if chosen is not None:
            return chosen
        guild = self._client.get_guild(guild_id)
        return DEFAULT if guild is None else language_of_guild(guild)

    async def of_user(self, user_id: int) -> Language:
        """Return the language of direct messages: the last that the member's Discord had."""
        return await self._stored(self._locales.of_user, user_id) or DEFAULT

    async def of_direct_channel(self, channel_id: int) -> Language:
        """Return the language of the member that a direct message channel belongs to."""
        return await self._stored(self._locales.of_direct_channel, channel_id) or DEFAULT

    async def of_place(self, guild_id: int | None, user_id: int) -> Language:
        """Return the language of a place: a server's, or that of a member's direct messages."""
        return await (self.of_user(user_id) if guild_id is None else self.of_guild(guild_id))

    async def of_turn(self, turn: Turn) -> Language:
        """Return the language of a turn's reply; the member's where nobody else sees the reply."""
        guild_id = None if turn.personal and turn.personal.ephemeral else turn.guild_id
        return await self.of_place(guild_id, turn.askers[0].id if turn.askers else 0)

    async def remember(self, user_id: int, locale: str) -> None:
        """Store the locale that a member's Discord has now, for later direct messages."""
        if await self._locales.of_user(user_id) != locale:
            await self._locales.set_user(user_id, locale)

    async def _stored(
        self, read: Callable[[int], Awaitable[str | None]], owner_id: int
    ) -> Language | None:
        try:
            locale = await read(owner_id)
        except LedgerError as error:
            _log.warning("The language of %d can't be read: %s", owner_id, error)
            return None
        return None if locale is None else language_of(locale)
