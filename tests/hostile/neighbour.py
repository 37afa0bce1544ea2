"""The well-behaved project: what it keeps, what it does all day, and how long each thing takes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.hostile.caller import SECRET, Caller

Latencies = dict[str, list[float]]
"""Seconds of each thing that was done, by the kind of thing."""


@dataclass
class Neighbour:
    """A project that asks, searches, uploads and has code run, one thing after the other."""

    caller: Caller
    ids: dict[str, str] = field(default_factory=dict)
    latencies: Latencies = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    _rounds: int = 0

    async def prepare(self) -> None:
        """Make what the project has, the secret in all of it."""
        caller, ids = self.caller, self.ids
        ids["file"] = await caller.upload("bees.txt", f"Bees dance. {SECRET}".encode())
        png = b"\x89PNG\r\n\x1a\n" + SECRET.encode()
        ids["image"] = await caller.upload("bee.png", png, purpose="vision")
        store = await caller.post(
            "/vector_stores", {"file_ids": [ids["file"]], "metadata": {"secret": SECRET}}
        )
        ids["store"] = store["id"]
        await caller.until_settled(ids["store"])
        tools = [{"type": "file_search"}, {"type": "code_interpreter"}]
        search = {"file_search": {"vector_store_ids": [ids["store"]]}}
        assistant = await caller.post(
            "/assistants",
            {"model": "scripted-model", "name": SECRET, "tools": tools, "tool_resources": search},
        )
        ids["assistant"] = assistant["id"]
        message = {"role": "user", "content": SECRET}
        thread = await caller.post("/threads", {"messages": [message]})
        ids["thread"] = thread["id"]
        path = f"/threads/{ids['thread']}"
        ids["message"] = (await caller.get(f"{path}/messages"))["data"][0]["id"]
        run = await caller.post(f"{path}/runs", {"assistant_id": ids["assistant"]})
        ids["run"] = run["id"]
        while (await caller.get(f"{path}/runs/{run['id']}"))["status"] != "completed":
            await asyncio.sleep(0.02)
        ids["step"] = (await caller.get(f"{path}/runs/{run['id']}/steps"))["data"][0]["id"]

    async def live(self, seconds: float) -> Latencies:
        """Do the usual things for so long and return how long each took."""
        self.latencies = {}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await self._round()
        return self.latencies

    async def _round(self) -> None:
        caller, ids = self.caller, self.ids
        self._rounds += 1
        await self._timed("request", caller.get("/assistants"))
        thread = await self._timed("request", caller.post("/threads", {}))
        path = f"/threads/{thread.get('id')}"
        message = {"role": "user", "content": f"hello {self._rounds}"}
        await self._timed("request", caller.post(f"{path}/messages", message))
        await self._timed("request", caller.get(f"{path}/messages"))
        query = {"query": "bees dance"}
        await self._timed("search", caller.post(f"/vector_stores/{ids['store']}/search", query))
        await self._timed("run", self._run("hello"))
        if self._rounds % 5 == 0:
            await self._timed("code", self._run("code: print(6 * 7)"))
            await self._timed("file", self._file())

    async def _run(self, question: str) -> None:
        status = await self.caller.asked(question, self.ids["assistant"])
        if status != "completed":
            self.failed.append(f"a run of {question!r} is {status}")

    async def _file(self) -> None:
        file_id = await self.caller.upload(f"{self._rounds}.txt", b"Bees dance in summer.")
        store = await self.caller.post("/vector_stores", {"file_ids": [file_id]})
        await self.caller.until_settled(store["id"])

    async def _timed(self, kind: str, doing: Awaitable[Any]) -> Any:
        began = time.monotonic()
        done = await doing
        self.latencies.setdefault(kind, []).append(time.monotonic() - began)
        return done


@asynccontextmanager
async def neighbour(url: str) -> AsyncIterator[Neighbour]:
    """Let a neighbour move in."""
    async with Caller(url, "neighbour") as caller:
        living = Neighbour(caller)
        await living.prepare()
        yield living


def quantile(values: list[float], share: float) -> float:
    """Return the smallest value that such a share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
