"""HTTP handlers for threads."""

from aiohttp import web

from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.imports import ImportObjects
from bot.assistants.schema.requests import CreateThread, ModifyThread
from bot.server.parsing import page, read, refuse_query
from bot.server.responses import answer


async def create(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/threads."""
    return answer(await api.create_thread(await read(request, CreateThread)))


async def list_(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/threads, an extension."""
    part, _ = page(request)
    return answer(await api.list_threads(part))


async def import_(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/import, an extension."""
    return answer(await api.import_objects(await read(request, ImportObjects)))


async def retrieve(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/threads/{thread_id}."""
    refuse_query(request)
    return answer(await api.retrieve_thread(request.match_info["thread_id"]))


async def modify(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/threads/{thread_id}."""
    changes = await read(request, ModifyThread)
    return answer(await api.modify_thread(request.match_info["thread_id"], changes))


async def delete(api: AssistantsAPI, request: web.Request) -> web.Response:
    """DELETE /v1/threads/{thread_id}."""
    refuse_query(request)
    return answer(await api.delete_thread(request.match_info["thread_id"]))
