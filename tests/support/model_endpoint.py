"""A chat completions server on loopback whose answers a test writes; it keeps what it was asked."""

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from tests.support import model_turns as turns
from tests.support.gate import Gate
from tests.support.model_answers import Asked, Frame, text_of, whole
from tests.support.model_turns import COUNTED, Cut, Delta, Done, Pace, Raw, TokenUsage, Turn
from tests.support.scripted_server import ScriptedServer

Script = Callable[["Asked"], "Turn | str | Awaitable[Turn | str]"]


class ScriptedModel(ScriptedServer):
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
        super().__init__(models=models, api_key=api_key)
        self.otherwise: Script = lambda asked: turns.say(asked.question, per_second=per_second)
        self._keep_chunks = keep_chunks
        self._turns: deque[Turn | Script] = deque()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add chat completions."""
        super().add_routes(router)
        router.add_post("/v1/chat/completions", self._complete)

    def then(self, *scripted: Turn | Script) -> None:
        """Script the next turns, in order; a function is called with the request."""
        self._turns.extend(scripted)

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

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        asked = await self._arrive(request)
        try:
            if refusal := self._unauthorized(request):
                return refusal
            turn = await self._next_turn(asked)
            if turn.first is not None:
                await turn.first.passed()
            if turn.status == 200 and not asked.body.get("stream"):
                return web.json_response(whole(turn.steps, asked))
            return await self._send(request, asked, turn)
        except (asyncio.CancelledError, ConnectionError):
            asked.disconnected = True
            raise
        finally:
            asked.ended.set()

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
        frame = Frame(asked, len(self.requests))
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


__all__ = ["Asked", "Gate", "Raw", "ScriptedModel", "TokenUsage", "Turn", "text_of", "turns"]
