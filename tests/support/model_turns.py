"""The turns of a scripted model: functions that make lists of steps."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.gate import Gate


@dataclass(frozen=True)
class Delta:
    """One chunk of the stream."""

    delta: Mapping[str, Any]
    finish: str | None = None


@dataclass(frozen=True)
class Raw:
    """Bytes sent as they are."""

    data: bytes


@dataclass(frozen=True)
class Cut:
    """The connection is closed without another byte."""


@dataclass(frozen=True)
class TokenUsage:
    """The usage chunk, sent if the request asks for it.

    None counts words of the prompt and chunks of the answer.
    """

    prompt: int | None = None
    completion: int | None = None
    cached: int = 0


COUNTED = TokenUsage()


@dataclass(frozen=True)
class Pace:
    """The following chunks come at this rate."""

    per_second: float


@dataclass(frozen=True)
class Done:
    """The stream's `[DONE]`."""


Step = Delta | Raw | Cut | TokenUsage | Pace | Done | Gate


@dataclass(frozen=True)
class Turn:
    """One answer: its steps in order. The gate `first` holds back even the headers."""

    steps: Sequence[Step]
    status: int = 200
    content_type: str = "text/event-stream"
    headers: Mapping[str, str] = field(default_factory=dict)
    first: Gate | None = None


def tokens_of(text: str) -> list[str]:
    """Cut a text after each word; the white space stays."""
    return re.findall(r"\S+\s*|\s+", text)


def say(
    text: str,
    *,
    tokens: Sequence[str] | None = None,
    gate: Gate | None = None,
    first: Gate | None = None,
    per_second: float | None = None,
    usage: TokenUsage | None = COUNTED,
    finish: str = "stop",
) -> Turn:
    """Say `text` in `tokens`, each through `gate`, or `per_second`; usage None sends no usage."""
    pieces = tokens_of(text) if tokens is None else list(tokens)
    return Turn(
        [
            *([Pace(per_second)] if per_second else []),
            *(_said(pieces) if gate is None else _held(pieces, gate)),
            *_ending(finish, usage),
        ],
        first=first,
    )


def call_tools(
    *calls: tuple[str, Mapping[str, Any] | str],
    text: str = "",
    ids: Sequence[str] | None = None,
    pieces: int = 2,
    gate: Gate | None = None,
    usage: TokenUsage | None = COUNTED,
) -> Turn:
    """Say `text`, then ask for functions as (name, arguments), the arguments in so many pieces."""
    steps: list[Step] = [] if gate is None else [gate]
    steps += _said(tokens_of(text))
    for index, (name, arguments) in enumerate(calls):
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        call_id = ids[index] if ids else f"call_{index}_{name}"
        begin = {"index": index, "id": call_id, "type": "function"}
        steps.append(_call({**begin, "function": {"name": name, "arguments": ""}}))
        width = max(1, -(-len(written) // max(1, pieces)))
        steps += [
            _call({"index": index, "function": {"arguments": written[at : at + width]}})
            for at in range(0, len(written), width)
        ]
    return Turn([*steps, *_ending("tool_calls", usage)])


def refuse(text: str, *, usage: TokenUsage | None = COUNTED) -> Turn:
    """Refuse to answer, in these words."""
    return Turn([*_each({"refusal": piece} for piece in tokens_of(text)), *_ending("stop", usage)])


def fail(
    status: int,
    *,
    message: str = "scripted failure",
    error: Mapping[str, Any] | None = None,
    retry_after: float | str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Turn:
    """Answer an error with this status; `error` adds to or replaces the error object's fields."""
    body = {"message": message, "type": "scripted_error", "param": None, "code": None}
    told = dict(headers or {})
    if retry_after is not None:
        told["Retry-After"] = str(retry_after)
    answer = json.dumps({"error": {**body, **(error or {})}}).encode()
    return Turn([Raw(answer)], status=status, content_type="application/json", headers=told)


def cut(text: str = "") -> Turn:
    """Say `text` and close the connection in the middle of the stream."""
    return Turn([*_said(tokens_of(text)), Cut()])


def stall(text: str, gate: Gate, *, then: str = "") -> Turn:
    """Say `text`, say nothing until `gate` opens, then say `then` and end."""
    return Turn(
        [
            *_said(tokens_of(text)),
            gate,
            *_said(tokens_of(then)),
            *_ending("stop", COUNTED),
        ]
    )


def garble(text: str = "", *, data: bytes = b"data: {not json\n\n") -> Turn:
    """Say `text`, then send these bytes, and end the stream."""
    return Turn([*_said(tokens_of(text)), Raw(data), Done()])


def error_mid_stream(text: str, error: Mapping[str, Any] | str) -> Turn:
    """Say `text`, then an error object, with a 200 on the whole."""
    data = f"data: {json.dumps({'error': error})}\n\n".encode()
    return garble(text, data=data)


def web_page(html: str = "<!doctype html><title>Welcome</title>") -> Turn:
    """Answer a web page with a 200."""
    return Turn([Raw(html.encode())], content_type="text/html")


def json_answer(value: object, status: int = 200) -> Turn:
    """Answer this JSON."""
    return Turn([Raw(json.dumps(value).encode())], status=status, content_type="application/json")


def _each(deltas: Iterable[Mapping[str, Any]]) -> list[Step]:
    return [Delta(delta) for delta in deltas]


def _said(pieces: Sequence[str]) -> list[Step]:
    return _each({"content": piece} for piece in pieces)


def _held(pieces: Sequence[str], gate: Gate) -> list[Step]:
    return [step for piece in pieces for step in (gate, Delta({"content": piece}))]


def _call(call: Mapping[str, Any]) -> Delta:
    return Delta({"tool_calls": [call]})


def _ending(finish: str, usage: TokenUsage | None) -> list[Step]:
    return [Delta({}, finish), *([] if usage is None else [usage]), Done()]
