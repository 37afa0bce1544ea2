"""``/usage``: what a member, or a server, has used and spent."""

import csv
from datetime import date, timedelta
from io import StringIO
from typing import Any, Final, Literal

import discord
from discord import app_commands

from bot.chat.access.budgets import Budgets
from bot.chat.commands.interaction import AcknowledgedInteraction, ManagersInteraction
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Ledger, UsageBy, UsageLine

Days = app_commands.Range[int, 1, 366]

_DAYS: Final = 30
_BAR: Final = 10
_MOST_LINES: Final = 20


class UsageCommands:
    """Handles ``/usage``: everybody sees their own, managers that of their server."""

    def __init__(self, ledger: Ledger, rest: RestRetry, budgets: Budgets) -> None:
        self._ledger = ledger
        self._rest = rest
        self._budgets = budgets

    async def me(
        self,
        interaction: discord.Interaction[Any],
        by: Literal["day", "model", "channel"] = "day",
        days: Days = _DAYS,
        file: bool = False,
    ) -> None:
        """Show what the member has used."""
        async with AcknowledgedInteraction(
            interaction, self._rest, ephemeral=True, thinking=True
        ) as response:
            user_id = interaction.user.id
            await self._show(response, by, days, file, interaction.guild_id, member_id=user_id)

    async def server(
        self,
        interaction: discord.Interaction[Any],
        by: Literal["day", "member", "model", "channel"] = "day",
        days: Days = _DAYS,
        file: bool = False,
    ) -> None:
        """Show what the server has used."""
        async with ManagersInteraction(interaction, self._rest) as response:
            guild_id = response.guild_id
            if guild_id is not None:
                await self._show(response, by, days, file, guild_id, of_guild=guild_id)

    async def _show(
        self,
        response: AcknowledgedInteraction,
        by: UsageBy,
        days: int,
        file: bool,
        here: int | None,
        *,
        of_guild: int | None = None,
        member_id: int | None = None,
    ) -> None:
        today = date.fromisoformat(await self._budgets.today(here))
        first = (today - timedelta(days=days - 1)).isoformat()
        lines = await self._ledger.usage.lines(by, first, guild_id=of_guild, member_id=member_id)
        files = []
        if file:
            table = await self._ledger.usage.table(first, guild_id=of_guild, member_id=member_id)
            written = StringIO()
            csv.writer(written).writerows(table)
            files.append(("usage.csv", written.getvalue()))
        await response.show(self._text(by, days, lines), files=files)

    def _text(self, by: UsageBy, days: int, lines: tuple[UsageLine, ...]) -> str:
        if not lines:
            return localized("usage-none", days=days)
        most = max(1, *(line.tokens for line in lines))
        shown = [
            f"`{'█' * -(-line.tokens * _BAR // most):<{_BAR}}` {_name(by, line.key)} · "
            + self._amount(line.tokens, line.cost)
            for line in lines[:_MOST_LINES]
        ]
        whole = self._amount(sum(each.tokens for each in lines), sum(each.cost for each in lines))
        if len(lines) > _MOST_LINES:
            shown.append(localized("more-lines", count=len(lines) - _MOST_LINES))
        return "\n".join([localized("usage-total", days=days, amount=whole), *shown])

    def _amount(self, tokens: int, cost: int) -> str:
        text = localized("tokens", tokens=tokens)
        return f"{text} · {self._budgets.prices.money(cost)}" if cost else text


def _name(by: UsageBy, key: str) -> str:
    if by == "member":
        return localized("usage-nobody") if key == "0" else f"<@{key}>"
    if by == "channel":
        return f"<#{key}>"
    return sentences.plain(key[:60]) if key else localized("usage-no-model")
