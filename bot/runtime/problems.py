"""Puts into words what is wrong with a value, in ``config.toml`` and in requests of the API.

The sentences and codes are those of OpenAI's API, because programs read them. The callers add the
name of the place, and what the user can do.
"""

import ast
import re
from collections.abc import Iterable
from types import NoneType
from typing import Final

from msgspec import Struct, inspect

from bot.runtime.violations import Steps, Violation, choices

_FIELD: Final = re.compile(r"Object (missing required|contains unknown) field `(.+)`")
_LENGTH: Final = re.compile(r"Expected `(str|array|object)` of length (<=|>=) (\d+)")
_RANGE: Final = re.compile(r"Expected `(int|float)` ([<>]=?) (\S+)")
_TYPE: Final = re.compile(r"Expected `([^`]+)`, got `[^`]+`")
_PATTERN: Final = re.compile(r"Expected `str` matching regex (.+)", re.DOTALL)
_NAMES: Final = {list: "array", tuple: "array", dict: "object", NoneType: "null"}
"""msgspec's names of types that differ from Python's."""

_BOUNDS: Final = {"<": ("long", "above", "maximum"), ">": ("short", "below", "minimum")}
"""Words for a value that breaks a relation: too "long", "above" its limit, the "maximum"."""

_LONGEST_QUOTE: Final = 100
_DECIMAL_BITS: Final = 512
"""A longer integer is quoted in hexadecimal: Python refuses to write a very long one in decimal."""


class Terms(Struct, frozen=True):
    """The words for a field and for types in a format; "" leaves a type out of a list of types.

    ``types`` has msgspec's names of types as keys.
    """

    field: str
    types: dict[str, str]


JSON: Final = Terms(
    "parameter",
    {
        "str": "a string",
        "int": "an integer",
        "float": "a number",
        "bool": "a boolean",
        "array": "an array",
        "object": "an object",
        "null": "null",
    },
)


class Problem(Struct, frozen=True):
    """What is wrong with the value at ``steps``; ``code`` is the API's code of the error.

    The name of the place stands between ``start`` and ``end``.
    """

    code: str
    steps: Steps
    start: str
    end: str

    @property
    def path(self) -> str:
        """The steps in the API's notation: ``tools[0].function.name``."""
        parts = (
            f"[{step}]" if isinstance(step, int) else step and f".{step}" for step in self.steps
        )
        return "".join(parts).removeprefix(".")

    def sentence(self, place: str) -> str:
        """Return the problem as a sentence about ``place``."""
        return f"{self.start} {place}{self.end}"


def problem_of(found: Violation, terms: Terms = JSON) -> Problem:
    """Return what is wrong with a value that breaks a rule of its type."""
    rule, steps, value = found.rule, found.steps, found.value
    if match := _FIELD.fullmatch(rule):
        told = missing if match[1] == "missing required" else unknown
        return told(*steps, match[2], field=terms.field)
    if match := _LENGTH.fullmatch(rule):
        return _wrong_length(found, match[1], match[2], int(match[3]))
    if match := _RANGE.fullmatch(rule):
        number = "integer" if match[1] == "int" else "decimal"
        relation, limit = match[2], match[3].removesuffix(".0")
        return out_of_range(*steps, number=number, relation=relation, limit=limit, value=value)
    if match := _TYPE.fullmatch(rule):
        names = (terms.types.get(name, name) for name in match[1].split(" | "))
        expected = " or ".join(filter(None, names))
        end = f": expected {expected}, but got {type_of(value, terms)} instead."
        return Problem("invalid_type", steps, "Invalid type for", end)
    if rule.startswith("Invalid"):
        return unsupported(*steps, value=value, supported=_supported(found))
    end = f": {rule.replace('`', '')}."
    if match := _PATTERN.fullmatch(rule):
        pattern = ast.literal_eval(match[1]).replace(r"\A", "^").replace(r"\Z", "$")
        expected = f"Expected a string that matches the pattern '{pattern}'."
        end = f": string does not match pattern. {expected}"
    return Problem("invalid_value", steps, "Invalid", end)


def missing(*steps: str | int, field: str = JSON.field) -> Problem:
    """Return the problem of a missing field."""
    return Problem("missing_required_parameter", steps, f"Missing required {field}:", ".")


