"""Checks the sandbox's answers against Discord's published description of its API."""

import functools
import re
from pathlib import Path
from typing import Any

import msgspec
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it has no types
from referencing import Registry
from referencing.jsonschema import DRAFT202012

WHERE = Path(__file__).parents[3] / "shared" / "specs" / "discord-v10.openapi.json"
_PARAMETER = re.compile(r"\{[^}]+\}")


def load_description() -> "Description | None":
    """Return the description, or None where the file is missing."""
    return Description(msgspec.json.decode(WHERE.read_bytes())) if WHERE.exists() else None


class Description:
    """Validates answers by method, route and status; keeps what does not fit as findings."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = _as_documented(document)
        resource = DRAFT202012.create_resource(self._document)
        self._registry: Registry[Any] = Registry().with_resource("urn:discord", resource)
        self._paths = {_PARAMETER.sub("{}", path): path for path in document["paths"]}
        self._findings: list[str] = []
        self.checked: set[tuple[str, str]] = set()

    def describes(self, method: str, route: str) -> bool:
        """Return whether the description has the operation."""
        path = self._path(route)
        return path is not None and method.lower() in self._document["paths"][path]

    def _path(self, route: str) -> str | None:
        return self._paths.get(_PARAMETER.sub("{}", route))

    def observe(self, method: str, route: str, status: int, payload: object) -> None:
        """Check one answer."""
        path = self._path(route)
        if path is None or not self.describes(method, route):
            return
        responses = self._document["paths"][path][method.lower()]["responses"]
        key = str(status) if str(status) in responses else "4XX" if 400 <= status < 500 else None
        where = f"{method} {route} {status}"
        if key is None:
            if status < 500:
                self._findings.append(f"{where}: no such status")
            return
        self.checked.add((method, route))
        pointer = f"/paths/{_escape(path)}/{method.lower()}/responses/{key}"
        response = responses[key]
        if "$ref" in response:
            pointer = response["$ref"].removeprefix("#")
            response = self._document
            for step in pointer[1:].split("/"):
                response = response[step]
        if "content" not in response:
            if payload is not None:
                self._findings.append(f"{where}: has a body")
            return
        pointer += "/content/application~1json/schema"
        for error in self._validator(pointer).iter_errors(payload):
            best = error
            while best.context:
                best = min(best.context, key=lambda one: (-len(one.absolute_path), one.message))
            at = "/".join(str(step) for step in best.absolute_path)
            self._findings.append(f"{where}: at {at or '.'}: {best.message[:200]}")

    @functools.cache  # noqa: B019 - lives as long as the session
    def _validator(self, pointer: str) -> Any:
        return Draft202012Validator({"$ref": f"urn:discord#{pointer}"}, registry=self._registry)

    def take_findings(self) -> list[str]:
        """Return the findings since the last call."""
        found, self._findings = sorted(set(self._findings)), []
        return found


def _as_documented(document: dict[str, Any]) -> dict[str, Any]:
    """Mend the description where Discord's documentation, and its answers, differ from it.

    A field's error codes are words, not numbers; an ordinary 429 has no code. A reference may be
    a forward (type 1), a channel may be for media (type 16).
    """
    schemas = document["components"]["schemas"]
    schemas["InnerErrors"]["properties"]["_errors"]["items"] = {
        "type": "object",
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        "required": ["code", "message"],
        "additionalProperties": False,
    }
    schemas["RatelimitedResponse"]["allOf"][0] = {
        "type": "object",
        "properties": schemas["Error"]["properties"],
        "required": ["message"],
    }
    schemas["MessageReferenceType"]["oneOf"].append({"const": 1})
    schemas["ChannelTypes"]["oneOf"].append({"const": 16})
    schemas["GuildChannelResponse"]["properties"]["type"]["enum"].append(16)
    return document


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
