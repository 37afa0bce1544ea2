"""Recognizes messages that may be questions, and replaces the ids in texts by names."""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

import discord

from bot.chat.texts.plain_text import CODE, readable
from bot.chat.transport.login import own_user

SPOKEN: Final = frozenset({discord.MessageType.default, discord.MessageType.reply})
"""The types of messages that a member wrote; other types announce joins, pins and the like."""

_KNOWN: Final = frozenset(discord.MessageType)

_MENTION: Final = re.compile(
    rf"(?P<code>{CODE})|<@(?P<sigil>[!&]?)(?P<id>\d{{1,20}})>|<#(?P<channel>\d{{1,20}})>", re.DOTALL
)
_OWN_MENTION: Final = "\x00"
_OWN_MENTION_FIRST: Final = re.compile(r"\A\s*\x00(?:\s?[,:;](?=\s|\Z)|\s*[、，：；])?")
_OWN_MENTION_BEFORE_MARK: Final = re.compile(
    r"[,、，]?[ \t]*\x00(?=[.,:;!?](?:\s|\Z)|\s*[。！？]|\s*\Z)"
)
_OWN_MENTION_AMONG_WORDS: Final = re.compile(r"[ \t]\x00(?=[ \t])|\x00")


def can_ask(message: discord.Message) -> bool:
    """Return whether a person wrote a message; bots and webhooks ask no questions.

    A message of an unknown type may be a notice of Discord's. Such a message counts only if it
    mentions a bot or is a direct message.
    """
    if message.author.bot or message.webhook_id:
        return False
    if message.type in SPOKEN:
        return True
    if message.type in _KNOWN or not message.content:
        return False
    return message.guild is None or any(user.bot for user in message.mentions)


def mentions(message: discord.Message, me: int) -> bool:
    """Return whether a message mentions the bot or the bot's own role; @everyone does not count."""
    if any(user.id == me for user in message.mentions):
        return True
    # Discord does not list the mention of a role that members may not mention.
    role = _own_role(message)
    return role is not None and (role.mention in message.content or role in message.role_mentions)


def is_readable(message: discord.Message, client: discord.Client) -> bool:
    """Return whether Discord sends the content of a message to the bot.

    Without the Message Content intent Discord sends it for mentions of the bot, for direct messages
    and for the bot's own messages. The content of any other message is empty then.
    """
    me = own_user(client).id
    return (
        client.intents.message_content
        or guild_of(message) is None
        or message.author.id == me
        or any(user.id == me for user in message.mentions)
    )


def guild_of(message: discord.Message) -> int | None:
    """Return the id of a message's guild, even of one that is not cached; None for a DM."""
    if message.guild is not None:
        return message.guild.id
    # A channel that is not cached still has the id of its guild.
    guild_id: int | None = getattr(message.channel, "guild_id", None)
    return guild_id


def named_text(message: discord.Message, me: int) -> str:
    """Return a message's content without mentions of the bot, and with names for other mentions."""
    own = _own_role(message)
    ours = (f"<@{me}>", *(() if own is None else (f"<@&{own.id}>",)))
    text = text_with_names(message.content.replace(_OWN_MENTION, ""), message, ours)
    text = _OWN_MENTION_FIRST.sub("", text)
    text = _OWN_MENTION_BEFORE_MARK.sub("", text)
    return _OWN_MENTION_AMONG_WORDS.sub("", text).strip()


def text_with_names(
    text: str,
    message: discord.Message,
    ours: Collection[str] = (),
    *,
    others: Mapping[int, str] = MappingProxyType({}),
) -> str:
    """Return a text with names in place of ids; the names come from ``message``.

    A mention in ``ours`` becomes the placeholder for the bot. ``others`` are the names of further
    users by their ids.
    """
    users = {**others, **{user.id: user.display_name for user in message.mentions}}
    roles = {role.id: role.name for role in message.role_mentions}

    def name(match: re.Match[str]) -> str:
        if match["channel"] is not None:
            return f"#{channel_name(message, int(match['channel'])) or 'unknown'}"
        if match["id"] is None:
            return match[0]
        if match[0].replace("!", "") in ours:
            return _OWN_MENTION
        mentioned = int(match["id"])
        if match["sigil"] == "&":
            return f"@{roles.get(mentioned) or _role_name(message, mentioned)}"
        return f"@{users.get(mentioned, 'unknown-user')}"

    return _MENTION.sub(name, readable(text))


def _role_name(message: discord.Message, role_id: int) -> str:
    role = None if message.guild is None else message.guild.get_role(role_id)
    return "unknown-role" if role is None else role.name


def channel_name(message: discord.Message, channel_id: int) -> str | None:
    """Return a channel's name; None where the message's author may not see the channel.

    An author whose roles are unknown has the permissions of @everyone.
    """
    guild, author = message.guild, message.author
    channel = None if guild is None else guild.get_channel_or_thread(channel_id)
    if guild is None or channel is None:
        return None
    viewer = author if isinstance(author, discord.Member) else guild.default_role
    try:
        known = channel.permissions_for(viewer).view_channel
    except (discord.ClientException, AttributeError):  # its parent or a role is not cached
        return None
    if isinstance(channel, discord.Thread) and channel.is_private():
        known = channel.id == message.channel.id
    return channel.name if known else None


def _own_role(message: discord.Message) -> discord.Role | None:
    """Return the role that Discord made for the bot in a message's guild, if it is cached."""
    return message.guild.self_role if message.guild is not None else None
