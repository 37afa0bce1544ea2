"""One request as handlers see it: the caller, and the fields of path, query and body."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiohttp import BodyPartReader, web

from bot.sandbox import errors
from bot.sandbox.backend.backend import Backend
from bot.sandbox.backend.messages.content.attachments import UploadedFile
from bot.sandbox.backend.state.model import Channel, DiscordMessage, Guild, User
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.forms import Form
from bot.sandbox.http.ratelimits import Limit, RestRateLimiter

_FILE_FIELD: Final = re.compile(r"files?\[(\d+)\]\Z|file(\d*)\Z")
MAX_UPLOAD: Final = 101 << 20


@dataclass(slots=True)
class RestResponse:
    """A handler's answer; a payload of None is an empty body."""

    status: int
    payload: Any = None


class Call:
    """A request to the REST API."""

    def __init__(
        self,
        backend: Backend,
        request: web.Request,
        route: "Route",
        actor: User,
        limiter: RestRateLimiter,
        gateway_url: str,
    ) -> None:
        self.backend = backend
        self.limiter = limiter
        self.gateway_url = gateway_url
        self.world = backend.world
        self.request = request
        self.route = route
        self.actor = actor
        self.where = f"{route.method} {route.template}"
        self.body: Any = {}
        self.uploads: dict[int, UploadedFile] = {}

    async def read(self) -> None:
        """Read the body: JSON, or a form with payload_json and files."""
        kind = self.request.content_type
        if kind == "multipart/form-data":
            await self._read_multipart()
        elif self.request.can_read_body:
            data = await self.request.read()
            if data:
                self.body = _decode(data)

    async def _read_multipart(self) -> None:
        reader = await self.request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise errors.bad_json()
            name = part.name or ""
            if name == "payload_json":
                self.body = _decode(await part.read())
                continue
            found = _FILE_FIELD.match(name)
            if found is None:
                raise errors.Unsupported(f"{self.where}: form field {name!r} is not known")
            data = bytearray()
            while chunk := await part.read_chunk(1 << 16):
                data += chunk
                # The highest boost level allows 100 MiB; more must not fill the memory.
                if len(data) > MAX_UPLOAD:
                    raise errors.entity_too_large()
            number = int(found[1] or found[2] or len(self.uploads))
            told = part.headers.get("Content-Type")
            self.uploads[number] = UploadedFile(part.filename or "unknown", bytes(data), told)

    @property
    def form(self) -> Form:
        """The body's object."""
        return Form(self.body, self.where)

    @property
    def query(self) -> Form:
        """The query string's fields."""
        return Form(dict(self.request.query), self.where)

    def no_fields(self) -> None:
        """Check that the request has neither query nor body fields."""
        self.query.finish()
        self.form.finish()

    def id(self, name: str) -> int:
        """Return an id in the path; raises Discord's error 50035 (invalid form) for other text."""
        value = self.request.match_info[name]
        form = Form({name: self.actor.id if value == "@me" else value}, self.where)
        found = form.snowflake(name)
        form.finish()
        return found or 0

    def text(self, name: str) -> str:
        """Return a parameter of the path."""
        return self.request.match_info[name]

    def count_rename(self, channel: Channel) -> None:
        """Count a change of a channel's name or topic; raises a 429 at the third in ten minutes."""
        self.limiter.count_rename(channel.id)

    def channel(self) -> Channel:
        """Return the path's channel; raises ``DiscordError`` where the caller does not see it."""
        return self.world.channel(self.id("channel_id"), self.actor)

    def message(self) -> DiscordMessage:
        """Return the path's message; raises ``DiscordError``, also for a channel not seen."""
        return self.world.message(self.channel(), self.id("message_id"))

    def guild(self) -> Guild:
        """Return the path's guild; raises ``DiscordError`` where the caller is not a member."""
        return self.world.guild(self.id("guild_id"), self.actor)

    def shown(self, message: DiscordMessage) -> Payload:
        """Return a message with the content that the caller may read."""
        if self.actor is not self.world.bot:
            return self.world.writer.full(message, self.actor, self.world.now())
        content = "message_content" in self.world.granted_intents
        return self.world.writer.for_bot(message, self.world.now(), content=content)


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(slots=True, frozen=True)
class Route:
    """A route of the API; ``open_to_all``: it needs no token; ``free``: no global rate limit."""

    method: str
    template: str
    handler: Handler
    limit: Limit | None = None
    open_to_all: bool = False
    free: bool = False


def _decode(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise errors.bad_json() from error
