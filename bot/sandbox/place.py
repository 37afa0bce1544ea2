"""The sandbox's guild as tests and the demo hold it: its channels, what the bot may do in it."""

from bot.sandbox.backend import Backend
from bot.sandbox.backend.state.model import Channel, Guild, Role
from bot.sandbox.backend.state.permissions import Permission


class Place:
    """The sandbox's guild with the means to add to it; what it lacks, its ``state`` has."""

    def __init__(self, backend: Backend, state: Guild, bot_role: Role) -> None:
        self._backend = backend
        self.state = state
        self.bot_role = bot_role

    @property
    def id(self) -> int:
        """The guild's id."""
        return self.state.id

    @property
    def threads(self) -> list[Channel]:
        """Every channel thread, oldest first."""
        return self.state.threads

    def text_channel(self, name: str) -> Channel:
        """The text channel of that name; raises ``LookupError``."""
        return self.state.text_channel(name)

    def add_text_channel(self, name: str, *, parent: Channel | None = None) -> Channel:
        """A new text channel."""
        return self._backend.channels.add(self.state, name, parent=parent)

    def forbid_bot(self, *names: Permission) -> None:
        """Take permissions from the bot's role."""
        self.set_bot_permissions(self.bot_role.permissions & ~_union(names))

    def allow_bot(self, *names: Permission) -> None:
        """Give permissions to the bot's role."""
        self.set_bot_permissions(self.bot_role.permissions | _union(names))

    def set_bot_permissions(self, rights: Permission) -> None:
        """Set what the bot's role may do; @everyone's permissions stay beside it."""
        self._backend.guilds.set_role_permissions(self.state, self.bot_role, rights)


def _union(names: tuple[Permission, ...]) -> Permission:
    found = Permission(0)
    for name in names:
        found |= name
    return found
