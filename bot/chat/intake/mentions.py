"""Recognizes messages that may be questions, and reads their text and attachments."""

import re
from typing import Final

import discord

from bot.chat.texts.plain_text import CODE, readable, well_formed

SPOKEN: Final = frozenset({discord.MessageType.default, discord.MessageType.reply})
"""The types of messages that a member wrote; other types announce joins, pins and the like."""

MOST_QUOTED: Final = 2_000
"""The most characters quoted from the message that a question replies to."""

_MENTION: Final = re.compile(
    rf"(?P<code>{CODE})|<@(?P<sigil>[!&]?)(?P<id>\d{{1,20}})>|<#(?P<channel>\d{{1,20}})>", re.DOTALL
)
_OWN_MENTION: Final = "\x00"
_OWN_MENTION_FIRST: Final = re.compile(r"\A\s*\x00(?:[,:;](?=\s|\Z))?")
_OWN_MENTION_BEFORE_MARK: Final = re.compile(r",?[ \t]*\x00(?=[.,:;!?](?:\s|\Z)|\s*\Z)")
_OWN_MENTION_AMONG_WORDS: Final = re.compile(r"[ \t]\x00(?=[ \t])|\x00")


def can_ask(message: discord.Message) -> bool:
    """Return whether a person wrote a message; bots and webhooks ask no questions."""
    return not (message.author.bot or message.webhook_id or message.type not in SPOKEN)


def mentions(message: discord.Message, me: int) -> bool:
    """Return whether a message mentions the bot or its own role; @everyone does not count."""
    if any(user.id == me for user in message.mentions):
        return True
    # Discord lists no mention of a role that members may not mention.
    role = _own_role(message)
    return role is not None and role.mention in message.content


def question_text(message: discord.Message, me: int) -> str:
    """Return a message's text for the model, with names in place of ids.

    The bot's own mention is removed. The message that a question replies to stands above the
    question as a quote, unless the bot wrote it. Forwarded messages and the text of embeds are
    part of the question.
    """
    own = _named_text(message, me)
    forwarded = [_with_embeds(each.content, each.embeds) for each in message.message_snapshots]
    if not own and not forwarded:
        own = _with_embeds("", message.embeds)
    blocks = [_quote(message, me), own, *forwarded, _poll_text(message), _sticker_names(message)]
    return well_formed("\n\n".join(block for block in blocks if block)).strip()


def attachments_of(message: discord.Message, me: int) -> list[discord.Attachment]:
    """Return the attachments of a question, of forwarded messages, and of the one it replies to."""
    files = list(message.attachments)
    for snapshot in message.message_snapshots:
        files += snapshot.attachments
    replied = _replied_to(message, me)
    if replied is not None:
        files += replied.attachments
    return files


def _named_text(message: discord.Message, me: int) -> str:
    """Return a message's own text without the bot's mention, and with names for other mentions."""
    users = {user.id: f"@{user.display_name}" for user in message.mentions}
    roles = {role.id: f"@{role.name}" for role in message.role_mentions}
    users[me] = _OWN_MENTION
    own = _own_role(message)
    if own is not None:
        roles[own.id] = _OWN_MENTION

    def name(match: re.Match[str]) -> str:
        if match["channel"] is not None:
            return f"#{_channel_name(message, int(match['channel']))}"
        if match["id"] is None:
            return match[0]
        if match["sigil"] == "&":
            return roles.get(int(match["id"]), "@unknown-role")
        return users.get(int(match["id"]), "@unknown-user")

    text = _MENTION.sub(name, readable(message.content.replace(_OWN_MENTION, "")))
    text = _OWN_MENTION_FIRST.sub("", text)
    text = _OWN_MENTION_BEFORE_MARK.sub("", text)
    return _OWN_MENTION_AMONG_WORDS.sub("", text).strip()


def _channel_name(message: discord.Message, channel_id: int) -> str:
    """Return a channel's name, or "unknown" where the message's author may not see the channel."""
    guild, author = message.guild, message.author
    channel = None if guild is None else guild.get_channel_or_thread(channel_id)
    if channel is None or not isinstance(author, discord.Member):
        return "unknown"
    try:
        known = channel.permissions_for(author).view_channel
    except (discord.ClientException, AttributeError):  # its parent or a role is not cached
        return "unknown"
    if isinstance(channel, discord.Thread) and channel.is_private():
        known = channel.id == message.channel.id
    return channel.name if known else "unknown"


def _quote(message: discord.Message, me: int) -> str:
    """Return the message that a question replies to as a quote; empty if there is none."""
    replied = _replied_to(message, me)
    if replied is None:
        return ""
    text = _named_text(replied, me) or _with_embeds("", replied.embeds)
    if len(text) > MOST_QUOTED:
        text = f"{text[:MOST_QUOTED]}…"
    name = " ".join(replied.author.display_name.split())
    lines = f"{name}: {text}".splitlines() if text or replied.attachments else []
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _replied_to(message: discord.Message, me: int) -> discord.Message | None:
    """Return the message that a question replies to, unless the bot wrote it."""
    reference = message.reference
    if reference is None or not isinstance(reference.resolved, discord.Message):
        return None
    return None if reference.resolved.author.id == me else reference.resolved


def _with_embeds(content: str, embeds: list[discord.Embed]) -> str:
    """Return a text followed by the text of its embeds, except for link previews."""
    blocks = [readable(content)]
    for embed in embeds:
        if content and embed.type != "rich":
            continue
        fields = [f"{field.name}: {field.value}" for field in embed.fields]
        lines = [embed.author.name, embed.title, embed.description, *fields, embed.footer.text]
        blocks.append("\n".join(line for line in lines if line))
    return "\n\n".join(block for block in blocks if block)


def _poll_text(message: discord.Message) -> str:
    """Return a poll's question and answers; empty if there is no poll."""
    if message.poll is None:
        return ""
    return "\n".join((message.poll.question, *(f"- {one.text}" for one in message.poll.answers)))


def _sticker_names(message: discord.Message) -> str:
    return " ".join(f"[sticker {sticker.name}]" for sticker in message.stickers)


def _own_role(message: discord.Message) -> discord.Role | None:
    """Return the role that Discord made for the bot in a message's guild, if it is cached."""
    return message.guild.self_role if message.guild is not None else None
