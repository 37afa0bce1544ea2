"""HTTP handlers for runs; with ``stream`` a new run is answered with its events."""

from typing import Final

from aiohttp import web

from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.requests import (
    CreateRun,
    CreateThreadAndRun,
    ModifyRun,
    SubmitToolOutputs,
)
from bot.assistants.states import ACTIVE
from bot.server.parsing import include, page, read, read_streamable, refuse_query
from bot.server.responses import answer
from bot.server.streams import send_events

POLL_AFTER: Final = {"openai-poll-after-ms": "500"}
"""Tells pollers when to retrieve an unfinished run again."""


async def create(api: AssistantsAPI, request: web.Request) -> web.StreamResponse:
    """POST /v1/threads/{thread_id}/runs."""
    refuse_query(request, "include")
    included = include(request)  # affects only the steps in a stream
    asked, streamed = await read_streamable(request, CreateRun)
    thread_id = request.match_info["thread_id"]
    if streamed:
        events = await api.stream_run(thread_id, asked, include=included)
        return await send_events(request, events)
    return answer(await api.create_run(thread_id, asked))


async def create_with_thread(api: AssistantsAPI, request: web.Request) -> web.StreamResponse:
    """POST /v1/threads/runs."""
    refuse_query(request)
    asked, streamed = await read_streamable(request, CreateThreadAndRun)
    if streamed:
        return await send_events(request, await api.stream_thread_and_run(asked))
    return answer(await api.create_thread_and_run(asked))


async def list_(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/threads/{thread_id}/runs."""
    part, _ = page(request)
    return answer(await api.list_runs(request.match_info["thread_id"], part))


async def retrieve(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/threads/{thread_id}/runs/{run_id}."""
    refuse_query(request)
    run = await api.retrieve_run(*_ids(request))
    return answer(run, POLL_AFTER if run.status in ACTIVE else None)


async def modify(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/threads/{thread_id}/runs/{run_id}."""
    changes = await read(request, ModifyRun)
    return answer(await api.modify_run(*_ids(request), changes))


async def submit_tool_outputs(api: AssistantsAPI, request: web.Request) -> web.StreamResponse:
    """POST /v1/threads/{thread_id}/runs/{run_id}/submit_tool_outputs."""
    refuse_query(request)
    asked, streamed = await read_streamable(request, SubmitToolOutputs)
    if streamed:
        return await send_events(request, await api.stream_tool_outputs(*_ids(request), asked))
    return answer(await api.submit_tool_outputs(*_ids(request), asked))


async def cancel(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/threads/{thread_id}/runs/{run_id}/cancel."""
    refuse_query(request)
    return answer(await api.cancel_run(*_ids(request)))


def _ids(request: web.Request) -> tuple[str, str]:
    return request.match_info["thread_id"], request.match_info["run_id"]
