"""Explains errors of config.toml: the key, its value and valid values."""

import difflib
import re
from typing import Any

import msgspec
from msgspec import Struct, inspect

from bot.runtime.violations import choices, violation_of


def explained(error: msgspec.ValidationError, raw: dict[str, Any], config: type[Struct]) -> str:
    """Translate msgspec's error into one that names the key of config.toml."""
    found = violation_of(error, raw, inspect.type_info(config))
    steps = [step for step in found.steps if isinstance(step, str)]
    key = _key(steps)
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", found.rule)
    if unknown:
        return _unknown(unknown[1], found.kind, steps)
    missing = re.fullmatch(r"Object missing required field `(.+)`", found.rule)
    if missing:
        return f"{key or 'the file'} needs {missing[1]}."
    return f"{key} = {_toml(found.value)} is not valid: it must be {_expected(found.kind)}."


def _unknown(name: str, kind: inspect.Type, steps: list[str]) -> str:
    structs = [each for each in choices(kind) if isinstance(each, inspect.StructType)]
    known = [field.name for struct in structs for field in struct.fields]
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


def _expected(kind: inspect.Type) -> str:
    """Describe the valid values of a type."""
    if isinstance(kind, inspect.UnionType):
        kinds = [each for each in choices(kind) if not isinstance(each, inspect.NoneType)]
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
