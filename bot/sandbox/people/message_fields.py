"""Turns what a person writes and attaches into the fields of a request, as Discord's app does."""

from collections.abc import Sequence

from bot.sandbox.backend.messages.content.attachments import UploadedFile
from bot.sandbox.backend.state.parts import Payload

# A file that a person sends: its name, its content and, where it has one, its alt text.
File = tuple[str, bytes] | tuple[str, bytes, str]


def described(attachments: Sequence[File]) -> Payload:
    """Return the attachments field for files with alt text; the others need none."""
    found = [
        {"id": str(number), "description": file[2]}
        for number, file in enumerate(attachments)
        if len(file) == 3
    ]
    return {"attachments": found} if found else {}


def uploads(attachments: Sequence[File]) -> dict[int, UploadedFile]:
    """Return the files by their number in the request."""
    return {number: UploadedFile(file[0], file[1], None) for number, file in enumerate(attachments)}


def poll_media(answer: str) -> Payload:
    """Return one answer of a poll; an emoji and a space may stand before its text."""
    emoji, _, text = answer.partition(" ")
    if text and not emoji.isascii():
        return {"text": text, "emoji": {"name": emoji}}
    return {"text": answer}
