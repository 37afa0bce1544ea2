"""HTTP handlers for vector stores."""

from aiohttp import web

from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.vector_stores import (
    CreateVectorStore,
    ModifyVectorStore,
    SearchVectorStore,
)
from bot.server.connections import while_connected
from bot.server.parsing import page, read, refuse_query
from bot.server.responses import answer


async def create(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/vector_stores."""
    return answer(await api.create_vector_store(await read(request, CreateVectorStore)))


async def list_(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/vector_stores."""
    part, _ = page(request)
    return answer(await api.list_vector_stores(part))


async def retrieve(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/vector_stores/{store_id}."""
    refuse_query(request)
    return answer(await api.retrieve_vector_store(request.match_info["store_id"]))


async def modify(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/vector_stores/{store_id}."""
    changes = await read(request, ModifyVectorStore)
    return answer(await api.modify_vector_store(request.match_info["store_id"], changes))


async def delete(api: AssistantsAPI, request: web.Request) -> web.Response:
    """DELETE /v1/vector_stores/{store_id}."""
    refuse_query(request)
    return answer(await api.delete_vector_store(request.match_info["store_id"]))


async def search(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/vector_stores/{store_id}/search."""
    asked = await read(request, SearchVectorStore)
    search = api.search_vector_store(request.match_info["store_id"], asked)
    return answer(await while_connected(request, search))
