"""Troubles on demand: everything that Discord can do to a bot on a bad day."""

from dataclasses import dataclass
from typing import Any, Final

from bot.sandbox.backend.backend import Backend
from bot.sandbox.backend.interactions.interactions import Interaction
from bot.sandbox.backend.state.model import Channel, DiscordMessage
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.faults import EventFault, Faults, RequestFault
from bot.sandbox.gateway.hub import Hub
from bot.sandbox.place import Place


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


class Control:
    """Causes troubles; ``clear`` ends the lasting ones and restores nothing that was deleted."""

    def __init__(self, backend: Backend, faults: Faults, hub: Hub, place: Place) -> None:
        self._backend = backend
        self._faults = faults
        self._hub = hub
        self._place = place
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

    def lose_events(self, name: str = "*", *, times: int | None = 1) -> EventFault:
        """See ``Faults.lose_events``."""
        return self._faults.lose_events(name, times=times)

    def repeat_events(
        self, name: str = "*", *, times: int | None = 1, copies: int = 2
    ) -> EventFault:
        """See ``Faults.repeat_events``."""
        return self._faults.repeat_events(name, times=times, copies=copies)

    def delay_events(self, seconds: float, name: str = "*", *, times: int | None = 1) -> EventFault:
        """See ``Faults.delay_events``."""
        return self._faults.delay_events(seconds, name, times=times)

    def delay(
        self, seconds: float, method: str = "*", route: str = "*", *, times: int | None = None
    ) -> RequestFault:
        """See ``Faults.delay_requests``."""
        return self._faults.delay_requests(seconds, method, route, times=times)

    def storm(
        self,
        requests: int | None = 5,
        *,
        retry_after: float = 0.2,
        method: str = "*",
        route: str = "*",
    ) -> RequestFault:
        """Answer the next requests with 429."""
        return self._faults.storm(
            times=requests, retry_after=retry_after, method=method, route=route
        )

    def server_errors(
        self, requests: int | None = 2, *, status: int = 500, method: str = "*", route: str = "*"
    ) -> RequestFault:
        """Answer the next requests with a 5xx status."""
        return self._faults.fail_next(method, route, status=status, times=requests)

    def refuse_files(self, requests: int | None = 1) -> RequestFault:
        """See ``Faults.refuse_files``."""
        return self._faults.refuse_files(times=requests)

    def outage(self, seconds: float) -> None:
        """Cut the gateway and answer everything with 503, for seconds of the sandbox's clock."""
        self._faults.outage(seconds)
        self._hub.drop()

    def revoke_token(self) -> None:
        """Revoke the bot's token: requests answer 401, the gateway closes with 4004."""
        self.token_revoked = True
        self._hub.close_bot(4004, "Authentication failed.")

    def delete_reply(self, message: DiscordMessage | None = None) -> DiscordMessage | None:
        """Delete a message as a moderator would, by default the bot's newest; return it."""
        if message is None:
            bot = self._backend.world.bot
            own = [
                one
                for channel in self._backend.world.channels.values()
                for one in channel.by_id.values()
                if one.author is bot
            ]
            message = max(own, key=lambda one: one.id, default=None)
        if message is not None:
            self._backend.messages.delete(message, None)
        return message

    def lock_thread(self, thread: Channel, *, archived: bool = True) -> None:
        """Lock a channel thread, and archive it."""
        self._backend.threads.set_state(thread, locked=True, archived=archived)

    def archive_thread(self, thread: Channel) -> None:
        """Archive a channel thread; the next message unarchives it."""
        self._backend.threads.set_state(thread, archived=True)

    def delete_channel(self, channel: Channel) -> None:
        """Delete a channel or thread with its messages."""
        self._backend.channels.delete(channel, None)

    def forbid(self, channel: Channel, *names: Permission) -> None:
        """Deny the bot permissions in a channel; a thread has those of its parent."""
        # A thread has the overwrites of its parent.
        place = channel.parent if channel.thread is not None and channel.parent else channel
        for name in names:
            place.deny(self._backend.world.bot, name)
        self._forbidden.append(place)
        self._backend.channels.changed(place)

    def forbid_sending(self, channel: Channel) -> None:
        """Deny the bot to post in a channel and its threads."""
        self.forbid(channel, Permission.SEND_MESSAGES, Permission.SEND_MESSAGES_IN_THREADS)

    def expire_interaction(self, interaction: Interaction | None = None) -> Interaction | None:
        """End the deadlines of an interaction, by default the newest; return it."""
        interaction = interaction or self._backend.interactions.newest()
        if interaction is not None:
            self._backend.interactions.expire(interaction)
        return interaction

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward; timers that fall due fire now."""
        self._backend.world.clock.advance(seconds)
        self._backend.world.publish("guild")

    def remove_bot(self) -> None:
        """Remove the bot from the guild."""
        self._backend.guilds.leave(self._place.state, self._backend.world.bot)

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
        """Cause one of ``ACTIONS``.

        Raises ``LookupError`` for an unknown name, ``ValueError`` where it needs a channel thread.
        """
        count = max(1, int(number))
        if name == "lose_events":
            self.lose_events(times=count)
        elif name == "repeat_events":
            self.repeat_events(times=count)
        elif name == "delay":
            self.delay(number)
        elif name == "storm":
            self.storm(count)
        elif name == "refuse_files":
            self.refuse_files(count)
        elif name == "server_errors":
            self.server_errors(count)
        elif name == "outage":
            self.outage(number)
        elif name == "advance":
            self.advance(number * 60)
        elif name in ("lock_thread", "forbid_sending"):
            if channel is None or (name == "lock_thread" and channel.thread is None):
                raise ValueError("open a channel thread first")
            getattr(self, name)(channel)
        elif any(name == action.name for action in ACTIONS):
            simple: Any = getattr(self, name)
            simple()
        else:
            raise LookupError(f"there is no trouble named {name!r}")
