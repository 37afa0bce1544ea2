"""``/access``: a server's managers decide who may use the bot there, and where."""

from collections.abc import Sequence
from typing import Final, Literal

import discord
from discord import app_commands

from bot.chat.commands.interaction_handler import (
    Interaction,
    InteractionHandler,
    PrivateAnswer,
    answers_privately,
    managers_guild,
)
from bot.chat.texts import overviews
from bot.chat.texts.fluent import RefusalError, localized
from bot.store.ledger import AccessRule, TooManyRulesError
from bot.store.ledger.settings.access_rules import MOST_RULES

Person = discord.User | discord.Member | discord.Role

Place = app_commands.AppCommandChannel | app_commands.AppCommandThread

_MOST_NAMED: Final = 16
"""The most names in a line; four lines of mentions have to fit into one message."""


class AccessCommands(InteractionHandler):
    """Handles ``/access``, for members with Manage Server."""

    @answers_privately
    async def show(self, interaction: Interaction) -> PrivateAnswer:
        """Show who may use the bot in this server."""
        return await self._overview(managers_guild(interaction))

    @answers_privately
    async def allow(
        self, interaction: Interaction, who: Person | None = None, channel: Place | None = None
    ) -> PrivateAnswer:
        """Allow a member, a role or a channel; others of that kind are refused then."""
        return await self._set(managers_guild(interaction), _rules(who, channel, allowed=True))

    @answers_privately
    async def deny(
        self, interaction: Interaction, who: Person | None = None, channel: Place | None = None
    ) -> PrivateAnswer:
        """Deny a member, a role or a channel."""
        guild_id, rules = managers_guild(interaction), _rules(who, channel, allowed=False)
        is_kept = self._services.gate.is_allowed_by_operator
        if kept := [rule for rule in rules if is_kept(rule.target_id)]:
            raise RefusalError(localized("access-kept-by-operator", names=_named(kept, guild_id)))
        return await self._set(guild_id, rules)

    @answers_privately
    async def remove(
        self, interaction: Interaction, who: Person | None = None, channel: Place | None = None
    ) -> PrivateAnswer:
        """Remove the rule about a member, a role or a channel."""
        guild_id, rules = managers_guild(interaction), _rules(who, channel, allowed=True)
        remove = self._ledger.access_rules.remove
        removed = [await remove(guild_id, rule.target_id) for rule in rules]
        if not any(removed):
            raise RefusalError(localized("access-no-rule", names=_named(rules, guild_id)))
        return await self._overview(guild_id)

    async def _set(self, guild_id: int, rules: list[AccessRule]) -> PrivateAnswer:
        try:
            await self._ledger.access_rules.set(guild_id, *rules)
        except TooManyRulesError:
            raise RefusalError(localized("access-full", most=MOST_RULES)) from None
        return await self._overview(guild_id)

    async def _overview(self, guild_id: int) -> PrivateAnswer:
        """Return the rules of a server by kind; names that don't fit are in a file."""
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
        if self._services.gate.operator_has_rules:
            text = f"{text}\n{localized('access-operator')}"
        is_shortened = any(len(line.split(">")) > _MOST_NAMED for line in lines)
        return PrivateAnswer(text, files=[("access.txt", whole)] if is_shortened else ())


def _rules(who: Person | None, channel: Place | None, *, allowed: bool) -> list[AccessRule]:
    """Return rules that allow or deny ``who`` and ``channel``; ``RefusalError`` without any."""
    rules = []
    if who is not None:
        kind: Literal["role", "member"] = "role" if isinstance(who, discord.Role) else "member"
        rules.append(AccessRule(target_id=who.id, kind=kind, allowed=allowed))
    if channel is not None:
        rules.append(AccessRule(target_id=channel.id, kind="channel", allowed=allowed))
    if not rules:
        raise RefusalError(localized("access-nothing-named"))
    return rules


def _named(rules: Sequence[AccessRule], guild_id: int) -> str:
    """Return mentions of the members, roles and channels that rules are about."""
    marks = {"member": "<@{}>", "role": "<@&{}>", "channel": "<#{}>"}
    names = [
        "@everyone" if rule.target_id == guild_id else marks[rule.kind].format(rule.target_id)
        for rule in rules
    ]
    return overviews.listed(names, _MOST_NAMED)
