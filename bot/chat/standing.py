"""What already stands below a question: an answer, a refusal, or a reply that nobody goes on with.

A ledger that was put back from a backup does not know what was said since; Discord does. What the
ledger knows is left to the ledger.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import discord
from msgspec import Struct

from bot.chat import sentences
from bot.chat.listener import MOST_WAITING
from bot.store.ledger import Ledger

_CANCEL: Final = re.compile(r"cancel:(\d{1,18})\.(\d{1,9})")
_SPOKEN: Final = frozenset({discord.MessageType.default, discord.MessageType.reply})
_TOLD: Final = frozenset(
    {
        sentences.NOT_TAKEN,
        sentences.EMPTY_QUESTION,
        sentences.MISSED,
        sentences.queue_full(MOST_WAITING),
    }
)


class Answer(Struct, frozen=True):
    """A finished reply that the ledger does not know: to all that was asked up to ``up_to``."""

    up_to: int
    message_id: int


class Found(Struct, frozen=True):
    """What was found of ours; ``refused`` are questions, ``left`` our messages to take away."""

    answers: tuple[Answer, ...] = ()
    refused: frozenset[int] = frozenset()
    left: tuple[int, ...] = ()

    def settles(self, message_id: int) -> bool:
        """Whether a question has been told already what it will be told."""
        return message_id in self.refused or any(
            message_id <= answer.up_to for answer in self.answers
        )


async def find(
    ledger: Ledger, channel_id: int, messages: Sequence[discord.Message], me: int, *, opened: bool
) -> Found:
    """Look through a channel's messages, in order, for what of ours the ledger does not know.

    ``opened`` says that it may be a channel thread that was opened from a question. Raises
    ``LedgerError``.
    """
    ours = [message for message in messages if _spoken_by(message, me)]
    if not ours:
        return Found()
    known = await ledger.turns.known_parts(message.id for message in ours)
    if known.issuperset(message.id for message in ours):
        return Found()
    answers: list[Answer] = []
    refused: set[int] = set()
    left: list[int] = []
    begun = await ledger.standing.has_replied_in(channel_id)
    dropping = False
    for message in ours:
        asked = message.reference.message_id if message.reference is not None else None
        if message.id in known:
            begun, dropping = True, False
        elif message.content in _TOLD:
            refused.update(() if asked is None else (asked,))
        elif (attempt := _thinking(message)) is not None:
            begun = True
            dropping = not await _goes_on(ledger, channel_id, *attempt)
            left += [message.id] if dropping else []
        elif asked is None and (begun or not opened):
            # A further part of the reply before it.
            left += [message.id] if dropping else []
        else:
            # The first reply in a channel thread is to the question that it was opened from.
            answers.append(Answer(asked or message.id, message.id))
            begun, dropping = True, False
    return Found(tuple(answers), frozenset(refused), tuple(left))


async def _goes_on(ledger: Ledger, channel_id: int, turn_id: int, attempt: int) -> bool:
    turn = await ledger.history.turn(turn_id)
    return (
        turn is not None and turn.open and (turn.channel_id, turn.attempt) == (channel_id, attempt)
    )


def _spoken_by(message: discord.Message, me: int) -> bool:
    return (
        message.author.id == me and message.type in _SPOKEN and message.interaction_metadata is None
    )


def _thinking(message: discord.Message) -> tuple[int, int] | None:
    """Return the turn and the attempt of a reply that can still be cancelled."""
    for custom_id in _custom_ids(message):
        if (match := _CANCEL.fullmatch(custom_id)) is not None:
            return int(match[1]), int(match[2])
    return None


def _custom_ids(message: discord.Message) -> Iterable[str]:
    for row in message.components:
        if isinstance(row, discord.ActionRow):
            for item in row.children:
                if isinstance(item, discord.Button) and item.custom_id is not None:
                    yield item.custom_id
