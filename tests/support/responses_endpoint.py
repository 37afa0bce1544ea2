"""A Responses API on loopback whose answers a test writes; it keeps its requests and calls."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from aiohttp import web

from tests.support import responses_turns as replies
from tests.support.gate import Gate
from tests.support.model_answers import Asked, text_of
from tests.support.model_turns import Cut, Raw, Turn, fail
from tests.support.responses_answers import Fault, Scripted, Sent
from tests.support.responses_turns import Reply
from tests.support.scripted_server import ScriptedServer, scripting


class ScriptedResponses(ScriptedServer[Reply]):
    """`async with ScriptedResponses() as endpoint:` and give `endpoint.url` to what shall use it.

    Unless `otherwise` is set, it echoes the last user message. `responses_turns` says what the
    methods do that script a reply. What the requests made is in `responses`, and every call other
    than a create in `calls` as "METHOD path?query". The endpoint refuses what the API refuses: a
    call without an output, reasoning without what it led to, a background response that is not
    stored. With `streams_kept` False no stream can be resumed, as when its minutes are over.
    """

    def __init__(
        self,
        *,
        models: Sequence[str] = ("scripted-model",),
        api_key: str | None = None,
        per_second: float | None = None,
    ) -> None:
        super().__init__(
            models=models,
            api_key=api_key,
            said=replies.say,
            otherwise=lambda asked: replies.say(question(asked), per_second=per_second),
        )
        self.responses: dict[str, Scripted] = {}
        self.deleted: set[str] = set()
        self.calls: list[str] = []
        self.streams_kept = True
        self._refusals: deque[Turn] = deque()

    say = scripting(replies.say)
    call_tools = scripting(replies.call_tools)
    refuse = scripting(replies.refuse)
    cut = scripting(replies.cut)

    def stall(self, text: str = "", *, then: str = "") -> Gate:
        """Next: say `text`, and nothing more until the gate returned is opened; then say `then`."""
        gate = self.gate()
        self.then(replies.stall(text, gate, then=then))
        return gate

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the paths of responses."""
        super().add_routes(router)
        router.add_post("/v1/responses", self._answer)
        router.add_get("/v1/responses/{id}", self._retrieve)
        router.add_delete("/v1/responses/{id}", self._delete)
        router.add_post("/v1/responses/{id}/cancel", self._cancel)

    async def stop(self) -> None:
        """Stop listening, drop all connections, and stop what is at work."""
        await super().stop()
        tasks = [scripted.task for scripted in self.responses.values() if scripted.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def fail_calls(self, *statuses: int) -> None:
        """Answer the next calls other than creates with these statuses."""
        self.answer_calls(*map(fail, statuses))

    def answer_calls(self, *answers: Turn) -> None:
        """Answer the next calls other than creates with these."""
        self._refusals.extend(answers)

    async def until_call(self, call: str, count: int = 1) -> None:
        """Return once this call, as `calls` has it, came so often."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: self.calls.count(call) >= count)

    @property
    def last(self) -> Scripted:
        """The response that was made last."""
        return list(self.responses.values())[-1]

    async def _reply(
        self, request: web.Request, asked: Asked, answer: Reply | Turn
    ) -> web.StreamResponse:
        if isinstance(answer, Turn):
            return _plain(answer)
        if problem := _problem(asked.body):
            return _plain(fail(400, message=problem, error={"type": "invalid_request_error"}))
        if answer.first is not None:
            await answer.first.passed()
        response_id = f"resp_{len(self.responses):04}"
        scripted = Scripted(response_id, asked.body, answer, cuts=list(answer.cut_at))
        self.responses[response_id] = scripted
        scripted.task = asyncio.create_task(scripted.play())
        if not asked.body.get("stream"):
            if not asked.body.get("background"):
                await scripted.task
            return web.json_response(scripted.object())
        return await self._relay(request, scripted, -1)

    async def _relay(
        self, request: web.Request, scripted: Scripted, after: int
    ) -> web.StreamResponse:
        """Send the events after this number as they come; a foreground response ends with us."""
        response = web.StreamResponse()
        response.content_type = "text/event-stream"
        cut_at = scripted.cuts.pop(0) if scripted.cuts else None
        place = 0
        try:
            await response.prepare(request)
            while True:
                await scripted.until(place)
                if place == len(scripted.log):
                    break
                entry = scripted.log[place]
                place += 1
                if isinstance(entry, Sent):
                    if entry.number > after:
                        await response.write(entry.data)
                        if entry.number == cut_at:
                            await _cut(request)
                elif not entry.used:
                    await _suffer(request, response, entry)
            await response.write_eof()
        finally:
            if scripted.task is not None and not scripted.request.get("background"):
                scripted.task.cancel()
        return response

    async def _called(self, request: web.Request) -> Scripted | web.Response:
        """Note a call, and find what it is about or why it is refused."""
        async with self._arrived:
            self.calls.append(f"{request.method} {request.rel_url.human_repr()[len('/v1') :]}")
            self._arrived.notify_all()
        if refusal := self._unauthorized(request):
            return refusal
        if self._refusals:
            return _plain(self._refusals.popleft())
        response_id = request.match_info["id"]
        scripted = self.responses.get(response_id)
        stored = scripted is not None and scripted.request.get("store", True)
        if scripted is None or not stored or response_id in self.deleted:
            message = f"Response with id '{response_id}' not found."
            return _plain(fail(404, message=message, error={"type": "invalid_request_error"}))
        return scripted

    async def _retrieve(self, request: web.Request) -> web.StreamResponse:
        scripted = await self._called(request)
        if isinstance(scripted, web.Response):
            return scripted
        if request.query.get("stream") != "true":
            return web.json_response(scripted.object())
        if not self.streams_kept or not scripted.request.get("background"):
            return _plain(fail(400, message="This response can no longer be streamed."))
        return await self._relay(request, scripted, int(request.query.get("starting_after", -1)))

    async def _cancel(self, request: web.Request) -> web.Response:
        scripted = await self._called(request)
        if isinstance(scripted, web.Response):
            return scripted
        if not scripted.request.get("background"):
            return _plain(fail(400, message="Only background responses can be cancelled."))
        if not scripted.over:
            assert scripted.task is not None
            scripted.task.cancel()
            async with scripted.changed:
                scripted.status, scripted.over = "cancelled", True
                scripted.changed.notify_all()
        return web.json_response(scripted.object())

    async def _delete(self, request: web.Request) -> web.Response:
        scripted = await self._called(request)
        if isinstance(scripted, web.Response):
            return scripted
        self.deleted.add(scripted.id)
        return web.json_response({"id": scripted.id, "object": "response", "deleted": True})


def question(asked: Asked) -> str:
    """The text of the last user message."""
    entries = asked.body.get("input", "")
    if isinstance(entries, str):
        return entries
    for entry in reversed(entries):
        if entry.get("role") == "user":
            return text_of(entry.get("content"))
    return ""


def _problem(body: Mapping[str, Any]) -> str | None:
    """What the API would refuse in a body that is one by its description."""
    if body.get("background") and not body.get("store", True):
        return "Background responses must be stored."
    entries = body.get("input", ())
    entries = [] if isinstance(entries, str) else list(entries)
    outputs = {e["call_id"] for e in entries if e.get("type") == "function_call_output"}
    calls = {e["call_id"] for e in entries if e.get("type") == "function_call"}
    for call_id in calls - outputs:
        return f"No tool output found for function call {call_id}."
    for call_id in outputs - calls:
        return f"No tool call found for function call output with call_id {call_id}."
    for entry, following in pairwise([*entries, {}]):
        leads = {"message", "function_call", "reasoning", *_HOSTED}
        if entry.get("type") == "reasoning" and (
            following.get("type") not in leads or following.get("role", "assistant") != "assistant"
        ):
            return f"Item '{entry['id']}' of type 'reasoning' was provided without its required"
    return None


_HOSTED = ("code_interpreter_call", "web_search_call")


def _plain(turn: Turn) -> web.Response:
    body = b"".join(step.data for step in turn.steps if isinstance(step, Raw))
    return web.Response(
        body=body, status=turn.status, content_type=turn.content_type, headers=turn.headers
    )


async def _suffer(request: web.Request, response: web.StreamResponse, fault: Fault) -> None:
    fault.used = True
    if isinstance(fault.step, Cut):
        await _cut(request)
    else:
        await response.write(fault.step.data)


async def _cut(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.close()
    await asyncio.Event().wait()  # until the loss of the connection cancels this


def events_of(data: bytes) -> list[dict[str, Any]]:
    """The events in a stream's bytes."""
    chunks = data.decode().split("\n\n")
    return [json.loads(chunk.partition("data: ")[2]) for chunk in chunks if "data: " in chunk]


__all__ = ["Asked", "Gate", "ScriptedResponses", "Turn", "events_of", "question", "replies"]
