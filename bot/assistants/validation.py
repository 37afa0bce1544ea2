"""Checks requests by the rules in their types, and words each violation as the API does."""

import re
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from bot.assistants.errors import APIError, invalid
from bot.assistants.schema.base import Modification, Request
from bot.assistants.schema.content import WEB_URL
from bot.runtime.violations import Violation, array_type, choices, struct_for, violation_of

R = TypeVar("R", bound=msgspec.Struct)
Q = TypeVar("Q", bound=Request)

_KINDS: Final = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "array": "array",
    "object": "object",
    "null": "null",
}


def from_raw(kind: type[R], raw: object) -> R:
    """Return the value of a request's JSON as ``kind``; raises ``APIError`` 400."""
    if not isinstance(raw, dict):
        raise invalid(f"The request's body must be an object, but {_with_article(raw)} was sent.")
    raw = _shaped(_info(kind), raw, "", keep_nulls=issubclass(kind, Modification))
    try:
        request = msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise _api_error(violation_of(error, raw, _info(kind))) from None
    if isinstance(request, Request):
        request.mark_checked()
    return request


def checked(request: Q) -> Q:
    """Return a request that follows the rules of its types; raises ``APIError`` 400.

    A request that ``from_raw`` returned is not checked a second time. A request that was built in
    this process is checked as if its JSON had been sent.
    """
    if request.is_checked:
        return request
    kind = type(request)
    keep_nulls = isinstance(request, Modification)
    raw = _shaped(_info(kind), msgspec.to_builtins(request), "", keep_nulls=keep_nulls)
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise _api_error(violation_of(error, raw, _info(kind))) from None


@lru_cache(maxsize=64)
def _info(kind: type[msgspec.Struct]) -> inspect.Type:
    return inspect.type_info(kind)


@lru_cache(maxsize=128)
def _fields(kind: type[msgspec.Struct]) -> dict[str, inspect.Field]:
    struct = inspect.type_info(kind)
    assert isinstance(struct, inspect.StructType), "requests consist of structs"
    return {field.encode_name: field for field in struct.fields}


def _shaped(kind: inspect.Type, raw: object, path: str, *, keep_nulls: bool = False) -> Any:
    """Return ``raw`` without optional fields that are null: they mean the same as absent ones.

    With ``keep_nulls`` a null stays in each outermost field that may be null. Nulls in arrays
    and in objects with free keys (metadata, JSON schemas) are values and stay. Raises ``APIError``
    for the first unknown field, and for the first array that is too long, before its elements.
    """
    if isinstance(raw, dict):
        struct = struct_for(kind, raw)
        if struct is None:
            return raw
        fields = _fields(struct.cls)
        kept: dict[Any, Any] = {}
        for key, value in raw.items():
            field = fields.get(key)
            here = f"{path}.{key}" if path else str(key)
            if key == struct.tag_field:
                kept[key] = value
            elif field is None:
                raise invalid(f"Unknown parameter: '{here}'.", here, "unknown_parameter")
            elif value is not None or field.required or (keep_nulls and _may_be_null(field.type)):
                kept[key] = _shaped(field.type, value, here)
        return kept
    if isinstance(raw, list | tuple):
        array = array_type(kind)
        if array is None:
            return raw
        if array.max_length is not None and len(raw) > array.max_length:
            raise _array_length(path, "<=", array.max_length, len(raw))
        return [
            _shaped(array.item_type, value, f"{path}[{index}]") for index, value in enumerate(raw)
        ]
    return raw


def _may_be_null(kind: inspect.Type) -> bool:
    return any(isinstance(choice, inspect.NoneType) for choice in choices(kind))


def _api_error(found: Violation) -> APIError:
    """Word a violation as the API does: the field, the expected and the given value."""
    path = _api_path(found.steps)
    return (
        _missing(found.rule, path)
        or _no_web_url(found.rule, path)
        or _too_long(found, path)
        or _out_of_range(found.rule, path, found.value)
        or _wrong_type(found.rule, path, found.value)
        or _wrong_value(found.rule, path, found.value)
    )


def _api_path(steps: tuple[str | int, ...]) -> str:
    """Return steps in the API's notation: ``tools[0].function.name``."""
    parts = (f"[{step}]" if isinstance(step, int) else step and f".{step}" for step in steps)
    return "".join(parts).removeprefix(".")


