"""Every array that a request may hold has a maximum length."""

import importlib
import pkgutil
from collections.abc import Iterator

import msgspec
from msgspec import inspect

from bot import assistants
from bot.assistants.schema.base import Request
from bot.assistants.schema.imports import ImportObjects


def requests() -> list[type[msgspec.Struct]]:
    """Every kind of request, and what requests are made of."""
    for module in pkgutil.iter_modules(assistants.__path__):
        importlib.import_module(f"{assistants.__name__}.{module.name}")
    found: list[type[msgspec.Struct]] = []
    waiting: list[type[msgspec.Struct]] = [Request]
    while waiting:
        kinds = waiting.pop().__subclasses__()
        found += kinds
        waiting += kinds
    return found


def unbounded(kind: inspect.Type, path: str) -> Iterator[str]:
    if isinstance(kind, inspect.Metadata):
        yield from unbounded(kind.type, path)
    elif isinstance(kind, inspect.UnionType):
        for choice in kind.types:
            yield from unbounded(choice, path)
    elif isinstance(kind, inspect.StructType):
        for field in kind.fields:
            yield from unbounded(field.type, f"{path}.{field.name}")
    elif isinstance(kind, inspect.CollectionType):
        if kind.max_length is None:
            yield path
        yield from unbounded(kind.item_type, f"{path}[]")


def test_every_array_of_every_request_has_a_maximum_length() -> None:
    # An import holds objects as the API answers them; the size of the body bounds those.
    kinds = [kind for kind in requests() if kind is not ImportObjects]
    assert len(kinds) > 20
    found = [place for kind in kinds for place in unbounded(inspect.type_info(kind), kind.__name__)]
    assert found == []
