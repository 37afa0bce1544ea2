"""Serves the page for people, and what its buttons do; refuses every other origin and host."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from aiohttp import hdrs, web

from bot.sandbox.backend import Backend
from bot.sandbox.backend.interactions import commands
from bot.sandbox.backend.interactions.invocations import NotPossible, may_use
from bot.sandbox.backend.state.model import Channel, DiscordMessage, Payload, Role, User
from bot.sandbox.control import ACTIONS, Control
from bot.sandbox.errors import DiscordError, bad_json, missing_access, unknown_message
from bot.sandbox.people import Person

FILES = Path(__file__).parents[1] / "page"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]
Act = Callable[["Person", Payload], Awaitable[Any]]


@web.middleware
async def only_this_origin(request: web.Request, handler: Endpoint) -> web.StreamResponse:
    """Refuse what another site's page could send, and names that only resolve to this machine."""
    own = {f"{name}:{_port(request)}" for name in ("127.0.0.1", "localhost", "[::1]")}
    if request.host not in own:
        return web.Response(status=403, text=f"The sandbox does not answer to {request.host!r}.")
    origin = request.headers.get(hdrs.ORIGIN)
    foreign = origin is not None and urlsplit(origin).netloc != request.host
    if foreign or request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return web.Response(status=403, text="The sandbox answers its own page only.")
    return await handler(request)


def _port(request: web.Request) -> int:
    transport = request.transport
    name = None if transport is None else transport.get_extra_info("sockname")
    return 0 if name is None else int(name[1])


