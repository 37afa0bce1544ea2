"""What a question points at beyond its own message, as the ledger stores it."""

from typing import Final

import msgspec
from msgspec import Struct

from bot.chat.texts.unread import UnreadReason
from bot.store.ledger import NewQuestion

NOTHING: Final = "{}"
"""The JSON of a question that points at nothing."""


class Pointers(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What must be looked up on Discord before a question is posted to its thread.

    ``reply`` is the channel and the id of the message that the question replies to; Discord did not
    send it along, or the bot wrote it. ``forward`` is the id of the forward right before the
    question. ``starter`` tells that the channel thread began without the bot, and ``context`` that
    words said before the question are shown, but for ``quoted``, the message that the question
    quotes. ``previews`` tells that Discord may still show previews of the question's links.
    ``lost`` are parts that are known to be unreadable.
    """

    reply: tuple[int, int] | None = None
    forward: int | None = None
    starter: bool = False
    context: bool = False
    quoted: int | None = None
    previews: bool = False
    lost: tuple[UnreadReason, ...] = ()

    def to_json(self) -> str:
        """Return the pointers as JSON for the ledger."""
        return msgspec.json.encode(self).decode()


def pointers_of(question: NewQuestion) -> Pointers:
    """Return what a question points at."""
    if question.points_to == NOTHING:
        return Pointers()
    return msgspec.json.decode(question.points_to, type=Pointers)
