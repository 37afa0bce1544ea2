"""The published description of the model endpoints, to hold what is sent to it."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped, unused-ignore]  # it ships no types
import pytest

PATH = Path(__file__).parents[3] / "shared" / "specs" / "model-endpoints.openapi.json"

needed = pytest.mark.skipif(
    not PATH.exists(), reason="the endpoints' description is not in ../shared/specs"
)


class Specification:
    """The description's schemas as JSON Schema."""

    def __init__(self) -> None:
        self._components = json.loads(PATH.read_bytes(), object_hook=_as_json_schema)["components"]
        self._events = {
            kind: name
            for name, schema in self._components["schemas"].items()
            if not name.startswith("Beta")
            for kind in schema.get("properties", {}).get("type", {}).get("enum", ())
            if name.endswith("Event")
        }
        self._validator = cache(self._make)

    def validate(self, name: str, value: object) -> None:
        """Raise jsonschema's ValidationError where the value is none of that name."""
        self._validator(name).validate(value)

    def validate_event(self, event: dict[str, Any]) -> None:
        """The same for an event of a Response's stream."""
        self.validate(self._events[event["type"]], event)

    def _make(self, name: str) -> Any:
        schema = {"$ref": f"#/components/schemas/{name}", "components": self._components}
        return jsonschema.Draft202012Validator(schema)


def _as_json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI as JSON Schema: `nullable` is a null of one's own, and a choice may fit twice.

    A message without an id is an input message and an easy one at once, which the API takes.
    """
    if isinstance(schema.get("oneOf"), list):
        schema["anyOf"] = schema.pop("oneOf")
    if schema.pop("nullable", False) is True:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema
