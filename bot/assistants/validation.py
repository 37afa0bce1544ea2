"""Checks requests by the rules in their types; each violation is an error of the API."""

from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from bot.assistants.errors import APIError, invalid
from bot.assistants.schema.base import Modification, Request
from bot.assistants.schema.content import WEB_URL
from bot.runtime.problems import (
    Problem,
    not_a_url,
    problem_of,
    type_of,
    unknown,
    wrong_length,
)
from bot.runtime.violations import array_type, choices, struct_for, violation_of

R = TypeVar("R", bound=msgspec.Struct)
Q = TypeVar("Q", bound=Request)


def from_raw(kind: type[R], raw: object) -> R:
    """Return the value of a request's JSON as ``kind``; raises ``APIError`` 400."""
    if not isinstance(raw, dict):
        raise invalid(f"The request's body must be an object, but {type_of(raw)} was sent.")
    raw = _shaped(_info(kind), raw, keep_nulls=issubclass(kind, Modification))
    try:
        request = msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise _violated(error, raw, kind) from None
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
    raw = _shaped(_info(kind), msgspec.to_builtins(request), keep_nulls=keep_nulls)
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise _violated(error, raw, kind) from None


@lru_cache(maxsize=64)
def _info(kind: type[msgspec.Struct]) -> inspect.Type:
    return inspect.type_info(kind)


@lru_cache(maxsize=128)
def _fields(kind: type[msgspec.Struct]) -> dict[str, inspect.Field]:
    struct = inspect.type_info(kind)
    assert isinstance(struct, inspect.StructType), "requests consist of structs"
    return {field.encode_name: field for field in struct.fields}


def _shaped(kind: inspect.Type, raw: object, *steps: str | int, keep_nulls: bool = False) -> Any:
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
            if key == struct.tag_field:
                kept[key] = value
            elif field is None:
                raise refused(unknown(*steps, key or '""'))
            elif value is not None or field.required or (keep_nulls and _may_be_null(field.type)):
                kept[key] = _shaped(field.type, value, *steps, key)
        return kept
    if isinstance(raw, list | tuple):
        array = array_type(kind)
        if array is None:
            return raw
        if array.max_length is not None and len(raw) > array.max_length:
            limit, length = array.max_length, len(raw)
            raise refused(
                wrong_length(*steps, kind="array", relation="<=", limit=limit, length=length)
            )
        return [_shaped(array.item_type, value, *steps, index) for index, value in enumerate(raw)]
    return raw


def _may_be_null(kind: inspect.Type) -> bool:
    return any(isinstance(choice, inspect.NoneType) for choice in choices(kind))


def refused(problem: Problem) -> APIError:
    """Return the error of the API for a problem of a request."""
    return invalid(problem.sentence(f"'{problem.path}'"), problem.path or None, problem.code)


def _violated(error: msgspec.ValidationError, raw: object, kind: type[msgspec.Struct]) -> APIError:
    found = violation_of(error, raw, _info(kind))
    no_url = found.rule == f"Expected `str` matching regex {WEB_URL!r}"
    return refused(not_a_url(*found.steps) if no_url else problem_of(found))
