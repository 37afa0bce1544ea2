"""Decoding of responses: strict and fast first, lenient if that fails.

The lenient decoder drops tools and content parts of unknown types, and nulls where the API has a
value. A response without a required field is an error.
"""

from collections.abc import Hashable
from functools import lru_cache
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import inspect

T = TypeVar("T")

_DROP: Final = object()


class UnusableError(Exception):
    """A response is not an object of the API; the text says why."""


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Return the object in ``body``; raises ``UnusableError``."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        return _decode_leniently(decoder, body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableError(f"not JSON that can be read: {error}") from None


def _decode_leniently(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        adapted = _adapt(_info(cast("Hashable", decoder.type)), msgspec.json.decode(body))
        result: T = msgspec.convert(adapted, decoder.type)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
        raise UnusableError(f"of another shape than the API's: {error}") from None
    return result


@lru_cache(maxsize=64)
def _info(kind: Hashable) -> inspect.Type:
    return inspect.type_info(kind)


def _adapt(kind: inspect.Type, raw: Any) -> Any:
    """Return ``raw`` without the values that ``kind`` does not allow.

    Returns ``_DROP`` if ``raw`` itself is such a value.
    """
    choices = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    choices = tuple(c.type if isinstance(c, inspect.Metadata) else c for c in choices)
    if isinstance(raw, dict):
        structs = [choice for choice in choices if isinstance(choice, inspect.StructType)]
        if not structs:
            return raw
        for struct in structs:
            if struct.tag_field is None or raw.get(struct.tag_field) == struct.tag:
                return _adapt_fields(struct, raw)
        return _DROP
    if isinstance(raw, list):
        for choice in choices:
            if isinstance(choice, inspect.VarTupleType | inspect.ListType):
                items = (_adapt(choice.item_type, item) for item in raw)
                return [item for item in items if item is not _DROP]
    if raw is None and not any(isinstance(c, inspect.NoneType | inspect.AnyType) for c in choices):
        return _DROP
    return raw


def _adapt_fields(struct: inspect.StructType, raw: dict[str, Any]) -> dict[str, Any]:
    fields = {field.encode_name: field.type for field in struct.fields}
    adapted = {
        key: _adapt(fields[key], value) if key in fields else value for key, value in raw.items()
    }
    return {key: value for key, value in adapted.items() if value is not _DROP}
