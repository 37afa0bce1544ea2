"""Who a message is from and whom it addresses: what can be a question, as far as it says itself."""

import re
from typing import Final

import discord

from bot.chat.plain_text import well_formed

SPOKEN: Final = frozenset({discord.MessageType.default, discord.MessageType.reply})
"""The types of messages that somebody wrote; the others tell of joins, pins and the like."""


def can_ask(message: discord.Message) -> bool:
    """Whether a person wrote it: bots and webhooks ask nothing."""
    return not (message.author.bot or message.webhook_id or message.type not in SPOKEN)


def mentions(message: discord.Message, me: int) -> bool:
    """Whether a message addresses us by name or by our own role; @everyone does not."""
    if any(user.id == me for user in message.mentions):
        return True
    # A role that nobody may mention is in the text alone.
    role = _own_role(message)
    return role is not None and role.mention in message.content


def said(message: discord.Message, me: int) -> str:
    """Return what was said: our own mention away, everybody else's as their name."""
    names = {user.id: f"@{user.display_name}" for user in message.mentions}
    names[me] = ""
    roles = {role.id: f"@{role.name}" for role in message.role_mentions}
    own = _own_role(message)
    if own is not None:
        roles[own.id] = ""

    def named(match: re.Match[str]) -> str:
        known = roles if match[1] == "&" else names
        return known.get(int(match[2]), match[0])

    text = re.sub(r"<@([!&]?)(\d{1,20})>", named, message.content)
    return well_formed(text).strip()


def _own_role(message: discord.Message) -> discord.Role | None:
    """Return the role that Discord made for us, where we are in a guild and it is known."""
    return message.guild.self_role if message.guild is not None else None
