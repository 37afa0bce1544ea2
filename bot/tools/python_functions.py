"""Turns the operator's Python functions into tools: each public ``async def`` of a file.

The name, the JSON schema and the descriptions come from the function itself, by msgspec.
"""

import importlib.util
import inspect
import json
import logging
import re
import sys
import traceback
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from bot.tools.context import Context, PreparedCall
from bot.tools.tool import ArgumentsError, Tool

F = TypeVar("F", bound=Callable[..., Any])

_FLAGS: Final = "__assistants_bot_tool__"
_PACKAGE: Final = "assistants_bot_tools"
_HEADING: Final = re.compile(r"^(Args|Arguments|Parameters):?\s*\Z")
_OTHER_HEADING: Final = re.compile(r"^(Returns|Raises|Yields|Examples?|Notes?):\s*\Z")
_ARGUMENT: Final = re.compile(r"^\s*(?::param\s+)?\*{0,2}(\w+)(?:\s*\([^)]*\))?\s*:\s+(.*)\Z")

_log: Final = logging.getLogger(__name__)


class _Flags(Struct, frozen=True):
    read_only: bool
    idempotent: bool
    seconds: float | None


class LoadProblem(Struct, frozen=True):
    """Why a file, or a function in it, can't be a tool; ``line`` is 0 where no line is known."""

    path: str
    line: int
    reason: str

    def __str__(self) -> str:
        where = f"{self.path}, line {self.line}" if self.line else self.path
        return f"{where}: {self.reason}"


def tool(
    *, read_only: bool = False, idempotent: bool | None = None, seconds: float | None = None
) -> Callable[[F], F]:
    """Return a decorator that tells the bot how it may call a function.

    A ``read_only`` function changes nothing. The call of an ``idempotent`` function is made again
    after a crash; a read-only function is idempotent by default. ``seconds`` is the time limit.
    """

    def mark(function: F) -> F:
        repeats = read_only if idempotent is None else idempotent
        setattr(function, _FLAGS, _Flags(read_only, repeats, seconds))
        return function

    return mark


def load(directory: Path) -> tuple[list[Tool], list[LoadProblem]]:
    """Load the tools of a directory's ``*.py`` files, but for names that begin with ``_``.

    A broken file or function is returned as a problem; the others are loaded.
    """
    tools: list[Tool] = []
    problems: list[LoadProblem] = []
    sys.modules.setdefault(_PACKAGE, ModuleType(_PACKAGE))
    for path in sorted(directory.glob("*.py")):
        if path.name.startswith("_"):
            continue
        try:
            module = _module(path)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - reported with its line
            problems.append(_problem(path, error))
            continue
        for function in _functions(module):
            try:
                tools.append(tool_of(function))
            except (TypeError, ValueError, NameError) as error:
                line = function.__code__.co_firstlineno
                problems.append(LoadProblem(str(path), line, f"{function.__name__}: {error}"))
    return tools, problems


def tool_of(function: Callable[..., Any]) -> Tool:
    """Return an ``async def`` as a tool.

    Raises ``TypeError``, ``ValueError`` or ``NameError`` for a function that can't be a tool.
    """
    text = inspect.getdoc(function)
    if not text:
        raise TypeError("it has no docstring, which tells the model what it does")
    description, described = _described(text)
    hints = typing.get_type_hints(function, include_extras=True)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    context_name: str | None = None
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"its parameter {name} takes any number of arguments")
        if name not in hints:
            raise TypeError(f"its parameter {name} has no type hint")
        hint = hints[name]
        if hint is Context:
            context_name = name
            continue
        if name in described:
            hint = Annotated[hint, Meta(description=described[name])]
        has_default = parameter.default is not parameter.empty
        fields.append((name, hint, _fresh(parameter.default)) if has_default else (name, hint))
    arguments = msgspec.defstruct(
        function.__name__, fields, kw_only=True, forbid_unknown_fields=True
    )

    def prepare(text: str) -> PreparedCall:
        try:
            values = msgspec.json.decode(text.strip() or "{}", type=arguments)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ArgumentsError(f"the arguments do not fit: {error}") from None
        given = {name: getattr(values, name) for name in arguments.__struct_fields__}

        async def run(context: Context) -> Any:
            if context_name is not None:
                given[context_name] = context
            return await function(**given)

        return run

    flags: _Flags = getattr(function, _FLAGS, _Flags(False, False, None))
    return Tool(
        name=function.__name__,
        description=description,
        parameters=_schema(arguments),
        prepare=prepare,
        read_only=flags.read_only,
        idempotent=flags.idempotent,
        seconds=flags.seconds,
    )


def _fresh(default: Any) -> Any:
    """Return a default; each call gets its own copy of a list, a dictionary or a set."""
    if isinstance(default, list | dict | set):
        return msgspec.field(default_factory=lambda: type(default)(default))
    return default


def _schema(arguments: type[Struct]) -> dict[str, Any]:
    """Return the JSON schema of a function's arguments, as one object with ``$defs``."""
    (reference,), components = msgspec.json.schema_components(
        [arguments], ref_template="#/$defs/{name}"
    )
    own = str(reference["$ref"]).rpartition("/")[2]
    schema: dict[str, Any] = components.pop(own)
    schema.pop("title", None)
    if components:
        schema["$defs"] = components
    json.dumps(schema)  # a default that is no JSON raises TypeError here
    return schema


def _described(text: str) -> tuple[str, dict[str, str]]:
    """Split a docstring into the function's description and the parameters' descriptions.

    Parameters are described below ``Args:``, or as ``:param name: text``.
    """
    kept: list[str] = []
    described: dict[str, str] = {}
    inside, name = False, ""
    for line in text.splitlines():
        if _HEADING.match(line):
            inside, name = True, ""
        elif _OTHER_HEADING.match(line) or (inside and line and not line.startswith(" ")):
            inside, name = False, ""
            kept.append(line)
        elif (inside or line.startswith(":param")) and (found := _ARGUMENT.match(line)):
            name = found[1]
            described[name] = found[2].strip()
        elif inside and name and line.strip():
            described[name] += f" {line.strip()}"
        elif not inside and not line.startswith(":return"):
            kept.append(line)
    return "\n".join(kept).strip(), described


def _module(path: Path) -> ModuleType:
    """Import a file afresh; raises whatever the file raises."""
    name = f"{_PACKAGE}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("it can't be imported")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module  # type hints in quotes are resolved there
    try:
        # A compiled cache could be older than a file that was written in the same second.
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # noqa: S102 - operator's own code
    except BaseException:
        sys.modules.pop(name)
        if before is not None:
            sys.modules[name] = before
        raise
    return module


def _functions(module: ModuleType) -> Iterator[Callable[..., Any]]:
    for name, value in vars(module).items():
        own = inspect.iscoroutinefunction(value) and value.__module__ == module.__name__
        if own and not name.startswith("_"):
            yield value


def _problem(path: Path, error: BaseException) -> LoadProblem:
    """Return why a file can't be loaded, with the last line of that file in the traceback."""
    line = 0
    if isinstance(error, SyntaxError) and error.filename == str(path):
        line = error.lineno or 0
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == str(path):
            line = frame.lineno or line
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    return LoadProblem(str(path), line, f"{type(error).__name__}: {reason}")
