"""The soak: mixed flows of the whole API, one after the other; memory must not grow with them."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.hostile.caller import Caller
from tests.hostile.world import World, world

_AT_ONCE = 8


@dataclass
class Soak:
    """The server's memory in MiB after each tenth of the flows."""

    flows: int
    tenths: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def table(self) -> str:
        """Return the memory after each tenth as a row."""
        head = "".join(f" {(n + 1) * self.flows // 10} |" for n in range(len(self.tenths)))
        row = "".join(f" {memory:.0f} |" for memory in self.tenths)
        return f"| flows |{head}\n|---|{'---|' * len(self.tenths)}\n| memory MiB |{row}"


async def soak(directory: Path, flows: int) -> Soak:
    """Do so many flows and return what the server's memory did."""
    outcome = Soak(flows)
    async with world(directory) as there, Caller(there.url, "hostile") as caller:
        file_id = await caller.upload("bees.txt", b"Bees dance in summer.")
        store = await caller.post("/vector_stores", {"file_ids": [file_id]})
        await caller.until_settled(store["id"])
        tools = [{"type": "file_search"}, {"type": "code_interpreter"}]
        search = {"file_search": {"vector_store_ids": [store["id"]]}}
        made = await caller.post(
            "/assistants", {"model": "scripted-model", "tools": tools, "tool_resources": search}
        )
        flow = _Flows(caller, made["id"], store["id"])
        for tenth in range(10):
            numbers = iter(range(flows * tenth // 10, flows * (tenth + 1) // 10))
            await asyncio.gather(*(flow.each(numbers) for _ in range(_AT_ONCE)))
            outcome.tenths.append(await _settled_memory(there))
        outcome.wrong = [*caller.tally.wrong, *flow.failed]
    return outcome


class _Flows:
    """What programs do with the API, from beginning to end."""

    def __init__(self, caller: Caller, assistant_id: str, store_id: str) -> None:
        self._caller = caller
        self._assistant_id = assistant_id
        self._store_id = store_id
        self.failed: list[str] = []
        self._kinds: tuple[Callable[[], Awaitable[None]], ...] = (
            self._ask,
            self._stream,
            self._search,
            self._read,
            self._change,
            self._file,
            self._store,
            self._mistake,
            self._cancel,
        )

    async def each(self, numbers: Iterator[int]) -> None:
        """Do the flows of these numbers."""
        for number in numbers:
            if number % 100 == 50:
                await self._code(number)
            else:
                await self._kinds[number % len(self._kinds)]()

    async def _ask(self) -> None:
        status = await self._caller.asked("hello", self._assistant_id)
        if status != "completed":
            self.failed.append(f"a run is {status}")

    async def _code(self, number: int) -> None:
        question = f"code: open('{number}', 'w').write('{'x' * 1000}')"
        status = await self._caller.asked(question, self._assistant_id)
        if status != "completed":
            self.failed.append(f"a run of code is {status}")

    async def _stream(self) -> None:
        message = {"role": "user", "content": "hello " * 20}
        body = {
            "assistant_id": self._assistant_id,
            "thread": {"messages": [message]},
            "stream": True,
        }
        status, told = await self._caller.call(
            "POST", "/threads/runs", body=json.dumps(body).encode()
        )
        if status != 200 or b"thread.run.completed" not in told:
            self.failed.append(f"a stream ended with {status}: {told[-200:]!r}")

    async def _search(self) -> None:
        path = f"/vector_stores/{self._store_id}/search"
        found = await self._caller.post(path, {"query": "bees dance"})
        if not found.get("data"):
            self.failed.append("a search found nothing")

    async def _read(self) -> None:
        for path in ("/assistants?limit=100", "/vector_stores?limit=20", "/files?limit=50"):
            await self._caller.get(path)

    async def _change(self) -> None:
        thread = await self._caller.post("/threads", {"metadata": {"a": "b"}})
        path = f"/threads/{thread['id']}"
        message = await self._caller.post(f"{path}/messages", {"role": "user", "content": "x"})
        await self._caller.post(path, {"metadata": {"a": "c"}})
        await self._caller.call("DELETE", f"{path}/messages/{message['id']}")
        await self._caller.call("DELETE", path)

    async def _file(self) -> None:
        file_id = await self._caller.upload("a.bin", random.randbytes(20_000))
        await self._caller.call("GET", f"/files/{file_id}/content")
        await self._caller.call("DELETE", f"/files/{file_id}")

    async def _store(self) -> None:
        store = await self._caller.post("/vector_stores", {"name": "short-lived"})
        await self._caller.get(f"/vector_stores/{store['id']}/files")
        await self._caller.call("DELETE", f"/vector_stores/{store['id']}")

    async def _mistake(self) -> None:
        await self._caller.get("/threads/thread_none")
        await self._caller.post("/threads", {"messages": "none"})
        await self._caller.call("POST", "/assistants", body=b"{")

    async def _cancel(self) -> None:
        message = {"role": "user", "content": "slow"}
        thread = {"messages": [message]}
        run = await self._caller.post(
            "/threads/runs", {"assistant_id": self._assistant_id, "thread": thread}
        )
        path = f"/threads/{run['thread_id']}/runs/{run['id']}"
        await self._caller.post(f"{path}/cancel", {})
        while (run := await self._caller.get(path))["status"] in ("queued", "cancelling"):
            await asyncio.sleep(0.01)
        if run["status"] != "cancelled":
            self.failed.append(f"a cancelled run is {run['status']}")


async def _settled_memory(there: World) -> float:
    await asyncio.sleep(0.5)
    return there.memory
