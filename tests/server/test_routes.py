"""Every path is one call, and what is no path is told in the API's shape."""

from typing import Any

import aiohttp
import pytest

from bot.assistants.schema.files import FilePage
from bot.assistants.schema.imports import ImportObjects
from bot.assistants.schema.objects import Deleted, ListPage, Thread
from bot.assistants.schema.requests import (
    SEARCH_RESULT_CONTENT,
    CreateAssistant,
    CreateMessage,
    CreateRun,
    CreateThread,
    CreateThreadAndRun,
    ModifyAssistant,
    ModifyMessage,
    ModifyRun,
    ModifyThread,
    Page,
    SubmitToolOutputs,
    ToolOutput,
)
from bot.assistants.schema.vector_stores import (
    CreateFileBatch,
    CreateVectorStore,
    CreateVectorStoreFile,
    ModifyVectorStore,
    ModifyVectorStoreFile,
    SearchVectorStore,
    StoreFilePage,
    VectorStoreFile,
    VectorStoreFileBatch,
)
from tests.server.fakes import RecordingAPI, events
from tests.support.objects import run

INCLUDE = (SEARCH_RESULT_CONTENT,)

EMPTY: ListPage[Any] = ListPage(data=())
RESULT = Deleted("x", "assistant.deleted")
PAGE = Page(limit=2, order="asc", after="a", before="b")
QUERY = "?limit=2&order=asc&after=a&before=b"
STORE_PAGE = StoreFilePage(limit=2, order="asc", after="a", before="b", filter="failed")
OUTPUTS = {"tool_outputs": [{"tool_call_id": "call_1", "output": "4"}]}
SUBMITTED = SubmitToolOutputs(tool_outputs=(ToolOutput(tool_call_id="call_1", output="4"),))
M = {"metadata": {"k": "v"}}

