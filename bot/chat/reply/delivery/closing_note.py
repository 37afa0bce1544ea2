"""Closes a reply whose answer never comes: a note below its text, and no buttons any more."""

from collections.abc import Sequence

from bot.chat.reply import buttons
from bot.chat.reply.content.split import LIMIT, split
from bot.chat.reply.delivery.channel_writer import (
    ChannelWriter,
    MessageDeletedError,
    MessageFrozenError,
)
from bot.chat.reply.delivery.message_routes import UndeliverableError
from bot.chat.texts import sentences
from bot.chat.transport.rate_limiter import RequestPriority


async def close_messages(writer: ChannelWriter, message_ids: Sequence[int], note: str) -> None:
    """Remove the buttons of a reply's messages, and add a note below the last message's text.

    A message that can't be read or edited is left alone.
    """
    existing: list[tuple[int, str]] = []
    for message_id in message_ids:
        contents = await writer.contents([message_id], priority=RequestPriority.URGENT)
        existing += [(message_id, content) for content in contents]
    for number, (message_id, content) in enumerate(existing, start=1):
        shown = "" if sentences.is_thinking(content) else content
        if number == len(existing):
            shown = "\n".join([*split(shown, LIMIT - len(note) - 1)[:1], note])
        try:
            await writer.edit(message_id, shown, None, priority=RequestPriority.URGENT)
        except MessageFrozenError:
            # A message with pictures can't become plain; its own components get the note.
            below = note if number == len(existing) else ""
            await writer.set_buttons(
                message_id, buttons.view(), priority=RequestPriority.URGENT, rich_note=below
            )
        except (MessageDeletedError, UndeliverableError):
            continue
