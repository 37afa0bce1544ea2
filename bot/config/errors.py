"""Explains errors of config.toml: the key, its value and valid values."""

import difflib
import re
from typing import Any, Final

import msgspec
from msgspec import Struct, inspect

_PATH: Final = re.compile(r" - at `\$(?P<path>[^`]*)`\Z")
_PATH_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def explained(problem: str, raw: dict[str, Any], config: type[Struct]) -> str:
    """Translate msgspec's error into one that names the key of config.toml."""
    where = _PATH.search(problem)
    what = problem[: where.start()] if where else problem
    value: Any = raw
    kind: inspect.Type = inspect.type_info(config)
    steps: list[str] = []
    for name, index in _PATH_STEP.findall(where["path"] if where else ""):
        kind = _inner(kind, name)
        if name:
            value = value[name] if isinstance(value, dict) and name in value else None
            steps.append(name)
        elif index != "..." and isinstance(value, list):
            value = value[int(index)]
        elif isinstance(value, dict):
            # msgspec does not tell which entry of a table is wrong.
            wrong = [each for each in value if not _fits(value[each], kind)]
            steps += wrong[:1]
            value = value[wrong[0]] if wrong else value
    key = _key(steps)
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", what)
    if unknown:
        return _unknown(unknown[1], kind, steps)
    missing = re.fullmatch(r"Object missing required field `(.+)`", what)
    if missing:
        return f"{key or 'the file'} needs {missing[1]}."
    return f"{key} = {_toml(value)} is not valid: it must be {_expected(kind)}."


def _fits(value: object, kind: inspect.Type) -> bool:
    """Return whether a value is one of a section's type; other types are not told apart."""
    try:
        msgspec.convert(value, kind.cls if isinstance(kind, inspect.StructType) else Any)
    except msgspec.ValidationError:
        return False
    return True


def _unknown(name: str, kind: inspect.Type, steps: list[str]) -> str:
    known = [field.name for field in kind.fields] if isinstance(kind, inspect.StructType) else []
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the known names are {', '.join(known)}."
    what = f"[{name}] is not a section" if not steps else f"{_key([*steps, name])} is not a key"
    return f"{what}: {hint}"


def _key(steps: list[str]) -> str:
    if not steps:
        return ""
    if len(steps) == 1:
        return f"[{steps[0]}]"
    section = steps[0] if steps[1] != "define" else "[assistants.define]"
    rest = steps[1:] if steps[1] != "define" else steps[2:]
    return f"[{section}] {'.'.join(rest)}".rstrip()


def _inner(kind: inspect.Type, name: str) -> inspect.Type:
    """Return the type of a struct's field, or of an array's items where ``name`` is empty."""
    for choice in kind.types if isinstance(kind, inspect.UnionType) else (kind,):
        if name and isinstance(choice, inspect.StructType):
            return next((field.type for field in choice.fields if field.name == name), kind)
        if not name and isinstance(choice, inspect.VarTupleType):
            return choice.item_type
        if isinstance(choice, inspect.DictType):
            return choice.value_type
    return kind


def _expected(kind: inspect.Type) -> str:
    """Describe the valid values of a type."""
    if isinstance(kind, inspect.UnionType):
        kinds = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
        return " or ".join(_expected(each) for each in kinds)
    if isinstance(kind, inspect.LiteralType):
        return " or ".join(f'"{value}"' for value in kind.values)
    if isinstance(kind, inspect.BoolType):
        return "true or false"
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        noun = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
        if kind.gt is not None:
            most = "" if kind.le is None else f", at most {kind.le:.15g}"
            return f"{noun} above {kind.gt:.15g}{most}"
        if kind.ge is not None and kind.le is not None:
            return f"{noun} from {kind.ge:.15g} to {kind.le:.15g}"
        return f"{noun} of at least {kind.ge:.15g}" if kind.ge is not None else noun
    if isinstance(kind, inspect.StrType):
        longest = f" of at most {kind.max_length} characters" if kind.max_length else ""
        return f"a string in quotes{longest}" + (", not empty" if kind.min_length else "")
    if isinstance(kind, inspect.StructType):
        return "a section"
    if isinstance(kind, inspect.DictType):
        return "a table"
    return "a list"


def _toml(value: object) -> str:
    """Format a value as TOML, shortened for an error."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:59]}…"'
    return "{…}" if isinstance(value, dict) else "[…]" if isinstance(value, list) else str(value)