CASES: list[tuple[str, str, object, tuple[str, tuple[Any, ...], dict[str, Any]]]] = [
    (
        "POST", "/v1/assistants", {"model": "m"},
        ("create_assistant", (CreateAssistant(model="m"),), {}),
    ),
    ("GET", f"/v1/assistants{QUERY}", None, ("list_assistants", (PAGE,), {})),
    ("GET", "/v1/assistants/asst_1", None, ("retrieve_assistant", ("asst_1",), {})),
    (
        "POST", "/v1/assistants/asst_1", {"name": None},
        ("modify_assistant", ("asst_1", ModifyAssistant(name=None)), {}),
    ),
    ("DELETE", "/v1/assistants/asst_1", None, ("delete_assistant", ("asst_1",), {})),
    ("POST", "/v1/threads", None, ("create_thread", (CreateThread(),), {})),
    ("GET", f"/v1/threads{QUERY}", None, ("list_threads", (PAGE,), {})),
    ("POST", "/v1/import", {"threads": [{"id": "t", "created_at": 1}]},
     ("import_objects", (ImportObjects(threads=(Thread(id="t", created_at=1),)),), {})),
    ("GET", "/v1/threads/t", None, ("retrieve_thread", ("t",), {})),
    (
        "POST", "/v1/threads/t", M,
        ("modify_thread", ("t", ModifyThread(metadata={"k": "v"})), {}),
    ),
    ("DELETE", "/v1/threads/t", None, ("delete_thread", ("t",), {})),
    (
        "POST", "/v1/threads/t/messages", {"role": "user", "content": "hi"},
        ("create_message", ("t", CreateMessage(role="user", content="hi")), {}),
    ),
    (
        "GET", f"/v1/threads/t/messages{QUERY}&run_id=r", None,
        ("list_messages", ("t", PAGE), {"run_id": "r"}),
    ),
    ("GET", "/v1/threads/t/messages/m", None, ("retrieve_message", ("t", "m"), {})),
    (
        "POST", "/v1/threads/t/messages/m", M,
        ("modify_message", ("t", "m", ModifyMessage(metadata={"k": "v"})), {}),
    ),
    ("DELETE", "/v1/threads/t/messages/m", None, ("delete_message", ("t", "m"), {})),
    (
        "POST", "/v1/threads/t/runs", {"assistant_id": "a", "stream": False},
        ("create_run", ("t", CreateRun(assistant_id="a")), {}),
    ),
    (
        "POST", f"/v1/threads/t/runs?include[]={INCLUDE[0]}", {"assistant_id": "a", "stream": None},
        ("create_run", ("t", CreateRun(assistant_id="a")), {}),
    ),
    (
        "POST", "/v1/threads/runs", {"assistant_id": "a"},
        ("create_thread_and_run", (CreateThreadAndRun(assistant_id="a"),), {}),
    ),
    ("GET", f"/v1/threads/t/runs{QUERY}", None, ("list_runs", ("t", PAGE), {})),
    (
        "POST", "/v1/threads/t/runs/r", M,
        ("modify_run", ("t", "r", ModifyRun(metadata={"k": "v"})), {}),
    ),
    (
        "POST", "/v1/threads/t/runs/r/submit_tool_outputs", OUTPUTS,
        ("submit_tool_outputs", ("t", "r", SUBMITTED), {}),
    ),
    ("POST", "/v1/threads/t/runs/r/cancel", None, ("cancel_run", ("t", "r"), {})),
    (
        "GET", f"/v1/threads/t/runs/r/steps{QUERY}", None,
        ("list_steps", ("t", "r", PAGE), {"include": ()}),
    ),
    (
        "GET", f"/v1/threads/t/runs/r/steps?include={INCLUDE[0]}", None,
        ("list_steps", ("t", "r", Page()), {"include": INCLUDE}),
    ),
    (
        "GET", f"/v1/threads/t/runs/r/steps/s?include[]={INCLUDE[0]}", None,
        ("retrieve_step", ("t", "r", "s"), {"include": INCLUDE}),
    ),
    (
        "GET", "/v1/files?limit=10000&order=asc&after=a&purpose=vision", None,
        ("list_files", (FilePage(order="asc", after="a", purpose="vision"),), {}),
    ),
    ("GET", "/v1/files", None, ("list_files", (FilePage(),), {})),
    ("GET", "/v1/files/f", None, ("retrieve_file", ("f",), {})),
    ("DELETE", "/v1/files/f", None, ("delete_file", ("f",), {})),
    (
        "POST", "/v1/vector_stores", {"name": "n", "file_ids": ["f"]},
        ("create_vector_store", (CreateVectorStore(name="n", file_ids=("f",)),), {}),
    ),
    ("GET", f"/v1/vector_stores{QUERY}", None, ("list_vector_stores", (PAGE,), {})),
    ("GET", "/v1/vector_stores/v", None, ("retrieve_vector_store", ("v",), {})),
    (
        "POST", "/v1/vector_stores/v", {"name": None},
        ("modify_vector_store", ("v", ModifyVectorStore(name=None)), {}),
    ),
    ("DELETE", "/v1/vector_stores/v", None, ("delete_vector_store", ("v",), {})),
    (
        "POST", "/v1/vector_stores/v/search", {"query": ["a", "b"]},
        ("search_vector_store", ("v", SearchVectorStore(query=("a", "b"))), {}),
    ),
    (
        "POST", "/v1/vector_stores/v/files", {"file_id": "f"},
        ("create_store_file", ("v", CreateVectorStoreFile(file_id="f")), {}),
    ),
    (
        "GET", f"/v1/vector_stores/v/files{QUERY}&filter=failed", None,
        ("list_store_files", ("v", STORE_PAGE), {"batch_id": None}),
    ),
    (
        "POST", "/v1/vector_stores/v/files/f", {"attributes": {"a": True}},
        ("modify_store_file", ("v", "f", ModifyVectorStoreFile(attributes={"a": True})), {}),
    ),
    ("DELETE", "/v1/vector_stores/v/files/f", None, ("delete_store_file", ("v", "f"), {})),
    (
        "GET", "/v1/vector_stores/v/files/f/content", None,
        ("store_file_content", ("v", "f"), {"page": None}),
    ),
    (
        "POST", "/v1/vector_stores/v/file_batches", {"file_ids": ["f"]},
        ("create_file_batch", ("v", CreateFileBatch(file_ids=("f",))), {}),
    ),
    (
        "POST", "/v1/vector_stores/v/file_batches/b/cancel", None,
        ("cancel_file_batch", ("v", "b"), {}),
    ),
    (
        "GET", f"/v1/vector_stores/v/file_batches/b/files{QUERY}&filter=failed", None,
        ("list_store_files", ("v", STORE_PAGE), {"batch_id": "b"}),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "call"), CASES, ids=lambda v: str(v)[:40])
