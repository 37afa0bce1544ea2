"""A chat completions server on loopback whose answers a test writes; it keeps its requests."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from tests.support import model_turns as turns
from tests.support.gate import Gate
from tests.support.model_answers import Asked, Frame, text_of, whole
from tests.support.model_turns import Cut, Delta, Done, Pace, Raw, TokenUsage, Turn
from tests.support.scripted_server import ScriptedServer, scripting


class ScriptedModel(ScriptedServer[Turn]):
    """`async with ScriptedModel() as model:` and give `model.url` to what shall use it.

    Unless `otherwise` is set, it echoes the last user message. `model_turns` says what the methods
    do that script a turn.
    """

    def __init__(
        self,
        *,
        models: Sequence[str] = ("scripted-model",),
        api_key: str | None = None,
        keep_chunks: bool = False,
        per_second: float | None = None,
    ) -> None:
        super().__init__(
            models=models,
            api_key=api_key,
            said=turns.say,
            otherwise=lambda asked: turns.say(asked.question, per_second=per_second),
        )
        self._keep_chunks = keep_chunks

    say = scripting(turns.say)
    call_tools = scripting(turns.call_tools)
    refuse = scripting(turns.refuse)
    cut = scripting(turns.cut)
    garble = scripting(turns.garble)
    error_mid_stream = scripting(turns.error_mid_stream)

    def stall(self, text: str = "", *, then: str = "") -> Gate:
        """Next: say `text`, and nothing more until the gate returned is opened; then say `then`."""
        gate = self.gate()
        self.then(turns.stall(text, gate, then=then))
        return gate

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add chat completions."""
        super().add_routes(router)
        router.add_post("/v1/chat/completions", self._answer)

    async def _reply(self, request: web.Request, asked: Asked, answer: Turn) -> web.StreamResponse:
        if answer.first is not None:
            await answer.first.passed()
        if answer.status == 200 and not asked.body.get("stream"):
            return web.json_response(whole(answer.steps, asked))
        return await self._send(request, asked, answer)

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
