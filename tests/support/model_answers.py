"""A scripted answer as chunks or as one object on the wire, and the request that it answers."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.model_turns import COUNTED, Delta, Step, TokenUsage


@dataclass(eq=False)
class Asked:
    """A request that came; `chunks` are the events of its answer, if the model keeps them.

    `peer` is the client's address and port, which differ for each connection.
    """

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    peer: tuple[str, int]
    query: Mapping[str, str] = field(default_factory=dict)
    chunks: list[bytes] = field(default_factory=list)
    disconnected: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of the request."""
        return list(self.body.get("messages", []))

    @property
    def images(self) -> list[str]:
        """The addresses of all images in the messages."""
        return [
            part["image_url"]["url"]
            for message in self.messages
            if isinstance(message["content"], list)
            for part in message["content"]
            if part["type"] == "image_url"
        ]

    @property
    def question(self) -> str:
        """The text of the last user message."""
        for message in reversed(self.messages):
            if message.get("role") == "user":
                return text_of(message.get("content"))
        return ""

    @property
    def over(self) -> bool:
        """Whether the answer has ended."""
        return self.ended.is_set()

    async def until_over(self) -> None:
        """Return when the answer was sent whole, or the client went away (then `disconnected`)."""
        await self.ended.wait()


class Frame:
    """Writes the chunks of one answer; their common part is encoded once."""

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
        """One chunk."""
        choice = {"index": 0, "delta": step.delta, "finish_reason": step.finish}
        return self._begin + json.dumps(choice).encode() + b"]}\n\n"

    def usage(self, told: TokenUsage, completion: int) -> bytes:
        """The usage chunk, after so many tokens."""
        usage = json.dumps(count(self._asked, told, completion)).encode()
        return self._begin + b'], "usage": ' + usage + b"}\n\n"


def count(asked: Asked, told: TokenUsage, completion: int) -> dict[str, Any]:
    """The usage object: the given numbers, else words of the prompt and chunks of the answer."""
    prompt = told.prompt
    if prompt is None:
        prompt = sum(len(text_of(m.get("content")).split()) for m in asked.messages)
    spent = completion if told.completion is None else told.completion
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": spent,
        "total_tokens": prompt + spent,
    }
    if told.cached:
        usage["prompt_tokens_details"] = {"cached_tokens": told.cached}
    return usage


def text_of(content: Any) -> str:
    """The text in a message's content, which is a string or a list of parts."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def whole(steps: Sequence[Step], asked: Asked) -> dict[str, Any]:
    """The turn as one object, for a request without `stream`."""
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
