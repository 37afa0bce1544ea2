"""Checks requests by the rules in their types, and words each violation as the API does."""

import re
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from bot.assistants.errors import APIError, invalid
from bot.assistants.schema.base import Modification, Request
from bot.assistants.schema.content import WEB_URL

R = TypeVar("R", bound=msgspec.Struct)
Q = TypeVar("Q", bound=Request)

_WHERE: Final = re.compile(r" - at (`key` in )?`(?P<path>[^`]*)`\Z")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
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
        raise _api_error(str(error), raw) from None
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
        raise _api_error(str(error), raw) from None


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
        struct = _struct_for(kind, raw)
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
        array = _array_type(kind)
        if array is None:
            return raw
        if array.max_length is not None and len(raw) > array.max_length:
            raise _array_length(path, "<=", array.max_length, len(raw))
        return [
            _shaped(array.item_type, value, f"{path}[{index}]") for index, value in enumerate(raw)
        ]
    return raw


def _may_be_null(kind: inspect.Type) -> bool:
    return any(isinstance(choice, inspect.NoneType) for choice in _choices(kind))


def _choices(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)


def _struct_for(kind: inspect.Type, raw: dict[Any, Any]) -> inspect.StructType | None:
    structs = [
        choice
        for choice in (_bare(each) for each in _choices(kind))
        if isinstance(choice, inspect.StructType)
    ]
    for struct in structs:
        if struct.tag_field is None or raw.get(struct.tag_field) == struct.tag:
            return struct
    return None


def _array_type(kind: inspect.Type) -> inspect.VarTupleType | inspect.ListType | None:
    for choice in (_bare(each) for each in _choices(kind)):
        if isinstance(choice, inspect.VarTupleType | inspect.ListType):
            return choice
    return None


def _bare(kind: inspect.Type) -> inspect.Type:
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _api_error(problem: str, raw: object) -> APIError:
    """Turn msgspec's message into the API's: the field, the expected and the given value."""
    where = _WHERE.search(problem)
    what = problem[: where.start()] if where else problem
    value, path = _find(raw, where["path"] if where else "$")
    in_key = bool(where and where[1])
    return (
        _missing(what, path)
        or _no_web_url(what, path)
        or _too_long(what, path, value, in_key=in_key)
        or _out_of_range(what, path, value)
        or _wrong_type(what, path, value, in_entry=bool(where and "[...]" in where["path"]))
        or _wrong_value(what, path, value)
    )


def _find(raw: object, path: str) -> tuple[object, str]:
    """Return the value at msgspec's path, and the path in the API's notation.

    For ``[...]``, by which msgspec means some entry of an object, the value is the object.
    """
    parts: list[str] = []
    for name, index in _STEP.findall(path):
        if index == "...":
            break
        if name and isinstance(raw, dict):
            raw = raw.get(name)
            parts.append(f".{name}" if parts else name)
        elif index and isinstance(raw, list | tuple):
            raw = raw[int(index)]
            parts.append(f"[{index}]")
    return raw, "".join(parts)


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


def _too_long(what: str, path: str, value: object, *, in_key: bool) -> APIError | None:
    match = re.fullmatch(r"Expected `(str|array|object)` of length (<=|>=) (\d+)", what)
    if match is None:
        return None
    kind, relation, limit = _KINDS[match[1]], match[2], int(match[3])
    bound = "maximum" if relation == "<=" else "minimum"
    side = "above_max" if relation == "<=" else "below_min"
    if kind == "string" and isinstance(value, dict):
        strings = value.keys() if in_key else value.values()
        offender = next((s for s in strings if isinstance(s, str) and len(s) > limit), "")
        part = "key" if in_key else "value"
        return invalid(
            f"Invalid '{path}': {part} too long. Expected a {part} with maximum length {limit}, "
            f"but got one with length {len(offender)} instead.",
            path,
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


def _wrong_type(what: str, path: str, value: object, *, in_entry: bool) -> APIError | None:
    match = re.fullmatch(r"Expected `([^`]+)`, got `([^`]+)`", what)
    if match is None:
        return None
    if in_entry and isinstance(value, dict):  # msgspec does not name the entry's key
        got = _KINDS.get(match[2], match[2])
        key = next((key for key, entry in value.items() if _with_article(entry).endswith(got)), "")
        value, path = value.get(key), f"{path}.{key}" if key else path
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
