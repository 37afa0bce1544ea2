"""JSON null in an optional field: absent where something is made, cleared where it is changed."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from bot.assistants.errors import APIError
from bot.assistants.schema import requests, vector_stores
from bot.assistants.schema.base import Request
from bot.assistants.schema.files import UploadFile
from bot.assistants.schema.requests import (
    CreateAssistant,
    CreateMessage,
    CreateRun,
    CreateThread,
    CreateThreadAndRun,
    ModifyAssistant,
    ModifyMessage,
    ModifyRun,
    ModifyThread,
    SubmitToolOutputs,
)
from bot.assistants.schema.tools import FunctionDefinition, FunctionTool
from bot.assistants.schema.vector_stores import (
    CreateFileBatch,
    CreateVectorStore,
    CreateVectorStoreFile,
    ModifyVectorStore,
    ModifyVectorStoreFile,
    SearchVectorStore,
)
from bot.assistants.validation import checked, from_raw

METADATA = {"k": "v"}
STATIC = {
    "type": "static",
    "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50},
}
TOOLS = [
    {"type": "code_interpreter"},
    {
        "type": "file_search",
        "file_search": {
            "max_num_results": 3,
            "ranking_options": {"score_threshold": 0.5, "ranker": "auto"},
        },
    },
    {
        "type": "function",
        "function": {
            "name": "f",
            "description": "Does it.",
            "parameters": {"type": "object", "default": None},
            "strict": True,
        },
    },
]
RESOURCES = {
    "code_interpreter": {"file_ids": ["file-1"]},
    "file_search": {
        "vector_store_ids": ["vs_1"],
        "vector_stores": [
            {"file_ids": ["file-1"], "chunking_strategy": STATIC, "metadata": METADATA}
        ],
    },
}
FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "description": "An answer.",
        "schema": {"type": "object", "default": None},
        "strict": True,
    },
}
MESSAGE = {
    "role": "user",
    "content": [
        {"type": "text", "text": "hi"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        {"type": "image_file", "image_file": {"file_id": "file-1", "detail": "low"}},
    ],
    "attachments": [{"file_id": "file-1", "tools": [{"type": "file_search"}]}],
    "metadata": METADATA,
}
ASSISTANT = {
    "model": "m",
    "name": "n",
    "description": "d",
    "instructions": "i",
    "reasoning_effort": "low",
    "tools": TOOLS,
    "tool_resources": RESOURCES,
    "metadata": METADATA,
    "temperature": 0.5,
    "top_p": 0.5,
    "response_format": FORMAT,
}
THREAD = {"messages": [MESSAGE], "tool_resources": RESOURCES, "metadata": METADATA}
RUN = {
    "assistant_id": "asst_1",
    "model": "m",
    "reasoning_effort": "low",
    "instructions": "i",
    "tools": TOOLS,
    "metadata": METADATA,
    "temperature": 0.5,
    "top_p": 0.5,
    "max_prompt_tokens": 1000,
    "max_completion_tokens": 1000,
    "truncation_strategy": {"type": "last_messages", "last_messages": 3},
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "parallel_tool_calls": False,
    "response_format": FORMAT,
}
EXPIRES = {"anchor": "last_active_at", "days": 3}
FULL: dict[type[Request], dict[str, Any]] = {
    CreateAssistant: ASSISTANT,
    ModifyAssistant: ASSISTANT,
    CreateThread: THREAD,
    ModifyThread: {"tool_resources": RESOURCES, "metadata": METADATA},
    CreateMessage: MESSAGE,
    ModifyMessage: {"metadata": METADATA},
    CreateRun: {**RUN, "additional_instructions": "a", "additional_messages": [MESSAGE]},
    CreateThreadAndRun: {**RUN, "thread": THREAD, "tool_resources": RESOURCES},
    ModifyRun: {"metadata": METADATA},
    SubmitToolOutputs: {"tool_outputs": [{"tool_call_id": "call_1", "output": "1"}]},
    CreateVectorStore: {
        "name": "n",
        "description": "d",
        "file_ids": ["file-1"],
        "expires_after": EXPIRES,
        "chunking_strategy": STATIC,
        "metadata": METADATA,
    },
    ModifyVectorStore: {"name": "n", "expires_after": EXPIRES, "metadata": METADATA},
    CreateVectorStoreFile: {
        "file_id": "file-1",
        "chunking_strategy": STATIC,
        "attributes": {"a": 1.0},
    },
    ModifyVectorStoreFile: {"attributes": {"a": 1.0}},
    CreateFileBatch: {
        "file_ids": ["file-1"],
        "files": [{"file_id": "file-1", "chunking_strategy": STATIC, "attributes": {"a": 1.0}}],
        "chunking_strategy": STATIC,
        "attributes": {"a": 1.0},
    },
    SearchVectorStore: {
        "query": ["q"],
        "rewrite_query": True,
        "max_num_results": 3,
        "filters": {"type": "eq", "key": "a", "value": 1},
        "ranking_options": {"ranker": "none", "score_threshold": 0.5},
    },
    UploadFile: {
        "filename": "f",
        "purpose": "assistants",
        "expires_after": {"anchor": "created_at", "seconds": 3600},
    },
}
FREE = {"metadata", "attributes", "parameters", "schema", "filters"}
"""Fields whose keys are the caller's own: a null in one of them is a value."""


