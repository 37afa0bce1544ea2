"""What handlers are handed through the application, under typed keys."""

import asyncio
from typing import Final

from aiohttp import web
from msgspec import Struct

from bot.server.gate import Gate


class Limits(Struct, frozen=True, kw_only=True):
    """How much is taken: ``body`` in bytes, ``nesting`` in levels of a JSON body."""

    body: int = 8 * 1024 * 1024
    nesting: int = 128


GATE: Final = web.AppKey("gate", Gate)
LIMITS: Final = web.AppKey("limits", Limits)
STOPPING: Final = web.AppKey("stopping", asyncio.Event)
REQUEST_ID: Final = web.RequestKey("request_id", str)
