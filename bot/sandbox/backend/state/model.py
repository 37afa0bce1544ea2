"""What a Discord is made of: users, guilds, channels, messages; plain objects that know no HTTP."""

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any, Final

from bot.sandbox.backend.state.permissions import Permission
from bot.sandbox.clock import Timer
from bot.sandbox.snowflake import created_at

Payload = dict[str, Any]
NOTHING: Final = Permission(0)


class ChannelType(IntEnum):
    """The kinds of channel the sandbox has."""

    TEXT = 0
    DM = 1
    CATEGORY = 4
    ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12


class MessageType(IntEnum):
    """The kinds of message the sandbox has."""

    DEFAULT = 0
    CHANNEL_PINNED_MESSAGE = 6
    THREAD_CREATED = 18
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    THREAD_STARTER_MESSAGE = 21
    CONTEXT_MENU_COMMAND = 23


class MessageFlag(IntFlag):
    """Discord's message flags."""

    CROSSPOSTED = 1 << 0
    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_COMPONENTS_V2 = 1 << 15


NO_FLAGS: Final = MessageFlag(0)


@dataclass(slots=True, eq=False)
class User:
    """An account; people have a token of their own for the page, the bot's is the sandbox's."""

    id: int
    username: str
    global_name: str | None = None
    bot: bool = False
    locale: str = "en-US"
    takes_dms: bool = True

    @property
    def name(self) -> str:
        """The name shown."""
        return self.global_name or self.username

    @property
    def mention(self) -> str:
        """The text that mentions the user."""
        return f"<@{self.id}>"


@dataclass(slots=True, eq=False)
class Role:
    """A role of a guild; the one whose id is the guild's is @everyone."""

    id: int
    name: str
    permissions: Permission
    position: int = 0
    color: int = 0
    hoist: bool = False
    mentionable: bool = False
    bot_id: int | None = None


@dataclass(slots=True, eq=False)
class Overwrite:
    """What a channel allows or denies to a role (kind 0) or a member (kind 1)."""

    id: int
    kind: int
    allow: Permission = NOTHING
    deny: Permission = NOTHING


@dataclass(slots=True, eq=False)
class Member:
    """A user in a guild."""

    user: User
    joined_at: float
    roles: set[int] = field(default_factory=set)
    nick: str | None = None
    timed_out_until: float | None = None


@dataclass(slots=True, eq=False)
class ThreadState:
    """What a channel thread has beyond a channel; times in Unix seconds, duration in minutes."""

    owner_id: int
    created_at: float
    auto_archive_minutes: int
    archived: bool = False
    locked: bool = False
    invitable: bool = True
    private: bool = False
    archived_at: float = 0.0
    total_sent: int = 0
    message_count: int = 0
    members: dict[int, float] = field(default_factory=dict)
    look: Timer | None = None


@dataclass(slots=True, eq=False)
class Channel:
    """A place messages are in: text channel, channel thread, DM; a category holds none."""

    id: int
    type: ChannelType
    name: str = ""
    guild: "Guild | None" = None
    parent: "Channel | None" = None
    position: int = 0
    topic: str | None = None
    nsfw: bool = False
    slowmode: int = 0
    auto_archive_minutes: int = 4320
    thread_slowmode: int = 0
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    recipients: list[User] = field(default_factory=list)
    thread: ThreadState | None = None
    by_id: "dict[int, DiscordMessage]" = field(default_factory=dict)
    ephemeral: "dict[int, DiscordMessage]" = field(default_factory=dict)
    last_message_id: int | None = None
    last_pin_at: float | None = None
    typing: dict[int, float] = field(default_factory=dict)
    last_posts: dict[int, float] = field(default_factory=dict)
    deleted: bool = False

    @property
    def messages(self) -> "list[DiscordMessage]":
        """The messages, oldest first."""
        return list(self.by_id.values())

    @property
    def threads(self) -> "list[Channel]":
        """The channel threads under this channel, oldest first."""
        if self.guild is None:
            return []
        return [thread for thread in self.guild.threads if thread.parent is self]

    @property
    def mention(self) -> str:
        """The text that links to the channel."""
        return f"<#{self.id}>"

    def deny(self, target: "User | Role", permission: Permission) -> None:
        """Deny a permission to a role or member here."""
        self._overwrite(target).deny |= permission
        self._overwrite(target).allow &= ~permission

    def allow(self, target: "User | Role", permission: Permission) -> None:
        """Allow a permission to a role or member here."""
        self._overwrite(target).allow |= permission
        self._overwrite(target).deny &= ~permission

    def _overwrite(self, target: "User | Role") -> Overwrite:
        kind = 1 if isinstance(target, User) else 0
        return self.overwrites.setdefault(target.id, Overwrite(target.id, kind))


