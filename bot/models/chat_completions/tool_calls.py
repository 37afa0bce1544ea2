"""Assembles tool calls from the pieces that endpoints send.

Indexes, ids and repeated names that make no sense are ignored. Two calls are never merged:
once the JSON of a call's arguments is complete, another object begins another call.
"""

import json
import re
from typing import Any, Final

from msgspec import Struct, field

from bot.models.chat_completions.continuation import CALL_FIELDS
from bot.models.http.leniency import CallIds, integer, text_in
from bot.models.http.stream_reader import StreamFault
from bot.models.types import ModelEvent, ToolCallDelta, ToolCallStarted

_MOST_UNNAMED: Final = 100_000
"""The most characters of arguments that are kept while the function's name is missing."""

_PLACEHOLDERS: Final = frozenset({"", "{}", "null", '""'})
"""Placeholders that some endpoints send before the arguments; alone they mean no arguments."""

_NO_ID: Final = frozenset({"", "null", "none", "undefined"})
_WRAPPERS: Final = frozenset('"`')
"""How a JSON string or a block of code begins; such arguments are held back to the end."""

_BLOCK: Final = re.compile(r"```\w*\s*(\{.*\})\s*```", re.DOTALL)
_TEMPLATE: Final = re.compile(r"\A\s*functions\.|<\|.*\Z", re.DOTALL)
_OUTSIDE: Final = re.compile(r'["{}\[\]]')
_IN_STRING: Final = re.compile(r'["\\]')


class _JsonProgress(Struct):
    """Tracks whether a JSON object or array is complete; other text never is."""

    has_text: bool = False
    structured: bool = False
    in_string: bool = False
    escaped: bool = False
    depth: int = 0

    def feed(self, piece: str) -> int | None:
        """Take the next piece; return the offset where the value ends, None before its end."""
        if not self.has_text and (begin := piece.lstrip()):
            self.has_text = True
            self.structured = begin[0] in "{["
        if not self.structured:
            return None
        at = 1 if self.escaped else 0
        self.escaped = False
        while found := (_IN_STRING if self.in_string else _OUTSIDE).search(piece, at):
            mark, at = found[0], found.end()
            if mark == '"':
                self.in_string = not self.in_string
            elif mark == "\\":
                self.escaped = at == len(piece)
                at += 1
            elif mark in "{[":
                self.depth += 1
            else:
                self.depth -= 1
                if self.depth <= 0:
                    return at
        return None


class _CallPiece(Struct):
    """The fields of one entry of ``tool_calls``."""

    index: int | None
    id: str
    name: str
    arguments: str
    extra: dict[str, Any]

    @property
    def begins(self) -> bool:
        """Tell whether the arguments look like the beginning of an object."""
        return self.arguments.lstrip().startswith("{")


class _OpenCall(Struct):
    """A call that is being received; its ``ToolCallStarted`` comes once its whole name is known."""

    name: str
    endpoint_id: str
    id: str = ""
    index: int = -1
    started: bool = False
    held: str = ""  # a placeholder
    unnamed: str = ""  # arguments that came before the name
    arguments: list[str] = []
    progress: _JsonProgress = field(default_factory=_JsonProgress)
    whole: bool = False
    extra: dict[str, Any] = {}

    @property
    def has_arguments(self) -> bool:
        """Tell whether arguments arrived, a placeholder included."""
        return self.progress.has_text or bool(self.held.strip())