def fields(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every field of a body, outermost first."""
    inside = body.items() if isinstance(body, dict) else enumerate(body)
    for key, value in inside:
        if isinstance(body, dict):
            yield (*path, key)
        if isinstance(value, dict | list) and key not in FREE:
            yield from fields(value, (*path, key))


def without(body: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """Return a body that lacks the field at this path."""
    body = copy.deepcopy(body)
    del holder(body, path)[path[-1]]
    return body


def with_null(body: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """Return a body that has null at this path."""
    body = copy.deepcopy(body)
    holder(body, path)[path[-1]] = None
    return body


def holder(body: Any, path: tuple[Any, ...]) -> Any:
    """Return the object in which the last key of a path is."""
    for key in path[:-1]:
        body = body[key]
    return body


def parsed(kind: type[Request], body: dict[str, Any]) -> Request | None:
    """Return a body as its request; None where it is refused."""
    try:
        return from_raw(kind, copy.deepcopy(body))
    except APIError:
        return None


CASES = [(kind, path) for kind, body in FULL.items() for path in fields(body)]


def test_every_request_of_the_api_is_looked_at() -> None:
    def of(kind: type[msgspec.Struct]) -> set[type]:
        return {kind, *(each for sub in kind.__subclasses__() for each in of(sub))}

    sent = {
        kind
        for kind in of(Request)
        if kind.__module__ in (requests.__name__, vector_stores.__name__)
        and kind.__name__.startswith(("Create", "Modify", "SearchVector", "Submit"))
    }
    assert sent <= FULL.keys()
    for kind, body in FULL.items():
        assert set(body) == set(kind.__struct_fields__), kind
        assert parsed(kind, body) is not None


@pytest.mark.parametrize(("kind", "path"), CASES, ids=lambda value: str(value))
def test_a_null_is_a_field_left_out_or_clears_what_can_be_cleared(
    kind: type[Request], path: tuple[Any, ...]
) -> None:
    body = FULL[kind]
    absent, null = parsed(kind, without(body, path)), parsed(kind, with_null(body, path))
    clears = getattr(null, path[0], "") is None if len(path) == 1 else False
    if kind.__name__.startswith("Modify") and clears:
        assert path[0] not in ("model", "tools"), "the API has nothing to put in their place"
    else:
        assert null == absent


CLEARED = {
    ModifyAssistant: set(ASSISTANT) - {"model", "tools"},
    ModifyThread: {"tool_resources", "metadata"},
    ModifyMessage: {"metadata"},
    ModifyRun: {"metadata"},
    ModifyVectorStore: {"name", "expires_after", "metadata"},
    ModifyVectorStoreFile: {"attributes"},
}


@pytest.mark.parametrize("kind", CLEARED, ids=lambda kind: kind.__name__)
def test_a_modification_clears_each_field_that_may_be_empty(kind: type[Request]) -> None:
    request = from_raw(kind, dict.fromkeys(FULL[kind]))
    assert {name for name in FULL[kind] if getattr(request, name) is None} == CLEARED[kind]


@pytest.mark.parametrize(
    ("kind", "body", "param"),
    [
        (CreateAssistant, {"model": None}, "model"),
        (CreateMessage, {"role": "user", "content": None}, "content"),
        (CreateMessage, {"role": None, "content": "hi"}, "role"),
        (CreateThread, {"messages": [None]}, "messages[0]"),
        (CreateThread, {"metadata": {"k": None}}, "metadata.k"),
        (CreateVectorStore, {"file_ids": [None]}, "file_ids[0]"),
        (CreateVectorStore, {"expires_after": {"anchor": None, "days": 1}}, "expires_after.anchor"),
        (SubmitToolOutputs, {"tool_outputs": None}, "tool_outputs"),
        (SearchVectorStore, {"query": None}, "query"),
        (ModifyVectorStore, {"colour": None}, "colour"),
    ],
)
def test_a_null_where_a_value_is_due_is_refused_by_its_name(
    kind: type[Request], body: dict[str, Any], param: str
) -> None:
    with pytest.raises(APIError) as caught:
        from_raw(kind, body)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_a_null_in_a_schema_is_a_value_and_stays() -> None:
    request = from_raw(CreateAssistant, copy.deepcopy(ASSISTANT))
    (function,) = (tool.function for tool in request.tools if isinstance(tool, FunctionTool))
    assert function.parameters == {"type": "object", "default": None}


def test_a_request_made_in_this_process_is_read_as_one_from_the_wire() -> None:
    tool = FunctionTool(FunctionDefinition("f", description=None, parameters=None, strict=None))
    request = CreateAssistant(model="m", tools=(tool,), reasoning_effort=None)
    sent = from_raw(CreateAssistant, json.loads(msgspec.json.encode(request)))
    assert checked(request) == sent
    assert sent.tools == (FunctionTool(FunctionDefinition("f")),)
