"""Explains errors of config.toml: where a value is, what is wrong with it, and what to write."""

import difflib
from typing import Any, Final

import msgspec
from msgspec import Struct, inspect

from bot.runtime.problems import JSON, Terms, problem_of
from bot.runtime.violations import Steps, choices, violation_of

TOML: Final = Terms(
    "key",
    JSON.types
    | {
        "str": "a string in quotes",
        "int": "a whole number",
        "bool": "true or false",
        "object": "a table",
        "null": "",
    },
)


def explained(error: msgspec.ValidationError, raw: dict[str, Any], config: type[Struct]) -> str:
    """Translate msgspec's error into one that names the key of config.toml."""
    found = violation_of(error, raw, inspect.type_info(config))
    problem = problem_of(found, TOML)
    unknown = problem.code == "unknown_parameter"
    advice = _nearest(str(problem.steps[-1]), found.kind) if unknown else _range(found.kind)
    return problem.sentence(_place(problem.steps)) + advice


def _place(steps: Steps) -> str:
    """Return the name of a key: ``[server] port``, ``name in [[assistants.define]] number 2``."""
    if len(steps) > 3 and isinstance(steps[2], int):
        return f"{_dotted(steps[3:])} in [[{_dotted(steps[:2])}]] number {steps[2] + 1}"
    return f"[{steps[0]}] {_dotted(steps[1:])}".rstrip()


def _dotted(steps: Steps) -> str:
    return ".".join(step for step in steps if isinstance(step, str))


def _nearest(name: str, kind: inspect.Type) -> str:
    """Return the known key that is most like an unknown one, or else all known keys."""
    structs = [each for each in choices(kind) if isinstance(each, inspect.StructType)]
    known = [field.name for struct in structs for field in struct.fields]
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]}?" if near else f" The known keys are: {', '.join(known)}."


def _range(kind: inspect.Type) -> str:
    """Return a sentence with the valid numbers: msgspec's message names one limit at most."""
    for each in choices(kind):
        if isinstance(each, inspect.IntType | inspect.FloatType):
            noun = TOML.types["int" if isinstance(each, inspect.IntType) else "float"]
            if each.ge is not None and each.le is not None:
                return f" Write {noun} from {each.ge:.15g} to {each.le:.15g}."
            limits = (("above", each.gt), ("of at least", each.ge), ("at most", each.le))
            words = ", ".join(f"{word} {limit:.15g}" for word, limit in limits if limit is not None)
            return f" Write {noun} {words}." if words else ""
    return ""
