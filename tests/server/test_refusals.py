"""A wrong value is told with the path of its field, the expected type and the type that came."""

from typing import Any

import aiohttp
import pytest

from tests.server.fakes import RecordingAPI
from tests.server.test_parsing import EMPTY, refused

MESSAGE = {"role": "user", "content": "x"}


@pytest.mark.parametrize(
    ("path", "body", "param", "expected"),
    [
        ("/v1/assistants", {"model": {}}, "model", "a string"),
        ("/v1/assistants", {"model": {"a": 1}}, "model", "a string"),
        ("/v1/assistants", {"model": "m", "name": {"first": 1}}, "name", "a string or null"),
        ("/v1/threads", {"messages": [{**MESSAGE, "role": {}}]}, "messages[0].role", "a string"),
        ("/v1/threads/t/runs", {"assistant_id": {"id": "a"}}, "assistant_id", "a string"),
        ("/v1/threads", {"metadata": {"k": {}}}, "metadata.k", "a string"),
        ("/v1/threads", {"metadata": {"a": "b", "k": {"l": 1}}}, "metadata.k", "a string"),
        ("/v1/threads", {"metadata": {"": {}}}, "metadata", "a string"),
        (
            "/v1/vector_stores/s/files",
            {"file_id": "f", "attributes": {"n": 1, "ok": True, "k": {}}},
            "attributes.k",
            "a boolean or a number or a string",
        ),
    ],
)
async def test_an_object_where_a_string_is_due_is_called_an_object(
    api: RecordingAPI,
    http: aiohttp.ClientSession,
    path: str,
    body: dict[str, Any],
    param: str,
    expected: str,
) -> None:
    async with http.post(path, json=body) as response:
        error = await refused(response)
    assert error["param"] == param
    assert error["code"] == "invalid_type"
    assert error["message"] == (
        f"Invalid type for '{param}': expected {expected}, but got an object instead."
    )
    assert api.calls == []


@pytest.mark.parametrize("attachment", [{}, {"file_id": "file-1"}])
async def test_an_attachment_without_tools_is_refused(
    api: RecordingAPI, http: aiohttp.ClientSession, attachment: dict[str, str]
) -> None:
    message = {**MESSAGE, "attachments": [attachment]}
    for path, body, prefix in (
        ("/v1/threads/t/messages", message, ""),
        ("/v1/threads", {"messages": [MESSAGE, message]}, "messages[1]."),
        (
            "/v1/threads/t/runs",
            {"assistant_id": "a", "additional_messages": [message]},
            "additional_messages[0].",
        ),
        (
            "/v1/threads/runs",
            {"assistant_id": "a", "thread": {"messages": [message]}},
            "thread.messages[0].",
        ),
    ):
        async with http.post(path, json=body) as response:
            error = await refused(response)
        assert error["param"] == f"{prefix}attachments[0].tools"
        assert error["code"] == "missing_required_parameter"
        assert error["message"] == f"Missing required parameter: '{error['param']}'."
    assert api.calls == []


@pytest.mark.parametrize("name", ["f\n", "f g", "f\r", "ä", "f\u2028", "\nf", "f.g"])
async def test_a_name_holds_letters_digits_underscores_and_hyphens_alone(
    api: RecordingAPI, http: aiohttp.ClientSession, name: str
) -> None:
    function = {"type": "function", "function": {"name": name}}
    form = {"type": "json_schema", "json_schema": {"name": name, "schema": {}}}
    for body in ({"tools": [function]}, {"response_format": form}):
        async with http.post("/v1/assistants", json={"model": "m", **body}) as response:
            error = await refused(response)
        assert error["param"].endswith(".name")
    assert api.calls == []


async def test_a_name_of_all_kinds_of_characters_is_taken(
    api: RecordingAPI, http: aiohttp.ClientSession
) -> None:
    api.answers["create_assistant"] = EMPTY
    function = {"type": "function", "function": {"name": "aZ_0-9"}}
    async with http.post("/v1/assistants", json={"model": "m", "tools": [function]}) as response:
        assert response.status == 200
