"""What a model that reasons wrote, sealed to be given back: an answer's items as they came.

Nothing is stored at the endpoint, so the next request carries the reasoning itself, encrypted by
the endpoint, each piece before the item that it led to.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from bot.models.types import AssistantMessage

# What stands for itself in an `AssistantMessage`: an answer of these alone needs no seal.
_PLAIN: Final = frozenset({"message", "function_call"})


def seal(items: Mapping[int, dict[str, Any]], call_ids: Mapping[int, str]) -> str:
    """The items of an answer by their output index, calls under our ids; "" where none needs it."""
    ordered: list[dict[str, Any]] = []
    for index, item in sorted(items.items()):
        if item.get("type") == "reasoning" and not item.get("encrypted_content"):
            return ""  # it is stored nowhere: what it led to can only be told in our own words
        ordered.append({**item, "call_id": call_ids[index]} if index in call_ids else item)
    if all(item.get("type") in _PLAIN and "phase" not in item for item in ordered):
        return ""
    return msgspec.json.encode(ordered).decode()


def unseal(message: AssistantMessage) -> list[dict[str, Any]] | None:
    """The items of the answer ``message`` was; None where nothing is sealed or it is another's."""
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
