"""The parts that messages and forums are made of: files, reactions, polls, stickers, tags."""

from dataclasses import dataclass, field
from typing import Any, Final

Payload = dict[str, Any]
STICKER_PNG: Final = 1


@dataclass(slots=True, eq=False)
class DiscordAttachment:
    """A file on a message; ``duration`` (seconds) and ``waveform`` are a voice message's."""

    id: int
    channel_id: int
    filename: str
    data: bytes
    content_type: str
    description: str | None = None
    width: int | None = None
    height: int | None = None
    spoiler: bool = False
    ephemeral: bool = False
    duration: float | None = None
    waveform: str | None = None


@dataclass(slots=True, eq=False)
class Reaction:
    """One emoji on a message and who chose it, first to last."""

    emoji_id: int | None
    emoji_name: str
    users: dict[int, None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Reference:
    """The message that a message replies to or forwards, or the thread that a notice announces."""

    channel_id: int
    message_id: int | None
    guild_id: int | None
    forward: bool = False


@dataclass(slots=True, frozen=True)
class Edit:
    """The content of a message after an edit at Unix seconds ``at``."""

    at: float
    content: str


@dataclass(slots=True, eq=False)
class Sticker:
    """A sticker of a guild; ``data`` is its PNG picture."""

    id: int
    guild_id: int
    name: str
    description: str
    tags: str
    data: bytes
    format: int = STICKER_PNG


@dataclass(slots=True, eq=False)
class PollAnswer:
    """One answer of a poll and who chose it, first to last."""

    id: int
    text: str
    emoji: str | None = None
    voters: dict[int, None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class DiscordPoll:
    """A poll; it takes votes until ``ends_at`` (Unix seconds), then its counts are final."""

    question: str
    answers: list[PollAnswer]
    hours: int
    multiselect: bool = False
    ends_at: float = 0.0
    final: bool = False

    def answer(self, answer_id: int) -> PollAnswer | None:
        """Return the answer of that id, if the poll has one."""
        return next((one for one in self.answers if one.id == answer_id), None)

    @property
    def votes(self) -> int:
        """How many votes all answers have."""
        return sum(len(one.voters) for one in self.answers)


@dataclass(slots=True, eq=False)
class ForumTag:
    """A tag of a forum; a moderated one is set by those who manage threads."""

    id: int
    name: str
    moderated: bool = False
    emoji: str | None = None
