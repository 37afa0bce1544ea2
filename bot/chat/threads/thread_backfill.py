"""A conversation carried over to a new thread: what was asked, and what the replies still say."""

from collections.abc import Sequence
from typing import Final, Protocol

from bot.assistants.schema.requests import CreateMessage
from bot.chat.threads.message_builder import QUESTION_KEY, attached
from bot.store.ledger import Ledger, Question, Turn

MOST_TURNS: Final = 10
"""How many turns are carried over, the newest ones."""


class ReplySource(Protocol):
    """Where replies are read again."""

    async def read(self, turn: Turn) -> Sequence[str]:
        """Return the contents of a turn's reply, those of its messages that are there."""
        ...


async def earlier(ledger: Ledger, replies: ReplySource, turn: Turn) -> tuple[CreateMessage, ...]:
    """Return the messages that tell what was said in a channel before this turn."""
    messages: list[CreateMessage] = []
    for before in await ledger.history.before(turn, limit=MOST_TURNS):
        for question in await ledger.questions.of_turn(before.id):
            if asked := asked_in(question):
                metadata = {QUESTION_KEY: str(question.id)}
                messages.append(CreateMessage(role="user", content=asked, metadata=metadata))
        said = answer_in(await replies.read(before)) if before.state == "answered" else ""
        if said:
            messages.append(CreateMessage(role="assistant", content=said))
    return tuple(messages)


def asked_in(question: Question) -> str:
    """Return a question's text, with a line for each image and file that is left behind."""
    left = [f"{file.heading} (not carried over)" for file in attached(question)]
    return "\n\n".join(block for block in (question.content, *left) if block)


def answer_in(contents: Sequence[str]) -> str:
    """Return the answer in a reply's messages, without the quiet lines below it."""
    lines = "\n".join(contents).splitlines()
    return "\n".join(line for line in lines if not line.startswith("-# ")).strip()
