"""A caller of the served API, good or bad: raw requests, and what came of them."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp

SECRET = "the-neighbours-secret-7d1f"
"""Stands in everything that the neighbour keeps; no other caller may ever read it."""

KEYS = {"neighbour": "sk-neighbour-0123456789", "hostile": "sk-hostile-0123456789"}
"""Each project's key."""

_TIMEOUT = aiohttp.ClientTimeout(total=120)
_SCANNED = 256 * 1024


@dataclass
class Tally:
    """What a caller was answered."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Answers of 500 and above."""
    leaks: list[str] = field(default_factory=list)
    """Answers that show the secret."""
    broken: int = 0
    """Requests that got no answer."""

    def note(self, what: str, status: int, body: bytes) -> None:
        """Count an answer, and keep what is wrong with it."""
        self.statuses[status] += 1
        if status >= 500 and len(self.wrong) < 20:
            self.wrong.append(f"{what}: {status} {body[:300]!r}")
        if SECRET.encode() in body and len(self.leaks) < 20:
            self.leaks.append(f"{what}: {body[:300]!r}")


class Caller:
    """Makes requests with one project's key and tallies the answers."""

    def __init__(self, url: str, project: str) -> None:
        self.url = url
        self.headers = {
            "Authorization": f"Bearer {KEYS[project]}",
            "OpenAI-Beta": "assistants=v2",
        }
        self.tally = Tally()
        self.kept: dict[str, Any] = {}
        """What one attack prepares once."""
        self._project = project
        self._session = aiohttp.ClientSession(
            timeout=_TIMEOUT, connector=aiohttp.TCPConnector(limit=0)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        slowly: bool = False,
    ) -> tuple[int, bytes]:
        """Make a request; return the status (0: no answer) and the body's beginning."""
        sent = {**self.headers, **(headers or {})}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        what = f"{method} {path[:120]}"
        try:
            async with self._session.request(
                method, self.url + path, data=body if data is None else data, headers=sent
            ) as response:
                found = bytearray()
                async for piece in response.content.iter_chunked(64 * 1024):
                    if len(found) < _SCANNED:
                        found += piece
                    if slowly:
                        await asyncio.sleep(0.05)
                answer = response.status, bytes(found)
        except (aiohttp.ClientError, OSError, TimeoutError):
            self.tally.broken += 1
            return 0, b""
        # Only the neighbour is to be shown what is its own.
        shown = answer[1] if self._project != "neighbour" else b""
        self.tally.note(what, answer[0], shown or answer[1][: 300 if answer[0] >= 500 else 0])
        return answer

    async def post(self, path: str, value: Any) -> Any:
        """Post JSON and return the answer's, {} where the answer is none."""
        return _decoded(await self.call("POST", path, body=json.dumps(value).encode()))

    async def get(self, path: str) -> Any:
        """Get JSON."""
        return _decoded(await self.call("GET", path))

    async def upload(self, name: str, data: bytes, purpose: str = "assistants") -> str:
        """Upload a file and return its id, empty where it was refused."""
        form = aiohttp.FormData()
        form.add_field("purpose", purpose)
        form.add_field("file", data, filename=name)
        found: str = _decoded(await self.call("POST", "/files", data=form)).get("id", "")
        return found

    async def asked(self, question: str, assistant_id: str, *, seconds: float = 120.0) -> str:
        """Ask an assistant on a new thread; return the run's last status."""
        message = {"role": "user", "content": question}
        thread = await self.post("/threads", {"messages": [message]})
        path = f"/threads/{thread.get('id', 'none')}/runs"
        run = await self.post(path, {"assistant_id": assistant_id})
        try:
            async with asyncio.timeout(seconds):
                while run.get("status") in ("queued", "in_progress"):
                    await asyncio.sleep(0.02)
                    run = await self.get(f"{path}/{run['id']}")
        except TimeoutError:
            return "too late"
        status: str = run.get("status", "none")
        return status

    async def until_settled(self, store_id: str, *, seconds: float = 120.0) -> None:
        """Wait until nothing in a vector store is in progress."""
        async with asyncio.timeout(seconds):
            while True:
                store = await self.get(f"/vector_stores/{store_id}")
                if not store.get("file_counts", {}).get("in_progress"):
                    return
                await asyncio.sleep(0.02)


def _decoded(answer: tuple[int, bytes]) -> Any:
    try:
        value = json.loads(answer[1])
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
