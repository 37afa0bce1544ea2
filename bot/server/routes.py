"""The routes of the server."""

from typing import Final

from aiohttp import HttpVersion11, web

from bot.server.app_keys import AZURE
from bot.server.handlers import (
    assistants,
    files,
    forwarding,
    messages,
    monitoring,
    runs,
    steps,
    threads,
    vector_store_files,
    vector_stores,
)
from bot.server.middleware import Operation, endpoint

_ASSISTANTS: Final = "/v1/assistants"
_ASSISTANT: Final = "/v1/assistants/{assistant_id}"
_THREADS: Final = "/v1/threads"
_THREAD: Final = "/v1/threads/{thread_id}"
_MESSAGES: Final = f"{_THREAD}/messages"
_MESSAGE: Final = f"{_MESSAGES}/{{message_id}}"
_RUNS: Final = f"{_THREAD}/runs"
_RUN: Final = f"{_RUNS}/{{run_id}}"
_STEPS: Final = f"{_RUN}/steps"
_FILES: Final = "/v1/files"
_FILE: Final = "/v1/files/{file_id}"
_STORES: Final = "/v1/vector_stores"
_STORE: Final = "/v1/vector_stores/{store_id}"
_STORE_FILES: Final = f"{_STORE}/files"
_STORE_FILE: Final = f"{_STORE_FILES}/{{file_id}}"
_BATCHES: Final = f"{_STORE}/file_batches"
_BATCH: Final = f"{_BATCHES}/{{batch_id}}"

ROUTES: Final[tuple[tuple[str, str, Operation], ...]] = (
    ("POST", _ASSISTANTS, assistants.create),
    ("GET", _ASSISTANTS, assistants.list_),
    ("GET", _ASSISTANT, assistants.retrieve),
    ("POST", _ASSISTANT, assistants.modify),
    ("DELETE", _ASSISTANT, assistants.delete),
    ("POST", _THREADS, threads.create),
    ("POST", f"{_THREADS}/runs", runs.create_with_thread),
    ("GET", _THREAD, threads.retrieve),
    ("POST", _THREAD, threads.modify),
    ("DELETE", _THREAD, threads.delete),
    ("POST", _MESSAGES, messages.create),
    ("GET", _MESSAGES, messages.list_),
    ("GET", _MESSAGE, messages.retrieve),
    ("POST", _MESSAGE, messages.modify),
    ("DELETE", _MESSAGE, messages.delete),
    ("POST", _RUNS, runs.create),
    ("GET", _RUNS, runs.list_),
    ("GET", _RUN, runs.retrieve),
    ("POST", _RUN, runs.modify),
    ("POST", f"{_RUN}/submit_tool_outputs", runs.submit_tool_outputs),
    ("POST", f"{_RUN}/cancel", runs.cancel),
    ("GET", _STEPS, steps.list_),
    ("GET", f"{_STEPS}/{{step_id}}", steps.retrieve),
    ("POST", _FILES, files.upload),
    ("GET", _FILES, files.list_),
    ("GET", _FILE, files.retrieve),
    ("DELETE", _FILE, files.delete),
    ("GET", f"{_FILE}/content", files.content),
    ("POST", _STORES, vector_stores.create),
    ("GET", _STORES, vector_stores.list_),
    ("GET", _STORE, vector_stores.retrieve),
    ("POST", _STORE, vector_stores.modify),
    ("DELETE", _STORE, vector_stores.delete),
    ("POST", f"{_STORE}/search", vector_stores.search),
    ("POST", _STORE_FILES, vector_store_files.create),
    ("GET", _STORE_FILES, vector_store_files.list_),
    ("GET", _STORE_FILE, vector_store_files.retrieve),
    ("POST", _STORE_FILE, vector_store_files.modify),
    ("DELETE", _STORE_FILE, vector_store_files.delete),
    ("GET", f"{_STORE_FILE}/content", vector_store_files.content),
    ("POST", _BATCHES, vector_store_files.create_batch),
    ("GET", _BATCH, vector_store_files.retrieve_batch),
    ("POST", f"{_BATCH}/cancel", vector_store_files.cancel_batch),
    ("GET", f"{_BATCH}/files", vector_store_files.list_batch),
)

EXTENSIONS: Final[tuple[tuple[str, str, Operation], ...]] = (
    ("GET", _THREADS, threads.list_),
    ("POST", "/v1/import", threads.import_),
)
"""Routes that the API does not have."""

FORWARDED: Final[tuple[tuple[str, str, Operation], ...]] = (
    ("GET", "/v1/models", forwarding.models),
    ("GET", "/v1/models/{model:.+}", forwarding.model),
    ("POST", "/v1/chat/completions", forwarding.chat_completions),
    ("POST", "/v1/moderations", forwarding.moderations),
)
"""Routes that go to the model endpoint: many Assistants API programs also call these."""

_DEPLOYMENT: Final = f"{AZURE}/deployments/{{deployment}}/chat/completions"

_BETA: Final = (_ASSISTANTS, _THREADS)
"""Paths that require the beta header; the official clients send none with files."""


_MONITORING: Final = (
    ("/healthz", monitoring.health),
    ("/readyz", monitoring.readiness),
    ("/metrics", monitoring.metrics),
)


def add_routes(app: web.Application, *, with_api: bool) -> None:
    """Add every route to the application's router, the API's also under Azure's paths."""
    for path, handler in _MONITORING:
        app.router.add_route("GET", path, handler, expect_handler=_expect)
    if with_api:
        _add_api(app)


def _add_api(app: web.Application) -> None:
    for method, path, operation in ROUTES + EXTENSIONS + FORWARDED:
        # File contents and forwarded answers are streamed; other answers are in memory as a whole,
        # so their number at once is bounded.
        streamed = operation is files.content or (method, path, operation) in FORWARDED
        bounded = method == "GET" and not streamed
        handler = endpoint(operation, beta=path.startswith(_BETA), bounded=bounded)
        app.router.add_route(method, path, handler, expect_handler=_expect)
        handler = endpoint(operation, beta=False, bounded=bounded)
        for azure_path in (AZURE + path, AZURE + path.removeprefix("/v1")):
            app.router.add_route(method, azure_path, handler, expect_handler=_expect)
    handler = endpoint(forwarding.chat_completions, beta=False)
    app.router.add_route("POST", _DEPLOYMENT, handler, expect_handler=_expect)


async def _expect(request: web.Request) -> None:
    """Answer ``Expect: 100-continue`` with 100; ignore other expectations."""
    if request.version >= HttpVersion11 and request.headers["Expect"].lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # The interim response must not count as the beginning of the response.
        request.writer.output_size = 0
