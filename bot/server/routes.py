"""The routes of the server."""

from collections.abc import Iterator, Mapping
from typing import Final

from aiohttp import HttpVersion11, web

from bot.assistants.api import AssistantsAPI
from bot.assistants.operations import operations_of
from bot.server.context import AZURE
from bot.server.handlers import files, forwarding, monitoring, operations, runs
from bot.server.middleware import ApiHandler, endpoint

_HANDLERS: Final[Mapping[str, ApiHandler]] = {
    "create_run": runs.create_run,
    "create_thread_and_run": runs.create_thread_and_run,
    "submit_tool_outputs": runs.submit_tool_outputs,
    "upload_file": files.upload_file,
    "file_content": files.file_content,
    "search_vector_store": operations.search_vector_store,
}
"""The handlers of operations that need more than ``handler_of`` does."""

Route = tuple[str, str, ApiHandler]


def _routes(*, extensions: bool) -> Iterator[Route]:
    for each in operations_of(AssistantsAPI):
        if each.extension == extensions:
            handler = _HANDLERS.get(each.name) or operations.handler_of(each)
            yield each.method, f"/v1{each.path}", handler


ROUTES: Final = tuple(_routes(extensions=False))

EXTENSIONS: Final = tuple(_routes(extensions=True))
"""Routes of this server's own operations, which OpenAI's API does not have."""

FORWARDED: Final[tuple[Route, ...]] = (
    ("GET", "/v1/models", forwarding.models),
    ("GET", "/v1/models/{model:.+}", forwarding.model),
    ("POST", "/v1/chat/completions", forwarding.chat_completions),
    ("POST", "/v1/moderations", forwarding.moderations),
)
"""Routes that go to the model endpoint: many Assistants API programs also call these."""

_STREAMED: Final = {files.file_content, *(handler for _, _, handler in FORWARDED)}
"""Handlers whose answers are never in memory as a whole."""

_DEPLOYMENT: Final = f"{AZURE}/deployments/{{deployment}}/chat/completions"

_BETA: Final = ("/v1/assistants", "/v1/threads")
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
    for method, path, handle in ROUTES + EXTENSIONS + FORWARDED:
        bounded = method == "GET" and handle not in _STREAMED
        handler = endpoint(handle, beta=path.startswith(_BETA), bounded=bounded)
        app.router.add_route(method, path, handler, expect_handler=_expect)
        handler = endpoint(handle, beta=False, bounded=bounded)
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
