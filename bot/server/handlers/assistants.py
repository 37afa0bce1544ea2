"""HTTP handlers for assistants."""

from aiohttp import web

from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.requests import CreateAssistant, ModifyAssistant
from bot.server.parsing import page, read, refuse_query
from bot.server.responses import answer


async def create(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/assistants."""
    return answer(await api.create_assistant(await read(request, CreateAssistant)))


async def list_(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/assistants."""
    part, _ = page(request)
    return answer(await api.list_assistants(part))


async def retrieve(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/assistants/{assistant_id}."""
    refuse_query(request)
    return answer(await api.retrieve_assistant(request.match_info["assistant_id"]))


async def modify(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/assistants/{assistant_id}."""
    changes = await read(request, ModifyAssistant)
    return answer(await api.modify_assistant(request.match_info["assistant_id"], changes))


async def delete(api: AssistantsAPI, request: web.Request) -> web.Response:
    """DELETE /v1/assistants/{assistant_id}."""
    refuse_query(request)
    return answer(await api.delete_assistant(request.match_info["assistant_id"]))
