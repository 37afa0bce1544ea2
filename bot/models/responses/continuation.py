"""Keeps the output items of an answer; the next request repeats them for a reasoning model.

The endpoint stores nothing. So the request carries the reasoning, as the endpoint encrypted it,
each piece before the message or call that it led to.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from bot.models.types import AssistantMessage

# ``AssistantMessage`` has fields for these items: an answer of only these needs no seal.
_PLAIN: Final = frozenset({"message", "function_call"})


def seal(items: Mapping[int, dict[str, Any]], call_ids: Mapping[int, str]) -> str:
    """Return the items of an answer by output index, with our call ids; "" if none needs it."""
    ordered: list[dict[str, Any]] = []
    for index, item in sorted(items.items()):
        if item.get("type") == "reasoning" and not item.get("encrypted_content"):
            return ""  # the item is stored nowhere, so only our own text can repeat its result
        ordered.append({**item, "call_id": call_ids[index]} if index in call_ids else item)
    if all(item.get("type") in _PLAIN and "phase" not in item for item in ordered):
        return ""
    return msgspec.json.encode(ordered).decode()


def unseal(message: AssistantMessage) -> list[dict[str, Any]] | None:
    """Return the items of an answer; None if nothing is sealed, or by another class."""
    if not message.continuation:
        return None
    try:
        items = msgspec.json.decode(message.continuation, type=list[dict[str, Any]])
    except msgspec.DecodeError:
        return None
    sealed = [item.get("call_id") for item in items if item.get("type") == "function_call"]
    if sorted(map(str, sealed)) != sorted(call.id for call in message.tool_calls):
        return None
    return items
