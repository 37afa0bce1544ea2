"""What the handlers of a server share: its parts, its limits and the counts of requests."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from msgspec import Struct

from bot.assistants.schema.files import MOST_BYTES
from bot.server.auth import Gate
from bot.server.cors import Origins
from bot.server.monitor import Monitor
from bot.server.upstream import Upstream


class Limits(Struct, frozen=True, kw_only=True):
    """Limits of requests and connections; sizes in bytes, times in seconds.

    ``body``: the size of a JSON body; ``nesting``: its levels; ``values``: its array elements,
    objects and fields. ``upload``: the size of a file.
    ``large_bodies``, ``answers``: how many a project may have in memory at once.
    ``connections``: their number; it is lower if the process may open few files.
    ``forwarded``, ``forwarded_bytes``: a project's requests at the model endpoint, their bodies.
    ``headers_seconds``: for a request's headers on a connection without a valid key so far.
    ``body_seconds``, ``upload_seconds``: for a whole JSON body, for a whole upload.
    ``silence_seconds``: between two pieces of an upload, or of an answer that the caller reads.
    ``idle_seconds``: between two requests on a connection.
    ``keep_alive_seconds``: a stream without events for so long gets a comment, which keeps it open.
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
    keep_alive_seconds: float = 15.0


class Shares:
    """Bounds the memory of requests: each project has its own semaphores."""

    def __init__(self, limits: Limits) -> None:
        self.large_bodies = defaultdict[str, asyncio.Semaphore](
            lambda: asyncio.Semaphore(limits.large_bodies)
        )
        self.answers = defaultdict[str, asyncio.Semaphore](
            lambda: asyncio.Semaphore(limits.answers)
        )
        self.parser = asyncio.Lock()
        """Only one thread parses: further threads would compete with the event loop for the GIL."""


class Forwarding(Struct):
    """The number of forwarded requests in progress, and the bytes of their bodies."""

    requests: int = 0
    bytes: int = 0


AZURE: Final = "/openai"
"""Prefix of the paths of Azure's clients; their parameter ``api-version`` is ignored."""


@dataclass(frozen=True, kw_only=True)
class ServerContext:
    """What the handlers of one server share.

    Incomplete uploads are stored in ``spool``; None is the system's temporary directory.
    ``stopping`` is set when the server begins to stop. ``forwarded`` has the forwarded requests in
    progress, by project.
    """

    gate: Gate
    origins: Origins
    limits: Limits
    shares: Shares
    spool: str | None
    upstream: Upstream | None
    monitor: Monitor | None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    forwarded: defaultdict[str, Forwarding] = field(default_factory=lambda: defaultdict(Forwarding))


CONTEXT: Final = web.AppKey("context", ServerContext)
REQUEST_ID: Final = web.RequestKey("request_id", str)
