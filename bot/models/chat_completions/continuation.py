"""Keeps the reasoning before tool calls, which goes back to the model with the calls.

DeepSeek refuses a conversation whose calls lack their reasoning, OpenRouter and Gemini answer
better with it, others refuse such fields: the dialect says which.
"""

from typing import Any, Final

import msgspec

from bot.models.chat_completions.chunk import CompletionDelta
from bot.models.types import AssistantMessage

FIELDS: Final = (
    "reasoning", "reasoning_content", "reasoning_details", "thinking_blocks", "extra_content"
)  # fmt: skip
"""The fields of a message that hold thoughts, in the order in which they are written.

LiteLLM's ``thinking_blocks`` are signed: Anthropic's models refuse calls without them.
"""

CALL_FIELDS: Final = ("extra_content", "thought_signature", "provider_specific_fields")
"""Fields of a call that its model needs back unchanged (Gemini's thought signatures)."""

_MOST: Final = 2_000_000
"""Characters of thoughts that are kept; a model that thinks more gets none of them back."""


class ReasoningFields:
    """The reasoning fields of one answer, joined from pieces; ``size`` in characters."""

    def __init__(self) -> None:
        self.size = 0
        self._fields: dict[str, Any] = {}

    def add(self, delta: CompletionDelta) -> None:
        """Add the reasoning fields of a delta."""
        for name in FIELDS:
            piece = getattr(delta, name)
            if not piece or self.size > _MOST:
                continue
            self.size += len(piece) if isinstance(piece, str) else 0
            known = self._fields.get(name)
            if isinstance(piece, str) and isinstance(known, str):
                self._fields[name] = known + piece
            elif isinstance(piece, list):
                details = known if isinstance(known, list) else []
                for detail in piece:
                    self._add_detail(details, detail)
                self._fields[name] = details
            else:
                self._fields[name] = piece

    def _add_detail(self, details: list[Any], piece: object) -> None:
        """Join a piece to the last of the details if both belong together, else append it."""
        last = details[-1] if details else None
        if not (isinstance(piece, dict) and isinstance(last, dict)) or any(
            last.get(key) != piece.get(key) for key in ("type", "index", "id")
        ):
            details.append(piece)
            return
        for key, value in piece.items():
            together = key in ("text", "summary", "data", "thinking") and isinstance(value, str)
            if together and isinstance(last.get(key), str):
                self.size += len(value)
                last[key] += value
            elif value is not None:
                last[key] = value

    @property
    def text(self) -> str:
        """The reasoning as a person can read it; empty if the endpoint sent none as text."""
        for name in ("reasoning_content", "reasoning"):
            if isinstance(written := self._fields.get(name), str) and written.strip():
                return written.strip()
        details = self._fields.get("reasoning_details")
        pieces = [
            piece
            for detail in (details if isinstance(details, list) else ())
            if isinstance(detail, dict)
            for piece in (detail.get("text") or detail.get("summary"),)
            if isinstance(piece, str)
        ]
        return "\n\n".join(pieces).strip()

    def sealed(self, extras: dict[str, dict[str, Any]]) -> str:
        """Return the JSON of all fields to send back with the calls; "" if there are no fields.

        ``extras`` has the calls' own fields by call id.
        """
        fields = self._fields if self.size <= _MOST else {}
        if not fields and not extras:
            return ""
        return msgspec.json.encode({"message": fields, "calls": extras}).decode()


def give_back(message: dict[str, Any], item: AssistantMessage, left_out: set[str]) -> None:
    """Add the fields in ``item.continuation`` to a request's ``message``, except ``left_out``."""
    if not item.continuation:
        return
    try:
        sealed = msgspec.json.decode(item.continuation, type=dict[str, dict[str, Any]])
    except msgspec.DecodeError:
        return  # another kind of endpoint made it
    fields = sealed.get("message", {})
    message.update({name: fields[name] for name in fields if name not in left_out})
    for call in message["tool_calls"]:
        extras = sealed.get("calls", {}).get(call["id"], {})
        call.update({name: extras[name] for name in extras if name not in left_out})
