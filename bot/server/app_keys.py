"""What handlers are handed through the application, under typed keys."""

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Final

from aiohttp import web
from msgspec import Struct

from bot.assistants.schema.files import MOST_BYTES
from bot.server.auth import Gate
from bot.server.cors import Origins
from bot.server.upstream import Upstream


class Limits(Struct, frozen=True, kw_only=True):
    """How much is taken: sizes in bytes, times in seconds.

    ``nesting`` is in levels of a JSON body; ``values`` in its array elements, objects and fields.
    ``upload`` bounds a file. ``connections`` is lower where the process may open few files. Until
    a valid key came, a connection has ``headers_seconds`` for each request's headers; a body has
    ``body_seconds`` in all, an upload ``upload_seconds``; ``silence_seconds`` may pass between two
    pieces of an upload, and before a reader takes the next piece of an answer. ``forwarded``
    bounds a project's requests that are under way at the model endpoint, and ``forwarded_bytes``
    their bodies together.
    """

    body: int = 8 * 1024 * 1024
    nesting: int = 128
    values: int = 100_000
    large_bodies: int = 4
    answers: int = 8
    upload: int = MOST_BYTES
    connections: int = 1000
    forwarded: int = 32
    forwarded_bytes: int = 32 * 1024 * 1024
    headers_seconds: float = 10.0
    body_seconds: float = 60.0
    upload_seconds: float = 3600.0
    silence_seconds: float = 30.0
    idle_seconds: float = 75.0


class Shares:
    """What bounds the memory that requests take: each project has a share of its own."""

    def __init__(self, limits: Limits) -> None:
        self.large_bodies = defaultdict[str, asyncio.Semaphore](
            lambda: asyncio.Semaphore(limits.large_bodies)
        )
        self.answers = defaultdict[str, asyncio.Semaphore](
            lambda: asyncio.Semaphore(limits.answers)
        )
        self.parser = asyncio.Lock()
        """One thread parses at a time: more would only contend with the event loop."""


class Spool(Struct, frozen=True):
    """Where uploads wait until they are whole; None is the system's directory for such files."""

    directory: Path | None = None


class Forwarding(Struct):
    """How many requests the model endpoint is answering, and the bytes of their bodies."""

    requests: int = 0
    bytes: int = 0


GATE: Final = web.AppKey("gate", Gate)
AZURE: Final = "/openai"
"""Begins the paths of Azure's clients, who send ``api-version``: it is taken and not read."""

ORIGINS: Final = web.AppKey("origins", Origins)
LIMITS: Final = web.AppKey("limits", Limits)
SHARES: Final = web.AppKey("shares", Shares)
SPOOL: Final = web.AppKey("spool", Spool)
STOPPING: Final = web.AppKey("stopping", asyncio.Event)
UPSTREAM: Final = web.AppKey[Upstream | None]("upstream")
FORWARDED: Final = web.AppKey("forwarded", defaultdict[str, Forwarding])
"""What the model endpoint is answering for each project."""
REQUEST_ID: Final = web.RequestKey("request_id", str)
