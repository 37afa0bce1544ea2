"""The gateway: accepts or refuses clients, keeps their sessions, and sends events to them.

Protocol and close codes: https://discord.com/developers/docs/events/gateway.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import WSCloseCode, hdrs, web

from bot.sandbox.backend.payloads import render
from bot.sandbox.backend.state import permissions
from bot.sandbox.backend.state.events import KNOWN_INTENTS, PRIVILEGED, GatewayEvent, Intent
from bot.sandbox.backend.state.model import Guild, User
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.backend.world import World
from bot.sandbox.clock import isoformat
from bot.sandbox.faults import Faults
from bot.sandbox.gateway import socket as wire
from bot.sandbox.gateway.compression import COMPRESSORS
from bot.sandbox.gateway.session import GatewaySession, encode
from bot.sandbox.gateway.socket import ClientSocket, Closing


class Hub:
    """All sessions and sockets; ``authenticate`` takes a token without a prefix."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        authenticate: Callable[[str], User | None],
        unknown: Callable[[str], None],
    ) -> None:
        self._world = world
        self._faults = faults
        self._authenticate = authenticate
        self._note_unknown = unknown
        self.url = ""
        self.sessions: dict[str, GatewaySession] = {}
        self.sockets: set[ClientSocket] = set()
        world.listeners.append(self.on_event)

    async def handler(self, request: web.Request) -> web.StreamResponse:
        """Serve the endpoint that clients connect to."""
        if self._faults.is_out and hdrs.ORIGIN not in request.headers:  # not for the page
            return web.Response(status=503)
        compress = request.query.get("compress", "")
        if compress not in ("", *COMPRESSORS) or request.query.get("encoding") == "etf":
            self.unknown(f"gateway {request.query_string}")
            offered = " or ".join(COMPRESSORS)
            return web.Response(status=501, text=f"the sandbox has json with {offered} only")
        socket = ClientSocket(self, request)
        self.sockets.add(socket)
        return await socket.serve()

    def unknown(self, what: str) -> None:
        """Note a request that the sandbox does not support."""
        self._note_unknown(what)

    def bot_session(self) -> GatewaySession | None:
        """Return the bot's session that has a socket, if there is one."""
        for session in self.sessions.values():
            if session.user is self._world.bot and session.socket is not None:
                return session
        return None

    def on_event(self, event: GatewayEvent) -> None:
        """Send an event to the sessions that want it."""
        bodies: dict[bool, bytes] = {}
        verdict = None
        for session in list(self.sessions.values()):
            if not session.wants(event):
                continue
            if event.name == "GUILD_CREATE" and event.guild_id is not None:
                guild = self._world.guilds[event.guild_id]
                session.dispatch(event.name, encode(self._guild(session, guild)))
                continue
            # One payload for all sessions that read content, and one for all that do not.
            full = event.stripped is None or session.reads_content()
            if full not in bodies:
                payload = event.payload if full or not event.stripped else event.stripped()
                bodies[full] = encode(payload)
            # One verdict for all sessions: the fault may be used up by the first of them.
            if session.intents is None or not (verdict or self._faults.events):
                session.dispatch(event.name, bodies[full])
                continue
            verdict = verdict or self._faults.judge(event)
            if verdict.delay:
                loop = asyncio.get_running_loop()
                loop.call_later(verdict.delay, session.dispatch, event.name, bodies[full])
                continue
            session.dispatch(event.name, bodies[full], sent=verdict.copies > 0)
            for _ in range(verdict.copies - 1):
                session.again()

    def identify(self, socket: ClientSocket, data: Payload) -> None:
        """Begin a session; raises ``Closing`` where the client is refused."""
        user = self._authenticate(str(data.get("token", "")))
        if user is None:
            raise Closing(wire.AUTHENTICATION_FAILED, "Authentication failed.")
        intents: int | None = None
        if user.bot:
            intents = data.get("intents")
            if not isinstance(intents, int) or intents & ~KNOWN_INTENTS or intents < 0:
                raise Closing(wire.INVALID_INTENTS, "Invalid intent(s).")
            for name, intent in PRIVILEGED.items():
                if intents & intent and name not in self._world.granted_intents:
                    raise Closing(wire.DISALLOWED_INTENTS, "Disallowed intent(s).")
            self._world.identified += 1
        number, count = data.get("shard") or (0, 1)
        if not 0 <= number < count:
            raise Closing(wire.INVALID_SHARD, "Invalid shard.")
        session = GatewaySession(self._world, user, intents, (number, count))
        self.sessions[session.id] = session
        self._attach(session, socket)
        self._welcome(session)
        self._tell_presence(session)
        self._world.publish("session", detail=session)

    def _attach(self, session: GatewaySession, socket: ClientSocket) -> None:
        if session.socket is not None:
            session.socket.session = None
            session.socket.close(4000, "Session resumed elsewhere.")
        session.socket = socket
        session.lost_at = None
        socket.session = session

    def _welcome(self, session: GatewaySession) -> None:
        guilds = [
            guild
            for guild in self._world.guilds.values()
            if session.user.id in guild.members and session.holds_guild(guild.id)
        ]
        ready: Payload = {
            "v": 10,
            "user": render.own_user(session.user),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self.url,
            "shard": list(session.shard),
            "application": {"id": str(self._world.application_id), "flags": 0},
            "private_channels": [],
            "relationships": [],
            "presences": [],
            "user_settings": {},
        }
        if session.intents is None:
            ready["private_channels"] = [
                render.channel(channel)
                for channel in self._world.channels.values()
                if session.user in channel.recipients
            ]
        session.dispatch("READY", encode(ready))
        if session.intents is None or session.intents & Intent.GUILDS:
            for guild in guilds:
                session.dispatch("GUILD_CREATE", encode(self._guild(session, guild)))

    def _guild(self, session: GatewaySession, guild: Guild) -> Payload:
        world = self._world
        person = session.intents is None
        wanted = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES
        everybody = person or (session.intents or 0) & wanted == wanted
        members = [
            render.member(one)
            for one in guild.members.values()
            if everybody or one.user is session.user
        ]
        rights = permissions.in_guild(guild, session.user, now=world.now())
        return {
            **render.guild(guild),
            "joined_at": isoformat(guild.members[session.user.id].joined_at),
            "large": False,
            "unavailable": False,
            "member_count": len(guild.members),
            "members": members,
            "channels": [
                render.channel(one)
                for one in guild.channels.values()
                if not person or world.sees(one, session.user)
            ],
            "threads": [
                render.thread_for(one, session.user)
                for one in guild.threads
                if one.thread and not one.thread.archived and world.sees(one, session.user)
            ],
            "voice_states": [],
            "presences": [self._presence(one.user) for one in guild.members.values()]
            if person
            else [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "permissions": str(int(rights)),
        }

    def resume(self, socket: ClientSocket, data: Payload) -> None:
        """Resume a session and replay the missed events, or tell the client to identify again."""
        user = self._authenticate(str(data.get("token", "")))
        if user is None:
            raise Closing(wire.AUTHENTICATION_FAILED, "Authentication failed.")
        session = self.sessions.get(str(data.get("session_id")))
        seq = data.get("seq")
        if session is None or session.user is not user or not isinstance(seq, int):
            socket.end_session()
            return
        if not session.can_resume(seq):
            del self.sessions[session.id]
            socket.end_session()
            return
        self._attach(session, socket)
        # RESUMED comes after the missed events: discord.py takes it for their end.
        for frame in session.missed(seq):
            socket.send(frame)
        session.dispatch("RESUMED", encode({"_trace": ["sandbox"]}))
        self._tell_presence(session)
        self._world.publish("session", detail=session)

    def _tell_presence(self, session: GatewaySession) -> None:
        """Send people whether the session's user is online."""
        for guild in self._world.guilds.values():
            if session.user.id not in guild.members:
                continue
            people = frozenset(guild.members) - {self._world.bot.id}
            payload = {"guild_id": str(guild.id), **self._presence(session.user)}
            event = GatewayEvent(
                "PRESENCE_UPDATE", payload, Intent.GUILD_PRESENCES, only=people, guild_id=guild.id
            )
            self._world.emit(event)

    def _presence(self, user: User) -> Payload:
        online = any(one.user is user and one.socket is not None for one in self.sessions.values())
        return {
            "user": {"id": str(user.id)},
            "status": "online" if online else "offline",
            "activities": [],
            "client_status": {},
        }

    def members(self, session: GatewaySession, data: Payload) -> None:
        """Answer a request for members in chunks of a thousand."""
        guild = self._world.guilds.get(int(data.get("guild_id", 0)))
        if guild is None or session.user.id not in guild.members:
            return
        found = sorted(guild.members.values(), key=lambda one: one.user.id)
        not_found: list[Any] = []
        if data.get("user_ids"):
            asked = data["user_ids"]
            wanted = {int(one) for one in (asked if isinstance(asked, list) else [asked])}
            found = [one for one in found if one.user.id in wanted]
            not_found = [str(one) for one in wanted - {member.user.id for member in found}]
        else:
            query = str(data.get("query") or "").lower()
            found = [one for one in found if one.user.name.lower().startswith(query)]
            found = found[: data.get("limit") or None]
        chunks = [found[at : at + 1000] for at in range(0, len(found), 1000)] or [[]]
        for index, chunk in enumerate(chunks):
            payload: Payload = {
                "guild_id": str(guild.id),
                "members": [render.member(one) for one in chunk],
                "chunk_index": index,
                "chunk_count": len(chunks),
                "not_found": not_found,
            }
            if data.get("nonce") is not None:
                payload["nonce"] = data["nonce"]
            session.dispatch("GUILD_MEMBERS_CHUNK", encode(payload))

    def lost(self, socket: ClientSocket, *, clean: bool) -> None:
        """Handle the end of a socket: after a clean close its session can't be resumed."""
        self.sockets.discard(socket)
        session = socket.session
        if session is None or session.socket is not socket:
            return
        session.socket = None
        session.lost_at = self._world.now()
        if clean or session.intents is None:
            self.sessions.pop(session.id, None)
        self._tell_presence(session)
        self._world.publish("session", detail=session)

    def drop(self) -> int:
        """Cut the sockets of bots without a close frame; return how many."""
        # A socket without a session may be a bot's that has not identified yet.
        found = [one for one in self.sockets if one.session is None or one.session.user.bot]
        for socket in found:
            socket.abort()
        return len(found)

    def ask_to_reconnect(self) -> None:
        """Send RECONNECT to the bot."""
        for socket in self._bot_sockets():
            socket.send_op(wire.RECONNECT)

    def invalidate(self, *, resumable: bool = False) -> None:
        """Send INVALID_SESSION to the bot and, unless resumable, forget its sessions."""
        for socket in self._bot_sockets():
            socket.send_op(wire.INVALID_SESSION, resumable)
            if not resumable and socket.session is not None:
                self.sessions.pop(socket.session.id, None)

    def close_bot(self, code: int, reason: str = "") -> None:
        """Close the bot's sockets with a code."""
        for socket in self._bot_sockets():
            socket.close(code, reason)

    def _bot_sockets(self) -> list[ClientSocket]:
        return [
            socket
            for socket in self.sockets
            if socket.session is not None and socket.session.user is self._world.bot
        ]

    def stop(self) -> None:
        """Close every socket."""
        for socket in list(self.sockets):
            socket.close(WSCloseCode.GOING_AWAY, "The sandbox stops.")
