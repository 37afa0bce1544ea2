"""The ledger's records; times are seconds since 1970, Discord's ids are integers."""

from typing import Final, Literal

from msgspec import Struct

from bot.store.ledger.states import OPEN, TurnState

FORM_CAUSE: Final = "form:"
"""The beginning of the cause of a question that a member wrote in a form."""

Outcome = Literal["answered", "cancelled", "failed", "withdrawn"]
"""The result of a turn."""


class Personal(Struct, frozen=True, kw_only=True):
    """A conversation that one member leads by commands, beside the channel's conversation.

    ``owner_id`` is the member, 0 for a forgotten one; ``place_id`` is the Discord channel. Only the
    member sees the replies of an ``ephemeral`` conversation. The bot is no member of an
    ``external`` place: the person's own installation brings the commands there.
    """

    owner_id: int
    place_id: int
    ephemeral: bool = False
    external: bool = False


class Link(Struct, frozen=True, kw_only=True):
    """The mapping of a channel to a thread.

    ``channel_id`` of a ``personal`` conversation is the id of its first question instead.

    ``parent_id`` is the channel whose permissions apply: the parent, or the channel itself. In a
    ``listening`` channel every message is a question. A ``private`` channel is hidden from its
    parent's readers. ``thread_id`` is None until the thread exists.
    """

    channel_id: int
    guild_id: int | None
    parent_id: int
    listening: bool
    private: bool = False
    thread_id: str | None = None
    personal: Personal | None = None


class ReadMarker(Struct, frozen=True, kw_only=True):
    """The last message seen in a channel: every question up to it was stored or refused.

    ``linked`` tells whether the channel has a link; ``parent_id`` is the link's.
    """

    channel_id: int
    guild_id: int | None
    message_id: int
    linked: bool = False
    parent_id: int | None = None


class NewQuestion(Struct, frozen=True, kw_only=True):
    """A Discord message or interaction by which a member asks, identified by its Discord id.

    ``attachments`` and ``points_to`` are JSON that ``bot.chat`` defines: the files, and the
    messages that the question points at. ``quotes`` are id and author of the messages that the
    question quotes; the author is 0 where Discord does not tell it. ``cause`` identifies the source
    of a question that is no Discord message, such as a schedule with its due time; each cause asks
    once. ``role_ids`` is JSON of the roles that the author had.
    """

    id: int
    channel_id: int
    guild_id: int | None
    author_id: int
    author_name: str
    content: str
    attachments: str = "[]"
    points_to: str = "{}"
    quotes: tuple[tuple[int, int], ...] = ()
    cause: str | None = None
    role_ids: str = "[]"

    @property
    def cause_kind(self) -> str:
        """The cause before its colon, such as "schedule"; empty for a Discord message."""
        return (self.cause or "").partition(":")[0]


class Question(NewQuestion, frozen=True, kw_only=True):
    """A stored question: ``home_id`` is the channel in which turn ``turn_id`` answers it.

    ``thread_id`` and ``message_id`` are the assistant's message that has the question. ``fallback``
    tells that a channel thread could not be opened for the question. ``unread`` is JSON that
    ``bot.chat`` defines: the parts that could not be read. ``documents`` tells that files of the
    question are on the thread, to be searched. ``revision`` counts the edits.
    """

    home_id: int | None
    fallback: bool
    unread: str = "[]"
    documents: bool = False
    received_at: float
    turn_id: int | None
    thread_id: str | None
    message_id: str | None
    revision: int = 0


ChoreKind = Literal[
    "message",  # delete a message: place is the thread, target the message
    "question",  # the same for what the metadata of messages names: target is that name
    "thread",  # delete a thread with its files: place and target are the thread
    "run",  # cancel a run and delete its messages: place is the thread, target the run
    "attempt",  # the same for a run whose id is unknown: target is "turn.attempt"
    "part",  # delete a Discord message of the bot: place is its channel
    "reaction",  # remove the bot's reaction: place is the message's channel, target the message
    "ping",  # call people: place is the channel thread, target "guild.role.member.time"
    "tag",  # set a tag of a forum post: place is the post, target "answered" or "people"
    "offer",  # offer "Answer again" under a reply: place is the turn, target the attempt
]


