"""A fake model endpoint in a process of its own: one answer, as fast as the socket takes it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

WORDS = 60
"""How many deltas an answer has, a word each."""


def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "fake",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"


def _answer() -> list[bytes]:
    usage = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "fake",
        "choices": [],
        "usage": {"prompt_tokens": 10, "completion_tokens": WORDS, "total_tokens": WORDS + 10},
    }
    words = [chunk({"content": f"word{number} "}) for number in range(WORDS)]
    return [
        chunk({"role": "assistant", "content": ""}),
        *words,
        chunk({}, "stop"),
        b"data: " + msgspec.json.encode(usage) + b"\n\n",
        b"data: [DONE]\n\n",
    ]


async def _serve() -> None:
    pieces = _answer()

    async def complete(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:  # one write a delta: what a model's endpoint sends
            await response.write(piece)
            await asyncio.sleep(0)
        await response.write_eof()
        return response

    await serve_until_eof(web.post("/v1/chat/completions", complete))


async def serve_until_eof(*routes: web.RouteDef) -> None:
    """Serve these routes on loopback, print the base URL, and end with standard input."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}/v1\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


@asynccontextmanager
async def endpoint() -> AsyncIterator[str]:
    """Run it in a child process and give its URL."""
    async with child("tests.benchmarks.endpoint") as (url, _):
        yield url


@asynccontextmanager
async def child(module: str, *arguments: str) -> AsyncIterator[tuple[str, int]]:
    """Run a module that prints its URL and lives until its input ends; give both URL and pid."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = (await process.stdout.readline()).decode().strip()
        yield url, process.pid
    finally:
        process.stdin.close()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
