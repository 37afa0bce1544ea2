"""Assistants: made, found, changed, deleted."""

from typing import Any

import pytest
from msgspec import structs

from bot.assistants.schema.objects import (
    CodeInterpreterResources,
    Deleted,
    FileSearchResources,
    ToolResources,
)
from bot.assistants.schema.requests import (
    CreateAssistant,
    ModifyAssistant,
    NewCodeInterpreterResources,
    NewFileSearchResources,
    NewToolResources,
)
from bot.assistants.schema.tools import (
    CodeInterpreterTool,
    FileSearchTool,
    JsonObjectFormat,
    JsonSchema,
    JsonSchemaFormat,
)
from tests.contract.refusals import refused
from tests.contract.tooling import tool
from tests.support.assistants import House


async def test_an_assistant_keeps_every_field_it_was_made_with(home: House) -> None:
    resources = ToolResources(
        code_interpreter=CodeInterpreterResources(()), file_search=FileSearchResources(())
    )
    schema = JsonSchemaFormat(
        JsonSchema("answer", schema={"type": "object"}, strict=True, description="d")
    )
    request = CreateAssistant(
        model="scripted-model",
        name="Ada",
        description="knows",
        instructions="Be kind.",
        tools=(tool("f"), CodeInterpreterTool(), FileSearchTool()),
        tool_resources=NewToolResources(
            code_interpreter=NewCodeInterpreterResources(), file_search=NewFileSearchResources()
        ),
        metadata={"team": "blue"},
        temperature=0.25,
        top_p=0.5,
        response_format=schema,
        reasoning_effort="low",
    )
    made = await home.api.create_assistant(request)
    given = structs.asdict(request)
    assert None not in given.values()
    assert {name: getattr(made, name) for name in given} == given | {"tool_resources": resources}
    assert (made.object, made.created_at) == ("assistant", int(home.clock.now()))
    assert made.id.startswith("asst_")
    assert await home.api.retrieve_assistant(made.id) == made


async def test_an_assistant_of_a_model_alone_has_the_apis_defaults(home: House) -> None:
    made = await home.api.create_assistant(CreateAssistant(model="m"))
    assert (made.name, made.description, made.instructions) == (None, None, None)
    assert made.tools == ()
    assert made.metadata == {}
    assert (made.temperature, made.top_p, made.response_format) == (1.0, 1.0, "auto")


async def test_changing_an_assistant_leaves_what_is_not_named(home: House) -> None:
    made = await home.api.create_assistant(
        CreateAssistant(model="m", name="n", instructions="i", metadata={"a": "1"})
    )
    changed = await home.api.modify_assistant(
        made.id,
        ModifyAssistant(
            name=None, model="m2", tools=(tool("f"),), response_format=JsonObjectFormat()
        ),
    )
    assert changed.name is None
    assert changed.model == "m2"
    assert changed.instructions == "i"
    assert changed.metadata == {"a": "1"}
    assert changed.tools == (tool("f"),)
    assert changed.response_format == JsonObjectFormat()
    assert await home.api.retrieve_assistant(made.id) == changed


async def test_a_deleted_assistant_is_not_found_by_any_operation(home: House) -> None:
    assistant_id = await home.assistant()
    deleted = await home.api.delete_assistant(assistant_id)
    assert deleted == Deleted(assistant_id, "assistant.deleted")
    thread_id = await home.thread("hi")
    for request in (
        home.api.retrieve_assistant(assistant_id),
        home.api.modify_assistant(assistant_id, ModifyAssistant(name="x")),
        home.api.delete_assistant(assistant_id),
        home.run(thread_id, assistant_id),
    ):
        error = await refused(request, 404)
        assert error.message == f"No assistant found with id '{assistant_id}'."
    assert (await home.api.list_assistants()).data == ()


async def test_a_deleted_assistants_runs_stay(home: House) -> None:
    assistant_id = await home.assistant()
    thread_id = await home.thread("hi")
    run = await home.until(await home.run(thread_id, assistant_id), "completed")
    await home.api.delete_assistant(assistant_id)
    assert await home.api.retrieve_run(thread_id, run.id) == run


@pytest.mark.parametrize("id_", ["", ".", "..", "asst_none", "a/b", "a?b=c", "ä ö", "x" * 300])
async def test_ids_that_never_were_are_not_found(home: House, id_: str) -> None:
    error = await refused(home.api.retrieve_assistant(id_), 404)
    assert error.message == f"No assistant found with id '{id_}'."


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": ""}, "model"),
        ({"name": "n" * 257}, "name"),
        ({"description": "d" * 513}, "description"),
        ({"instructions": "i" * 256_001}, "instructions"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"tools": tuple(tool(f"f{n}") for n in range(129))}, "tools"),
    ],
)
async def test_what_is_over_a_limit_is_refused_by_name(
    home: House, fields: dict[str, Any], param: str
) -> None:
    error = await refused(home.assistant(**fields))
    assert error.param == param
    assert f"'{param}'" in error.message
    assert (await home.api.list_assistants()).data == ()


async def test_values_at_the_limits_are_accepted(home: House) -> None:
    assistant_id = await home.assistant(
        name="n" * 256,
        description="d" * 512,
        instructions="i" * 256_000,
        temperature=2,
        top_p=0,
        tools=tuple(tool(f"f{n}") for n in range(128)),
    )
    made = await home.api.retrieve_assistant(assistant_id)
    assert len(made.instructions or "") == 256_000
    assert len(made.tools) == 128