def _missing(what: str, path: str) -> APIError | None:
    match = re.fullmatch(r"Object missing required field `(.+)`", what)
    if match is None:
        return None
    name = f"{path}.{match[1]}" if path else match[1]
    return invalid(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")


def _no_web_url(what: str, path: str) -> APIError | None:
    if what != f"Expected `str` matching regex {WEB_URL!r}":
        return None
    text = f"Invalid '{path}'. Expected a valid URL, but got a value with an invalid format."
    return invalid(text, path, "invalid_value")


def _too_long(found: Violation, path: str) -> APIError | None:
    match = re.fullmatch(r"Expected `(str|array|object)` of length (<=|>=) (\d+)", found.rule)
    if match is None:
        return None
    kind, relation, limit, value = _KINDS[match[1]], match[2], int(match[3]), found.value
    bound = "maximum" if relation == "<=" else "minimum"
    side = "above_max" if relation == "<=" else "below_min"
    if found.in_key or found.in_entry:
        part, field = ("key", path) if found.in_key else ("value", _api_path(found.steps[:-1]))
        offender = max(value, key=len) if found.in_key else value
        return invalid(
            f"Invalid '{field}': {part} too long. Expected a {part} with maximum length {limit}, "
            f"but got one with length {len(offender)} instead.",
            field,
            "string_above_max_length",
        )
    length = len(value) if isinstance(value, str | list | tuple | dict) else 0
    if kind == "string":
        how = "long" if relation == "<=" else "short"
        text = (
            f"Invalid '{path}': string too {how}. Expected a string with {bound} length {limit}, "
            f"but got a string with length {length} instead."
        )
        return invalid(text, path, f"string_{side}_length")
    if kind == "array":
        return _array_length(path, relation, limit, length)
    text = (
        f"Invalid '{path}': too many properties. Expected an object with at most {limit} "
        f"properties, but got an object with {length} properties instead."
    )
    return invalid(text, path, "object_above_max_properties")


def _array_length(path: str, relation: str, limit: int, length: int) -> APIError:
    above = relation == "<="
    how, bound = ("long", "maximum") if above else ("short", "minimum")
    return invalid(
        f"Invalid '{path}': array too {how}. Expected an array with {bound} length {limit}, "
        f"but got an array with length {length} instead.",
        path,
        f"array_{'above_max' if above else 'below_min'}_length",
    )


def _out_of_range(what: str, path: str, value: object) -> APIError | None:
    match = re.fullmatch(r"Expected `(int|float)` (<=|>=) (-?[\d.]+)", what)
    if match is None:
        return None
    above = match[2] == "<="
    kind = "integer" if match[1] == "int" else "decimal"
    limit = match[3].removesuffix(".0")
    text = (
        f"Invalid '{path}': {kind} {'above maximum' if above else 'below minimum'} value. "
        f"Expected a value {match[2]} {limit}, but got {_abbreviated(value)} instead."
    )
    return invalid(text, path, f"{kind}_{'above_max' if above else 'below_min'}_value")


def _wrong_type(what: str, path: str, value: object) -> APIError | None:
    match = re.fullmatch(r"Expected `([^`]+)`, got `([^`]+)`", what)
    if match is None:
        return None
    kinds = [_KINDS.get(kind.strip(), kind.strip()) for kind in match[1].split("|")]
    expected = " or ".join(("an " if kind[0] in "aeio" else "a ") + kind for kind in kinds)
    expected = expected.replace("a null", "null")
    text = (
        f"Invalid type for '{path}': expected {expected}, but got {_with_article(value)} instead."
    )
    return invalid(text, path, "invalid_type")


def _wrong_value(what: str, path: str, value: object) -> APIError:
    if isinstance(value, dict) and "type" in value:
        value = value["type"]
    if isinstance(value, str | int | float) and what.startswith("Invalid"):
        return invalid(f"Invalid value for '{path}': {_abbreviated(value)}.", path, "invalid_value")
    return invalid(f"Invalid '{path}': {what.replace('`', '')}.", path or None, "invalid_value")


def _with_article(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, int):
        return "an integer"
    if isinstance(value, float):
        return "a number"
    return "an array" if isinstance(value, list | tuple) else "an object"


def _abbreviated(value: object) -> str:
    text = repr(value[:101]) if isinstance(value, str) else str(value)
    return text if len(text) <= 100 else text[:99] + "…"
