"""The messages beyond its own that a question points at, as the ledger stores them."""

from typing import Final

import msgspec
from msgspec import Struct

from bot.chat.texts.unread_files import UnreadReason
from bot.store.ledger import NewQuestion

NOTHING: Final = "{}"
"""The JSON of a question that points at nothing."""


class Pointers(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What must be read from Discord before a question is posted to its thread.

    ``reply``: channel id and message id of the replied-to message, if Discord did not send it along
    or the bot wrote it. ``forward``: id of the forward right before the question. ``starter``: the
    channel thread began without the bot, so its first message is shown. ``context``: messages
    before the question are shown, except ``quoted``, which the question quotes itself.
    ``previews``: Discord may still add previews of the question's links. ``lost``: parts known to
    be unreadable.
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
    """Return the pointers of a question."""
    if question.points_to == NOTHING:
        return Pointers()
    return msgspec.json.decode(question.points_to, type=Pointers)
