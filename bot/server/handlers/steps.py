"""HTTP handlers for run steps."""

from aiohttp import web

from bot.assistants.api import AssistantsAPI
from bot.server.parsing import include, page, refuse_query
from bot.server.responses import answer


async def list_(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/threads/{thread_id}/runs/{run_id}/steps."""
    part, _ = page(request, "include")
    return answer(await api.list_steps(*_ids(request), part, include=include(request)))


async def retrieve(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/threads/{thread_id}/runs/{run_id}/steps/{step_id}."""
    refuse_query(request, "include")
    step_id = request.match_info["step_id"]
    return answer(await api.retrieve_step(*_ids(request), step_id, include=include(request)))


def _ids(request: web.Request) -> tuple[str, str]:
    return request.match_info["thread_id"], request.match_info["run_id"]