class Chore(Struct, frozen=True, kw_only=True):
    """A small task that the ledger remembers until it is done; doing it twice does no harm.

    ``channel_id`` is the channel in whose order the task is done. ``ChoreKind`` says what ``place``
    and ``target`` are.
    """

    channel_id: int
    kind: ChoreKind
    place: str
    target: str


class ChannelTitle(Struct, frozen=True, kw_only=True):
    """The title that a channel thread gets from a turn.

    ``thread_id`` is the temporary thread on which the model writes it; ``title`` is None until it
    is written, and empty if the model wrote nothing usable.
    """

    channel_id: int
    turn_id: int
    thread_id: str | None
    title: str | None


class Vote(Struct, frozen=True, kw_only=True):
    """A member's vote on an answer."""

    helpful: bool
    reason: str | None


class RatedAnswer(Struct, frozen=True, kw_only=True):
    """An answer with votes: ``up`` and ``down`` count them as of ``revision``.

    ``answer`` is None until its text was kept; ``thread_id`` and ``run_id`` are None where the
    ledger does not know them, as after a restored backup.
    """

    turn_id: int
    attempt: int
    thread_id: str | None
    run_id: str | None
    answer: str | None
    revision: int
    up: int
    down: int


class AskResponse(Struct, frozen=True, kw_only=True):
    """The interaction that a reply answers; ``expires_at`` is in seconds since 1970.

    ``token`` is empty once its time is over.
    """

    interaction_id: int
    token: str
    expires_at: float

    def __repr__(self) -> str:
        """Return the response without its token, which must not be logged."""
        return f"AskResponse(interaction_id={self.interaction_id}, expires_at={self.expires_at})"


class Asker(Struct, frozen=True):
    """A member whose question a turn answers."""

    id: int
    name: str


class Turn(Struct, frozen=True, kw_only=True):
    """Questions answered together: one reply, and one run for each attempt.

    ``parts`` are the reply's Discord messages in order, ``reply_to`` the question it refers to.
    ``interruptions`` counts the stops of the bot that left the turn open in this state (the column
    ``pickups``), orderly stops excepted. ``fallback`` tells that a channel thread could not be
    opened. ``canceller`` is who asked to cancel. ``personal`` is set for a question by command,
    whose reply answers an interaction; ``channel_id`` is then the link's.
    """

    id: int
    channel_id: int
    guild_id: int | None
    parent_id: int
    state: TurnState
    attempt: int
    interruptions: int
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
    has_chores: bool = False
    personal: Personal | None = None

    @property
    def place_id(self) -> int:
        """The Discord channel in which the reply stands."""
        return self.channel_id if self.personal is None else self.personal.place_id

    @property
    def in_channel_thread(self) -> bool:
        """Whether the turn belongs to the conversation of a channel thread."""
        return self.personal is None and self.channel_id != self.parent_id

    @property
    def open(self) -> bool:
        """Whether the turn has not ended."""
        return self.state in OPEN

    def asked_by(self, user_id: int) -> bool:
        """Whether this member asked one of the questions."""
        return any(asker.id == user_id for asker in self.askers)


class Scope(Struct, frozen=True, kw_only=True):
    """The turns that a member may see: those of one channel and of a guild's readable channels.

    Personal conversations are those of ``viewer_id``, and in ``moderated`` channels the ones that
    are not ephemeral.

    ``readable`` are the ids of channels that the member can read; their public channel threads are
    included, and their private ones where the channel is ``moderated``. ``asker_id`` restricts the
    scope to the questions of that member, ``in_channel_id`` to a channel and its channel threads,
    ``state`` to turns in a state; "active" are those that can be cancelled.
    """

    channel_id: int
    viewer_id: int = 0
    guild_id: int | None = None
    readable: tuple[int, ...] = ()
    moderated: tuple[int, ...] = ()
    asker_id: int | None = None
    in_channel_id: int | None = None
    state: str | None = None


class OpenCounts(Struct, frozen=True, kw_only=True):
    """The number of open turns by state, and of the questions that wait for a turn."""

    turns: dict[TurnState, int]
    waiting_questions: int
