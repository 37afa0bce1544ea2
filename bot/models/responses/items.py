"""What the objects in a Response hold, where they are of the shape they should be."""

import secrets
from typing import Any

from bot.models.http.stream_reader import StreamFault
from bot.models.types import HostedCall, HostedKind

HOSTED: dict[str, HostedKind] = {
    "code_interpreter_call": "code_interpreter",
    "web_search_call": "web_search",
}


def hosted_call(kind: HostedKind, item: dict[str, Any]) -> HostedCall:
    """What a hosted tool did; raises StreamFault for an item that can't be read."""
    outputs: list[str] = []
    if kind == "code_interpreter":
        asked = field_of(item, "code", str) or ""
        for output in field_of(item, "outputs", list) or ():
            output = object_of(output)
            if output.get("type") == "logs":
                outputs.append(text_of(output.get("logs")))
            elif output.get("type") == "image":
                outputs.append(f"image: {text_of(output.get('url'))}")
    else:
        action = field_of(item, "action", dict) or {}
        queries = [str(query) for query in field_of(action, "queries", list) or ()]
        asked = field_of(action, "query", str) or "; ".join(queries)
        asked = asked or field_of(action, "pattern", str) or field_of(action, "url", str) or ""
        sources = [object_of(source) for source in field_of(action, "sources", list) or ()]
        outputs += [text_of(source.get("url")) for source in sources]
    call_id = field_of(item, "id", str) or f"call_{secrets.token_hex(12)}"
    return HostedCall(kind, call_id, asked, tuple(outputs), item.get("status") == "failed")


def object_of(value: object) -> dict[str, Any]:
    """An object; raises StreamFault."""
    if not isinstance(value, dict):
        raise StreamFault("an event of the stream holds something else than an object")
    return value


def text_of(value: object) -> str:
    """Text, or nothing where a field is not there; raises StreamFault."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise StreamFault("an event of the stream holds something else than text")
    return value


def field_of(value: dict[str, Any], key: str, kind: type[Any]) -> Any:
    """A field where it is of the kind it should be."""
    found = value.get(key)
    return found if isinstance(found, kind) and not isinstance(found, bool) else None
