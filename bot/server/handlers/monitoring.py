"""Handlers for those who operate the program: health, readiness and metrics."""

from aiohttp import web

from bot.server.context import CONTEXT
from bot.server.responses import answer


async def health(_request: web.Request) -> web.Response:
    """GET /healthz: answers every caller, and reveals only that the process runs."""
    return answer({"status": "ok"})


async def readiness(request: web.Request) -> web.Response:
    """GET /readyz: 200 if every part can work, else 503 with a sentence for each part."""
    monitor = request.app[CONTEXT].monitor
    problems = {} if monitor is None else await monitor.problems()
    if not problems:
        return answer({"status": "ready"})
    response = answer({"status": "not ready", "problems": dict(problems)})
    response.set_status(503)
    return response


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics: the metrics, for callers with their key, or on this machine without keys."""
    monitor = request.app[CONTEXT].monitor
    if monitor is None or not monitor.has_metrics:
        raise web.HTTPNotFound
    request.app[CONTEXT].gate.admit_to_metrics(request)
    text = await monitor.metrics()
    return web.Response(body=text.body, headers={"Content-Type": text.content_type})
