"""What the bot hears of responses before discord.py does."""

import aiohttp
import discord
from aiohttp import web

from bot.chat.transport.http_observer import observe_requests
from tests.support.fake_clock import FakeClock
from tests.support.loopback import Loopback


class Refusing(Loopback):
    """A proxy before Discord that refuses requests, and asks to wait in words."""

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_route("*", "/{path:.*}", self._refuse)

    async def _refuse(self, request: web.Request) -> web.Response:
        headers = {"X-RateLimit-Global": "true", "Retry-After": "soon"}
        return web.Response(status=int(request.query["status"]), headers=headers)


async def test_refusals_are_reported_even_if_their_retry_after_is_unreadable() -> None:
    client = discord.Client(intents=discord.Intents.none())
    channels, statuses, refused = list[int](), list[int](), list[str]()
    observe_requests(
        client,
        FakeClock(),
        channel_limited=channels.append,
        unauthorized=lambda: refused.append("token"),
        answered=statuses.append,
    )
    trace = client.http.http_trace
    assert trace is not None
    async with Refusing() as discord_, aiohttp.ClientSession(trace_configs=[trace]) as session:
        for path in (
            "channels/5/messages/6?status=429",
            "channels/5/messages?status=429",
            "channels/5/messages/6?status=401",
            "webhooks/7/a-token?status=401",
            "users/@me?status=200",
        ):
            await session.get(f"http://127.0.0.1:{discord_.port}/api/v10/{path}")
    assert channels == [5]
    assert refused == ["token"]
    assert statuses == [429, 429, 401, 401, 200]
