"""Serves attachments and stickers as Discord's CDN does; a link to an attachment expires."""

import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.sandbox.backend.backend import Backend
from bot.sandbox.backend.payloads.links import sign


def handler(backend: Backend) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the endpoint of ``/attachments/{channel_id}/{attachment_id}/{filename}``."""
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


def sticker_handler(backend: Backend) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the endpoint of ``/stickers/{sticker_id}.png``; it needs no signature."""

    async def download(request: web.Request) -> web.StreamResponse:
        number = request.match_info["sticker_id"]
        found = backend.world.sticker(int(number)) if number.isdecimal() else None
        if found is None:
            return web.Response(status=404)
        headers = {"Content-Type": "image/png", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=found.data, headers=headers)

    return download
