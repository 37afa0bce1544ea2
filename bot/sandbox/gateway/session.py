"""A gateway session: numbers its events and keeps them for a RESUME."""

import secrets
from collections import deque
from typing import Final, Protocol

import msgspec

from bot.sandbox.backend.state.events import GatewayEvent, Intent
from bot.sandbox.backend.state.model import User
from bot.sandbox.backend.world import World

# Discord publishes neither number. The session must outlive a short outage, and a client that
# comes back later must find that RESUME fails.
KEPT_EVENTS: Final = 5000
RESUMABLE_SECONDS: Final = 180.0
_encode: Final = msgspec.json.Encoder().encode


class FrameSink(Protocol):
    """The connection that a session sends its frames over."""

    session: "GatewaySession | None"

    def send(self, frame: bytes) -> None:
        """Queue a frame; frames go out in the order in which they were queued."""

    def close(self, code: int, reason: str = "") -> None:
        """Close with a close code after the queued frames are out."""


class GatewaySession:
    """An identified client; ``intents`` is None for a person's app, which gets all events."""

    def __init__(
        self, world: World, user: User, intents: int | None, shard: tuple[int, int]
    ) -> None:
        self.id = secrets.token_hex(16)
        self.user = user
        self.intents = intents
        self.shard = shard
        self.socket: FrameSink | None = None
        self.seq = 0
        self.lost_at: float | None = None
        self._world = world
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=KEPT_EVENTS)

    def wants(self, event: GatewayEvent) -> bool:
        """Return whether the event is for this session."""
        if event.only is not None and self.user.id not in event.only:
            return False
        if self.intents is None:
            # Interactions go to the application, never to the person who caused them.
            if event.name == "INTERACTION_CREATE":
                return False
        elif event.intent is not None and not self.intents & event.intent:
            return False
        if not self._holds(event.guild_id):
            return False
        if event.channel is None or event.name.startswith("CHANNEL_"):
            return self.intents is not None or event.channel is None or self._sees(event)
        if event.only is not None and self.user.id in event.only:
            return True
        return self._sees(event)

    def _sees(self, event: GatewayEvent) -> bool:
        return event.channel is not None and self._world.sees(event.channel, self.user)

    def _holds(self, guild_id: int | None) -> bool:
        number, count = self.shard
        return (0 if guild_id is None else (guild_id >> 22) % count) == number

    def holds_guild(self, guild_id: int) -> bool:
        """Return whether the guild belongs to this session's shard."""
        return self._holds(guild_id)

    def reads_content(self) -> bool:
        """Return whether the session has the message content intent."""
        return self.intents is None or bool(self.intents & Intent.MESSAGE_CONTENT)

    def dispatch(self, name: str, body: bytes, *, sent: bool = True) -> None:
        """Number an event, keep it and send it; ``sent`` false loses the event for good."""
        self.seq += 1
        if not sent:
            return
        frame = b'{"op":0,"t":"%s","s":%d,"d":%s}' % (name.encode(), self.seq, body)
        self._kept.append((self.seq, frame))
        if self.socket is not None:
            self.socket.send(frame)

    def again(self) -> None:
        """Send the newest event again with the same number."""
        if self.socket is not None and self._kept:
            self.socket.send(self._kept[-1][1])

    def can_resume(self, seq: int) -> bool:
        """Return whether all events after ``seq`` are kept and the session is not too old."""
        if seq > self.seq:
            return False
        if self.lost_at is not None and self._world.now() - self.lost_at > RESUMABLE_SECONDS:
            return False
        kept_from = self._kept[0][0] if self._kept else self.seq + 1
        return len(self._kept) < KEPT_EVENTS or seq >= kept_from - 1

    def missed(self, seq: int) -> list[bytes]:
        """Return the frames after ``seq``, in order."""
        return [frame for number, frame in self._kept if number > seq]


def encode(payload: object) -> bytes:
    """Return a payload as JSON bytes."""
    return _encode(payload)
