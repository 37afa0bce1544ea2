"""The replies of a scripted Responses API: functions that make lists of steps."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tests.support.gate import Gate
from tests.support.model_turns import Cut, Pace, Raw, tokens_of


@dataclass(frozen=True)
class Say:
    """A message, in these pieces; each passes `gate`."""

    pieces: Sequence[str]
    gate: Gate | None = None
    refusal: bool = False
    phase: str | None = None
    citation: str | None = None


@dataclass(frozen=True)
class Think:
    """A reasoning item; `sealed` is sent if the request asks for encrypted content."""

    summary: str = ""
    sealed: str = "sealed thoughts"


@dataclass(frozen=True)
class Call:
    """A function call, its arguments in so many pieces."""

    name: str
    arguments: str
    id: str | None = None
    pieces: int = 2


@dataclass(frozen=True)
class Code:
    """A call of the hosted code interpreter; its outputs are sent if the request asks for them."""

    code: str
    logs: Sequence[str] = ()
    image: str | None = None
    failed: bool = False


@dataclass(frozen=True)
class Search:
    """A call of the hosted web search; its sources are sent if the request asks for them."""

    query: str
    sources: Sequence[str] = ()


@dataclass(frozen=True)
class End:
    """How the response ends; `error` and `reason` say why."""

    status: Literal["completed", "failed", "incomplete", "cancelled"] = "completed"
    error: Mapping[str, Any] | None = None
    reason: str | None = None
    usage: tuple[int, int] | None = (10, 5)


@dataclass(frozen=True)
class Error:
    """The `error` event; nothing comes after it."""

    message: str
    code: str | None = "server_error"
    param: str | None = None


Step = Say | Think | Call | Code | Search | End | Error | Gate | Raw | Cut | Pace


@dataclass(frozen=True)
class Reply:
    """One Response: its steps in order. `first` holds back even the headers.

    Without an `End` the stream just ends. `cut_at` closes each connection, one number for each,
    after that event of the response (counted from 0); a connection after these is not cut.
    """

    steps: Sequence[Step]
    first: Gate | None = None
    cut_at: Sequence[int] = ()


def say(
    text: str,
    *,
    tokens: Sequence[str] | None = None,
    gate: Gate | None = None,
    first: Gate | None = None,
    per_second: float | None = None,
    usage: tuple[int, int] | None = (10, 5),
    think: Think | None = None,
    cut_at: Sequence[int] = (),
) -> Reply:
    """Say `text` in `tokens`, each through `gate`, or `per_second`; usage None sends no usage."""
    return Reply(
        [
            *([Pace(per_second)] if per_second else []),
            *([think] if think else []),
            Say(tokens_of(text) if tokens is None else tokens, gate),
            End(usage=usage),
        ],
        first=first,
        cut_at=cut_at,
    )


def call_tools(
    *calls: tuple[str, Mapping[str, Any] | str],
    text: str = "",
    ids: Sequence[str] | None = None,
    pieces: int = 2,
    think: Think | None = None,
    cut_at: Sequence[int] = (),
) -> Reply:
    """Say `text`, then ask for functions as (name, arguments); `think` before each of them."""
    steps: list[Step] = [Say(tokens_of(text))] if text else []
    for index, (name, arguments) in enumerate(calls):
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        if think is not None:
            steps.append(think)
        steps.append(Call(name, written, ids[index] if ids else None, pieces))
    return Reply([*steps, End()], cut_at=cut_at)


def refuse(text: str) -> Reply:
    """Refuse to answer, in these words."""
    return Reply([Say(tokens_of(text), refusal=True), End()])


def failed(text: str = "", *, code: str = "server_error", message: str = "it broke") -> Reply:
    """Say `text`, then fail."""
    return Reply([*_said(text), End("failed", {"code": code, "message": message})])


def incomplete(text: str = "", *, reason: str = "max_output_tokens") -> Reply:
    """Say `text`, then stop for this reason."""
    return Reply([*_said(text), End("incomplete", reason=reason)])


def error_event(text: str, message: str, *, code: str | None = "server_error") -> Reply:
    """Say `text`, then send the event `error`."""
    return Reply([*_said(text), Error(message, code)])


def garble(text: str = "", *, data: bytes = b"data: {not json\n\n") -> Reply:
    """Say `text`, then these bytes once, and go on to the end."""
    return Reply([*_said(text), Raw(data), End()])


def cut(text: str = "") -> Reply:
    """Say `text`, close the connection once, and end."""
    return Reply([*_said(text), Cut(), End()])


def stall(text: str, gate: Gate, *, then: str = "") -> Reply:
    """Say `text`, say nothing until `gate` opens, then say `then` and end."""
    held = Say(tokens_of(then)) if then else None
    return Reply([*_said(text), gate, *([held] if held else []), End()])


def _said(text: str) -> list[Step]:
    return [Say(tokens_of(text))] if text else []