class PageServer:
    """The page; `text` is its welcome in Markdown."""

    def __init__(
        self,
        backend: Backend,
        control: Control,
        people: Mapping[str, Person],
        admin: Person,
        guild_name: str,
    ) -> None:
        self._backend = backend
        self._world = backend.world
        self._control = control
        self._people = people
        self._admin = admin
        self._guild_name = guild_name
        self.text = ""
        self._acts: dict[str, Act] = {
            "command": self._command,
            "commands": self._commands,
            "autocomplete": self._autocomplete,
            "click": self._click,
            "select": self._select,
            "modal": self._modal,
            "trouble": self._trouble,
        }

    def add_to(self, app: web.Application) -> None:
        """Put the page on an application."""
        app.router.add_get("/", self._file)
        app.router.add_get("/page/welcome.json", self._welcome)
        app.router.add_get("/page/{name}", self._file)
        app.router.add_post("/page/act/{act}", self._act)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info.get("name", "index.html")
        known = {path.name: path for path in FILES.iterdir() if path.suffix in TYPES}
        if name not in known:
            return web.Response(status=404, text="There is no such file.")
        headers = {
            "Content-Security-Policy": f"{POLICY}; connect-src 'self' ws://{request.host}",
            "Cache-Control": "no-cache",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        return web.Response(
            body=known[name].read_bytes(),
            content_type=TYPES[known[name].suffix],
            charset="utf-8",
            headers=headers,
        )

    async def _welcome(self, request: web.Request) -> web.Response:
        people = [
            {
                "id": str(person.id),
                "name": person.name,
                "token": person.token,
                "admin": person is self._admin,
            }
            for person in self._people.values()
        ]
        bot = self._world.bot
        return _json(
            {
                "text": self.text,
                "guild": {"name": self._guild_name},
                "bot": {"id": str(bot.id), "name": bot.name},
                "people": people,
                "actions": [
                    {
                        "name": action.name,
                        "label": action.label,
                        "number": action.number,
                        "default": action.default,
                    }
                    for action in ACTIONS
                ],
            }
        )

    async def _act(self, request: web.Request) -> web.Response:
        person = self._people.get(request.headers.get(hdrs.AUTHORIZATION, ""))
        act = self._acts.get(request.match_info["act"])
        if person is None:
            return _json({"message": "Reload the page: it was opened on another sandbox."}, 401)
        if act is None:
            return _json({"message": "There is no such action."}, 404)
        try:
            body = msgspec.json.decode(await request.read(), type=dict[str, Any])
            return _json(await act(person, body))
        except msgspec.DecodeError:
            return _json(bad_json().body(), 400)
        except (KeyError, NotPossible, ValueError) as error:
            return _json({"message": str(error)}, 400)
        except DiscordError as error:
            return _json(error.body(), error.status)

    def _channel(self, person: Person, body: Payload) -> Channel:
        return self._world.channel(int(body["channel_id"]), person.user)

    def _message(self, person: Person, body: Payload) -> DiscordMessage:
        channel = self._channel(person, body)
        number = int(body["message_id"])
        found = channel.by_id.get(number) or channel.ephemeral.get(number)
        if found is None:
            raise unknown_message()
        return found

    async def _commands(self, person: Person, body: Payload) -> list[Payload]:
        channel = self._channel(person, body)
        guild_id = channel.guild.id if channel.guild else None
        found: list[Payload] = []
        for command in self._backend.commands.visible(guild_id):
            if command.kind != commands.CHAT_INPUT:
                continue
            try:
                may_use(command, channel, person.user, self._world.now())
            except NotPossible:
                continue
            found += _flat(command.payload, "")
        return found

    async def _command(self, person: Person, body: Payload) -> Payload:
        channel = self._channel(person, body)
        values = self._values(channel, str(body["path"]), body.get("values") or {})
        interaction = person.begin_command(channel, str(body["path"]), values)
        return {"id": str(interaction.id)}

    async def _autocomplete(self, person: Person, body: Payload) -> list[Payload]:
        channel = self._channel(person, body)
        focused = str(body["focused"])
        values = self._values(channel, str(body["path"]), body.get("values") or {})
        values.pop(focused, None)
        return await person.autocomplete(
            channel, str(body["path"]), focused=focused, value=str(body["value"]), **values
        )

    def _values(self, channel: Channel, path: str, values: Payload) -> dict[str, Any]:
        """The options' values with ids in place of which the objects stand."""
        found = self._backend.commands.visible(channel.guild.id if channel.guild else None)
        options = {
            option["name"]: option["type"]
            for command in found
            for leaf in _flat(command.payload, "")
            if leaf["path"] == path
            for option in leaf["options"]
        }
        targets = (commands.USER_OPTION, commands.CHANNEL, commands.ROLE, commands.MENTIONABLE)
        return {
            name: self._target(channel, value) if options.get(name) in targets else value
            for name, value in values.items()
        }

    def _target(self, channel: Channel, value: Any) -> User | Role | Channel:
        number = int(value)
        roles = channel.guild.roles if channel.guild else {}
        found = (
            self._world.users.get(number) or roles.get(number) or self._world.channels.get(number)
        )
        if found is None:
            raise NotPossible("there is no such member, role or channel")
        return found

    async def _click(self, person: Person, body: Payload) -> Payload:
        message = self._message(person, body)
        custom_id = str(body["custom_id"])
        return {"id": str((await person.click(message, custom_id=custom_id, wait=False)).id)}

    async def _select(self, person: Person, body: Payload) -> Payload:
        message = self._message(person, body)
        custom_id = str(body["custom_id"])
        listed = any(
            part.get("custom_id") == custom_id and part["type"] == 3
            for row in message.components
            for part in row.get("components", [])
        )
        values = [
            str(value) if listed else self._target(message.channel, value)
            for value in body["values"]
        ]
        chosen = await person.select(message, *values, custom_id=custom_id, wait=False)
        return {"id": str(chosen.id)}

    async def _modal(self, person: Person, body: Payload) -> Payload:
        interaction = self._backend.interactions.get(int(body["interaction_id"]))
        if interaction is None or interaction.user is not person.user:
            raise missing_access()
        submitted = await person.submit_modal(interaction, body["values"], wait=False)
        return {"id": str(submitted.id)}

    async def _trouble(self, person: Person, body: Payload) -> Payload:
        number = body.get("channel_id")
        channel = None if number is None else self._world.channels.get(int(number))
        self._control.perform(str(body["name"]), float(body.get("number") or 0), channel)
        return {}


def _flat(command: Payload, prefix: str) -> list[Payload]:
    """A command's leaves: path, description, and options."""
    path = f"{prefix} {command['name']}".strip()
    options = command.get("options", [])
    below = [option for option in options if option["type"] in (1, 2)]
    if below:
        return [leaf for option in below for leaf in _flat(option, path)]
    return [{"path": path, "description": command["description"], "options": options}]


def _json(payload: Any, status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(payload),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
