"""Renders a question for the model: the member's own words, then quotes of other messages.

The words of others are quoted: a heading in brackets names the source, and each line below begins
with "> ". So no line of a quote can pass for the member's own words.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Final

import discord

from bot.chat.intake.mentions import channel_name, named_text, text_with_names
from bot.chat.texts.plain_text import CODE, well_formed
from bot.chat.transport.dpy_internals import names_in
from bot.chat.transport.message_text import component_texts

MOST_QUOTED: Final = 4_000
"""The most characters quoted of one message: Discord's limit for a message."""

MOST_PREVIEWED: Final = 1_000
"""The most characters quoted of a link's preview."""

_PREVIEW: Final = "[preview of "
_LINK: Final = re.compile(
    rf"(?P<code>{CODE})|<https?://[^\s<>]+>"
    r"|(?P<link>https?://(?!(?:\w+\.)?discord(?:app)?\.com/channels/)\w)",
    re.DOTALL,
)
_MOST_PREVIEWS: Final = 5
_MOST_FORWARDED: Final = 5
_LONGEST_ADDRESS: Final = 200
_CUT: Final = "…"

REPLY_DELETED: Final = "[in reply to a message that was deleted]"
REPLY_UNREADABLE: Final = "[in reply to a message that can't be read]"
FORWARD_UNREADABLE: Final = "[forwarded message without readable content]"


def question_text(message: discord.Message, me: int) -> str:
    """Return a message's text for the model, with names in place of ids.

    Mentions of the bot are removed. ``me`` is the bot's user id. A message that the question
    replies to is quoted if Discord sent the message along and the bot did not write it.
    """
    blocks = [
        named_text(message, me),
        *sticker_lines(message.stickers),
        *previews(message),
        *forwarded(message),
        *_replied(message, me),
    ]
    if message.poll is not None:
        blocks.append(quoted("poll", poll_text(message.poll)))
    return well_formed("\n\n".join(block for block in blocks if block)).strip()


def begins_post(message: discord.Message) -> bool:
    """Return whether a message is the first one of a post in a forum or media channel."""
    return message.id == message.channel.id and is_post(message.channel)


def is_post(channel: object) -> bool:
    """Return whether a channel is a post in a forum or media channel."""
    return isinstance(channel, discord.Thread) and isinstance(channel.parent, discord.ForumChannel)


def attachments_of(message: discord.Message, me: int) -> list[discord.Attachment]:
    """Return the attachments of a question, its forwards and a replied-to message not by ``me``."""
    files = list(message.attachments)
    for snapshot in message.message_snapshots[:_MOST_FORWARDED]:
        files += snapshot.attachments
    replied = replied_to(message)
    if replied is not None and replied.author.id != me:
        files += replied.attachments
    return files


def replied_to(message: discord.Message) -> discord.Message | None:
    """Return the message that a question replies to, if Discord sent the message along."""
    reference = message.reference
    found = None if reference is None else reference.resolved
    return found if isinstance(found, discord.Message) else None


def is_reply_to_deleted(message: discord.Message) -> bool:
    """Return whether the message that a question replies to was deleted."""
    reference = message.reference
    return reference is not None and isinstance(
        reference.resolved, discord.DeletedReferencedMessage
    )


def is_reply_to_unreadable(message: discord.Message, me: int) -> bool:
    """Return whether a question replies to a member's message without readable content."""
    replied = replied_to(message)
    return replied is not None and replied.author.id != me and not whole_text(replied)


def has_unreadable_forward(message: discord.Message) -> bool:
    """Return whether a message forwards a message without readable content."""
    return any(block == FORWARD_UNREADABLE for block in forwarded(message))


def quoted(heading: str, text: str, most: int = MOST_QUOTED) -> str:
    """Return a text of at most ``most`` characters as a quote below a heading."""
    text = text.strip()
    if len(text) > most:
        text = f"{text[:most]}{_CUT}"
    lines = (f"> {line}".rstrip() for line in text.splitlines())
    return "\n".join((f"[{heading}]", *lines))


def label(name: str) -> str:
    """Return a name that may stand in a heading: one line without brackets."""
    return " ".join(name.split()).replace("[", "(").replace("]", ")")


def whole_text(message: discord.Message) -> str:
    """Return all text of a message for a quote: content, embeds, components, poll, file names."""
    named = partial(text_with_names, message=message)
    blocks = [named(message.content), *forwarded(message), *_parts(message, named)]
    if message.poll is not None:
        blocks.append(poll_text(message.poll))
    return "\n\n".join(block for block in blocks if block)


