"""The official SDK's clients for Azure, pointed at the server."""

import pytest
from openai import AsyncAzureOpenAI, AzureOpenAI
from openai.types.beta.threads import TextContentBlock

from tests.conformance.conftest import elsewhere
from tests.support.assistants import House

pytestmark = [  # what the SDK says of the Assistants API
    pytest.mark.filterwarnings("ignore:The Assistants API is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),
]


@pytest.mark.parametrize("deployment", [None, "gpt-4o"])
async def test_a_whole_conversation_through_azures_client(
    home: House, url: str, deployment: str | None
) -> None:
    home.model.say("Because of Rayleigh scattering.")
    async with AsyncAzureOpenAI(
        azure_endpoint=url.removesuffix("/v1"),
        azure_deployment=deployment,
        api_version="2024-05-01-preview",
        api_key="sk-default",
        max_retries=0,
    ) as azure:
        file = await azure.files.create(file=("sky.txt", b"blue"), purpose="assistants")
        store = await azure.vector_stores.create(file_ids=[file.id])
        assistant = await azure.beta.assistants.create(
            model="scripted-model",
            tools=[{"type": "file_search"}],
            tool_resources={"file_search": {"vector_store_ids": [store.id]}},
        )
        thread = await azure.beta.threads.create(
            messages=[{"role": "user", "content": "Why is the sky blue?"}]
        )
        async with azure.beta.threads.runs.stream(
            thread_id=thread.id, assistant_id=assistant.id
        ) as stream:
            await stream.until_done()
        messages = await azure.beta.threads.messages.list(thread.id)
        (part,) = messages.data[0].content
        assert isinstance(part, TextContentBlock)
        assert part.text.value == "Because of Rayleigh scattering."


async def test_azures_blocking_client_lists(home: House, url: str) -> None:
    name = await home.assistant(name="Ada")
    with AzureOpenAI(
        base_url=url.replace("/v1", "/openai/v1"),
        api_version="preview",
        api_key="sk-default",
        max_retries=0,
    ) as azure:
        found = await elsewhere(azure.beta.assistants.list)
    assert [assistant.id for assistant in found.data] == [name]
