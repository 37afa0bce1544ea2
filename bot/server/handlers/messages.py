"""HTTP handlers for messages."""

from aiohttp import web

from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.requests import CreateMessage, ModifyMessage
from bot.server.parsing import page, read, refuse_query
from bot.server.responses import answer


async def create(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/threads/{thread_id}/messages."""
    asked = await read(request, CreateMessage)
    return answer(await api.create_message(request.match_info["thread_id"], asked))


async def list_(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/threads/{thread_id}/messages."""
    part, more = page(request, "run_id")
    thread_id = request.match_info["thread_id"]
    return answer(await api.list_messages(thread_id, part, run_id=more.get("run_id")))


async def retrieve(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/threads/{thread_id}/messages/{message_id}."""
    refuse_query(request)
    return answer(await api.retrieve_message(*_ids(request)))


async def modify(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/threads/{thread_id}/messages/{message_id}."""
    changes = await read(request, ModifyMessage)
    return answer(await api.modify_message(*_ids(request), changes))


async def delete(api: AssistantsAPI, request: web.Request) -> web.Response:
    """DELETE /v1/threads/{thread_id}/messages/{message_id}."""
    refuse_query(request)
    return answer(await api.delete_message(*_ids(request)))


def _ids(request: web.Request) -> tuple[str, str]:
    return request.match_info["thread_id"], request.match_info["message_id"]
