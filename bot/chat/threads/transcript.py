"""What a run says, out of its messages and the pieces of them, as a person reads it."""

from collections.abc import Sequence

from msgspec import UNSET

from bot.assistants.events import MessageDelta
from bot.assistants.schema.content import RefusalDelta, RefusalPart, TextDelta, TextPart
from bot.assistants.schema.objects import TOOLS_LEFT_OUT, Message
from bot.chat.texts import sentences
from bot.chat.threads.citations import readable


class Transcript:
    """What a run has said so far, out of messages and pieces of them.

    A run writes one message after the other: one that was left in the middle when the next begins
    was given up, by a server that did it all again after a stop of its own.
    """

    def __init__(self) -> None:
        self._messages: dict[str, dict[int, list[str]]] = {}
        self._unfinished: str | None = None
        self.taken = 0
        """How many characters came in pieces, in all."""

    @property
    def is_whole(self) -> bool:
        """Whether every message in it is known to its end."""
        return self._unfinished is None

    def add(self, delta: MessageDelta) -> None:
        """Take a piece."""
        if delta.id != self._unfinished:
            self._give_up()
            self._unfinished = delta.id
        parts = self._messages.setdefault(delta.id, {})
        for content in delta.delta.content:
            if isinstance(content, TextDelta):
                piece = content.text.value
                more = "" if piece is UNSET else piece
            elif isinstance(content, RefusalDelta):
                more = content.refusal
            else:
                continue
            parts.setdefault(content.index, []).append(more)
            self.taken += len(more)

    def put(self, message: Message) -> None:
        """Take a message as it stands, in place of its pieces."""
        if message.role == "assistant":
            if message.id != self._unfinished:
                self._give_up()
            self._unfinished = None
            self._messages[message.id] = {i: [text] for i, text in enumerate(_texts(message))}

    def _give_up(self) -> None:
        if self._unfinished is not None:
            del self._messages[self._unfinished]
            self._unfinished = None

    @property
    def text(self) -> str:
        """All of it as a person reads it, messages apart; put together at each reading."""
        said = (
            readable("".join(piece for i in sorted(parts) for piece in parts[i]))
            for parts in self._messages.values()
        )
        return "\n\n".join(text.strip() for text in said if text.strip())


def answer_text(messages: Sequence[Message]) -> str:
    """Return what these messages say, as an answer's text."""
    answer = Transcript()
    for message in messages:
        answer.put(message)
    return answer.text


def _texts(message: Message) -> list[str]:
    texts: list[str] = []
    for part in message.content:
        if isinstance(part, TextPart):
            texts.append(part.text.value)
        elif isinstance(part, RefusalPart):
            texts.append(part.refusal)
    if TOOLS_LEFT_OUT in (message.metadata or {}):
        texts.append(f"\n\n{sentences.WITHOUT_TOOLS}")
    return texts
