"""``/usage``: what a member, or a server, has used and spent."""

import csv
from datetime import date, timedelta
from io import StringIO
from typing import Final, Literal

from discord import app_commands

from bot.chat.commands.interaction_handler import (
    Interaction,
    InteractionHandler,
    PrivateAnswer,
    answers_privately,
    managers_guild,
)
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.store.ledger import UsageBy, UsageLine

Days = app_commands.Range[int, 1, 366]

_DAYS: Final = 30
_BAR: Final = 10
"""The characters of the longest bar."""

_MOST_LINES: Final = 20


class UsageCommands(InteractionHandler):
    """Handles ``/usage``: everybody sees their own use, managers the use of their server."""

    @answers_privately
    async def me(
        self,
        interaction: Interaction,
        by: Literal["day", "model", "channel"] = "day",
        days: Days = _DAYS,
        file: bool = False,
    ) -> PrivateAnswer:
        """Show what the member has used."""
        today = await self._services.budgets.today(interaction.guild_id)
        return await self._used(by, today, days, file, member_id=interaction.user.id)

    @answers_privately
    async def server(
        self,
        interaction: Interaction,
        by: Literal["day", "member", "model", "channel"] = "day",
        days: Days = _DAYS,
        file: bool = False,
    ) -> PrivateAnswer:
        """Show what the server has used."""
        guild_id = managers_guild(interaction)
        today = await self._services.budgets.today(guild_id)
        return await self._used(by, today, days, file, guild_id=guild_id)

    async def _used(
        self,
        by: UsageBy,
        today: str,
        days: int,
        with_file: bool,
        *,
        guild_id: int | None = None,
        member_id: int | None = None,
    ) -> PrivateAnswer:
        first = (date.fromisoformat(today) - timedelta(days=days - 1)).isoformat()
        usage = self._ledger.usage
        lines = await usage.lines(by, first, guild_id=guild_id, member_id=member_id)
        written = StringIO()
        if with_file:
            table = await usage.table(first, guild_id=guild_id, member_id=member_id)
            csv.writer(written).writerows(table)
        files = [("usage.csv", written.getvalue())] if with_file else []
        return PrivateAnswer(self._text(by, days, lines), files=files)

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
        return f"{text} · {self._services.budgets.prices.money(cost)}" if cost else text


def _name(by: UsageBy, key: str) -> str:
    """Return a day, member, channel or model as members read it."""
    if by == "member":
        return localized("usage-nobody") if key == "0" else f"<@{key}>"
    if by == "channel":
        return f"<#{key}>"
    return sentences.plain(key[:60]) if key else localized("usage-no-model")
