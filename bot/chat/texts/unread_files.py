"""The line below a reply that names what could not be read of its questions."""

from collections.abc import Sequence
from typing import Final, Literal, get_args

from msgspec import Struct

from bot.chat.texts.fluent import localized

UnreadReason = Literal[
    "too_large",  # the file is larger than the limit in ``Unread.limit``
    "too_much",  # the file's content is above a limit of its reader
    "gone",  # the file is not on Discord any more
    "not_given",  # Discord did not hand the file out
    "unsupported",  # the file is of a kind that can't be read
    "broken",  # the file is damaged, or not what its name says
    "locked",  # the file is protected by a password
    "no_text",  # there is no text in the file
    "no_image",  # the file is no image, or of a kind that models don't take
    "refused",  # the assistant's server did not take the file
    "beginning_only",  # the server can't search files, and the text is too long for a message
    "no_transcription",  # no endpoint is configured that transcribes audio
    "transcription_failed",  # that endpoint gave no answer
    "no_audio",  # that endpoint found no audio in the file
    "no_speech",  # that endpoint heard no words
    "deleted_reply",  # the message that the question replies to was deleted
    "hidden_reply",  # the message that the question replies to can't be read
    "hidden_forward",  # the forwarded message has nothing that can be read
]
"""Why a part of a question could not be read, as the ledger stores it."""

_LONGEST_NAME: Final = 40
_MOST_NAMED: Final = 10


class Unread(Struct, frozen=True, array_like=True):
    """A part of a question that could not be read: a file's name, or "" for another message."""

    name: str
    reason: str
    limit: str = ""


def unread_line(parts: Sequence[Unread]) -> str:
    """Return the small line that names what could not be read, each with the reason."""
    named = [_part(part) for part in dict.fromkeys(parts)]
    if len(named) > _MOST_NAMED:
        named[_MOST_NAMED:] = [localized("unread-more", count=len(named) - _MOST_NAMED)]
    return localized("unread", parts=" · ".join(named))


def _part(part: Unread) -> str:
    # A later version may have stored a reason that this one does not know.
    reason = part.reason if part.reason in get_args(UnreadReason) else "unsupported"
    why = localized(f"unread-{reason}", limit=part.limit)
    if not part.name:
        return why
    name = " ".join(part.name.split())
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 1]}…"
    # As code, because Discord reads no markup in it.
    name = f"`{name.replace('`', chr(0x2BB))}`"
    return localized("unread-named", name=name, why=why)
