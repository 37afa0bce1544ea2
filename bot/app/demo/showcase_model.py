"""The scripted model of the demo: a chat completions endpoint on loopback.

It answers prepared questions at once and calls tools as a model does; the bot, the engine and the
tools around it are real. Shapes: https://platform.openai.com/docs/api-reference/chat.
"""

import asyncio
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Self

import msgspec
from aiohttp import web

from bot.app.demo.script import UNKNOWN, scene_for

_TITLE: Final = "Write a title for the conversation"
_JAPANESE: Final = re.compile("[぀-ヿ一-鿿]")
_FRAME: Final = re.compile(r"\A\[The output of .*?\]\n")
"""The line that the engine puts before a function's output."""

_PIECE: Final = re.compile(r"[^\S\n]*(?:[぀-ヿ一-鿿、。]{1,3}|[^\s぀-ヿ一-鿿、。]+|\n+)")
_MOST_BYTES: Final = 64 * 2**20
"""The largest request; questions may come with files."""

Message = Mapping[str, Any]


class ShowcaseModel:
    """Serves the scripted answers while its ``async with`` block lasts."""

    name: Final = "scripted-showcase"

    def __init__(self) -> None:
        app = web.Application(client_max_size=_MOST_BYTES)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        self.url = ""

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": self.name, "object": "model"}]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = msgspec.json.decode(await request.read())
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        with suppress(ConnectionError):  # the caller cancelled the run, or was killed
            await self._stream(body, response)
        return response

    async def _stream(self, body: Mapping[str, Any], response: web.StreamResponse) -> None:
        sent = 0
        for delta, delay, finish in _answer(body["messages"], bool(body.get("tools"))):
            await asyncio.sleep(delay)
            sent += 1
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            await response.write(self._chunk([choice]))
        prompt = sum(len(_text(message).split()) for message in body["messages"])
        usage = {"prompt_tokens": prompt, "completion_tokens": sent, "total_tokens": prompt + sent}
        await response.write(self._chunk([], usage=usage))
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()

    def _chunk(self, choices: Sequence[Mapping[str, Any]], **more: Any) -> bytes:
        chunk = {
            "id": "chatcmpl-showcase",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": self.name,
            "choices": choices,
            **more,
        }
        return b"data: " + json.dumps(chunk).encode() + b"\n\n"


Step = tuple[dict[str, Any], float, str | None]
"""A chunk's delta, the seconds before the chunk, and the last chunk's finish reason (else None)."""


def _answer(messages: Sequence[Message], tools: bool) -> Iterator[Step]:
    """Yield the steps of the scripted answer to a conversation."""
    everything = "\n".join(_text(message) for message in messages)
    asked = max((at for at, one in enumerate(messages) if one["role"] == "user"), default=0)
    question = _text(messages[asked]) if messages else ""
    if _TITLE in everything:
        titled = scene_for(everything)
        yield from _said("Showcase" if titled is None else titled[0].title[titled[1]], 1000)
        return
    found = scene_for(question)
    if found is None:
        yield from _said(UNKNOWN[bool(_JAPANESE.search(question))], 60)
        return
    scene, language = found
    results = [_text(one) for one in messages[asked:] if one["role"] == "tool"]
    if scene.call and tools and not results:
        yield from _said(scene.before[language], scene.words_per_second, end=None)
        yield from _call(*scene.call)
        return
    yield {"content": ""}, scene.pause, None
    fits = re.search(scene.needs, everything) is not None
    text = (scene.answer if fits else scene.otherwise)[language]
    if "{result}" in text:
        output = "no result, since no tool was called"
        if results:
            output = _FRAME.sub("", results[-1]).strip().removeprefix("+")
        text = text.replace("{result}", f"{int(output):,}" if output.isdecimal() else output)
    yield from _said(text, scene.words_per_second)


def _said(text: str, words_per_second: float, end: str | None = "stop") -> Iterator[Step]:
    """Yield the pieces of a text, and the end of the answer unless ``end`` is None."""
    for piece in _PIECE.findall(text):
        yield {"content": piece}, 1 / words_per_second, None
    if end is not None:
        yield {}, 0.0, end


def _call(name: str, arguments: Mapping[str, str]) -> Iterator[Step]:
    """Yield a call of a function, which ends the answer."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"index": 0, "id": "call_showcase", "type": "function", "function": function}
    yield {"tool_calls": [call]}, 0.2, None
    yield {}, 0.0, "tool_calls"


def _text(message: Message) -> str:
    """Return the text in a message's content, which is a string or a list of parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)