@dataclass(slots=True, eq=False)
class Guild:
    """A server: roles, members and channels."""

    id: int
    name: str
    owner_id: int
    created_at: float
    premium_tier: int = 0
    locale: str = "en-US"
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    thread_ids: dict[int, Channel] = field(default_factory=dict)

    @property
    def threads(self) -> list[Channel]:
        """Every channel thread, archived ones too, oldest first."""
        return list(self.thread_ids.values())

    @property
    def everyone(self) -> Role:
        """The role all members have."""
        return self.roles[self.id]

    def role(self, name: str) -> Role:
        """The role of that name; raises ``LookupError``."""
        for role in self.roles.values():
            if role.name == name:
                return role
        raise LookupError(f"the guild has no role named {name!r}")

    def text_channel(self, name: str) -> Channel:
        """The text channel of that name; raises ``LookupError``."""
        for channel in self.channels.values():
            if channel.name == name and channel.type is ChannelType.TEXT:
                return channel
        raise LookupError(f"the guild has no text channel named {name!r}")


@dataclass(slots=True, eq=False)
class DiscordAttachment:
    """A file on a message."""

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


@dataclass(slots=True, eq=False)
class Reaction:
    """One emoji on a message and who chose it, first to last."""

    emoji_id: int | None
    emoji_name: str
    users: dict[int, None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Reference:
    """What a message points to: the message it replies to, or where a thread began."""

    channel_id: int
    message_id: int | None
    guild_id: int | None


@dataclass(slots=True, frozen=True)
class Edit:
    """What a message said from a time (Unix seconds) on."""

    at: float
    content: str


@dataclass(slots=True, eq=False)
class DiscordMessage:
    """A message as it stands; ``edits`` is what each edit made it say, oldest first."""

    id: int
    channel: Channel
    author: User
    content: str = ""
    type: MessageType = MessageType.DEFAULT
    flags: MessageFlag = NO_FLAGS
    edited_at: float | None = None
    edits: list[Edit] = field(default_factory=list)
    old_edits: list[float] = field(default_factory=list)
    tts: bool = False
    pinned_at: float | None = None
    nonce: str | int | None = None
    mentions: list[User] = field(default_factory=list)
    mention_roles: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    pings: set[int] = field(default_factory=set)
    embeds: list[Payload] = field(default_factory=list)
    components: list[Payload] = field(default_factory=list)
    attachments: list[DiscordAttachment] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    reference: Reference | None = None
    referenced: "DiscordMessage | None" = None
    thread: Channel | None = None
    position: int | None = None
    application_id: int | None = None
    webhook_id: int | None = None
    interaction_metadata: Payload | None = None
    legacy_interaction: Payload | None = None
    for_user: User | None = None
    deleted: bool = False
    first_content: str = ""

    def __post_init__(self) -> None:
        self.first_content = self.content

    @property
    def created_at(self) -> float:
        """Unix seconds of its posting."""
        return created_at(self.id)

    @property
    def ephemeral(self) -> bool:
        """Whether only the person who asked sees it."""
        return bool(self.flags & MessageFlag.EPHEMERAL)

    @property
    def loading(self) -> bool:
        """Whether it is a deferred answer that still says "thinking…"."""
        return bool(self.flags & MessageFlag.LOADING)

    @property
    def contents(self) -> list[str]:
        """All it has said, first words first; what it says now is last."""
        return [self.first_content, *(edit.content for edit in self.edits)]