class ToolCallAssembler:
    """Assembles the tool calls of one answer: ``take`` each entry, then ``finish``.

    ``tools`` are the names of the functions offered: they tell a split name from two names.
    ``size`` counts the characters of names and arguments.
    """

    def __init__(self, tools: frozenset[str] = frozenset()) -> None:
        self.size = 0
        self._tools = tools
        self._calls: list[_OpenCall] = []
        self._at: dict[int, _OpenCall] = {}
        self._by_id: dict[str, _OpenCall] = {}
        self._current: _OpenCall | None = None
        self._ids = CallIds()
        self._started = 0

    def __bool__(self) -> bool:
        """Tell whether the model called a tool."""
        return bool(self._calls)

    @property
    def extras(self) -> dict[str, dict[str, Any]]:
        """The fields to send back with a call, by the call's id."""
        return {call.id: call.extra for call in self._calls if call.extra}

    def take(self, entry: object) -> list[ModelEvent]:
        """Return the events of an entry of ``tool_calls``; raises ``StreamFault`` if unusable."""
        if not isinstance(entry, dict):
            return []
        piece = _read(entry)
        if not (piece.name or piece.id or piece.arguments):
            return []
        events: list[ModelEvent] = []
        call = self._find(piece)
        if call is None:
            call = self._open(piece.name, piece.id, events)
        elif not self._continues(call, piece):
            call = self._open(piece.name or call.name, piece.id, events)
        elif call.whole and piece.arguments.strip() == "".join(call.arguments).strip():
            return events  # some endpoints repeat the whole arguments at the end
        elif piece.name and not (call.name and call.progress.has_text):
            call.name = _joined(call.name, piece.name)
        if piece.index is not None:
            self._at[piece.index] = call
        if piece.id:
            call.endpoint_id = call.endpoint_id or piece.id
            self._by_id.setdefault(piece.id, call)
        self._current = call
        call.extra.update(piece.extra)
        self._add(call, piece.arguments, events)
        return events

    def finish(self) -> list[ModelEvent]:
        """Return the last events; raises ``StreamFault`` for a call without a name."""
        events: list[ModelEvent] = []
        for call in self._calls:
            if not call.name:
                raise StreamFault("a tool call came without a function's name")
            self._start(call, events)
            self._emit(call, _unwrapped(call.held), events)
        return events

    def _find(self, piece: _CallPiece) -> _OpenCall | None:
        """Return the call that a piece belongs to, by its index or id; None for a new call."""
        current = self._current
        by_id = self._by_id.get(piece.id) if piece.id else None
        open_by_id = (
            by_id if by_id is not None and not by_id.whole and by_id.has_arguments else None
        )
        if piece.index is None:
            return by_id or current
        at = self._at.get(piece.index)
        if at is not None:
            if by_id is None or by_id is at or at.endpoint_id == piece.id:
                return at
            return by_id if not piece.name or piece.name == by_id.name else at
        if piece.name:
            return open_by_id if open_by_id and open_by_id.name == piece.name else None
        if by_id is not None or piece.id:
            return by_id
        return current if current is not None and not current.whole else None

    def _continues(self, call: _OpenCall, piece: _CallPiece) -> bool:
        """Tell whether a piece continues this call instead of beginning another."""
        same_id = bool(piece.id) and piece.id == call.endpoint_id
        other_id = bool(piece.id) and bool(call.endpoint_id) and not same_id
        repeated = piece.name == call.name and not other_id
        if call.whole:
            if not piece.arguments.strip():
                return not piece.name or repeated
            if same_id and piece.arguments.strip() == "".join(call.arguments).strip():
                return True
            return not piece.begins and not piece.name
        if not piece.name:
            return True
        if not call.name:
            return not other_id
        if call.progress.has_text:
            return piece.name == call.name and not (other_id and piece.begins)
        if call.held.strip():
            return same_id or (repeated and not piece.arguments.strip())
        if other_id:
            return False
        return piece.name == call.name or self._is_name_in_pieces(call.name, piece)

    def _is_name_in_pieces(self, name: str, piece: _CallPiece) -> bool:
        """Tell whether two names in a row are pieces of one name."""
        if not self._tools:
            return piece.index is not None
        if name in self._tools and piece.name in self._tools:
            return False
        joined = _joined(name, piece.name)
        return any(tool.startswith(joined) for tool in self._tools)

    def _open(self, name: str, endpoint_id: str, events: list[ModelEvent]) -> _OpenCall:
        """Open another call; start the calls before it, so that they keep their order."""
        for call in self._calls:
            if call.name:
                self._start(call, events)
        call = _OpenCall(name, endpoint_id)
        self._calls.append(call)
        return call

    def _add(self, call: _OpenCall, text: str, events: list[ModelEvent]) -> None:
        """Add arguments to a call; an object after a complete one begins another call."""
        if not text:
            return
        if not call.whole:
            if not call.progress.has_text:
                waiting = call.held + text
                if waiting.strip() in _PLACEHOLDERS:
                    call.held = waiting
                    return
                placeholder = call.held.strip()
                replaced = (
                    placeholder in _PLACEHOLDERS and bool(placeholder) and text.lstrip()[:1] == "{"
                )
                if not replaced and waiting.lstrip()[0] in _WRAPPERS:
                    call.held = waiting
                    return
                text, call.held = (text if replaced else waiting), ""
            end = call.progress.feed(text)
            if end is None:
                self._emit(call, text, events)
                return
            self._emit(call, text[:end], events)
            call.whole = True
            text = text[end:]
        rest = text.lstrip(" \t\r\n,;")
        if rest.startswith("{"):
            following = self._open(call.name, "", events)
            self._current = following
            for index, known in tuple(self._at.items()):
                if known is call:
                    self._at[index] = following
            self._add(following, rest, events)
        elif "{" in rest:
            raise StreamFault("a tool call's arguments go on behind their end")
        # Else it is an extra bracket or a template's token, not part of the arguments.

    def _emit(self, call: _OpenCall, text: str, events: list[ModelEvent]) -> None:
        """Add the event of a piece of arguments, or keep the piece until the name is known."""
        if not call.name:
            call.unnamed += text
            if len(call.unnamed) > _MOST_UNNAMED:
                raise StreamFault("a tool call came without a function's name")
            return
        self._start(call, events)
        text, call.unnamed = call.unnamed + text, ""
        if text:
            call.arguments.append(text)
            self.size += len(text)
            events.append(ToolCallDelta(call.index, text))

    def _start(self, call: _OpenCall, events: list[ModelEvent]) -> None:
        if call.started:
            return
        call.started = True
        call.name = self._offered(call.name)
        call.index = self._started
        self._started += 1
        call.id = self._ids.of(call.endpoint_id)
        self.size += len(call.name)
        events.append(ToolCallStarted(call.index, call.id, call.name))

    def _offered(self, name: str) -> str:
        """Return a call's name without a template's marks if that function was offered."""
        bare = _TEMPLATE.sub("", name).strip()
        return bare if name not in self._tools and bare in self._tools else name


