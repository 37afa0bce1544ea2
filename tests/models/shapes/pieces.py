"""What streams of chat completions are made of."""

import json
from typing import Any

Chunk = dict[str, Any]
STOP: Chunk = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
CALLED: Chunk = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
HELLO: Chunk = {"choices": [{"index": 0, "delta": {"content": "hello"}, "finish_reason": None}]}
DONE = b"data: [DONE]\n\n"


def delta(**told: Any) -> Chunk:
    """A chunk with this delta."""
    return {"choices": [{"index": 0, "delta": told, "finish_reason": None}]}


def call(name: Any = None, arguments: Any = None, **told: Any) -> Chunk:
    """A chunk with a piece of a tool call."""
    function = {"name": name, "arguments": arguments}
    told["function"] = {key: value for key, value in function.items() if value is not None}
    return delta(tool_calls=[told])


def stream(*chunks: Chunk | bytes, end: bytes = DONE) -> bytes:
    """The chunks as a stream; bytes stand as they are."""
    return (
        b"".join(
            chunk if isinstance(chunk, bytes) else b"data: %b\n\n" % json.dumps(chunk).encode()
            for chunk in chunks
        )
        + end
    )


def whole(message: dict[str, Any], **more: Any) -> bytes:
    """An answer in one piece."""
    return json.dumps({"choices": [{"index": 0, "message": message}], **more}).encode()
