"""Copies a channel's conversation to a new thread: its questions and the answers to them."""

from collections.abc import Sequence
from typing import Final, Protocol

from msgspec import Struct

from bot.assistants.schema.content import MAX_CONTENT
from bot.assistants.schema.requests import CreateMessage
from bot.chat.threads.messages.bystander_poster import (
    Bystander,
    References,
    ReferenceSource,
    bystander_message,
)
from bot.chat.threads.messages.message_builder import (
    QUESTION_KEY,
    PointedAt,
    asked_by,
    attached,
)
from bot.chat.threads.messages.pointers import NOTHING
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger, Question, Turn
from bot.store.ledger.chores import copied_answer

ANSWER_KEY: Final = "answer"
"""The metadata key for the name of a copied answer, by which the answer can be deleted again."""

MOST_TURNS: Final = 10
"""The most turns that are copied, newest first."""

LOOKUP_SECONDS: Final = 20.0
"""How long the messages that copied questions point at are looked up, in seconds."""


class ReplySource(Protocol):
    """Reads the replies of earlier turns."""

    async def read(self, turn: Turn) -> Sequence[str]:
        """Return the texts of a turn's reply, one for each Discord message that still exists."""


class EarlierConversation(Struct, frozen=True):
    """The earlier questions and answers of a channel, as messages for a new thread.

    ``bystanders`` has questions, each with the bystanders' messages that are shown before it.
    """

    messages: tuple[CreateMessage, ...] = ()
    bystanders: tuple[tuple[Question, tuple[Bystander, ...]], ...] = ()


async def earlier(
    ledger: Ledger, replies: ReplySource, references: ReferenceSource, turn: Turn, clock: Clock
) -> EarlierConversation:
    """Return the conversation of a channel before this turn, with which a new thread begins.

    Messages that the questions point at are read from Discord again: some may have been deleted.
    """
    turns = await ledger.history.before(turn, limit=MOST_TURNS)
    if not turns:
        return EarlierConversation()
    deadline = clock.monotonic() + LOOKUP_SECONDS
    named = await ledger.questions.asker_count(turn.channel_id) > 1
    messages: list[CreateMessage] = []
    beside: list[tuple[Question, tuple[Bystander, ...]]] = []
    shown: set[int] = set()
    for before in turns:
        if not before.askers:
            continue  # The askers are forgotten, and so is the answer.
        for question in await ledger.questions.of_turn(before.id):
            found = References()
            if question.points_to != NOTHING and clock.monotonic() < deadline:
                found = await references.read(question, before, is_first=not messages)
            new = tuple(each for each in found.bystanders if each.message_id not in shown)
            shown.update(each.message_id for each in new)
            messages += [bystander_message(each) for each in new]
            beside += [(question, new)] if new else []
            if asked := asked_in(question, found, named=named or bool(found.bystanders)):
                metadata = {QUESTION_KEY: str(question.id)}
                messages.append(CreateMessage(role="user", content=asked, metadata=metadata))
        answer = answer_in(await replies.read(before)) if before.state == "answered" else ""
        if answer:
            metadata = {ANSWER_KEY: copied_answer(before.id)}
            messages.append(CreateMessage(role="assistant", content=answer, metadata=metadata))
    return EarlierConversation(tuple(messages), tuple(beside))


def asked_in(question: Question, found: PointedAt, *, named: bool = False) -> str:
    """Return a question's text with the messages it points at, and a line for each file."""
    files = {file.id: file for file in (*attached(question), *found.files)}.values()
    left = [f"{file.heading} (not carried over)" for file in files]
    asked = asked_by(question, named=named)
    return "\n\n".join(block for block in (asked, *found.blocks, *left) if block)[:MAX_CONTENT]


def answer_in(contents: Sequence[str]) -> str:
    """Return the answer in a reply's texts, without the small notes below it."""
    lines = "\n".join(contents).splitlines()
    return "\n".join(line for line in lines if not line.startswith("-# ")).strip()
