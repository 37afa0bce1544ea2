"""``/limits``: a server's managers set budgets within the operator's, and lift reached ones."""

from typing import Any, Final, Literal

import discord
from discord import app_commands

from bot.chat.access.budgets import Budgets
from bot.chat.access.caps import NO_LIMIT, LimitKind
from bot.chat.commands.handlers.access import Person, Place
from bot.chat.commands.interaction import ManagersInteraction
from bot.chat.texts import overviews, sentences
from bot.chat.texts.fluent import localized
from bot.chat.transport.rest_retry import RestRetry
from bot.limit_settings import SpendingLimit

Whom = Literal["server", "everyone"]
"""What a limit is for where neither somebody nor a channel is named."""

Tokens = app_commands.Range[int, 0, 1_000_000_000_000]

Money = app_commands.Range[float, 0, 1_000_000]

_MARKS: Final[dict[LimitKind, str]] = {"member": "<@{}>", "role": "<@&{}>", "channel": "<#{}>"}


class LimitCommands:
    """Handles ``/limits``, for members with Manage Server."""

    def __init__(self, rest: RestRetry, budgets: Budgets) -> None:
        self._rest = rest
        self._budgets = budgets

    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Show the limits that the managers of this server set."""
        async with ManagersInteraction(interaction, self._rest) as response:
            if response.guild_id is not None:
                await response.show(await self._shown(response.guild_id))

    async def set(
        self,
        interaction: discord.Interaction[Any],
        tokens_per_day: Tokens | None = None,
        tokens_per_month: Tokens | None = None,
        money_per_day: Money | None = None,
        money_per_month: Money | None = None,
        who: Person | None = None,
        channel: Place | None = None,
        whom: Whom = "server",
    ) -> None:
        """Set a limit in place of the one that stands; without amounts remove the limit."""
        async with ManagersInteraction(interaction, self._rest) as response:
            guild_id = response.guild_id
            if guild_id is None:
                return
            limit = SpendingLimit(
                tokens_per_day=tokens_per_day,
                tokens_per_month=tokens_per_month,
                money_per_day=money_per_day,
                money_per_month=money_per_month,
            )
            kind, target_id = _target(who, channel, whom, guild_id)
            await self._budgets.caps.store(kind, guild_id, target_id, limit)
            await response.show(await self._shown(guild_id))

    async def lift(
        self,
        interaction: discord.Interaction[Any],
        who: discord.Member | None = None,
        channel: Place | None = None,
    ) -> None:
        """Lift the limits of a member, a channel or this server until the day ends."""
        async with ManagersInteraction(interaction, self._rest) as response:
            guild_id = response.guild_id
            if guild_id is None:
                return
            kind, target_id = _target(who, channel, "server", guild_id)
            today = await self._budgets.today(guild_id)
            await self._budgets.caps.lift(kind, guild_id, target_id, today)
            name = _name(kind, target_id)
            await response.show(localized("limits-lifted", name=name))

    async def _shown(self, guild_id: int) -> str:
        lines = []
        for kind, target_id, limit in await self._budgets.caps.all_stored(guild_id):
            amounts = [
                localized(
                    f"limits-{field}",
                    amount=f"{amount:,}"
                    if field.startswith("tokens")
                    else f"{amount:,.2f} {sentences.plain(self._budgets.prices.currency)}",
                )
                for field in SpendingLimit.__struct_fields__
                if (amount := getattr(limit, field)) is not None and limit != NO_LIMIT
            ]
            lines.append(f"{_name(kind, target_id)}: {localized('list-separator').join(amounts)}")
        return overviews.lines([*lines, localized("limits-operator")])


def _target(
    who: Person | None, channel: Place | None, whom: Whom, guild_id: int
) -> tuple[LimitKind, int]:
    """Return what a limit is for; a channel thread has those of its channel."""
    if channel is not None:
        return "channel", getattr(channel, "parent_id", None) or channel.id
    if who is not None:
        if who.id == guild_id:
            return "everyone", guild_id
        return "role" if isinstance(who, discord.Role) else "member", who.id
    return whom, guild_id


def _name(kind: LimitKind, target_id: int) -> str:
    mark = _MARKS.get(kind)
    return localized(f"limits-{kind}") if mark is None else mark.format(target_id)
