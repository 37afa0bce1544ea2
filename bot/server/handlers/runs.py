"""HTTP handlers of operations whose response is a run, or with ``stream`` the run's events."""

from aiohttp import web

from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.requests import CreateRun, CreateThreadAndRun, SubmitToolOutputs
from bot.server.parsing import include, read_streamable, refuse_query
from bot.server.responses import answer
from bot.server.streams import send_events


async def create_run(api: AssistantsAPI, request: web.Request) -> web.StreamResponse:
    """POST /v1/threads/{thread_id}/runs."""
    refuse_query(request, "include")
    included = include(request)  # affects only the steps in a stream
    asked, streamed = await read_streamable(request, CreateRun)
    thread_id = request.match_info["thread_id"]
    if streamed:
        events = await api.stream_run(thread_id, asked, include=included)
        return await send_events(request, events)
    return answer(await api.create_run(thread_id, asked))


async def create_thread_and_run(api: AssistantsAPI, request: web.Request) -> web.StreamResponse:
    """POST /v1/threads/runs."""
    refuse_query(request)
    asked, streamed = await read_streamable(request, CreateThreadAndRun)
    if streamed:
        return await send_events(request, await api.stream_thread_and_run(asked))
    return answer(await api.create_thread_and_run(asked))


async def submit_tool_outputs(api: AssistantsAPI, request: web.Request) -> web.StreamResponse:
    """POST /v1/threads/{thread_id}/runs/{run_id}/submit_tool_outputs."""
    refuse_query(request)
    asked, streamed = await read_streamable(request, SubmitToolOutputs)
    thread_id, run_id = request.match_info["thread_id"], request.match_info["run_id"]
    if streamed:
        return await send_events(request, await api.stream_tool_outputs(thread_id, run_id, asked))
    return answer(await api.submit_tool_outputs(thread_id, run_id, asked))
