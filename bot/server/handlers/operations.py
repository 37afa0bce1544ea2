"""HTTP handlers of operations: parse the request, make one call, serialise the result."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from bot.assistants.api import AssistantsAPI
from bot.assistants.operations import Operation
from bot.assistants.schema.objects import Run
from bot.assistants.schema.vector_stores import (
    SearchVectorStore,
    VectorStoreFile,
    VectorStoreFileBatch,
)
from bot.assistants.states import ACTIVE
from bot.server.connections import while_connected
from bot.server.parsing import include, parameters, read, read_page
from bot.server.responses import answer

POLL_AFTER: Final = {"openai-poll-after-ms": "500"}
"""Tells pollers when to retrieve an unfinished object again."""


def handler_of(
    operation: Operation,
) -> Callable[[AssistantsAPI, web.Request], Awaitable[web.StreamResponse]]:
    """Return a handler that passes on the ids, the body and the query of a request."""

    async def handle(api: AssistantsAPI, request: web.Request) -> web.Response:
        arguments: dict[str, Any] = dict(request.match_info)
        if operation.request is not None:
            arguments["request"] = await read(request, operation.request)
        elif operation.page is not None:
            page, options = read_page(request, operation.page, *operation.options)
            arguments |= {"page": page, **options}
        else:
            arguments |= parameters(request, operation.options)
        if "include" in operation.options:
            arguments["include"] = include(request)
        result = await getattr(api, operation.name)(**arguments)
        is_polled = operation.method == "GET" and isinstance(
            result, Run | VectorStoreFile | VectorStoreFileBatch
        )
        return answer(result, POLL_AFTER if is_polled and result.status in ACTIVE else None)

    return handle


async def search_vector_store(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/vector_stores/{store_id}/search; the search ends if the caller disconnects."""
    asked = await read(request, SearchVectorStore)
    search = api.search_vector_store(request.match_info["store_id"], asked)
    return answer(await while_connected(request, search))
