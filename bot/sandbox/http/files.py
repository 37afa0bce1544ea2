"""Serves attachments, as Discord's CDN does: to who has the link, until the link expires."""

import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.sandbox.backend import Backend
from bot.sandbox.backend.messages.media import sign


def handler(backend: Backend) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The endpoint of ``/attachments/{channel_id}/{attachment_id}/{filename}``."""
    world = backend.world

    async def download(request: web.Request) -> web.StreamResponse:
        number = request.match_info["attachment_id"]
        found = world.attachments.get(int(number)) if number.isdecimal() else None
        if found is None or request.match_info["filename"] != found.filename:
            return web.Response(status=404, text="This content is no longer available.")
        try:
            expires = int(request.query.get("ex", ""), 16)
        except ValueError:
            expires = 0
        signature = request.query.get("hm", "")
        if not secrets.compare_digest(signature, sign(found, expires)) or expires <= world.now():
            return web.Response(status=404, text="This content is no longer available.")
        headers = {"Content-Type": found.content_type, "X-Content-Type-Options": "nosniff"}
        if not found.content_type.startswith(("image/", "text/plain")):
            headers["Content-Disposition"] = f'attachment; filename="{found.filename}"'
        if found.content_type.startswith("image/svg"):
            headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        return web.Response(body=found.data, headers=headers)

    return download
