"""Attribute filters of vector stores: validates filters and matches attributes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

_MAX_DEPTH: Final = 16
_MAX_FILTERS: Final = 512
_MAX_OPTIONS: Final = 1000
"""The maximum number of values of an ``in`` or ``nin`` filter."""

Attribute = str | float | bool

_ORDERINGS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


class FilterError(ValueError):
    """The filter is invalid; ``path`` names the place, such as ``filters[1].type``."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


def check_filter(given: Mapping[str, Any]) -> None:
    """Raise FilterError for anything that is not a ComparisonFilter or CompoundFilter."""
    _check(given, "", 1, [0])


def matches(given: Mapping[str, Any], attributes: Mapping[str, Attribute]) -> bool:
    """Return whether ``attributes`` match a filter that ``check_filter`` accepted.

    Values of different kinds (text, number, true or false) are never equal and have no order.
    A missing attribute matches only ``ne`` and ``nin``.
    """
    kind = given["type"]
    if kind in ("and", "or"):
        results = (matches(one, attributes) for one in given["filters"])
        return all(results) if kind == "and" else any(results)
    value = attributes.get(given["key"])
    wanted = given["value"]
    if kind in _ORDERINGS:
        same = value is not None and _kind(value) == _kind(wanted) != "boolean"
        return same and _ORDERINGS[kind](value, wanted)
    options = wanted if isinstance(wanted, Sequence) and not isinstance(wanted, str) else [wanted]
    equal = any(_equal(value, option) for option in options)
    return equal == (kind in ("eq", "in"))


def _check(given: Any, path: str, depth: int, seen: list[int]) -> None:
    at = f"{path}." if path else ""
    if not isinstance(given, Mapping):
        raise FilterError(path, "A filter is an object with a type.")
    if depth > _MAX_DEPTH:
        raise FilterError(path, f"Filters are nested more than {_MAX_DEPTH} deep.")
    seen[0] += 1
    if seen[0] > _MAX_FILTERS:
        raise FilterError(path, f"There are more than {_MAX_FILTERS} filters.")
    kind = given.get("type")
    compound = kind in ("and", "or")
    known = {"type", "filters"} if compound else {"type", "key", "value"}
    if not compound and kind not in ("eq", "ne", "in", "nin", *_ORDERINGS):
        raise FilterError(
            f"{at}type", "A filter's type is one of and, or, eq, ne, gt, gte, lt, lte, in, nin."
        )
    for name in known ^ given.keys():
        fault = "is missing" if name in known else "is not part of such a filter"
        raise FilterError(f"{at}{name}", f"'{name}' {fault} (type '{kind}').")
    if compound:
        if not isinstance(given["filters"], Sequence) or isinstance(given["filters"], str):
            raise FilterError(f"{at}filters", "'filters' is a list of filters.")
        for index, one in enumerate(given["filters"]):
            _check(one, f"{at}filters[{index}]", depth + 1, seen)
        return
    if not isinstance(given["key"], str):
        raise FilterError(f"{at}key", "'key' is the name of an attribute.")
    _check_value(kind, given["value"], f"{at}value")


def _check_value(kind: Any, value: Any, path: str) -> None:
    if kind in ("in", "nin"):
        if isinstance(value, list) and len(value) > _MAX_OPTIONS:
            raise FilterError(path, f"'value' of '{kind}' has more than {_MAX_OPTIONS} entries.")
        if not isinstance(value, list) or not all(_kind(v) in ("text", "number") for v in value):
            raise FilterError(path, f"'value' of '{kind}' is a list of texts or numbers.")
    elif _kind(value) == "none":
        raise FilterError(path, f"'value' of '{kind}' is a text, a number, true or false.")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "none"


def _equal(value: Any, option: Any) -> bool:
    return _kind(value) == _kind(option) and bool(value == option)
