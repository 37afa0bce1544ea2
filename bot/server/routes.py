"""Every path that is served, in one table."""

from typing import Final

from aiohttp import web

from bot.server import assistants, messages, runs, steps, threads
from bot.server.answers import answer
from bot.server.frame import Operation, endpoint

_ASSISTANTS: Final = "/v1/assistants"
_ASSISTANT: Final = "/v1/assistants/{assistant_id}"
_THREADS: Final = "/v1/threads"
_THREAD: Final = "/v1/threads/{thread_id}"
_MESSAGES: Final = f"{_THREAD}/messages"
_MESSAGE: Final = f"{_MESSAGES}/{{message_id}}"
_RUNS: Final = f"{_THREAD}/runs"
_RUN: Final = f"{_RUNS}/{{run_id}}"
_STEPS: Final = f"{_RUN}/steps"

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
)


async def health(_request: web.Request) -> web.Response:
    """GET /healthz: answers whoever asks, and says only that the server answers."""
    return answer({"status": "ok"})


def add_routes(app: web.Application) -> None:
    """Enter every route in the application's router."""
    app.router.add_route("GET", "/healthz", health)
    for method, path, operation in ROUTES:
        app.router.add_route(method, path, endpoint(operation))
