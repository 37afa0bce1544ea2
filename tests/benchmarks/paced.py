"""A fake model endpoint in a process of its own that writes its answers at a model's pace.

Usage: a number of tokens and of tokens a second. Three tokens are written at a time, as they arrive
in one packet from a busy server. ``GET /ends`` tells when each question's last token was sent.
"""

import asyncio
import sys
import time

from aiohttp import web

from tests.benchmarks.endpoint import chunk, serve_until_eof

LAST_WORD = "end."
_AT_A_TIME = 3


async def _serve(tokens: int, per_second: float) -> None:
    words = [chunk({"content": "word "})] * (tokens - 1) + [chunk({"content": LAST_WORD})]
    pieces = [b"".join(words[at : at + _AT_A_TIME]) for at in range(0, tokens, _AT_A_TIME)]
    ending = chunk({}, "stop") + b"data: [DONE]\n\n"
    ends: dict[str, float] = {}

    async def complete(request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        loop = asyncio.get_running_loop()
        due = loop.time()
        for piece in pieces:
            due += _AT_A_TIME / per_second
            await asyncio.sleep(due - loop.time())
            try:
                await response.write(piece)
            except ConnectionResetError:  # the bot was stopped
                return response
        ends[str(asked["messages"][-1]["content"])] = time.time()
        await response.write(ending)
        return response

    async def tell_ends(request: web.Request) -> web.Response:
        return web.json_response(ends)

    async def models(request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "fake", "object": "model"}]})

    await serve_until_eof(
        web.post("/v1/chat/completions", complete),
        web.get("/v1/models", models),
        web.get("/v1/ends", tell_ends),
    )


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
