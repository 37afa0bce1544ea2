"""``/access``: a server's managers decide who may use the bot there, and where."""

from collections.abc import Sequence
from typing import Any, Final

import discord
from discord import app_commands

from bot.chat.access.gate import AccessGate
from bot.chat.commands.interaction import ManagersInteraction
from bot.chat.texts import overviews
from bot.chat.texts.fluent import localized
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import AccessRule, Ledger, TooManyRulesError
from bot.store.ledger.settings.access_rules import MOST_RULES

Person = discord.User | discord.Member | discord.Role

Place = app_commands.AppCommandChannel | app_commands.AppCommandThread

_MOST_NAMED: Final = 16
"""The most names in a line; four lines of mentions have to fit into one message."""


class AccessCommands:
    """Handles ``/access``, for members with Manage Server."""

    def __init__(self, ledger: Ledger, rest: RestRetry, gate: AccessGate) -> None:
        self._ledger = ledger
        self._rest = rest
        self._gate = gate

    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Show who may use the bot in this server."""
        async with ManagersInteraction(interaction, self._rest) as response:
            if response.guild_id is not None:
                await self._show(response, response.guild_id)

    async def allow(
        self,
        interaction: discord.Interaction[Any],
        who: Person | None = None,
        channel: Place | None = None,
    ) -> None:
        """Allow a member, a role or a channel; nobody else has access then."""
        await self._set(interaction, who, channel, allowed=True)

    async def deny(
        self,
        interaction: discord.Interaction[Any],
        who: Person | None = None,
        channel: Place | None = None,
    ) -> None:
        """Deny a member, a role or a channel."""
        await self._set(interaction, who, channel, allowed=False)

    async def remove(
        self,
        interaction: discord.Interaction[Any],
        who: Person | None = None,
        channel: Place | None = None,
    ) -> None:
        """Remove the rule about a member, a role or a channel."""
        async with ManagersInteraction(interaction, self._rest) as response:
            guild_id = response.guild_id
            if guild_id is None:
                return
            rules = _rules(who, channel, allowed=True)
            if not rules:
                await response.show(localized("access-nothing-named"))
                return
            removed = [
                await self._ledger.access_rules.remove(guild_id, rule.target_id) for rule in rules
            ]
            if not any(removed):
                await response.show(localized("access-no-rule", names=_named(rules, guild_id)))
                return
            await self._show(response, guild_id)

    async def _set(
        self,
        interaction: discord.Interaction[Any],
        who: Person | None,
        channel: Place | None,
        *,
        allowed: bool,
    ) -> None:
        async with ManagersInteraction(interaction, self._rest) as response:
            guild_id = response.guild_id
            if guild_id is None:
                return
            rules = _rules(who, channel, allowed=allowed)
            if not rules:
                await response.show(localized("access-nothing-named"))
                return
            void = [rule for rule in rules if self._gate.is_allowed_by_operator(rule.target_id)]
            if void and not allowed:
                await response.show(
                    localized("access-kept-by-operator", names=_named(void, guild_id))
                )
                return
            try:
                await self._ledger.access_rules.set(guild_id, *rules)
            except TooManyRulesError:
                await response.show(localized("access-full", most=MOST_RULES))
                return
            await self._show(response, guild_id)

    async def _show(self, response: ManagersInteraction, guild_id: int) -> None:
        rules = await self._ledger.access_rules.of_guild(guild_id)
        lines = []
        for message_id, is_about_channels, allowed in (
            ("access-allowed-people", False, True),
            ("access-denied-people", False, False),
            ("access-allowed-channels", True, True),
            ("access-denied-channels", True, False),
        ):
            found = [
                rule
                for rule in rules
                if (rule.kind == "channel") is is_about_channels and rule.allowed is allowed
            ]
            if found:
                lines.append(localized(message_id, names=_named(found, guild_id)))
        whole = "\n".join(
            f"{'allow' if rule.allowed else 'deny'} {rule.kind} {rule.target_id}" for rule in rules
        )
        text = "\n".join(lines) or localized("access-open")
        if self._gate.operator_has_rules:
            text = f"{text}\n{localized('access-operator')}"
        is_shortened = any(len(line.split(">")) > _MOST_NAMED for line in lines)
        await response.show(text, files=[("access.txt", whole)] if is_shortened else ())


def _rules(who: Person | None, channel: Place | None, *, allowed: bool) -> list[AccessRule]:
    """Return a rule about each that was named."""
    rules = []
    if who is not None:
        kind = "role" if isinstance(who, discord.Role) else "member"
        rules.append(AccessRule(target_id=who.id, kind=kind, allowed=allowed))  # type: ignore[arg-type]  # one of two words
    if channel is not None:
        rules.append(AccessRule(target_id=channel.id, kind="channel", allowed=allowed))
    return rules


def _named(rules: Sequence[AccessRule], guild_id: int) -> str:
    """Return the targets of rules as Discord shows them."""
    marks = {"member": "<@{}>", "role": "<@&{}>", "channel": "<#{}>"}
    names = [
        "@everyone" if rule.target_id == guild_id else marks[rule.kind].format(rule.target_id)
        for rule in rules
    ]
    return overviews.listed(names, _MOST_NAMED)