def unknown(*steps: str | int, field: str = JSON.field) -> Problem:
    """Return the problem of a field that does not exist."""
    return Problem("unknown_parameter", steps, f"Unknown {field}:", ".")


def duplicate(*steps: str | int, field: str = JSON.field) -> Problem:
    """Return the problem of a field that was given twice."""
    return Problem("duplicate_parameter", steps, f"Duplicate {field}:", ".")


def not_a_url(*steps: str | int) -> Problem:
    """Return the problem of a text that is not the kind of URL that is needed."""
    end = ". Expected a valid URL, but got a value with an invalid format."
    return Problem("invalid_value", steps, "Invalid", end)


def unsupported(*steps: str | int, value: object, supported: Iterable[object]) -> Problem:
    """Return the problem of a value that is none of the ``supported`` ones."""
    listed = ", ".join(f"'{each}'" for each in supported)
    others, comma, last = listed.rpartition(", ")
    listed = f"{others}{comma if ', ' in others else ' '}and {last}" if others else last
    end = f": {_quoted(value)}." + (f" Supported values are: {listed}." if listed else "")
    return Problem("invalid_value", steps, "Invalid value for", end)


def out_of_range(
    *steps: str | int, number: str, relation: str, limit: str, value: object
) -> Problem:
    """Return the problem of an "integer" or "decimal" that breaks, for example, ``< limit``."""
    _, where, bound = _BOUNDS[relation[0]]
    code = f"{number}_{where}_{bound[:3]}_value"
    expected = f"a value {relation} {limit}"
    return _unexpected(code, steps, f"{number} {where} {bound} value", expected, _quoted(value))


def wrong_length(*steps: str | int, kind: str, relation: str, limit: int, length: int) -> Problem:
    """Return the problem of a "str" or "array" whose length breaks ``<= limit`` or ``>= limit``."""
    how, where, bound = _BOUNDS[relation[0]]
    article, noun = JSON.types[kind].split()
    code, got = f"{noun}_{where}_{bound[:3]}_length", f"{article} {noun} with length {length}"
    expected = f"{article} {noun} with {bound} length {limit}"
    return _unexpected(code, steps, f"{noun} too {how}", expected, got)


def type_of(value: object, terms: Terms = JSON) -> str:
    """Return the name of a value's type with its article, such as ``an array``."""
    name = _NAMES.get(type(value), type(value).__name__)
    return terms.types.get(name, f"a {name}")


def _wrong_length(found: Violation, kind: str, relation: str, limit: int) -> Problem:
    """Return the problem of a value, an object's key or an object's entry with a wrong length."""
    steps, value = found.steps, found.value or ()
    if found.in_key or found.in_entry:
        part, field = ("key", steps) if found.in_key else ("value", steps[:-1])
        got = f"one with length {max(map(len, value)) if found.in_key else len(value)}"
        expected = f"a {part} with maximum length {limit}"
        return _unexpected("string_above_max_length", field, f"{part} too long", expected, got)
    if kind == "object":
        expected, got = f"at most {limit} properties", f"an object with {len(value)} properties"
        code = "object_above_max_properties"
        return _unexpected(code, steps, "too many properties", f"an object with {expected}", got)
    return wrong_length(*steps, kind=kind, relation=relation, limit=limit, length=len(value))


def _unexpected(code: str, steps: Steps, problem: str, expected: str, got: str) -> Problem:
    end = f": {problem}. Expected {expected}, but got {got} instead."
    return Problem(code, steps, "Invalid", end)


def _supported(found: Violation) -> Iterable[object]:
    """Return the values of a field of choices, or the tags of the objects that are possible."""
    kinds = choices(found.kind)
    structs = [each for each in kinds if isinstance(each, inspect.StructType)]
    tags = [each.tag for each in structs if (each.tag_field,) == found.steps[-1:]]
    literals = (each.values for each in kinds if isinstance(each, inspect.LiteralType))
    return tags or [value for values in literals for value in values]


def _quoted(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > _DECIMAL_BITS:
        return _shortened(hex(value))
    return repr(_shortened(value)) if isinstance(value, str) else _shortened(str(value))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
