"""What a hostile or careless project does, each thing over and over, in a process of its own.

``python -m tests.hostile.attacks URL NAME SECONDS IDS`` prints what came of it as JSON; ``IDS`` are
the neighbour's, for attempts to read what is its own.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec

from bot.server.routes import ROUTES
from tests.hostile.caller import Caller

Ids = Mapping[str, str]
Attack = Callable[[Caller, Ids], Coroutine[Any, Any, None]]

MODEL = "scripted-model"
_MIB = 1024 * 1024


async def read_the_neighbours(caller: Caller, ids: Ids) -> None:
    """Ask every route for the neighbour's objects, and name these in bodies of its own."""
    names = {
        "assistant_id": "assistant",
        "thread_id": "thread",
        "message_id": "message",
        "run_id": "run",
        "step_id": "step",
        "file_id": "file",
        "store_id": "store",
        "batch_id": "store",
    }
    for method, path, _ in ROUTES:
        if "{" in path:
            filled = path.removeprefix("/v1").format(**{k: ids[v] for k, v in names.items()})
            body = b"{}" if method == "POST" else None
            await caller.call(method, filled, body=body)
    tools = [{"type": "file_search"}]
    search = {"file_search": {"vector_store_ids": [ids["store"]]}}
    await caller.post("/assistants", {"model": MODEL, "tools": tools, "tool_resources": search})
    await caller.post("/vector_stores", {"file_ids": [ids["file"]]})
    attachment = {"file_id": ids["file"], "tools": tools}
    message = {"role": "user", "content": "?", "attachments": [attachment]}
    await caller.post("/threads", {"messages": [message]})
    for query in (f"after={ids['assistant']}", f"before={ids['assistant']}"):
        await caller.get(f"/assistants?{query}")


async def show_the_neighbours_image(caller: Caller, ids: Ids) -> None:
    """Have a model shown the neighbour's image, by any address that might lead to it."""
    assistant = await _assistant(caller)
    file_id = ids["image"]
    addresses = (
        f"file-id:{file_id}",
        f"FILE-ID:{file_id}",
        f" file-id:{file_id}",
        f"{caller.url}/files/{file_id}/content",
        f"http://[::1]:1/files/{file_id}",
        "data:image/png;base64,aGVsbG8=",
    )
    parts: list[Any] = [
        {"type": "image_file", "image_file": {"file_id": file_id}},
        *({"type": "image_url", "image_url": {"url": url}} for url in addresses),
    ]
    for part in parts:
        message = {"role": "user", "content": [part]}
        thread = await caller.post("/threads", {"messages": [message]})
        if "id" in thread:
            path = f"/threads/{thread['id']}"
            run = await caller.post(f"{path}/runs", {"assistant_id": assistant})
            for _ in range(20):
                await asyncio.sleep(0.1)
                state = await caller.get(f"{path}/runs/{run.get('id')}")
                if state.get("status") not in ("queued", "in_progress"):
                    break
            await caller.get(f"{path}/messages")


async def nulls_and_wrong_types(caller: Caller, _ids: Ids) -> None:
    """Write nulls and worse where they might not be read back, then list."""
    store = await caller.post("/vector_stores", {})
    for field in ("expires_after", "name", "metadata"):
        odd: tuple[Any, ...] = (None, 0, [], {}, "\ud800", {"anchor": None, "days": None})
        for value in odd:
            await caller.post(f"/vector_stores/{store.get('id')}", {field: value})
    thread = await caller.post("/threads", {})
    for text in ("\ud800", "\x00", "\u202e\x1b[2J"):
        message = {"role": "user", "content": text, "metadata": {text: text}}
        await caller.post(f"/threads/{thread.get('id')}/messages", message)
    for name in ("f\n", "f\r", "f\u2028", "f "):
        tool = {"type": "function", "function": {"name": name, "parameters": {}}}
        await caller.post("/assistants", {"model": MODEL, "tools": [tool]})
    for path in ("/vector_stores", "/assistants", "/files"):
        await caller.get(f"{path}?limit=100")


async def search_without_end(caller: Caller, _ids: Ids) -> None:
    """Search much for much; every third time go away in the middle."""
    if "store" not in caller.kept:
        words = [f"word{number}" for number in range(3000)]
        text = " ".join(random.choices(words, k=700_000))
        file_id = await caller.upload("words.txt", text.encode())
        store = await caller.post("/vector_stores", {"file_ids": [file_id]})
        await caller.until_settled(store["id"])
        caller.kept["store"] = store["id"]
    path = f"/vector_stores/{caller.kept['store']}/search"
    queries = [" ".join(f"word{random.randrange(3000)}" for _ in range(440)) for _ in range(20)]
    searching = asyncio.ensure_future(caller.post(path, {"query": queries}))
    if random.random() < 0.3:
        await asyncio.sleep(0.2)
        searching.cancel()
        await asyncio.gather(searching, return_exceptions=True)
    else:
        await searching


