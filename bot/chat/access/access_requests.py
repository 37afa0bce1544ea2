"""Builds the access requests that the gate checks: who uses the bot, and where."""

import asyncio
import logging
from typing import Any, Final
from weakref import WeakValueDictionary

import discord

from bot.chat.access.access_gate import AccessRequest, Entry
from bot.chat.places.places import category_of, channel_ids, is_by_user_install, places_of
from bot.chat.transport import dpy_internals
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Ledger

_ENTRIES: Final[dict[discord.InteractionType, Entry]] = {
    discord.InteractionType.application_command: "command",
    discord.InteractionType.autocomplete: "autocomplete",
    discord.InteractionType.component: "button",
    discord.InteractionType.modal_submit: "form",
}

_MENU_TYPES: Final = (
    discord.AppCommandType.user.value,
    discord.AppCommandType.message.value,
)

_log: Final = logging.getLogger(__name__)


class AccessRequests:
    """Builds the ``AccessRequest`` of a message, an interaction or a schedule.

    Messages read from a channel's history come without their authors' roles. The roles of each
    author are looked up once until ``forget``.
    """

    def __init__(self, client: discord.Client, ledger: Ledger, rest: RestRetry) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._roles: dict[tuple[int, int], frozenset[int] | None] = {}
        self._locks: WeakValueDictionary[tuple[int, int], asyncio.Lock] = WeakValueDictionary()

    def forget(self) -> None:
        """Forget the roles that were looked up, because a new gateway session begins."""
        self._roles.clear()

    def category_of(self, channel_id: int) -> int | None:
        """Return the category of a channel; None without one."""
        return category_of(self._client, channel_id)

    async def of_message(self, message: discord.Message, guild_id: int | None) -> AccessRequest:
        """Return the access request of a message's author. Raises ``LedgerError``."""
        author = message.author
        roles = dpy_internals.known_role_ids(author) if isinstance(author, discord.Member) else None
        return await self.of_author(author.id, message.channel.id, guild_id, roles)

    async def of_author(
        self, user_id: int, channel_id: int, guild_id: int | None, role_ids: frozenset[int] | None
    ) -> AccessRequest:
        """Return the access request of an author; ``role_ids`` is None where they are not known.

        Raises ``LedgerError``.
        """
        if role_ids is None and guild_id is not None:
            role_ids = await self._remembered_roles(guild_id, user_id)
        return await self._of_person("question", user_id, channel_id, guild_id, role_ids)

    async def of_creator(
        self, user_id: int, channel_id: int, guild_id: int | None
    ) -> AccessRequest:
        """Return the access request of a schedule's creator, whose roles are looked up each time.

        Raises ``LedgerError``.
        """
        role_ids = None if guild_id is None else await self._roles_on_discord(guild_id, user_id)
        return await self._of_person("schedule", user_id, channel_id, guild_id, role_ids)

    async def _of_person(
        self,
        entry: Entry,
        user_id: int,
        channel_id: int,
        guild_id: int | None,
        role_ids: frozenset[int] | None,
    ) -> AccessRequest:
        if guild_id is None:
            return AccessRequest(
                entry=entry,
                user_id=user_id,
                guild_id=None,
                channel_ids=(channel_id,),
                holder_id=channel_id,
            )
        holder_id = await self._holder(channel_id)
        return AccessRequest(
            entry=entry,
            user_id=user_id,
            guild_id=guild_id,
            channel_ids=places_of(self._client, guild_id, channel_id, holder_id),
            holder_id=holder_id,
            role_ids=None if role_ids is None else role_ids | {guild_id},
        )

    def of_interaction(self, interaction: discord.Interaction[Any]) -> AccessRequest:
        """Return the access request of whoever uses a command, a button or a form."""
        user, guild_id = interaction.user, interaction.guild_id
        roles = role_ids_of(interaction)
        channel_id, parent_id = channel_ids(interaction)
        return AccessRequest(
            entry=_ENTRIES.get(interaction.type, "command"),
            user_id=user.id,
            guild_id=guild_id,
            channel_ids=(
                (channel_id,)
                if guild_id is None
                else places_of(self._client, guild_id, channel_id, parent_id)
            ),
            role_ids=roles if guild_id is None else roles | {guild_id},
            holder_id=parent_id or channel_id,
            command=_command_of(interaction.data),
            subcommand=_subcommand_of(interaction.data),
            is_manager=guild_id is not None and interaction.permissions.manage_guild,
            by_user_install=is_by_user_install(interaction),
        )

    async def _holder(self, channel_id: int) -> int:
        """Return the id of a channel thread's parent; for other channels the channel's own id."""
        channel = self._client.get_channel(channel_id)
        parent_id = channel.parent_id if isinstance(channel, discord.Thread) else None
        if channel is None:
            # An archived channel thread is not cached; the ledger knows its parent.
            link = await self._ledger.link(channel_id)
            parent_id = None if link is None else link.parent_id
        return parent_id or channel_id

    async def _remembered_roles(self, guild_id: int, user_id: int) -> frozenset[int] | None:
        key = (guild_id, user_id)
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key not in self._roles:
                self._roles[key] = await self._roles_on_discord(guild_id, user_id)
            return self._roles[key]

    async def _roles_on_discord(self, guild_id: int, user_id: int) -> frozenset[int] | None:
        """Return a member's roles as Discord has them; None for somebody who left the server."""
        try:
            return await self._rest.call(
                lambda: dpy_internals.role_ids(self._client, guild_id, user_id)
            )
        except discord.HTTPException as error:
            _log.info("User %d is no member of server %d: %s", user_id, guild_id, error)
            return None


def role_ids_of(interaction: discord.Interaction[Any]) -> frozenset[int]:
    """Return the roles of whoever uses a command, a button or a form."""
    user = interaction.user
    return dpy_internals.known_role_ids(user) if isinstance(user, discord.Member) else frozenset()


def _command_of(data: Any) -> str:
    """Return the name of the command to which an interaction belongs.

    The custom_id of a command's own buttons and forms begins with its name and a colon. The menu
    "Explain this" is called ``explain-this``.
    """
    given = data if isinstance(data, dict) else {}
    if given.get("type") in _MENU_TYPES and "custom_id" not in given:
        return str(given.get("name")).lower().replace(" ", "-")
    return str(given.get("name") or str(given.get("custom_id", "")).partition(":")[0])


def _subcommand_of(data: Any) -> str:
    """Return the name of the subcommand that is used; empty for a command without subcommands."""
    options = data.get("options") if isinstance(data, dict) else None
    given = options[0] if isinstance(options, list) and options else {}
    is_subcommand = given.get("type") == discord.AppCommandOptionType.subcommand.value
    return str(given.get("name", "")) if is_subcommand else ""
