"""Troubles on demand: everything that Discord can do to a bot on a bad day."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.sandbox.backend.backend import Backend
from bot.sandbox.backend.interactions.interactions import Interaction
from bot.sandbox.backend.state.model import Channel, DiscordMessage
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.faults import Faults
from bot.sandbox.gateway.hub import Hub
from bot.sandbox.guild import SandboxGuild


@dataclass(slots=True, frozen=True)
class Action:
    """A trouble that the page offers; ``number`` is the unit of the number it takes, if any."""

    name: str
    label: str
    number: str | None = None
    default: float = 0


ACTIONS: Final = (
    Action("drop_socket", "Cut the gateway"),
    Action("reconnect", "Ask for a reconnect"),
    Action("invalidate", "Invalidate the session"),
    Action("lose_events", "Lose the next events", "events", 1),
    Action("repeat_events", "Repeat the next events", "events", 1),
    Action("delay", "Answer slowly", "seconds", 2),
    Action("storm", "Storm of 429s", "requests", 5),
    Action("server_errors", "Server errors (500)", "requests", 2),
    Action("refuse_files", "Refuse files", "requests", 1),
    Action("outage", "Full outage", "seconds", 10),
    Action("delete_reply", "Delete the bot's last message"),
    Action("lock_thread", "Lock and archive this thread"),
    Action("forbid_sending", "Forbid the bot to send here"),
    Action("expire_interaction", "Expire the last interaction"),
    Action("revoke_token", "Revoke the token"),
    Action("advance", "Move the clock forward", "minutes", 60),
    Action("clear", "End all troubles"),
)


STORM_SECONDS: Final = 0.2
"""The ``retry_after`` of each 429 of the action "storm", in seconds."""


class Troubles:
    """Causes troubles beside those of ``Faults``.

    ``clear`` ends the lasting troubles; it does not restore deleted objects.
    """

    def __init__(self, backend: Backend, faults: Faults, hub: Hub, guild: SandboxGuild) -> None:
        self._backend = backend
        self._faults = faults
        self._hub = hub
        self._guild = guild
        self._forbidden: list[Channel] = []
        self.token_revoked = False

    def drop_socket(self) -> int:
        """Cut the bot's gateway sockets without a close frame; return how many."""
        return self._hub.drop()

    def reconnect(self) -> None:
        """Ask the bot to reconnect (op 7)."""
        self._hub.ask_to_reconnect()

    def invalidate(self, *, resumable: bool = False) -> None:
        """Tell the bot that its session is invalid (op 9)."""
        self._hub.invalidate(resumable=resumable)

    def close_socket(self, code: int) -> None:
        """Close the bot's gateway with a code."""
        self._hub.close_bot(code, "by command")

    def outage(self, seconds: float) -> None:
        """Cut the gateway and answer everything with 503, for seconds of the sandbox's clock."""
        self._faults.outage(seconds)
        self._hub.drop()

    def revoke_token(self) -> None:
        """Revoke the bot's token: requests answer 401, the gateway closes with 4004."""
        self.token_revoked = True
        self._hub.close_bot(4004, "Authentication failed.")

    def delete_reply(self) -> DiscordMessage | None:
        """Delete the bot's newest message as a moderator would; return it."""
        own = [
            one
            for channel in self._backend.world.channels.values()
            for one in channel.by_id.values()
            if one.author is self._backend.world.bot
        ]
        message = max(own, key=lambda one: one.id, default=None)
        if message is not None:
            self._backend.messages.delete(message, None)
        return message

    def lock_thread(self, thread: Channel) -> None:
        """Lock a channel thread, and archive it."""
        self._backend.threads.set_state(thread, locked=True, archived=True)

    def archive_thread(self, thread: Channel) -> None:
        """Archive a channel thread; the next message unarchives it."""
        self._backend.threads.set_state(thread, archived=True)

    def delete_channel(self, channel: Channel) -> None:
        """Delete a channel or thread with its messages."""
        self._backend.channels.delete(channel, None)

    def forbid(self, channel: Channel, *names: Permission) -> None:
        """Deny the bot permissions in a channel, or in the parent of a channel thread."""
        # A channel thread has no overwrites.
        place = channel.parent if channel.thread is not None and channel.parent else channel
        for name in names:
            place.deny(self._backend.world.bot, name)
        self._forbidden.append(place)
        self._backend.channels.changed(place)

    def forbid_sending(self, channel: Channel) -> None:
        """Deny the bot the permission to post in a channel and its threads."""
        self.forbid(channel, Permission.SEND_MESSAGES, Permission.SEND_MESSAGES_IN_THREADS)

    def expire_interaction(self) -> Interaction | None:
        """End the deadlines of the newest interaction; return it."""
        interaction = self._backend.interactions.newest()
        if interaction is not None:
            self._backend.interactions.expire(interaction)
        return interaction

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward; timers that fall due fire now."""
        self._backend.world.clock.advance(seconds)
        self._backend.world.publish("guild")

    def remove_bot(self) -> None:
        """Remove the bot from the guild."""
        self._backend.guilds.leave(self._guild.state, self._backend.world.bot)

    def clear(self) -> None:
        """End all lasting troubles; restore the token and the denied permissions."""
        self._faults.clear()
        self.token_revoked = False
        for channel in self._forbidden:
            channel.overwrites.pop(self._backend.world.bot.id, None)
            self._backend.channels.changed(channel)
        self._forbidden.clear()
        self._backend.world.publish("guild")

    def perform(self, name: str, number: float, channel: Channel | None) -> None:
        """Cause one of ``ACTIONS``; ``channel`` is the channel that the person has open.

        Raises ``LookupError`` for an unknown name, ``ValueError`` where it needs a channel thread.
        """
        faults, count = self._faults, max(1, int(number))
        causes: dict[str, Callable[[], object]] = {
            "drop_socket": self.drop_socket,
            "reconnect": self.reconnect,
            "invalidate": self.invalidate,
            "lose_events": lambda: faults.lose_events(times=count),
            "repeat_events": lambda: faults.repeat_events(times=count),
            "delay": lambda: faults.delay_requests(number),
            "storm": lambda: faults.storm(times=count, retry_after=STORM_SECONDS),
            "server_errors": lambda: faults.fail_next("*", "*", times=count),
            "refuse_files": lambda: faults.refuse_files(times=count),
            "outage": lambda: self.outage(number),
            "delete_reply": self.delete_reply,
            "lock_thread": lambda: self.lock_thread(_opened(channel, thread=True)),
            "forbid_sending": lambda: self.forbid_sending(_opened(channel)),
            "expire_interaction": self.expire_interaction,
            "revoke_token": self.revoke_token,
            "advance": lambda: self.advance(number * 60),
            "clear": self.clear,
        }
        if name not in causes:
            raise LookupError(f"there is no trouble named {name!r}")
        causes[name]()


def _opened(channel: Channel | None, *, thread: bool = False) -> Channel:
    if channel is None or (thread and channel.thread is None):
        raise ValueError("open a channel thread first")
    return channel
