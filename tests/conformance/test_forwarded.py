"""Chat completions, models and moderations through the official SDK: the model endpoint answers."""

import openai
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionUserMessageParam

from tests.conformance.conftest import elsewhere
from tests.support.assistants import House

HI: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "hi"}]


async def test_a_chat_completion_whole_and_streamed(home: House, sdk: AsyncOpenAI) -> None:
    home.model.say("Hello there.")
    whole = await sdk.chat.completions.create(model="m", messages=HI)
    assert whole.choices[0].message.content == "Hello there."
    home.model.say("Hello again.")
    stream = await sdk.chat.completions.create(model="m", messages=HI, stream=True)
    pieces = [chunk.choices[0].delta.content async for chunk in stream if chunk.choices]
    assert "".join(filter(None, pieces)) == "Hello again."
    assert len(pieces) > 2


async def test_the_blocking_client_lists_models(home: House, blocking: OpenAI) -> None:
    home.model.say("Hello.")
    listed = await elsewhere(blocking.models.list)
    assert [model.id for model in listed.data] == ["scripted-model"]


async def test_a_stream_that_breaks_off_raises(home: House, sdk: AsyncOpenAI) -> None:
    home.model.cut("Hello")
    stream = await sdk.chat.completions.create(model="m", messages=HI, stream=True)
    with pytest.raises(openai.APIError, match="no usable answer"):
        async for _ in stream:
            pass


async def test_moderations_that_the_endpoint_lacks_are_not_found(sdk: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="does not support /v1/moderations"):
        await sdk.moderations.create(input="hello")


async def test_azures_deployments_are_models(home: House, url: str) -> None:
    home.model.say("Hello.")
    async with AsyncAzureOpenAI(
        azure_endpoint=url.removesuffix("/v1"),
        api_version="2024-06-01",
        api_key="sk-default",
        max_retries=0,
    ) as azure:
        whole = await azure.chat.completions.create(model="gpt-4o", messages=HI)
    assert whole.choices[0].message.content == "Hello."
    assert home.model.requests[-1].body["model"] == "gpt-4o"