def poll_text(poll: discord.Poll) -> str:
    """Return a poll's question and answers, with the votes if anybody voted."""
    lines = [poll.question]
    for answer in poll.answers:
        text = f"{answer.emoji or ''} {answer.text}".strip()
        noun = "vote" if answer.vote_count == 1 else "votes"
        votes = f" ({answer.vote_count} {noun})" if poll.total_votes else ""
        lines.append(f"- {text}{votes}")
    return "\n".join(lines)


def sticker_lines(stickers: Iterable[discord.StickerItem]) -> Iterator[str]:
    """Yield a line with the stickers of a message, if there are any."""
    names = " ".join(f"[sticker {label(sticker.name)}]" for sticker in stickers)
    if names:
        yield names


def _parts(
    source: discord.Message | discord.MessageSnapshot, named: Callable[[str], str]
) -> Iterator[str]:
    """Yield the texts of a message beside its content; ``named`` replaces ids by names."""
    for embed in source.embeds:
        yield named(_embed_text(embed))
    yield named("\n".join(component_texts(source.components)))
    yield from sticker_lines(source.stickers)
    yield "\n".join(f"[attached: {label(file.filename)}]" for file in source.attachments)


def _replied(message: discord.Message, me: int) -> Iterator[str]:
    if is_reply_to_deleted(message):
        yield REPLY_DELETED
    replied = replied_to(message)
    if replied is not None and replied.author.id != me:
        yield reply_quote(replied, me)


def reply_quote(replied: discord.Message, me: int) -> str:
    """Return the quote of a message that a question replies to; answers lose their small notes."""
    text = whole_text(replied)
    if not text:  # without the Message Content intent Discord sends no text
        return REPLY_UNREADABLE
    if replied.author.id != me:
        return quoted(f"in reply to this message by {label(replied.author.display_name)}", text)
    lines = (line for line in text.splitlines() if not line.startswith("-# "))
    return quoted("in reply to your earlier answer", "\n".join(lines))


def is_forward(message: discord.Message) -> bool:
    """Return whether a message forwards another one."""
    reference = message.reference
    return reference is not None and reference.type is discord.MessageReferenceType.forward


def forwarded(message: discord.Message) -> Iterator[str]:
    """Yield a quote of each message that a message forwards."""
    reference = message.reference
    if reference is None or not is_forward(message):
        return
    source = channel_name(message, reference.channel_id)
    where = "" if source is None else f" from #{label(source)}"
    snapshots = message.message_snapshots[:_MOST_FORWARDED]
    for snapshot in snapshots:
        named = partial(text_with_names, message=message, others=names_in(snapshot))
        blocks = [named(snapshot.content), *_parts(snapshot, named)]
        text = "\n\n".join(block for block in blocks if block)
        yield quoted(f"message forwarded{where}", text) if text else FORWARD_UNREADABLE
    if not snapshots:
        yield FORWARD_UNREADABLE


def awaits_previews(message: discord.Message) -> bool:
    """Return whether Discord may still add previews of the links in a member's message.

    Discord looks at links after it has sent the message. It shows no previews of links in angle
    brackets or in code, and none to authors without the permission Embed Links.
    """
    if "://" not in message.content or message.embeds or message.flags.suppress_embeds:
        return False
    if not any(found["link"] for found in _LINK.finditer(message.content)):
        return False
    try:
        author: Any = message.author
        return message.channel.permissions_for(author).embed_links
    except (discord.ClientException, AttributeError):  # its parent or a role is not cached
        return True


def has_previews(question: str) -> bool:
    """Return whether a question's text has previews of its links."""
    return f"\n{_PREVIEW}" in question


def previews(message: discord.Message) -> Iterator[str]:
    """Yield the previews of the links in a member's message; members write no other embeds."""
    for embed in islice(message.embeds, _MOST_PREVIEWS):
        text = _embed_text(embed)
        if text:
            where = label(embed.url or "a link")[:_LONGEST_ADDRESS]
            heading = f"{_PREVIEW[1:]}{where}"
            yield quoted(heading, text_with_names(text, message), MOST_PREVIEWED)


def _embed_text(embed: discord.Embed) -> str:
    fields = [f"{field.name}: {field.value}" for field in embed.fields]
    lines = [
        embed.provider.name,
        embed.author.name,
        embed.title,
        embed.description,
        *fields,
        embed.footer.text,
    ]
    return "\n".join(line for line in lines if line)
