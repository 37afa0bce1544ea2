"""``/limits``: a server's managers set budgets beside the operator's, and lift used-up ones."""

from collections.abc import Mapping
from typing import Final, Literal

import discord
import msgspec
from discord import app_commands

from bot.chat.access.caps import NO_LIMIT, LimitKind
from bot.chat.commands.handlers.access import Person, Place
from bot.chat.commands.interaction_handler import (
    Interaction,
    InteractionHandler,
    answers_privately,
    managers_guild,
)
from bot.chat.texts import overviews, sentences
from bot.chat.texts.fluent import localized
from bot.config.limits import SpendingLimit
from bot.store.ledger import Period, SpendingScope, Used

Whom = Literal["server", "everyone"]
"""What a limit is for if neither a person nor a channel is named."""

Shown = SpendingScope | LimitKind

Tokens = app_commands.Range[int, 0, 1_000_000_000_000]

Money = app_commands.Range[float, 0, 1_000_000]

_MARKS: Final[dict[Shown, str]] = {"member": "<@{}>", "role": "<@&{}>", "channel": "<#{}>"}


class LimitCommands(InteractionHandler):
    """Handles ``/limits``, for members with Manage Server."""

    @answers_privately
    async def show(self, interaction: Interaction) -> str:
        """Show the limits that the managers of this server set."""
        return await self._overview(managers_guild(interaction))

    @answers_privately
    async def set(
        self,
        interaction: Interaction,
        tokens_per_day: Tokens | None = None,
        tokens_per_month: Tokens | None = None,
        money_per_day: Money | None = None,
        money_per_month: Money | None = None,
        who: Person | None = None,
        channel: Place | None = None,
        whom: Whom = "server",
    ) -> str:
        """Set a limit in place of the stored one; without amounts remove the limit."""
        guild_id = managers_guild(interaction)
        amounts = (tokens_per_day, tokens_per_month, money_per_day, money_per_month)
        given = dict(zip(SpendingLimit.__struct_fields__, amounts, strict=True))
        limit = msgspec.convert(given, SpendingLimit)
        kind, target_id = _target(who, channel, whom, guild_id)
        await self._services.budgets.caps.store(kind, guild_id, target_id, limit)
        return await self._overview(guild_id)

    @answers_privately
    async def lift(
        self,
        interaction: Interaction,
        who: discord.User | discord.Member | None = None,
        channel: Place | None = None,
    ) -> str:
        """Lift the used-up limits of a member, a channel or this server until their period ends."""
        guild_id = managers_guild(interaction)
        kind, target_id = _target(who, channel, "server", guild_id)
        # The limits of a category are those of its channels.
        channels = getattr(channel, "channels", ())
        until = await self._services.budgets.lift(
            kind,
            guild_id,
            target_id,
            channel_ids=[each.id for each in channels] or [target_id],
            role_ids=[role.id for role in getattr(who, "roles", ())],
        )
        return localized("limits-lifted", name=_name(kind, target_id), until=str(until))

    async def _overview(self, guild_id: int) -> str:
        """List used-up limits, lifted limits, all limits with their use, and when periods end."""
        budgets = self._services.budgets
        ends = await budgets.ends(guild_id)
        separator = localized("list-separator")
        lines = []
        for hit, reached in await budgets.reached_in(guild_id):
            name = _name(hit.cap.scope, hit.cap.target_id)
            span = localized(f"limit-span-{hit.period}")
            lines.append(
                localized("limits-reached", name=name, span=span, until=str(reached.until))
            )
        today = await budgets.today(guild_id)
        for scope, target_id, period in await budgets.caps.all_lifted(guild_id, today):
            until = str(ends[period])
            lines.append(localized("limits-is-lifted", name=_name(scope, target_id), until=until))
        for kind, target_id, limit in await budgets.caps.all_stored(guild_id):
            used = await self._used(kind, guild_id, target_id)
            amounts = [
                self._amount(field, amount, used)
                for field in SpendingLimit.__struct_fields__
                if (amount := getattr(limit, field)) is not None and limit != NO_LIMIT
            ]
            limits = separator.join(amounts)
            lines.append(localized("limits-line", name=_name(kind, target_id), limits=limits))
        lines.append(localized("limits-ends", day=str(ends["day"]), month=str(ends["month"])))
        return overviews.lines([*lines, localized("limits-operator")])

    async def _used(
        self, kind: LimitKind, guild_id: int, target_id: int
    ) -> Mapping[Period, Used] | None:
        """Return the use that counts against a limit; None where the limit has no sum of its own.

        The limits of a role, of everyone and of a category hold for each member or channel alone.
        """
        if kind == "role" or kind == "everyone":
            return None
        used = await self._services.budgets.used(kind, guild_id, target_id)
        return used if kind != "channel" or used["month"].tokens else None

    def _amount(self, field: str, amount: float, used: Mapping[Period, Used] | None) -> str:
        """Return a limit as members read it, with the amount used where that is known."""
        is_tokens, prices = field.startswith("tokens"), self._services.budgets.prices
        currency = sentences.plain(prices.currency)
        most = f"{amount:,}" if is_tokens else f"{amount:,.2f} {currency}"
        text = localized(f"limits-{field}", amount=most)
        if used is None:
            return text
        sums = used["month" if field.endswith("month") else "day"]
        spent = f"{sums.tokens:,}" if is_tokens else prices.money(sums.cost)
        return localized("limits-with-use", limit=text, used=spent)


def _target(
    who: Person | None, channel: Place | None, whom: Whom, guild_id: int
) -> tuple[LimitKind, int]:
    """Return the kind of a limit, and the id it is for; a channel thread counts as its parent."""
    if channel is not None:
        return "channel", getattr(channel, "parent_id", None) or channel.id
    if who is not None:
        if who.id == guild_id:
            return "everyone", guild_id
        return "role" if isinstance(who, discord.Role) else "member", who.id
    return whom, guild_id


def _name(kind: Shown, target_id: int) -> str:
    mark = _MARKS.get(kind)
    return localized(f"limits-{kind}") if mark is None else mark.format(target_id)
