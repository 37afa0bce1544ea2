"""A change that clears a field: what it leaves is read again alone and in its list."""

from typing import Any

import pytest

from bot.assistants.schema.objects import ToolResources, TruncationStrategy
from bot.assistants.schema.requests import (
    CreateAssistant,
    ModifyAssistant,
    ModifyMessage,
    ModifyRun,
    ModifyThread,
    NewCodeInterpreterResources,
    NewToolResources,
)
from bot.assistants.schema.tools import TextFormat
from bot.assistants.schema.vector_stores import (
    CreateVectorStore,
    ModifyVectorStore,
    ModifyVectorStoreFile,
    StoreExpiration,
)
from bot.assistants.validation import from_raw
from tests.contract.described import assert_described, needs_description
from tests.support.assistants import House
from tests.support.files import searchable, upload

CLEARED: dict[str, Any] = {
    "name": None,
    "description": None,
    "instructions": None,
    "reasoning_effort": None,
    "tool_resources": ToolResources(),
    "metadata": {},
    "temperature": None,
    "top_p": None,
    "response_format": None,
}


@pytest.mark.parametrize("field", CLEARED)
async def test_each_field_of_an_assistant_that_may_be_empty_is_cleared(
    home: House, field: str
) -> None:
    file = await upload(home.api)
    made = await home.api.create_assistant(
        CreateAssistant(
            model="scripted-model",
            name="n",
            description="d",
            instructions="i",
            reasoning_effort="low",
            tool_resources=NewToolResources(
                code_interpreter=NewCodeInterpreterResources(file_ids=(file.id,))
            ),
            metadata={"k": "v"},
            temperature=0.5,
            top_p=0.5,
            response_format=TextFormat(),
        )
    )
    changed = await home.api.modify_assistant(made.id, from_raw(ModifyAssistant, {field: None}))
    assert getattr(changed, field) == CLEARED[field]
    assert await home.api.retrieve_assistant(made.id) == changed
    assert (await home.api.list_assistants()).data == (changed,)
    run = await home.run(await home.thread("hi"), made.id)
    assert (await home.until(run)).status == "completed"


async def test_metadata_and_resources_are_cleared_everywhere(home: House) -> None:
    api = home.api
    thread_id = await home.thread("hi")
    await api.modify_thread(thread_id, ModifyThread(metadata={"k": "v"}))
    thread = await api.modify_thread(thread_id, ModifyThread(metadata=None, tool_resources=None))
    assert (thread.metadata, thread.tool_resources) == ({}, ToolResources())
    assert await api.retrieve_thread(thread_id) == thread
    (message,) = (await api.list_messages(thread_id)).data
    message = await api.modify_message(thread_id, message.id, ModifyMessage(metadata=None))
    assert (await api.list_messages(thread_id)).data == (message,)
    run = await home.until(
        await home.run(thread_id, metadata={"k": "v"}, truncation_strategy=None, tools=None)
    )
    assert run.truncation_strategy == TruncationStrategy()
    run = await api.modify_run(thread_id, run.id, ModifyRun(metadata=None))
    assert run.metadata == {}
    assert (await api.list_runs(thread_id)).data == (run,)


@needs_description
@pytest.mark.parametrize("field", ["name", "expires_after", "metadata"])
async def test_each_field_of_a_vector_store_that_may_be_empty_is_cleared(
    home: House, field: str
) -> None:
    days = StoreExpiration(anchor="last_active_at", days=3)
    request = CreateVectorStore(name="n", expires_after=days, metadata={"k": "v"})
    made = await home.api.create_vector_store(request)
    other = await home.api.create_vector_store(CreateVectorStore(name="other"))
    changed = await home.api.modify_vector_store(made.id, ModifyVectorStore(**{field: None}))
    assert not getattr(changed, field)
    assert (changed.expires_at is None) == (field == "expires_after")
    assert await home.api.retrieve_vector_store(made.id) == changed
    assert (await home.api.list_vector_stores()).data == (other, changed)
    assert_described("VectorStoreObject", changed, but={"expires_after"})


async def test_the_attributes_of_a_file_are_cleared(home: House) -> None:
    store, ids = await searchable(home.api, bees="Bees dance.")
    given = ModifyVectorStoreFile(attributes={"a": 1.0})
    await home.api.modify_store_file(store.id, ids["bees"], given)
    cleared = ModifyVectorStoreFile(attributes=None)
    file = await home.api.modify_store_file(store.id, ids["bees"], cleared)
    assert file.attributes == {}
    assert (await home.api.list_store_files(store.id)).data == (file,)
