"""What we send and what the scripted endpoint answers are chat completions by their description."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema  # type: ignore[import-untyped, unused-ignore]  # it ships no types
import pytest

from bot.models.chat import ChatCompletions
from bot.models.chat_request import Dialect, chat_body
from tests.models.asking import asking, collect
from tests.models.test_chat_requests import FULL
from tests.support.model_endpoint import ScriptedModel, TokenUsage

SPECIFICATION = Path(__file__).parents[3] / "shared" / "specs" / "model-endpoints.openapi.json"

pytestmark = pytest.mark.skipif(
    not SPECIFICATION.exists(), reason=f"the endpoints' description is not at {SPECIFICATION}"
)


@pytest.fixture(scope="module")
def specification() -> Any:
    return json.loads(SPECIFICATION.read_bytes(), object_hook=_as_json_schema)


def _as_json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI 3.0 says `nullable` where JSON Schema says that null is one of the types."""
    if schema.pop("nullable", False) is True:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema


def validate(specification: Any, name: str, value: object) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": specification["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize("dialect", [Dialect(), Dialect.openai()], ids=["others", "openai"])
def test_a_request_with_everything_in_it_is_a_request(specification: Any, dialect: Dialect) -> None:
    validate(specification, "CreateChatCompletionRequest", chat_body(FULL, "m", dialect))


def test_the_description_would_tell_a_request_that_is_none(specification: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validate(specification, "CreateChatCompletionRequest", {"model": "m", "messages": [{}]})


async def test_every_chunk_the_scripted_endpoint_sends_is_a_chunk(
    specification: Any, endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.say("Hello world", usage=TokenUsage(1, 2))
    endpoint.call_tools(("weather", {"city": "Oslo"}), ("now", "{}"), text="Let me see.")
    endpoint.refuse("I can't.")
    for _ in range(3):
        await collect(chat, FULL)
    for asked in endpoint.requests:
        validate(specification, "CreateChatCompletionRequest", asked.body)
        chunks = b"".join(asked.chunks).split(b"\n\n")
        assert chunks[-2:] == [b"data: [DONE]", b""]
        assert len(chunks) > 4
        for chunk in chunks[:-2]:
            value = json.loads(chunk.removeprefix(b"data: "))
            validate(specification, "CreateChatCompletionStreamResponse", value)


async def test_an_answer_in_one_piece_is_an_answer(
    specification: Any, endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.call_tools(("weather", {"city": "Oslo"}), text="Let me see.")
    body = {**chat_body(asking(), "m", Dialect()), "stream": False}
    body.pop("stream_options")
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{endpoint.url}/chat/completions", json=body) as response,
    ):
        validate(specification, "CreateChatCompletionResponse", await response.json())
