"""One WebSocket of the gateway: handshake, heartbeats, and frames in order, compressed if asked."""

import asyncio
from typing import Any, Final, Protocol

import msgspec
from aiohttp import WSMsgType, web

from bot.sandbox.gateway.compression import COMPRESSORS
from bot.sandbox.gateway.session import GatewaySession, encode

HEARTBEAT_MS: Final = 41_250
# discord.py notes the time of a heartbeat after sending it; the ack must not come before.
ACK_DELAY: Final = 0.005
# Opcodes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway
HEARTBEAT: Final = 1
IDENTIFY: Final = 2
PRESENCE_UPDATE: Final = 3
RESUME: Final = 6
RECONNECT: Final = 7
REQUEST_GUILD_MEMBERS: Final = 8
INVALID_SESSION: Final = 9
HELLO: Final = 10
HEARTBEAT_ACK: Final = 11
# Close codes
UNKNOWN_OPCODE: Final = 4001
DECODE_ERROR: Final = 4002
NOT_AUTHENTICATED: Final = 4003
AUTHENTICATION_FAILED: Final = 4004
ALREADY_AUTHENTICATED: Final = 4005
RATE_LIMITED: Final = 4008
TIMED_OUT: Final = 4009
INVALID_SHARD: Final = 4010
INVALID_INTENTS: Final = 4013
DISALLOWED_INTENTS: Final = 4014
MAX_COMMANDS: Final = 120
COMMAND_SECONDS: Final = 60.0


class Closing(Exception):  # noqa: N818 - a protocol step, caught where the socket is served
    """Raised to close the socket with a close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class SessionKeeper(Protocol):
    """The side of the gateway that knows all sessions, as one socket needs it."""

    def identify(self, socket: "ClientSocket", data: dict[str, Any]) -> None:
        """Begin a session for the socket; raises ``Closing`` where the client is refused."""

    def resume(self, socket: "ClientSocket", data: dict[str, Any]) -> None:
        """Attach the socket to an earlier session, or tell the client that it is gone."""

    def members(self, session: GatewaySession, data: dict[str, Any]) -> None:
        """Answer a request for guild members."""

    def unknown(self, what: str) -> None:
        """Note a request that the sandbox does not support."""

    def lost(self, socket: "ClientSocket", *, clean: bool) -> None:
        """Handle the end of a connection; ``clean`` means that the client closed its session."""


class ClientSocket:
    """Serves one connection until it ends."""

    def __init__(self, hub: SessionKeeper, request: web.Request) -> None:
        self._hub = hub
        self._request = request
        self._ws = web.WebSocketResponse(max_msg_size=4096 * 4, autoping=True, compress=False)
        self._out: asyncio.Queue[bytes | tuple[int, str]] = asyncio.Queue()
        wanted = request.query.get("compress")
        self._compress = COMPRESSORS[wanted]() if wanted else None
        self._commands: list[float] = []
        self.session: GatewaySession | None = None

    def send(self, frame: bytes) -> None:
        """Queue a frame; it goes out in order."""
        self._out.put_nowait(frame)

    def send_op(self, op: int, data: Any = None) -> None:
        """Queue an opcode with its data."""
        self.send(encode({"op": op, "d": data, "s": None, "t": None}))

    def close(self, code: int, reason: str = "") -> None:
        """Close with a code once everything queued is out."""
        self._out.put_nowait((code, reason))

    def abort(self) -> None:
        """Cut the connection without a close frame."""
        if self._request.transport is not None:
            self._request.transport.abort()

    def end_session(self) -> None:
        """Tell the client to identify again, because its session can't be resumed."""
        self.send_op(INVALID_SESSION, False)

    async def serve(self) -> web.WebSocketResponse:
        """Serve the connection until it ends."""
        await self._ws.prepare(self._request)
        writer = asyncio.create_task(self._write())
        try:
            self.send_op(HELLO, {"heartbeat_interval": HEARTBEAT_MS, "_trace": ["sandbox"]})
            await self._read()
        except Closing as closing:
            self.close(closing.code, closing.reason)
            await writer
        finally:
            clean = self._ws.close_code in (1000, 1001) and not writer.done()
            writer.cancel()
            self._hub.lost(self, clean=clean)
        return self._ws

    async def _write(self) -> None:
        try:
            while True:
                item = await self._out.get()
                if isinstance(item, tuple):
                    await self._ws.close(code=item[0], message=item[1].encode(), drain=True)
                    return
                if self._compress is None:
                    await self._ws.send_str(item.decode())
                else:
                    await self._ws.send_bytes(self._compress(item))
        except ConnectionError:
            return  # The reading side sees the same end and tells the hub.

    async def _read(self) -> None:
        while True:
            try:
                message = await self._ws.receive(timeout=HEARTBEAT_MS * 1.5 / 1000)
            except TimeoutError:
                raise Closing(TIMED_OUT, "Session timed out.") from None
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
                return
            if message.type is WSMsgType.ERROR:
                return
            self._count()
            try:
                frame = msgspec.json.decode(message.data, type=dict[str, Any])
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise Closing(DECODE_ERROR, "Error while decoding payload.") from None
            self._handle(frame.get("op"), frame.get("d"))

    def _count(self) -> None:
        now = asyncio.get_running_loop().time()
        self._commands = [at for at in self._commands if at > now - COMMAND_SECONDS]
        self._commands.append(now)
        if len(self._commands) > MAX_COMMANDS:
            raise Closing(RATE_LIMITED, "You are being rate limited.")

    def _handle(self, op: Any, data: Any) -> None:
        if op == HEARTBEAT:
            asyncio.get_running_loop().call_later(ACK_DELAY, self.send_op, HEARTBEAT_ACK)
        elif op == IDENTIFY:
            if self.session is not None:
                raise Closing(ALREADY_AUTHENTICATED, "Already authenticated.")
            self._hub.identify(self, _object(data))
        elif op == RESUME:
            if self.session is not None:
                raise Closing(ALREADY_AUTHENTICATED, "Already authenticated.")
            self._hub.resume(self, _object(data))
        elif self.session is None:
            raise Closing(NOT_AUTHENTICATED, "Not authenticated.")
        elif op == PRESENCE_UPDATE:
            _object(data)  # a presence update, which the sandbox shows to nobody
        elif op == REQUEST_GUILD_MEMBERS:
            self._hub.members(self.session, _object(data))
        else:
            self._hub.unknown(f"gateway opcode {op}")
            raise Closing(UNKNOWN_OPCODE, "Unknown opcode.")


def _object(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise Closing(DECODE_ERROR, "Error while decoding payload.")
    return data
