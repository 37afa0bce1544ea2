"""What the ledger hands out: frozen rows; times are wall seconds, Discord's ids are integers."""

from typing import Literal

from msgspec import Struct

from bot.store.ledger.states import OPEN, TurnState

Outcome = Literal["answered", "cancelled", "failed"]
"""How a turn ends."""


class Link(Struct, frozen=True, kw_only=True):
    """Which thread a channel is mapped to.

    ``parent_id`` is the channel whose permissions hold (the channel itself where it has no
    parent), ``listening`` says that every message there is a question, ``private`` that the
    parent's readers may not read it; ``thread_id`` is None until a thread was made.
    """

    channel_id: int
    guild_id: int | None
    parent_id: int
    listening: bool
    private: bool = False
    thread_id: str | None = None


class ReadMarker(Struct, frozen=True, kw_only=True):
    """Up to which message a channel was seen; ``linked`` says that it is linked to a thread.

    Every message up to it that is a question was taken or refused. ``parent_id`` is the link's.
    """

    channel_id: int
    guild_id: int | None
    message_id: int
    linked: bool = False
    parent_id: int | None = None


class NewQuestion(Struct, frozen=True, kw_only=True):
    """A Discord message by which somebody asks; its id is its identity."""

    id: int
    channel_id: int
    guild_id: int | None
    author_id: int
    author_name: str
    content: str
    attachments: str = "[]"


class Question(NewQuestion, frozen=True, kw_only=True):
    """A question taken: ``home_id`` is the channel it is answered in, ``turn_id`` the turn.

    ``thread_id`` and ``message_id`` say as which message it was posted on which thread.
    """

    home_id: int | None
    fallback: bool
    received_at: float
    turn_id: int | None
    thread_id: str | None
    message_id: str | None


class Asker(Struct, frozen=True):
    """Somebody who asked in a turn."""

    id: int
    name: str


class Turn(Struct, frozen=True, kw_only=True):
    """Questions answered together: one reply, and one run for each attempt.

    ``parts`` are the reply's Discord messages in order, ``reply_to`` the question it answers to;
    ``pickups`` counts how often a started bot took it up in this state; ``fallback`` says that
    a channel thread was wanted and could not be opened; ``canceller`` is who asked to cancel.
    """

    id: int
    channel_id: int
    guild_id: int | None
    parent_id: int
    state: TurnState
    attempt: int
    pickups: int
    reply_to: int
    fallback: bool
    thread_id: str | None
    run_id: str | None
    canceller: Asker | None
    outcome: Outcome | None
    error: str | None
    tokens: int | None
    created_at: float
    started_at: float
    ended_at: float | None
    askers: tuple[Asker, ...]
    parts: tuple[int, ...]

    @property
    def open(self) -> bool:
        """Whether it still owes an answer."""
        return self.state in OPEN

    def asked_by(self, user_id: int) -> bool:
        """Whether this person asked in it."""
        return any(asker.id == user_id for asker in self.askers)


class Scope(Struct, frozen=True, kw_only=True):
    """Whose turns are looked at: one channel's, and those in a guild's readable channels.

    ``readable`` are ids of channels whose readers may know of what is asked in them and in their
    public channel threads; ``asker_id`` leaves only what this person asked.
    """

    channel_id: int
    guild_id: int | None = None
    readable: tuple[int, ...] = ()
    asker_id: int | None = None