async def test_a_request_is_one_call_and_its_result_the_answer(
    api: RecordingAPI,
    http: aiohttp.ClientSession,
    method: str,
    path: str,
    body: object,
    call: tuple[str, tuple[Any, ...], dict[str, Any]],
) -> None:
    api.answers[call[0]] = RESULT
    async with http.request(method, path, json=body) as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        assert await response.json() == {
            "id": "x",
            "object": "assistant.deleted",
            "deleted": True,
        }
        assert response.headers["x-request-id"].startswith("req_")
        assert response.headers["openai-version"]
    assert api.calls == [call]


@pytest.mark.parametrize(
    ("status", "header"),
    [("queued", "500"), ("requires_action", "500"), ("completed", None), ("failed", None)],
)
async def test_an_active_run_says_when_to_ask_again(
    api: RecordingAPI, http: aiohttp.ClientSession, status: str, header: str | None
) -> None:
    api.answers["retrieve_run"] = run(status)
    async with http.get("/v1/threads/t/runs/r") as response:
        assert response.headers.get("openai-poll-after-ms") == header


@pytest.mark.parametrize(("status", "header"), [("in_progress", "500"), ("completed", None)])
async def test_files_that_are_being_read_say_when_to_ask_again(
    api: RecordingAPI, http: aiohttp.ClientSession, status: Any, header: str | None
) -> None:
    api.answers["retrieve_store_file"] = VectorStoreFile(
        id="f", created_at=1, vector_store_id="v", status=status
    )
    api.answers["retrieve_file_batch"] = VectorStoreFileBatch(
        id="b", created_at=1, vector_store_id="v", status=status
    )
    for path in ("files/f", "file_batches/b"):
        async with http.get(f"/v1/vector_stores/v/{path}") as response:
            assert response.status == 200
            assert response.headers.get("openai-poll-after-ms") == header


async def test_a_streamed_run_includes_the_requested_fields(
    api: RecordingAPI, http: aiohttp.ClientSession
) -> None:
    api.answers["stream_run"] = events()
    path = f"/v1/threads/t/runs?include[]={INCLUDE[0]}"
    async with http.post(path, json={"assistant_id": "a", "stream": True}) as response:
        assert (await response.read()).startswith(b"event: done")
    assert api.calls == [("stream_run", ("t", CreateRun(assistant_id="a")), {"include": INCLUDE})]


async def test_the_refusal_of_an_unknown_path_has_the_apis_shape(
    http: aiohttp.ClientSession,
) -> None:
    for path in ("/v1/nothing", "/", "/v1/assistants/", "/v1/threads/t/runs/r/nothing"):
        async with http.get(path) as response:
            assert response.status == 404
            error = (await response.json())["error"]
            assert error["message"] == f"Invalid URL (GET {path})"
            assert error["type"] == "invalid_request_error"
            assert response.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/assistants", "GET, POST"),
        ("PATCH", "/v1/threads/t", "DELETE, GET, POST"),
        ("GET", "/v1/threads/t/runs/r/cancel", "POST"),
        ("OPTIONS", "/v1/assistants/a", "DELETE, GET, POST"),
        ("POST", "/healthz", "GET"),
    ],
)
async def test_the_refusal_of_a_wrong_method_names_the_allowed_ones(
    http: aiohttp.ClientSession, method: str, path: str, allowed: str
) -> None:
    async with http.request(method, path) as response:
        assert response.status == 405
        assert response.headers["Allow"] == allowed
        error = (await response.json())["error"]
        assert allowed in error["message"]
        assert error["code"] == "method_not_supported"


async def test_requests_have_ids_of_their_own(http: aiohttp.ClientSession) -> None:
    ids = set()
    for _ in range(5):
        async with http.get("/v1/nothing") as response:
            ids.add(response.headers["x-request-id"])
    assert len(ids) == 5


async def test_ids_are_taken_from_the_path_as_they_were_meant(
    api: RecordingAPI, http: aiohttp.ClientSession
) -> None:
    api.answers["retrieve_thread"] = RESULT
    async with http.get("/v1/threads/a%20b%C3%A9") as response:
        assert response.status == 200
    assert api.calls == [("retrieve_thread", ("a bé",), {})]
