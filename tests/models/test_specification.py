"""What we send and what the scripted endpoint answers are chat completions by their description."""

import json

import aiohttp
import jsonschema  # type: ignore[import-untyped, unused-ignore]  # it ships no types
import pytest

from bot.models.chat_completions.dialect import ChatDialect
from bot.models.chat_completions.model import ChatCompletions
from bot.models.chat_completions.request import chat_body
from tests.models.asking import asking, collect
from tests.models.chat_completions.test_requests import FULL
from tests.models.specification import Specification, needed
from tests.support.model_endpoint import ScriptedModel, TokenUsage

pytestmark = needed


@pytest.fixture(scope="module")
def specification() -> Specification:
    return Specification()


@pytest.mark.parametrize(
    "dialect", [ChatDialect(), ChatDialect.of_host("api.openai.com")], ids=["others", "openai"]
)
def test_a_request_with_all_fields_is_valid(
    specification: Specification, dialect: ChatDialect
) -> None:
    specification.validate("CreateChatCompletionRequest", chat_body(FULL, "m", dialect))


def test_the_specification_refuses_an_invalid_request(specification: Specification) -> None:
    with pytest.raises(jsonschema.ValidationError):
        specification.validate("CreateChatCompletionRequest", {"model": "m", "messages": [{}]})


async def test_every_chunk_that_the_scripted_endpoint_sends_is_valid(
    specification: Specification, endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.say("Hello world", usage=TokenUsage(1, 2))
    endpoint.call_tools(("weather", {"city": "Oslo"}), ("now", "{}"), text="Let me see.")
    endpoint.refuse("I can't.")
    for _ in range(3):
        await collect(chat, FULL)
    for asked in endpoint.requests:
        specification.validate("CreateChatCompletionRequest", asked.body)
        chunks = b"".join(asked.chunks).split(b"\n\n")
        assert chunks[-2:] == [b"data: [DONE]", b""]
        assert len(chunks) > 4
        for chunk in chunks[:-2]:
            value = json.loads(chunk.removeprefix(b"data: "))
            specification.validate("CreateChatCompletionStreamResponse", value)


async def test_an_answer_in_one_piece_is_an_answer(
    specification: Specification, endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.call_tools(("weather", {"city": "Oslo"}), text="Let me see.")
    body = {**chat_body(asking(), "m", ChatDialect()), "stream": False}
    body.pop("stream_options")
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{endpoint.url}/chat/completions", json=body) as response,
    ):
        specification.validate("CreateChatCompletionResponse", await response.json())