async def large_pages(caller: Caller, _ids: Ids) -> None:
    """Fill a thread with large messages and read it in the largest pages, slowly."""
    if "thread" not in caller.kept:
        thread = await caller.post("/threads", {})
        caller.kept["thread"] = path = f"/threads/{thread['id']}"
        message = {"role": "user", "content": "🐝" * 250_000}
        for _ in range(60):
            await caller.post(f"{path}/messages", message)
    path = f"{caller.kept['thread']}/messages?limit=100"
    await caller.call("GET", path, slowly=random.random() < 0.5)


async def large_prompts(caller: Caller, _ids: Ids) -> None:
    """Run a model on a thread of large messages."""
    assistant = await _assistant(caller)
    thread = await caller.post("/threads", {})
    path = f"/threads/{thread['id']}"
    message = {"role": "user", "content": "x" * 250_000}
    for _ in range(100):
        await caller.post(f"{path}/messages", message)
    for _ in range(10):
        run = await caller.post(f"{path}/runs", {"assistant_id": assistant})
        while run.get("status") in ("queued", "in_progress"):
            await asyncio.sleep(0.05)
            run = await caller.get(f"{path}/runs/{run['id']}")


async def large_bodies(caller: Caller, _ids: Ids) -> None:
    """Send bodies of 8 MB: long arrays, deep nesting, many numbers, many keys."""
    size = 7_900_000
    bodies = (
        b'{"role":"user","content":"x","attachments":[' + b"{}," * (size // 3) + b"{}]}",
        b'{"messages":[' + b"[" * (size // 2) + b"]" * (size // 2) + b"]}",
        b'{"messages":[' + b"1," * (size // 2) + b"1]}",
        b"{" + b",".join(b'"%d":1' % number for number in range(600_000)) + b"}",
        b'{"messages":[{"role":"user","content":"' + b"\\u0041" * (size // 6) + b'"}]}',
    )
    await caller.call("POST", "/threads", body=random.choice(bodies))


async def hostile_documents(caller: Caller, _ids: Ids) -> None:
    """Upload documents that take long or decode to much, and put each into six stores."""
    documents = (
        ("a.json", b'["' + b"\\u0041" * (4 * _MIB) + b'"]'),
        ("b.html", b"<b></b>" * 3_000_000),
        ("c.txt", b"a" * (20 * _MIB)),
        ("d.txt", b"\xff\xfe" * (5 * _MIB)),
        ("e.html", b"<" * 3_000_000),
    )
    name, data = random.choice(documents)
    file_id = await caller.upload(name, data)
    for _ in range(6):
        await caller.post("/vector_stores", {"file_ids": [file_id]})


async def lost_stores(caller: Caller, _ids: Ids) -> None:
    """Attach files to threads whose vector stores are gone."""
    if "small" not in caller.kept:
        caller.kept["small"] = await caller.upload("small.txt", b"small")
    attachment = {"file_id": caller.kept["small"], "tools": [{"type": "file_search"}]}
    message = {"role": "user", "content": "?", "attachments": [attachment]}
    thread = await caller.post("/threads", {"messages": [message]})
    resources = thread.get("tool_resources") or {}
    for store_id in resources.get("file_search", {}).get("vector_store_ids", ()):
        await caller.call("DELETE", f"/vector_stores/{store_id}")
    await caller.post(f"/threads/{thread.get('id')}/messages", message)


async def greedy_code(caller: Caller, _ids: Ids) -> None:
    """Run code that computes for ever, keeps much, writes much and prints much."""
    if "coder" not in caller.kept:
        caller.kept["coder"] = await _assistant(caller, {"type": "code_interpreter"})
    code = random.choice(
        (
            "while True:\n    pass",
            "a = []\na.append(a)\nb = 'x' * 30_000_000\na.append(b)\nlen(b)",
            "f = open('big', 'wb')\nf.write(b'x' * 30_000_000)\nf.close()",
            "while True:\n    print('x' * 10_000)",
            "for n in range(200):\n    f = open(str(n), 'w')\n    f.write('x')\n    f.close()",
            "x = 'x' * 10 ** 9",
        )
    )
    await caller.asked(f"code: {code}", caller.kept["coder"], seconds=30)


async def slow_runs(caller: Caller, _ids: Ids) -> None:
    """Hold as many runs as there are, each on a model that takes its time."""
    if "slow" not in caller.kept:
        caller.kept["slow"] = await _assistant(caller)
    message = {"role": "user", "content": "slow"}
    thread = {"messages": [message]}
    await caller.post("/threads/runs", {"assistant_id": caller.kept["slow"], "thread": thread})


async def idle_connections(caller: Caller, _ids: Ids) -> None:
    """Open connections without a key: silent ones, and ones whose request never ends."""
    host, _, port = caller.url.removeprefix("http://").partition("/")[0].partition(":")
    writers = []
    try:
        for number in range(100):
            async with asyncio.timeout(5):
                writer = (await asyncio.open_connection(host, int(port)))[1]
            writers.append(writer)
            if number % 2:
                writer.write(b"POST /v1/threads HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        await asyncio.sleep(1)
    except (OSError, TimeoutError):
        caller.tally.broken += 1
    finally:
        for writer in writers:
            writer.close()


async def odd_requests(caller: Caller, _ids: Ids) -> None:
    """Send headers, paths and encodings that nobody sends by accident."""
    for headers in (
        {"Content-Encoding": "deflate"},
        {"Content-Encoding": "br"},
        {"Content-Encoding": "rubbish"},
        {"Host": "a#b"},
        {"Content-Type": "text/plain"},
        {"OpenAI-Beta": "assistants=v1"},
        {"Authorization": "Bearer wrong"},
        {"Expect": "the-unexpected"},
    ):
        await caller.call("POST", "/threads", body=b"{}", headers=headers)
    for path in ("/threads/%0a%1b[2J", "/threads/%00", "/threads/..%2f..", "/files/%ff/content"):
        await caller.call("GET", path)
    for query in ("limit=1e9", "limit=-1", "order=%00", "after=" + "x" * 3000):
        await caller.call("GET", f"/assistants?{query}")


async def _assistant(caller: Caller, *tools: Any) -> str:
    made = await caller.post("/assistants", {"model": MODEL, "tools": list(tools)})
    found: str = made["id"]
    return found


ATTACKS: Mapping[str, tuple[Attack, int]] = {
    "read the neighbour's objects": (read_the_neighbours, 2),
    "show the neighbour's image": (show_the_neighbours_image, 2),
    "nulls and wrong types": (nulls_and_wrong_types, 2),
    "search without end": (search_without_end, 8),
    "large pages": (large_pages, 12),
    "large prompts": (large_prompts, 4),
    "large bodies": (large_bodies, 8),
    "hostile documents": (hostile_documents, 3),
    "lost vector stores": (lost_stores, 2),
    "greedy code": (greedy_code, 8),
    "slow runs": (slow_runs, 2),
    "idle connections": (idle_connections, 6),
    "odd requests": (odd_requests, 2),
}
"""Each attack, and how many callers make it at once."""


async def attack(url: str, name: str, seconds: float, ids: Ids) -> dict[str, Any]:
    """Attack for so long and return what came of it."""
    doing, at_once = ATTACKS[name]
    async with Caller(url, "hostile") as caller:
        end = time.monotonic() + seconds
        rounds = 0

        async def again() -> None:
            nonlocal rounds
            while time.monotonic() < end:
                await doing(caller, ids)
                rounds += 1

        first = asyncio.create_task(doing(caller, ids))
        await asyncio.wait({first}, timeout=seconds)
        callers = [asyncio.create_task(again()) for _ in range(at_once)]
        await asyncio.wait({first, *callers}, timeout=max(0.0, end - time.monotonic()))
        failed = [
            repr(task.exception())
            for task in (first, *callers)
            if task.done() and not task.cancelled() and task.exception() is not None
        ]
        for task in (first, *callers):
            task.cancel()
        await asyncio.gather(first, *callers, return_exceptions=True)
        tally = caller.tally
        return {
            "rounds": rounds + 1,
            "statuses": {str(status): count for status, count in tally.statuses.items()},
            "wrong": tally.wrong,
            "leaks": tally.leaks,
            "broken": tally.broken,
            "failed": failed,
        }


if __name__ == "__main__":
    told = asyncio.run(
        attack(sys.argv[1], sys.argv[2], float(sys.argv[3]), json.loads(sys.argv[4]))
    )
    sys.stdout.write(msgspec.json.encode(told).decode())
