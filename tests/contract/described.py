"""Objects against the API's published description, where this checkout has it beside it."""

import json
from collections.abc import Set
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has none

_DESCRIPTION: Final = Path(__file__).parents[3] / "shared" / "specs" / "assistants-v2.openapi.json"

needs_description = pytest.mark.skipif(
    not _DESCRIPTION.exists(), reason="the API's published description is not in ../shared/specs"
)


def assert_described(name: str, found: object, *, but: Set[str] = frozenset()) -> None:
    """Fail where ``found`` is not the schema ``name``, or lacks any field it describes.

    ``but`` are fields that are there only where they say something.
    """
    raw = json.loads(msgspec.json.encode(found))
    errors = validated(name, raw)
    assert not errors, "\n".join(errors)
    described = _schemas()[name].get("properties", {})
    missing = set(described) - set(raw) - but
    assert not missing, f"missing: {missing}"


def validated(name: str, raw: object) -> list[str]:
    """Return in which ways JSON is not the schema ``name``."""
    errors = sorted(_validator(name).iter_errors(raw), key=lambda error: list(error.path))
    return [f"{error.json_path}: {error.message}" for error in errors]


@lru_cache
def _schemas() -> dict[str, Any]:
    description = json.loads(_DESCRIPTION.read_text())
    schemas: dict[str, Any] = description["components"]["schemas"]
    return {name: _with_null(schema) for name, schema in schemas.items()}


@lru_cache
def _validator(name: str) -> Draft202012Validator:
    root = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": _schemas()}}
    return Draft202012Validator(root)


def _with_null(schema: Any) -> Any:
    """Spell OpenAPI 3.0's ``nullable`` as JSON schema does."""
    if isinstance(schema, list):
        return [_with_null(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    within = schema.get("allOf", [])
    if {"nullable": True} in within:
        others = [_with_null(each) for each in within if each != {"nullable": True}]
        return {"anyOf": [{"allOf": others}, {"type": "null"}]}
    spelled = {
        key: _with_null(value)
        for key, value in schema.items()
        if key not in ("nullable", "discriminator")
    }
    if schema.get("nullable") is True:
        return {"anyOf": [spelled, {"type": "null"}]}
    return spelled