def _unwrapped(arguments: str) -> str:
    """Return the object in arguments that are a JSON string or a block of code."""
    if block := _BLOCK.fullmatch(arguments.strip()):
        return block[1]
    try:
        inner = json.loads(arguments)
    except ValueError:
        return arguments
    return inner if isinstance(inner, str) and inner.lstrip().startswith("{") else arguments


def _joined(name: str, piece: str) -> str:
    """Return a name with its next piece; a piece may also repeat the name so far."""
    return piece if piece.startswith(name) else name if name == piece else name + piece


def _read(entry: dict[str, Any]) -> _CallPiece:
    """Return an entry's fields; those of the function may be in the entry (``function_call``)."""
    function = entry.get("function")
    if not isinstance(function, dict):
        function = entry
    named = (function.get(key) for key in ("arguments", "parameters", "input", "args"))
    arguments = next((each for each in named if each is not None), None)
    if isinstance(arguments, list) and all(isinstance(each, str) for each in arguments):
        arguments = "".join(arguments)
    elif isinstance(arguments, list) and len(arguments) == 1:
        arguments = arguments[0]
    if isinstance(arguments, dict | list):
        arguments = json.dumps(arguments, ensure_ascii=False)
    name, call_id = text_in(function.get("name")), text_in(entry.get("id"))
    return _CallPiece(
        index=integer(entry.get("index")),
        id="" if call_id.lower() in _NO_ID else call_id,
        name=name,
        arguments=text_in(arguments),
        extra={key: entry[key] for key in CALL_FIELDS if entry.get(key) is not None},
    )
