"""Refusals, as the SDK's own exceptions."""

import openai
import pytest
from openai import AsyncOpenAI

from tests.support.assistants import House

pytestmark = [  # what the SDK says of the Assistants API
    pytest.mark.filterwarnings("ignore:The Assistants API is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),
]


async def test_a_missing_object_is_not_found(sdk: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await sdk.beta.threads.retrieve("thread_none")
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["message"] == "No thread found with id 'thread_none'."
    assert caught.value.request_id is not None
    assert caught.value.request_id.startswith("req_")


async def test_a_locked_thread_is_a_bad_request(home: House, sdk: AsyncOpenAI) -> None:
    home.model.stall("busy ")
    thread_id = await home.thread("hi")
    run = await home.run(thread_id)
    await home.model.until_request()
    with pytest.raises(openai.BadRequestError) as caught:
        await sdk.beta.threads.messages.create(thread_id, role="user", content="and")
    assert caught.value.type == "invalid_request_error"
    assert (
        f"Can't add messages to {thread_id} while a run {run.id} is active." in caught.value.message
    )
    with pytest.raises(openai.BadRequestError, match="already has an active run"):
        await sdk.beta.threads.runs.create(thread_id=thread_id, assistant_id=run.assistant_id)


async def test_a_wrong_value_names_its_field(sdk: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await sdk.beta.assistants.create(model="m", temperature=3)
    assert caught.value.param == "temperature"
    with pytest.raises(openai.BadRequestError) as caught:
        await sdk.beta.assistants.create(model="m", extra_body={"colour": "red"})
    assert caught.value.param == "colour"
    assert caught.value.code == "unknown_parameter"


async def test_a_wrong_key_is_an_authentication_error(url: str) -> None:
    async with AsyncOpenAI(base_url=url, api_key="sk-wrong", max_retries=0) as sdk:
        with pytest.raises(openai.AuthenticationError) as caught:
            await sdk.beta.assistants.list()
    assert caught.value.code == "invalid_api_key"
    assert "sk-wrong" not in str(caught.value)


@pytest.mark.parametrize("version", ["", "assistants=v1"])
async def test_without_the_right_version_it_is_a_bad_request(
    sdk: AsyncOpenAI, version: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await sdk.beta.assistants.list(extra_headers={"OpenAI-Beta": version})
    assert caught.value.code == "invalid_beta"


async def test_an_unknown_path_is_not_found(sdk: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="Invalid URL"):
        await sdk.get("/nothing", cast_to=object)
