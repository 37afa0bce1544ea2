"""The API's published description, where this checkout has it beside it."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

PATH: Final = Path(__file__).parents[3] / "shared" / "specs" / "assistants-v2.openapi.json"

needs_description = pytest.mark.skipif(
    not PATH.exists(), reason="the API's published description is not in ../shared/specs"
)


class Operation(NamedTuple):
    """One operation as it is described; ``schema`` names what it answers, if that is an object."""

    name: str
    method: str
    path: str
    schema: str | None


def raw() -> Any:
    """The whole description."""
    return json.loads(PATH.read_text())


@lru_cache
def operations() -> dict[str, Operation]:
    """All operations by their names; none where the description is missing."""
    if not PATH.exists():
        return {}
    found = {}
    for path, methods in raw()["paths"].items():
        for method, operation in methods.items():
            if method in ("get", "post", "delete", "put", "patch"):
                (content,) = operation["responses"]["200"]["content"].values()
                name = operation["operationId"]
                reference = content["schema"].get("$ref", "").rpartition("/")[2]
                found[name] = Operation(name, method.upper(), path, reference or None)
    return found
