"""Which assistant answers in a place: the nearest choice in Discord, or the configured one."""

from collections.abc import Mapping
from typing import Any

import discord
from msgspec import Struct

from bot.chat.places.places import channel_ids, own_guild, places_of
from bot.store.ledger import ASSISTANT_SETTING, Ledger, Turn


class Chosen(Struct, frozen=True):
    """An assistant, and the place for which it was chosen; None for the configured one."""

    assistant_id: str
    place_id: int | None


class UsableAssistant(Struct, frozen=True):
    """An assistant that a server may use; ``own`` if it was made there."""

    id: str
    name: str
    own: bool


class AssistantChoice:
    """Chooses among the operator's assistants and a server's own ones.

    ``configured`` are the ids of the operator's assistants by name. The assistant ``default_id``
    answers where no choice was made.
    """

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        default_id: str,
        configured: Mapping[str, str] | None = None,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self.default_id = default_id
        self.configured: Mapping[str, str] = dict(configured or {})

    async def of_turn(self, turn: Turn) -> Chosen:
        """Return the assistant that answers a turn: the one that ``/ask`` named, or the place's.

        Raises ``LedgerError``.
        """
        named = await self._ledger.asks.assistant_of(turn.id) if turn.personal else None
        if named is not None or turn.guild_id is None:
            return Chosen(named or self.default_id, None)
        return await self.of_places(
            places_of(self._client, turn.guild_id, turn.place_id, turn.parent_id)
        )

    async def of_places(self, places: tuple[int, ...]) -> Chosen:
        """Return the assistant of a place; ``places`` are from ``places_of``."""
        setting = (await self._ledger.settings.nearest(places)).get(ASSISTANT_SETTING)
        if setting is None:
            return Chosen(self.default_id, None)
        return Chosen(setting.value, setting.place_id)

    async def of_interaction(self, interaction: discord.Interaction[Any]) -> Chosen:
        """Return the assistant of the place where a command is used. Raises ``LedgerError``."""
        guild_id = own_guild(interaction)
        if guild_id is None:
            return Chosen(self.default_id, None)
        return await self.of_places(places_of(self._client, guild_id, *channel_ids(interaction)))

    async def usable(self, guild_id: int | None) -> list[UsableAssistant]:
        """Return the assistants that a server may use; without a server, the operator's."""
        found = [
            UsableAssistant(assistant_id, name, own=False)
            for name, assistant_id in self.configured.items()
        ]
        own = () if guild_id is None else await self._ledger.assistants.of_guild(guild_id)
        return found + [UsableAssistant(each.id, each.name, own=True) for each in own]

    async def named(self, guild_id: int | None, name: str) -> UsableAssistant | None:
        """Return the assistant with that id or name, if the server may use it."""
        known = await self.usable(guild_id)
        wanted = name.strip().casefold()
        return next(
            (each for each in known if each.id == name.strip()),
            next((each for each in known if each.name.casefold() == wanted), None),
        )
