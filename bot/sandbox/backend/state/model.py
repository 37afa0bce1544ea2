"""Users, guilds, channels and messages: plain objects that know no HTTP."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from bot.sandbox.backend.state.kinds import (
    NO_CHANNEL_FLAGS,
    NO_FLAGS,
    ChannelFlag,
    ChannelType,
    MessageFlag,
    MessageType,
)
from bot.sandbox.backend.state.parts import (
    DiscordAttachment,
    DiscordPoll,
    Edit,
    ForumTag,
    Payload,
    Reaction,
    Reference,
    Sticker,
)
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.clock import Timer
from bot.sandbox.snowflake import created_at

NOTHING: Final = Permission(0)


@dataclass(slots=True, eq=False)
class User:
    """A user account, of a person or a bot."""

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
    """A channel's permission overwrite for a role (kind 0) or a member (kind 1)."""

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
    """The state that only a channel thread has; times in Unix seconds, duration in minutes."""

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
    applied_tags: list[int] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Channel:
    """A text channel, channel thread, DM, category, forum or media channel.

    A category, a forum and a media channel hold no messages. ``available_tags``, ``default_emoji``,
    ``sort_order`` and ``layout`` are a forum's or media channel's. ``owner_id`` is a group DM's.
    """

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
    flags: ChannelFlag = NO_CHANNEL_FLAGS
    available_tags: list[ForumTag] = field(default_factory=list)
    default_emoji: str | None = None
    sort_order: int | None = None
    layout: int = 0
    owner_id: int | None = None

    @property
    def guild_id(self) -> int | None:
        """The id of the guild; None for a DM."""
        return None if self.guild is None else self.guild.id

    @property
    def thread_state(self) -> ThreadState:
        """The state of a channel thread; the channel must be a channel thread."""
        assert self.thread is not None
        return self.thread

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
    features: list[str] = field(default_factory=list)
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    thread_ids: dict[int, Channel] = field(default_factory=dict)
    stickers: dict[int, Sticker] = field(default_factory=dict)

    @property
    def threads(self) -> list[Channel]:
        """Every channel thread, archived ones too, oldest first."""
        return list(self.thread_ids.values())

    @property
    def everyone(self) -> Role:
        """The role that all members have."""
        return self.roles[self.id]

    def role(self, name: str) -> Role:
        """Return the role of that name; raises ``LookupError``."""
        return _named(name, self.roles.values(), "role")

    def sticker(self, name: str) -> Sticker:
        """Return the sticker of that name; raises ``LookupError``."""
        return _named(name, self.stickers.values(), "sticker")

    def text_channel(self, name: str) -> Channel:
        """Return the text channel of that name; raises ``LookupError``."""
        text_channels = [one for one in self.channels.values() if one.type is ChannelType.TEXT]
        return _named(name, text_channels, "text channel")


_Named = TypeVar("_Named", Role, Sticker, Channel)


def _named(name: str, objects: Iterable[_Named], kind: str) -> _Named:
    """Return the first object of this name; raises ``LookupError``."""
    found = next((one for one in objects if one.name == name), None)
    if found is None:
        raise LookupError(f"the guild has no {kind} named {name!r}")
    return found


@dataclass(slots=True, eq=False)
class Snapshot:
    """A copy of a forwarded message; later edits and deletions of the original leave it alone."""

    type: MessageType
    content: str
    created_at: float
    edited_at: float | None
    flags: MessageFlag
    mentions: list[User]
    mention_roles: list[int]
    embeds: list[Payload]
    components: list[Payload]
    files: list[DiscordAttachment]
    shown: set[int]
    stickers: list[Sticker]

    @property
    def attachments(self) -> list[DiscordAttachment]:
        """The files listed beside the snapshot: those that no embed or component shows."""
        return [file for file in self.files if file.id not in self.shown]


@dataclass(slots=True, eq=False)
class DiscordMessage:
    """A message; ``edits`` has the content after each edit, oldest first.

    ``files`` are all its files, ``shown`` the ids of those that an embed or component shows.
    ``previews`` are the embeds that Discord made of links in the content.
    """

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
    files: list[DiscordAttachment] = field(default_factory=list)
    shown: set[int] = field(default_factory=set)
    previews: list[Payload] = field(default_factory=list)
    stickers: list[Sticker] = field(default_factory=list)
    poll: DiscordPoll | None = None
    snapshots: list[Snapshot] = field(default_factory=list)
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
        """When the message was posted, in Unix seconds."""
        return created_at(self.id)

    @property
    def attachments(self) -> list[DiscordAttachment]:
        """The files listed beside the message.

        Discord leaves out a file that an embed or component of the message shows
        (https://github.com/discord/discord-api-docs/pull/8279).
        """
        return [file for file in self.files if file.id not in self.shown]

    @property
    def v2(self) -> bool:
        """Whether the message is made of Components V2."""
        return bool(self.flags & MessageFlag.IS_COMPONENTS_V2)

    @property
    def ephemeral(self) -> bool:
        """Whether only the person who asked sees the message."""
        return bool(self.flags & MessageFlag.EPHEMERAL)

    @property
    def loading(self) -> bool:
        """Whether the message is a deferred answer that says "thinking…"."""
        return bool(self.flags & MessageFlag.LOADING)

    @property
    def contents(self) -> list[str]:
        """The content at first and after each edit; the last is the present one."""
        return [self.first_content, *(edit.content for edit in self.edits)]
