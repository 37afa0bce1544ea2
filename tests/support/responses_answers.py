"""A scripted Response on the wire: its events in the API's order, and the object they lead to."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from bot.wire.sse import encode
from tests.support.gate import Gate
from tests.support.model_turns import Cut, Pace, Raw
from tests.support.responses_turns import Call, Code, End, Error, Reply, Say, Search, Think

_ECHOED: dict[str, Any] = {
    "instructions": None,
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "top_p": 1.0,
    "max_output_tokens": None,
    "background": False,
    "metadata": {},
}


@dataclass(frozen=True)
class Sent:
    """One event of a response; `number` is its sequence number."""

    number: int
    event: dict[str, Any]

    @property
    def data(self) -> bytes:
        """The event as it goes over the wire."""
        return encode(self.event["type"], msgspec.json.encode(self.event))


@dataclass(eq=False)
class Fault:
    """A fault for the first connection that reaches this place of the stream."""

    step: Raw | Cut
    used: bool = False


@dataclass(eq=False)
class Scripted:
    """A response in progress: `log` grows by events and faults, `changed` is notified of each."""

    id: str
    request: Mapping[str, Any]
    reply: Reply
    status: str = "in_progress"
    log: list[Sent | Fault] = field(default_factory=list)
    output: list[dict[str, Any]] = field(default_factory=list)
    over: bool = False
    cuts: list[int] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    ended: End | None = None
    task: asyncio.Task[None] | None = None
    created: float = field(default_factory=time.time)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events so far."""
        return [entry.event for entry in self.log if isinstance(entry, Sent)]

    def object(self) -> dict[str, Any]:
        """The Response object in its present state."""
        end = self.ended
        told = {key: self.request[key] for key in _ECHOED if self.request.get(key) is not None}
        usage = None
        if end is not None and end.usage is not None:
            prompt, completion = end.usage
            usage = {
                "input_tokens": prompt,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": completion,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": prompt + completion,
            }
        return {
            "id": self.id,
            "object": "response",
            "created_at": int(self.created),
            "status": self.status,
            "error": None if end is None or end.error is None else dict(end.error),
            "incomplete_details": None if end is None or not end.reason else {"reason": end.reason},
            "model": self.request.get("model", ""),
            "output": list(self.output),
            **_ECHOED,
            **told,
            **({} if usage is None else {"usage": usage}),
        }

    def tell(self, kind: str, **fields: Any) -> None:
        """Add an event."""
        number = len(self.events)
        self.log.append(Sent(number, {"type": kind, "sequence_number": number, **fields}))

    async def until(self, place: int) -> None:
        """Return once the log has reached this place, or the response has ended."""
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.log) > place or self.over)

    async def play(self) -> None:
        """Play the reply's steps in order."""
        self.tell("response.created", response=self.object())
        if self.request.get("background"):
            self.status = "queued"
            self.tell("response.queued", response=self.object())
            self.status = "in_progress"
        self.tell("response.in_progress", response=self.object())
        await self._wake()
        interval = 0.0
        for step in self.reply.steps:
            if isinstance(step, Gate):
                await step.passed()
            elif isinstance(step, Pace):
                interval = 1 / step.per_second
            elif isinstance(step, (Raw, Cut)):
                self.log.append(Fault(step))
            elif isinstance(step, Error):
                self.tell("error", code=step.code, message=step.message, param=step.param)
                self.status = "failed"
                break
            elif isinstance(step, End):
                self.end(step)
                break
            else:
                async for _ in self._item(step):
                    await self._wake()
                    if interval:
                        await asyncio.sleep(interval)
            await self._wake()
        self.over = True
        await self._wake()

    def end(self, end: End) -> None:
        """End the response."""
        self.status, self.ended = end.status, end
        self.tell(f"response.{end.status}", response=self.object())

    async def _wake(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def _item(self, step: Say | Think | Call | Code | Search) -> AsyncIterator[None]:
        index = len(self.output)
        item = self._begun(step, index)
        self.output.append(item)
        at = {"output_index": index, "item_id": item["id"]}
        self.tell("response.output_item.added", output_index=index, item=dict(item))
        yield
        if isinstance(step, Say):
            async for _ in self._message(step, item, at):
                yield
        elif isinstance(step, Call):
            width = max(1, -(-len(step.arguments) // max(1, step.pieces)))
            kind = "response.function_call_arguments"
            for start in range(0, len(step.arguments), width):
                piece = step.arguments[start : start + width]
                self.tell(f"{kind}.delta", **at, delta=piece)
                yield
            self.tell(f"{kind}.done", **at, name=step.name, arguments=step.arguments)
            item["arguments"] = step.arguments
        elif isinstance(step, Code):
            kind = "response.code_interpreter_call"
            self.tell(f"{kind}.in_progress", **at)
            self.tell(f"{kind}_code.delta", **at, delta=step.code)
            self.tell(f"{kind}_code.done", **at, code=step.code)
            self.tell(f"{kind}.interpreting", **at)
            yield
            self.tell(f"{kind}.completed", **at)
            item |= {"code": step.code, "outputs": self._outputs(step)}
        elif isinstance(step, Search):
            for state in ("in_progress", "searching", "completed"):
                self.tell(f"response.web_search_call.{state}", **at)
            if "web_search_call.action.sources" in self._included:
                sources = [{"type": "url", "url": url} for url in step.sources]
                item["action"] = {**item["action"], "sources": sources}
        elif step.summary:
            at["summary_index"] = 0
            part = {"type": "summary_text", "text": step.summary}
            kind = "response.reasoning_summary"
            self.tell(f"{kind}_part.added", **at, part={**part, "text": ""})
            self.tell(f"{kind}_text.delta", **at, delta=step.summary)
            yield
            self.tell(f"{kind}_text.done", **at, text=step.summary)
            self.tell(f"{kind}_part.done", **at, part=part)
            item["summary"] = [part]
        if "status" in item:
            failed = isinstance(step, Code) and step.failed
            item["status"] = "failed" if failed else "completed"
        self.tell("response.output_item.done", output_index=index, item=dict(item))
        yield

    async def _message(
        self, step: Say, item: dict[str, Any], at: dict[str, Any]
    ) -> AsyncIterator[None]:
        at = {**at, "content_index": 0}
        part = _part(step, "")
        self.tell("response.content_part.added", **at, part=part)
        kind = "response.refusal" if step.refusal else "response.output_text"
        logprobs: dict[str, Any] = {} if step.refusal else {"logprobs": []}
        said = ""
        for piece in step.pieces:
            if step.gate is not None:
                await step.gate.passed()
            said += piece
            item["content"] = [_part(step, said)]
            self.tell(f"{kind}.delta", **at, delta=piece, **logprobs)
            yield
        part = _part(step, said)
        if step.citation is not None:
            cited = {"type": "url_citation", "url": step.citation, "title": "A page"}
            part["annotations"] = [{**cited, "start_index": 0, "end_index": len(said)}]
            told = {**at, "annotation_index": 0, "annotation": part["annotations"][0]}
            self.tell("response.output_text.annotation.added", **told)
        whole = {"refusal": said} if step.refusal else {"text": said, **logprobs}
        self.tell(f"{kind}.done", **at, **whole)
        self.tell("response.content_part.done", **at, part=part)
        item["content"] = [part]

    def _begun(self, step: Say | Think | Call | Code | Search, index: int) -> dict[str, Any]:
        """The item before its first delta."""
        own = f"{self.id.removeprefix('resp_')}_{index}"
        if isinstance(step, Say):
            phase = {} if step.phase is None else {"phase": step.phase}
            same = {"type": "message", "role": "assistant", "status": "in_progress", "content": []}
            return {"id": f"msg_{own}", **same, **phase}
        if isinstance(step, Call):
            named = {"name": step.name, "call_id": step.id or f"call_{own}", "arguments": ""}
            return {"id": f"fc_{own}", "type": "function_call", "status": "in_progress", **named}
        if isinstance(step, Code):
            nothing = {"code": None, "outputs": None, "container_id": f"cntr_{own}"}
            kind = {"type": "code_interpreter_call", "status": "in_progress"}
            return {"id": f"ci_{own}", **kind, **nothing}
        if isinstance(step, Search):
            action = {"type": "search", "query": step.query, "queries": [step.query]}
            kind = {"type": "web_search_call", "status": "in_progress"}
            return {"id": f"ws_{own}", **kind, "action": action}
        sealed = step.sealed if "reasoning.encrypted_content" in self._included else None
        return {"id": f"rs_{own}", "type": "reasoning", "summary": [], "encrypted_content": sealed}

    def _outputs(self, step: Code) -> list[dict[str, Any]] | None:
        if "code_interpreter_call.outputs" not in self._included:
            return None
        images = [] if step.image is None else [{"type": "image", "url": step.image}]
        return [*({"type": "logs", "logs": logs} for logs in step.logs), *images]

    @property
    def _included(self) -> list[str]:
        return list(self.request.get("include") or ())


def _part(step: Say, text: str) -> dict[str, Any]:
    if step.refusal:
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
