"""An HTTP client with the bot's token, for requests that discord.py never sends."""

from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy

from bot.sandbox import Sandbox


@dataclass
class Answer:
    """A response with its decoded body."""

    status: int
    headers: CIMultiDictProxy[str]
    body: Any


class Rest:
    """Sends requests to the sandbox's API."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self._sandbox = sandbox
        self._session = session

    async def get(self, path: str) -> Answer:
        return await self.ask("GET", path)

    async def post(self, path: str, body: Any) -> Answer:
        return await self.ask("POST", path, body)

    async def patch(self, path: str, body: Any) -> Answer:
        return await self.ask("PATCH", path, body)

    async def put(self, path: str, body: Any) -> Answer:
        return await self.ask("PUT", path, body)

    async def raw(self, method: str, path: str, body: bytes) -> Answer:
        """Send the bytes unchanged with the media type of JSON."""
        headers = {
            "Authorization": f"Bot {self._sandbox.token}",
            "Content-Type": "application/json",
        }
        url = self._sandbox.api_url + path
        async with self._session.request(method, url, data=body, headers=headers) as response:
            return Answer(response.status, response.headers, await response.json())

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        headers = {"Authorization": f"Bot {self._sandbox.token}"}
        url = self._sandbox.api_url + path
        async with self._session.request(method, url, json=body, headers=headers) as response:
            data = await response.read()
            return Answer(
                response.status, response.headers, await response.json() if data else None
            )
