"""A guild of the sandbox with the methods by which tests and the demo change it."""

from collections.abc import Sequence

from bot.sandbox.backend.backend import Backend
from bot.sandbox.backend.state.kinds import NO_CHANNEL_FLAGS, ChannelFlag, ChannelType
from bot.sandbox.backend.state.model import Channel, Guild, Role
from bot.sandbox.backend.state.parts import ForumTag, Sticker
from bot.sandbox.backend.state.permission_bits import Permission


class SandboxGuild:
    """Adds channels and stickers to the guild ``state``, and sets the bot's permissions."""

    def __init__(self, backend: Backend, state: Guild, bot_role: Role | None) -> None:
        self._backend = backend
        self.state = state
        self._bot_role = bot_role

    @property
    def bot_role(self) -> Role:
        """The role that Discord made for the bot; raises ``LookupError`` without the bot."""
        if self._bot_role is None:
            raise LookupError(f"the bot is not in the guild {self.state.name!r}")
        return self._bot_role

    @property
    def id(self) -> int:
        """The guild's id."""
        return self.state.id

    @property
    def threads(self) -> list[Channel]:
        """Every channel thread, oldest first."""
        return self.state.threads

    def text_channel(self, name: str) -> Channel:
        """Return the text channel of that name; raises ``LookupError``."""
        return self.state.text_channel(name)

    def add_text_channel(self, name: str, *, parent: Channel | None = None) -> Channel:
        """Add a text channel and return it."""
        return self._backend.channels.add(self.state, name, parent=parent)

    def add_category(self, name: str) -> Channel:
        """Add a category and return it."""
        return self._backend.channels.add(self.state, name, ChannelType.CATEGORY)

    def move(self, channel: Channel, category: Channel) -> None:
        """Move a channel into a category."""
        channel.parent = category
        self._backend.channels.changed(channel)

    def make_community(self, locale: str) -> None:
        """Make the guild a Community server whose primary language is this locale, such as "ja"."""
        self._backend.guilds.make_community(self.state, locale)

    def add_forum(
        self,
        name: str,
        *,
        tags: Sequence[str] = (),
        moderated_tags: Sequence[str] = (),
        require_tag: bool = False,
        media: bool = False,
        topic: str | None = None,
        parent: Channel | None = None,
    ) -> Channel:
        """Add a forum, or a media channel, and return it.

        Only members who manage threads can set a moderated tag.
        """
        kind = ChannelType.MEDIA if media else ChannelType.FORUM
        forum = self._backend.channels.add(self.state, name, kind, topic=topic, parent=parent)
        ids = self._backend.world.ids
        forum.available_tags = [
            ForumTag(ids.next(), tag, moderated=tag in moderated_tags)
            for tag in (*tags, *moderated_tags)
        ]
        forum.flags = ChannelFlag.REQUIRE_TAG if require_tag else NO_CHANNEL_FLAGS
        # The channel was announced when it was added, before it had tags.
        self._backend.channels.changed(forum)
        return forum

    def add_sticker(self, name: str, data: bytes, *, description: str = "") -> Sticker:
        """Add a sticker and return it; ``data`` is a PNG."""
        return self._backend.guilds.add_sticker(self.state, name, data, description=description)

    def set_boost_level(self, level: int) -> None:
        """Set the guild's boost level, 0 to 3; the level decides how large a file may be."""
        self._backend.guilds.set_boost_level(self.state, level)

    def forbid_bot(self, *names: Permission) -> None:
        """Remove permissions from the bot's role."""
        self.set_bot_permissions(self.bot_role.permissions & ~_union(names))

    def allow_bot(self, *names: Permission) -> None:
        """Add permissions to the bot's role."""
        self.set_bot_permissions(self.bot_role.permissions | _union(names))

    def set_bot_permissions(self, rights: Permission) -> None:
        """Set the permissions of the bot's role; the bot also has those of @everyone."""
        self._backend.guilds.set_role_permissions(self.state, self.bot_role, rights)


def _union(names: tuple[Permission, ...]) -> Permission:
    found = Permission(0)
    for name in names:
        found |= name
    return found
