"""Finds the value that breaks a rule of its type; msgspec's errors tell only the path and the rule.

Requests of the API and ``config.toml`` are checked alike; ``problems`` puts a violation into words.
"""

import re
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct, inspect

_WHERE: Final = re.compile(r" - at (?P<key>`key` in )?`\$?(?P<path>[^`]*)`\Z")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")

Array: TypeAlias = inspect.VarTupleType | inspect.ListType
Steps: TypeAlias = tuple[str | int, ...]


class Violation(Struct, frozen=True):
    """A ``value`` that breaks the ``rule`` of its type, ``kind``.

    ``rule`` is msgspec's sentence. ``steps`` are the field names, keys and indexes that lead to the
    value. With ``in_key``, a key of the value breaks the rule; with ``in_entry``, the value is an
    entry of an object with free keys.
    """

    rule: str
    steps: Steps
    value: Any
    kind: inspect.Type
    in_key: bool = False
    in_entry: bool = False


def violation_of(error: msgspec.ValidationError, raw: object, kind: inspect.Type) -> Violation:
    """Return the violation that an error tells of; ``raw`` was to be converted to ``kind``."""
    problem = str(error)
    where = _WHERE.search(problem)
    rule = problem[: where.start()] if where else problem
    in_key = bool(where and where["key"])
    steps: list[str | int] = []
    in_entry = False
    value: Any = raw
    for name, index in _STEP.findall(where["path"] if where else ""):
        in_entry = False
        if name:
            kind = _field_type(kind, value, name)
            value = value.get(name) if isinstance(value, dict) else None
            steps.append(name)
        elif index != "...":
            array = array_type(kind)
            kind = array.item_type if array else kind
            value = value[int(index)] if isinstance(value, list | tuple) else None
            steps.append(int(index))
        elif not in_key and isinstance(value, dict):
            # msgspec does not tell which entry of an object with free keys is wrong.
            kind = next((each.value_type for each in _dicts(kind)), kind)
            key = next((key for key, entry in value.items() if not _fits(entry, kind)), None)
            if key is not None:
                steps.append(key)
                value, in_entry = value[key], True
    return Violation(rule, tuple(steps), value, kind, in_key, in_entry)


def choices(kind: inspect.Type) -> list[inspect.Type]:
    """Return the types of a union, or the one type, without their metadata."""
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return [each.type if isinstance(each, inspect.Metadata) else each for each in kinds]


def struct_for(kind: inspect.Type, raw: dict[Any, Any]) -> inspect.StructType | None:
    """Return the struct of ``kind`` that ``raw`` is to become, by its tag in a tagged union."""
    for choice in choices(kind):
        if isinstance(choice, inspect.StructType) and (
            choice.tag_field is None or raw.get(choice.tag_field) == choice.tag
        ):
            return choice
    return None


def array_type(kind: inspect.Type) -> Array | None:
    """Return the array type among the choices of ``kind``, if there is one."""
    return next((each for each in choices(kind) if isinstance(each, Array)), None)


def _dicts(kind: inspect.Type) -> list[inspect.DictType]:
    return [each for each in choices(kind) if isinstance(each, inspect.DictType)]


def _field_type(kind: inspect.Type, raw: object, name: str) -> inspect.Type:
    struct = struct_for(kind, raw) if isinstance(raw, dict) else None
    fields = struct.fields if struct else ()
    return next((field.type for field in fields if field.encode_name == name), kind)


def _fits(value: object, kind: inspect.Type) -> bool:
    """Return whether an entry of an object has one of the types of ``kind``."""
    return any(_is_valid(value, choice) for choice in choices(kind))


def _is_valid(value: object, kind: inspect.Type) -> bool:
    match kind:
        case inspect.StrType(max_length=longest):
            return isinstance(value, str) and (longest is None or len(value) <= longest)
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType() | inspect.FloatType():
            return isinstance(value, int | float) and not isinstance(value, bool)
        case inspect.StructType():
            try:
                msgspec.convert(value, kind.cls)
            except msgspec.ValidationError:
                return False
            return True
        case inspect.NoneType():
            return value is None
    return True
