"""The events of a Response, and fields of its objects if they have the right type."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from bot.models.http.leniency import new_call_id, text_in
from bot.models.types import HostedCall, HostedKind

HOSTED: Final[dict[str, HostedKind]] = {
    "code_interpreter_call": "code_interpreter",
    "web_search_call": "web_search",
}

_STATUSES: Final = {
    **dict.fromkeys(("succeeded", "success", "done", "finished", "complete", "stop"), "completed"),
    **dict.fromkeys(("canceled",), "cancelled"),
    **dict.fromkeys(("error", "errored", "expired"), "failed"),
}
"""Other words of endpoints for a status of the API."""


class ResponseEvent(Struct):
    """Any event of a Response; its fields are checked once its type is known."""

    type: Any = ""
    sequence_number: Any = None
    output_index: Any = 0
    content_index: Any = 0
    item_id: Any = None
    delta: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    item: Any = None
    part: Any = None
    response: Any = None
    error: Any = None
    code: Any = None
    message: Any = None
    param: Any = None


def status_of(response: dict[str, Any]) -> str:
    """Return a response's status as the API spells it; empty without one."""
    status = text_in(response.get("status")).strip().lower().replace("-", "_")
    return _STATUSES.get(status, status)


def failure_of(response: dict[str, Any]) -> Any:
    """Return the error of a failed response."""
    error = response.get("error") or response.get("last_error")
    return error or {"code": "server_error", "message": "it failed there"}


def hosted_call(kind: HostedKind, item: dict[str, Any]) -> HostedCall:
    """Return the call of a hosted tool, as far as the item describes it."""
    outputs: list[str] = []
    if kind == "code_interpreter":
        asked = field_of(item, "code", str) or ""
        for output in field_of(item, "outputs", list) or ():
            output = object_of(output)
            if output.get("type") == "logs":
                outputs.append(text_in(output.get("logs")))
            elif output.get("type") == "image":
                outputs.append(f"image: {text_in(output.get('url'))}")
    else:
        action = field_of(item, "action", dict) or {}
        queries = [str(query) for query in field_of(action, "queries", list) or ()]
        asked = field_of(action, "query", str) or "; ".join(queries)
        asked = asked or field_of(action, "pattern", str) or field_of(action, "url", str) or ""
        sources = [object_of(source) for source in field_of(action, "sources", list) or ()]
        outputs += [text_in(source.get("url")) for source in sources]
    call_id = field_of(item, "id", str) or new_call_id()
    return HostedCall(kind, call_id, asked, tuple(outputs), item.get("status") == "failed")


def kind_of(item: dict[str, Any]) -> str:
    """Return an item's type, also where only its other fields tell; empty for none."""
    kind = field_of(item, "type", str)
    if kind is None and item.get("content") and item.get("role") in ("assistant", None):
        return "message"
    return "function_call" if kind == "tool_call" else kind or ""


def object_of(value: object) -> dict[str, Any]:
    """Return an object; an empty one for any other value."""
    return value if isinstance(value, dict) else {}


def arguments_of(value: object) -> str:
    """Return a call's arguments as text, also if they are sent as an object."""
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else text_in(value)


def same_arguments(first: str, second: str) -> bool:
    """Tell whether two texts of arguments have the same value."""
    try:
        return bool(msgspec.json.decode(first) == msgspec.json.decode(second))
    except (msgspec.DecodeError, UnicodeEncodeError):
        return first.strip() == second.strip()


def field_of(value: dict[str, Any], key: str, kind: type[Any]) -> Any:
    """Return a field of an object if it has this type, else None."""
    found = value.get(key)
    return found if isinstance(found, kind) and not isinstance(found, bool) else None
