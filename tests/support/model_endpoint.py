"""A chat completions server on loopback whose answers a test writes; it keeps what it was asked."""

import asyncio
import inspect
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.support import model_turns as turns
from tests.support.gate import Gate
from tests.support.model_turns import COUNTED, Cut, Delta, Done, Pace, Raw, Step, TokenUsage, Turn

Script = Callable[["Asked"], "Turn | str | Awaitable[Turn | str]"]


@dataclass(eq=False)
class Asked:
    """One request that came; `chunks` are the events sent for it, when the model keeps them.

    `peer` is the client's address and port, one for each connection.
    """

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    peer: tuple[str, int]
    query: Mapping[str, str] = field(default_factory=dict)
    chunks: list[bytes] = field(default_factory=list)
    disconnected: bool = False
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation it was shown."""
        return list(self.body.get("messages", []))

    @property
    def question(self) -> str:
        """The text of the last user message."""
        for message in reversed(self.messages):
            if message.get("role") == "user":
                return text_of(message.get("content"))
        return ""

    @property
    def over(self) -> bool:
        """Whether nothing more is sent for it."""
        return self._over.is_set()

    async def until_over(self) -> None:
        """Return when the answer was sent whole, or the client went away (then `disconnected`)."""
        await self._over.wait()


class ScriptedModel:
    """`async with ScriptedModel() as model:` and give `model.url` to what shall use it.

    Each request takes the next scripted turn; when none is left, `otherwise` answers, which echoes
    the last user message unless set. Requests are in `requests`, in the order they came.
    `list_models` answers /v1/models, with the names in `models` unless set.
    """

    def __init__(
        self,
        *,
        models: Sequence[str] = ("scripted-model",),
        api_key: str | None = None,
        keep_chunks: bool = False,
        per_second: float | None = None,
    ) -> None:
        self.models = list(models)
        self.requests: list[Asked] = []
        self.list_models: Callable[[web.Request], Awaitable[web.StreamResponse]] = self._list_models
        self.otherwise: Script = lambda asked: turns.say(asked.question, per_second=per_second)
        self._api_key = api_key
        self._keep_chunks = keep_chunks
        self._turns: deque[Turn | Script] = deque()
        self._arrived = asyncio.Condition()
        self._gates: list[Gate] = []
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """What stands before /chat/completions."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def start(self) -> None:
        """Listen: on a free port the first time, on the same one after."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening and drop all connections; safe to call twice."""
        for gate in self._gates:
            gate.open()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """As long as the block lasts nothing answers at `url`."""
        await self.stop()
        try:
            yield
        finally:
            await self.start()

    def then(self, *scripted: Turn | Script) -> None:
        """Script the next turns, in order; a function is called with the request."""
        self._turns.extend(scripted)

    def gate(self) -> Gate:
        """A closed gate for `say(..., gate=...)` and its like; opened at the end at the latest."""
        gate = Gate()
        self._gates.append(gate)
        return gate

    def say(
        self,
        text: str,
        *,
        tokens: Sequence[str] | None = None,
        gate: Gate | None = None,
        first: Gate | None = None,
        per_second: float | None = None,
        usage: TokenUsage | None = COUNTED,
        finish: str = "stop",
    ) -> None:
        """Next: say `text`; see `model_turns.say`."""
        self.then(
            turns.say(
                text,
                tokens=tokens,
                gate=gate,
                first=first,
                per_second=per_second,
                usage=usage,
                finish=finish,
            )
        )

    def call_tools(
        self,
        *calls: tuple[str, Mapping[str, Any] | str],
        text: str = "",
        ids: Sequence[str] | None = None,
        pieces: int = 2,
        gate: Gate | None = None,
        usage: TokenUsage | None = COUNTED,
    ) -> None:
        """Next: ask for functions, as (name, arguments); see `model_turns.call_tools`."""
        self.then(
            turns.call_tools(*calls, text=text, ids=ids, pieces=pieces, gate=gate, usage=usage)
        )

    def refuse(self, text: str) -> None:
        """Next: refuse to answer, in these words."""
        self.then(turns.refuse(text))

    def fail(
        self,
        status: int,
        *,
        message: str = "scripted failure",
        error: Mapping[str, Any] | None = None,
        retry_after: float | str | None = None,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
    ) -> None:
        """Next, so many times: answer this status with an error object."""
        turn = turns.fail(
            status, message=message, error=error, retry_after=retry_after, headers=headers
        )
        self.then(*[turn] * times)

    def cut(self, text: str = "") -> None:
        """Next: say `text` and close the connection in the middle of the stream."""
        self.then(turns.cut(text))

    def stall(self, text: str = "", *, then: str = "") -> Gate:
        """Next: say `text`, and nothing more until the gate returned is opened; then say `then`."""
        gate = self.gate()
        self.then(turns.stall(text, gate, then=then))
        return gate

    def garble(self, text: str = "", *, data: bytes = b"data: {not json\n\n") -> None:
        """Next: say `text`, then send bytes that are no chunk."""
        self.then(turns.garble(text, data=data))

    def error_mid_stream(self, text: str, error: Mapping[str, Any] | str) -> None:
        """Next: say `text`, then an error object inside the stream that began with a 200."""
        self.then(turns.error_mid_stream(text, error))

    def web_page(self) -> None:
        """Next: answer a web page with a 200."""
        self.then(turns.web_page())

    async def until_request(self, count: int = 1) -> Asked:
        """Return the `count`th request since the start, once it came."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return self.requests[count - 1]

    async def _models(self, request: web.Request) -> web.StreamResponse:
        return await self.list_models(request)

    async def _list_models(self, request: web.Request) -> web.Response:
        if refusal := self._unauthorized(request):
            return refusal
        data = [
            {"id": name, "object": "model", "created": 1, "owned_by": "tests"}
            for name in self.models
        ]
        return web.json_response({"object": "list", "data": data})

    def _unauthorized(self, request: web.Request) -> web.Response | None:
        if self._api_key is None:
            return None
        if request.headers.get("Authorization") == f"Bearer {self._api_key}":
            return None
        error = {"message": "Incorrect API key provided.", "type": "invalid_request_error"}
        return web.json_response(
            {"error": {**error, "param": None, "code": "invalid_api_key"}}, status=401
        )

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peer = request.transport.get_extra_info("peername")
        asked = Asked(
            request.path, request.headers.copy(), await request.json(), peer, dict(request.query)
        )
        async with self._arrived:
            self.requests.append(asked)
            self._arrived.notify_all()
        try:
            if refusal := self._unauthorized(request):
                return refusal
            turn = await self._next_turn(asked)
            if turn.first is not None:
                await turn.first.passed()
            if turn.status == 200 and not asked.body.get("stream"):
                return web.json_response(_whole(turn.steps, asked))
            return await self._send(request, asked, turn)
        except (asyncio.CancelledError, ConnectionError):
            asked.disconnected = True
            raise
        finally:
            asked._over.set()

    async def _next_turn(self, asked: Asked) -> Turn:
        scripted = self._turns.popleft() if self._turns else self.otherwise
        if isinstance(scripted, Turn):
            return scripted
        answer = scripted(asked)
        if inspect.isawaitable(answer):
            answer = await answer
        return turns.say(answer) if isinstance(answer, str) else answer

    async def _send(self, request: web.Request, asked: Asked, turn: Turn) -> web.StreamResponse:
        response = web.StreamResponse(status=turn.status, headers=turn.headers)
        response.content_type = turn.content_type
        await response.prepare(request)
        frame = _Frame(asked, len(self.requests))
        loop = asyncio.get_running_loop()
        interval, due, sent = 0.0, loop.time(), 0
        for step in turn.steps:
            if isinstance(step, Delta):
                sent += 1
                if interval:
                    due += interval
                    await asyncio.sleep(due - loop.time())
                data = frame.chunk(step)
            elif isinstance(step, Gate):
                await step.passed()
                continue
            elif isinstance(step, Pace):
                interval = 1 / step.per_second
                continue
            elif isinstance(step, Cut):
                assert request.transport is not None
                request.transport.close()
                await asyncio.Event().wait()  # until the loss of the connection cancels this
                continue
            elif isinstance(step, TokenUsage):
                if not (asked.body.get("stream_options") or {}).get("include_usage"):
                    continue
                data = frame.usage(step, sent - 1)
            else:
                data = b"data: [DONE]\n\n" if isinstance(step, Done) else step.data
            if self._keep_chunks:
                asked.chunks.append(data)
            await response.write(data)
        await response.write_eof()
        return response


class _Frame:
    """The part of every chunk that is the same in one answer, spelled once."""

    def __init__(self, asked: Asked, number: int) -> None:
        self._asked = asked
        same = {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": asked.body.get("model", ""),
        }
        self._begin = b"data: " + json.dumps(same).encode()[:-1] + b', "choices": ['

    def chunk(self, step: Delta) -> bytes:
        choice = {"index": 0, "delta": step.delta, "finish_reason": step.finish}
        return self._begin + json.dumps(choice).encode() + b"]}\n\n"

    def usage(self, told: TokenUsage, completion: int) -> bytes:
        usage = json.dumps(count(self._asked, told, completion)).encode()
        return self._begin + b'], "usage": ' + usage + b"}\n\n"


def count(asked: Asked, told: TokenUsage, completion: int) -> dict[str, int]:
    """The usage object: what is told, else words of the prompt and chunks of the answer."""
    prompt = told.prompt
    if prompt is None:
        prompt = sum(len(text_of(m.get("content")).split()) for m in asked.messages)
    spent = completion if told.completion is None else told.completion
    return {"prompt_tokens": prompt, "completion_tokens": spent, "total_tokens": prompt + spent}


def text_of(content: Any) -> str:
    """The text in a message's content, be it plain or in parts."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def _whole(steps: Sequence[Step], asked: Asked) -> dict[str, Any]:
    """The same turn for a client that did not ask to stream."""
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    calls: dict[int, dict[str, Any]] = {}
    finish, usage, sent = "stop", COUNTED, 0
    for step in steps:
        if isinstance(step, TokenUsage):
            usage = step
        if not isinstance(step, Delta):
            continue
        sent += 1
        finish = step.finish or finish
        for key in ("content", "refusal"):
            if step.delta.get(key):
                message[key] = (message[key] or "") + step.delta[key]
        for piece in step.delta.get("tool_calls", ()):
            call = calls.setdefault(piece["index"], {"type": "function", "function": {}})
            call.update({k: v for k, v in piece.items() if k in ("id", "type")})
            for key, value in piece.get("function", {}).items():
                call["function"][key] = call["function"].get(key, "") + value
    if calls:
        message["tool_calls"] = list(calls.values())
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return {
        "id": "chatcmpl-whole",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": asked.body.get("model", ""),
        "choices": [choice],
        "usage": count(asked, usage, sent - 1),
    }


__all__ = ["Asked", "Gate", "Raw", "ScriptedModel", "TokenUsage", "Turn", "turns"]
