"""The gateway's protocol, tested with a bare WebSocket."""

import json
import sys
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.sandbox import Permission, Sandbox
from bot.sandbox.http.app import all_routes
from tests.sandbox.client import Bot
from tests.sandbox.description import Description
from tests.support.eventually import PATIENCE

COMPRESSED = {"": zlib.decompressobj, "&compress=zlib-stream": zlib.decompressobj}
if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor

    COMPRESSED["&compress=zstd-stream"] = ZstdDecompressor

INTENTS = 1 | (1 << 9) | (1 << 15)


class Wire:
    """A bare gateway connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, query: str) -> None:
        self.socket = socket
        self._inflate = COMPRESSED[query]()

    async def send(self, op: int, data: Any) -> None:
        await self.socket.send_json({"op": op, "d": data})

    async def next(self) -> dict[str, Any]:
        """Return the next frame, or the close code as `closed`."""
        message = await self.socket.receive(timeout=PATIENCE)
        if message.type is aiohttp.WSMsgType.BINARY:
            found: dict[str, Any] = json.loads(self._inflate.decompress(message.data))
            return found
        if message.type is aiohttp.WSMsgType.TEXT:
            return dict(message.json())
        return {"closed": self.socket.close_code}

    async def until(self, name: str) -> dict[str, Any]:
        """Return the data of the next event of that name."""
        while True:
            frame = await self.next()
            assert "closed" not in frame
            if frame["t"] == name:
                data: dict[str, Any] = frame["d"]
                return data


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def connect(session: aiohttp.ClientSession, sandbox: Sandbox, query: str = "") -> Wire:
    url = f"{sandbox.gateway_url}?v=10&encoding=json{query}"
    wire = Wire(await session.ws_connect(url), query)
    assert (await wire.next())["op"] == 10
    return wire


@pytest.mark.parametrize("query", COMPRESSED)
async def test_a_session_begins_compressed_or_plain(
    session: aiohttp.ClientSession, sandbox: Sandbox, query: str
) -> None:
    wire = await connect(session, sandbox, query)
    await wire.send(1, None)
    assert (await wire.next())["op"] == 11
    await wire.send(2, {"token": sandbox.token, "intents": INTENTS, "properties": {}})
    ready = await wire.until("READY")
    assert ready["resume_gateway_url"] == sandbox.gateway_url
    assert ready["guilds"] == [{"id": str(sandbox.guild.id), "unavailable": True}]
    guild = await wire.until("GUILD_CREATE")
    assert [channel["name"] for channel in guild["channels"]] == ["general"]


@pytest.mark.parametrize(
    ("op", "data", "code"),
    [
        (2, {"token": "wrong", "intents": 0}, 4004),
        (2, {"token": None}, 4004),
        (2, "nonsense", 4002),
        (2, {"token": "TOKEN"}, 4013),
        (2, {"token": "TOKEN", "intents": 1 << 40}, 4013),
        (2, {"token": "TOKEN", "intents": 0, "shard": [2, 1]}, 4010),
        (3, {}, 4003),
        (6, {"token": "wrong", "session_id": "x", "seq": 1}, 4004),
    ],
)
async def test_a_client_is_turned_away_by_close_code(
    session: aiohttp.ClientSession, sandbox: Sandbox, op: int, data: Any, code: int
) -> None:
    wire = await connect(session, sandbox)
    if isinstance(data, dict) and data.get("token") == "TOKEN":
        data = {**data, "token": sandbox.token}
    await wire.send(op, data)
    assert await wire.next() == {"closed": code}


async def test_rubbish_and_unknown_opcodes_close_the_socket(
    session: aiohttp.ClientSession, sandbox: Sandbox
) -> None:
    wire = await connect(session, sandbox)
    await wire.socket.send_str("{")
    assert await wire.next() == {"closed": 4002}
    wire = await connect(session, sandbox)
    await wire.send(2, {"token": sandbox.token, "intents": 0})
    await wire.until("READY")
    await wire.send(99, {})
    assert await wire.next() == {"closed": 4001}
    assert sandbox.unknown_routes == ["gateway opcode 99"]
    sandbox.unknown_routes.clear()


async def test_a_resume_replays_and_an_unknown_session_is_invalid(
    session: aiohttp.ClientSession, sandbox: Sandbox
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    wire = await connect(session, sandbox)
    await wire.send(2, {"token": sandbox.token, "intents": INTENTS})
    ready = await wire.until("READY")
    await wire.until("GUILD_CREATE")
    sandbox.troubles.drop_socket()
    await sandbox.until(lambda: sandbox.disconnected)
    await ada.say(general, "meanwhile")
    wire = await connect(session, sandbox)
    session_id = ready["session_id"]
    await wire.send(6, {"token": sandbox.token, "session_id": session_id, "seq": 2})
    frame = await wire.next()
    assert (frame["t"], frame["s"], frame["d"]["content"]) == ("MESSAGE_CREATE", 3, "meanwhile")
    assert (await wire.next())["t"] == "RESUMED"
    other = await connect(session, sandbox)
    await other.send(6, {"token": sandbox.token, "session_id": "unknown", "seq": 2})
    assert await other.next() == {"op": 9, "d": False, "s": None, "t": None}


async def test_without_an_intent_its_events_do_not_come(
    session: aiohttp.ClientSession, sandbox: Sandbox
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    wire = await connect(session, sandbox)
    await wire.send(2, {"token": sandbox.token, "intents": 1})
    await wire.until("GUILD_CREATE")
    await ada.say(general, "unheard")
    sandbox.guild.add_text_channel("other")
    assert (await wire.next())["t"] == "CHANNEL_CREATE"


async def test_a_channel_the_bot_cannot_see_is_silent(
    session: aiohttp.ClientSession, sandbox: Sandbox
) -> None:
    hidden = sandbox.guild.add_text_channel("hidden")
    hidden.deny(sandbox.guild.state.everyone, Permission.VIEW_CHANNEL)
    wire = await connect(session, sandbox)
    await wire.send(2, {"token": sandbox.token, "intents": INTENTS})
    await wire.until("GUILD_CREATE")
    await sandbox.admin.say(hidden, "secret")
    await sandbox.admin.say(sandbox.guild.text_channel("general"), "open")
    assert (await wire.until("MESSAGE_CREATE"))["content"] == "open"


async def test_an_invalidated_session_begins_anew(bot: Bot, sandbox: Sandbox) -> None:
    sandbox.troubles.invalidate()
    await bot.until(lambda: len(bot.named("ready")) == 2)


async def test_every_route_is_one_of_discords(description: Description | None) -> None:
    if description is None:
        pytest.skip("Discord's description of its API is not in ../shared/specs")
    named = {(route.method, route.template) for route in all_routes()}
    assert {one for one in named if not description.describes(*one)} == set()
