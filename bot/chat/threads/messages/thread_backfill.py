"""Copies a channel's conversation to a new thread: its questions and the answers to them."""

from collections.abc import Sequence
from typing import Final, Protocol

from bot.assistants.schema.requests import CreateMessage
from bot.chat.threads.messages.message_builder import QUESTION_KEY, attached
from bot.store.ledger import Ledger, Question, Turn
from bot.store.ledger.chores import copied_answer

ANSWER_KEY: Final = "answer"
"""The metadata key under which a copied answer carries its name, by which it can leave again."""

MOST_TURNS: Final = 10
"""The most turns that are copied, newest first."""


class ReplySource(Protocol):
    """Reads the replies of earlier turns."""

    async def read(self, turn: Turn) -> Sequence[str]:
        """Return the texts of a turn's reply, one for each Discord message that still exists."""
        ...


async def earlier(ledger: Ledger, replies: ReplySource, turn: Turn) -> tuple[CreateMessage, ...]:
    """Return the questions and answers of a channel before this turn, as messages."""
    messages: list[CreateMessage] = []
    for before in await ledger.history.before(turn, limit=MOST_TURNS):
        if not before.askers:
            continue  # forgotten, with the answer that Discord still has
        for question in await ledger.questions.of_turn(before.id):
            if asked := asked_in(question):
                metadata = {QUESTION_KEY: str(question.id)}
                messages.append(CreateMessage(role="user", content=asked, metadata=metadata))
        answer = answer_in(await replies.read(before)) if before.state == "answered" else ""
        if answer:
            metadata = {ANSWER_KEY: copied_answer(before.id)}
            messages.append(CreateMessage(role="assistant", content=answer, metadata=metadata))
    return tuple(messages)


def asked_in(question: Question) -> str:
    """Return a question's text, with a line for each file that is not copied."""
    left = [f"{file.heading} (not carried over)" for file in attached(question)]
    return "\n\n".join(block for block in (question.content, *left) if block)


def answer_in(contents: Sequence[str]) -> str:
    """Return the answer in a reply's texts, without the small notes below it."""
    lines = "\n".join(contents).splitlines()
    return "\n".join(line for line in lines if not line.startswith("-# ")).strip()
