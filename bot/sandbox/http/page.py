"""Serves the page for people and the actions of its buttons; refuses other origins and hosts."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import hdrs, web
from msgspec import Struct

from bot.sandbox.backend.backend import Backend
from bot.sandbox.backend.interactions import commands
from bot.sandbox.backend.interactions.invocations import NotPossible, may_use
from bot.sandbox.backend.messages.content.component_kinds import (
    FILE_UPLOAD,
    SELECTS,
    STRING_SELECT,
    walk,
)
from bot.sandbox.backend.state.model import Channel, DiscordMessage, Guild, Role, User
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.demo_panel import DemoPanel
from bot.sandbox.errors import DiscordError, bad_json, missing_access, unknown_message
from bot.sandbox.http.page_requests import (
    Commanding,
    Completing,
    InChannel,
    OnMessage,
    PackedFile,
    Performing,
    Pressing,
    Selecting,
    Submitting,
    Troubling,
    UsingMenu,
    Voting,
)
from bot.sandbox.people.person import Person
from bot.sandbox.troubles import ACTIONS, Troubles

FILES: Final = Path(__file__).parents[1] / "page"
TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]
Act = Callable[["Person", Any], Awaitable[Any]]


@web.middleware
async def only_this_origin(request: web.Request, handler: Endpoint) -> web.StreamResponse:
    """Refuse requests from other sites' pages, and for a host that is not this machine's own name.

    Otherwise any web page could act as a person of the sandbox, also by DNS rebinding.
    """
    own = {f"{name}:{_port(request)}" for name in ("127.0.0.1", "localhost", "[::1]")}
    if request.host not in own:
        return web.Response(status=403, text=f"The sandbox does not answer to {request.host!r}.")
    foreign = request.headers.get(hdrs.ORIGIN) not in (None, f"http://{request.host}")
    if foreign or request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return web.Response(status=403, text="The sandbox answers its own page only.")
    return await handler(request)


def _port(request: web.Request) -> int:
    transport = request.transport
    name = None if transport is None else transport.get_extra_info("sockname")
    return 0 if name is None else int(name[1])


class PageServer:
    """The page and its actions; ``text`` is the welcome in Markdown."""

    def __init__(
        self,
        backend: Backend,
        troubles: Troubles,
        people: Mapping[str, Person],
        admin: Person,
        guild: Guild,
    ) -> None:
        self._backend = backend
        self._world = backend.world
        self._troubles = troubles
        self._people = people
        self._admin = admin
        self._guild = guild
        self.text = ""
        self.demo_panel: DemoPanel | None = None
        self._acts: dict[str, tuple[type[Struct], Act]] = {
            "command": (Commanding, self._command),
            "commands": (InChannel, self._commands),
            "autocomplete": (Completing, self._autocomplete),
            "click": (Pressing, self._click),
            "select": (Selecting, self._select),
            "modal": (Submitting, self._modal),
            "menus": (InChannel, self._menus),
            "menu": (UsingMenu, self._menu),
            "vote": (Voting, self._vote),
            "trouble": (Troubling, self._trouble),
            "demo": (Performing, self._perform),
        }

    def add_to(self, app: web.Application) -> None:
        """Add the page's routes to an application."""
        app.router.add_get("/", self._file)
        app.router.add_get("/page/welcome.json", self._welcome)
        app.router.add_get("/page/{name}", self._file)
        app.router.add_post("/page/act/{act}", self._act)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info.get("name", "index.html")
        # Only files of the page's folder are served: the name never becomes a path.
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
                "demo": None if self.demo_panel is None else self.demo_panel.payload(),
                "guild": {"id": str(self._guild.id), "name": self._guild.name},
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
        kind, act = self._acts.get(request.match_info["act"], (None, None))
        if person is None:
            return _json({"message": "Reload the page: it was opened on another sandbox."}, 401)
        if kind is None or act is None:
            return _json({"message": "There is no such action."}, 404)
        try:
            asked = msgspec.json.decode(await request.read(), type=kind)
            return _json(await act(person, asked))
        except msgspec.ValidationError as error:
            return _json({"message": str(error)}, 400)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _json(bad_json().body(), 400)
        except (LookupError, NotPossible, ValueError) as error:
            return _json({"message": str(error)}, 400)
        except DiscordError as error:
            return _json(error.body(), error.status)

    def _channel(self, person: Person, asked: InChannel) -> Channel:
        return self._world.channel(int(asked.channel_id), person.user)

    def _message(self, person: Person, asked: OnMessage) -> DiscordMessage:
        channel = self._channel(person, asked)
        number = int(asked.message_id)
        found = channel.by_id.get(number) or channel.ephemeral.get(number)
        if found is None:
            raise unknown_message()
        return found

    async def _commands(self, person: Person, asked: InChannel) -> list[Payload]:
        channel = self._channel(person, asked)
        found: list[Payload] = []
        for command in self._backend.commands.visible(channel.guild_id):
            if command.kind != commands.CHAT_INPUT:
                continue
            try:
                may_use(command, channel, person.user, self._world)
            except NotPossible:
                continue
            found += _flat(command.payload, person.user.locale)
        return found

    async def _menus(self, person: Person, asked: InChannel) -> list[str]:
        return person.message_menus(self._channel(person, asked))

    async def _menu(self, person: Person, asked: UsingMenu) -> Payload:
        message = self._message(person, asked)
        begun = await person.menu(message.channel, asked.name, message, wait=False)
        return {"id": str(begun.id)}

    async def _vote(self, person: Person, asked: Voting) -> Payload:
        message = self._message(person, asked)
        self._backend.polls.vote(message, person.user, list(asked.answers))
        return {}

    async def _command(self, person: Person, asked: Commanding) -> Payload:
        channel = self._channel(person, asked)
        interaction = person.begin_command(channel, asked.path, self._values(channel, asked))
        return {"id": str(interaction.id)}

    async def _autocomplete(self, person: Person, asked: Completing) -> list[Payload]:
        channel = self._channel(person, asked)
        values = self._values(channel, asked)
        # The focused option is passed apart from the others.
        values.pop(asked.focused, None)
        return await person.autocomplete(
            channel, asked.path, focused=asked.focused, value=asked.value, others=values
        )

    def _values(self, channel: Channel, asked: Commanding) -> dict[str, Any]:
        """Return the options' values, with objects and files in place of ids and base64."""
        found = self._backend.commands.visible(channel.guild_id)
        options = {
            option["name"]: option["type"]
            for command in found
            for leaf in _flat(command.payload)
            if leaf["path"] == asked.path
            for option in leaf["options"]
        }
        targets = (commands.USER_OPTION, commands.CHANNEL, commands.ROLE, commands.MENTIONABLE)
        values: dict[str, Any] = {}
        for name, value in (asked.values or {}).items():
            if options.get(name) in targets:
                values[name] = self._target(channel, value)
            else:
                values[name] = value.unpacked() if isinstance(value, PackedFile) else value
        return values

    def _target(self, channel: Channel, value: Any) -> User | Role | Channel:
        number = int(value)
        roles = channel.guild.roles if channel.guild else {}
        found = (
            self._world.users.get(number) or roles.get(number) or self._world.channels.get(number)
        )
        if found is None:
            raise NotPossible("there is no such member, role or channel")
        return found

    async def _click(self, person: Person, asked: Pressing) -> Payload:
        message = self._message(person, asked)
        clicked = await person.click(message, custom_id=asked.custom_id, wait=False)
        return {"id": str(clicked.id)}

    async def _select(self, person: Person, asked: Selecting) -> Payload:
        message, custom_id = self._message(person, asked), asked.custom_id
        listed = any(
            part.get("custom_id") == custom_id and part["type"] == 3
            for row in message.components
            for part in row.get("components", [])
        )
        values = [
            value if listed else self._target(message.channel, value) for value in asked.values
        ]
        chosen = await person.select(message, *values, custom_id=custom_id, wait=False)
        return {"id": str(chosen.id)}

    async def _modal(self, person: Person, asked: Submitting) -> Payload:
        interaction = self._backend.interactions.get(int(asked.interaction_id))
        if interaction is None or interaction.user is not person.user:
            raise missing_access()
        values: dict[str, Any] = dict(asked.values)
        for field in walk((interaction.modal or {}).get("components", [])):
            name = field.get("custom_id")
            if name not in values:
                continue
            if field["type"] in SELECTS - {STRING_SELECT}:
                values[name] = [self._target(interaction.channel, one) for one in values[name]]
            elif field["type"] == FILE_UPLOAD:
                files = values[name] or ()
                values[name] = [one.unpacked() for one in files if isinstance(one, PackedFile)]
        submitted = await person.submit_modal(interaction, values, wait=False)
        return {"id": str(submitted.id)}

    async def _perform(self, person: Person, asked: Performing) -> Payload:
        if self.demo_panel is None:
            raise LookupError("This page has no demo panel.")
        await self.demo_panel.perform(asked.name, asked.value)
        return self.demo_panel.payload()

    async def _trouble(self, person: Person, asked: Troubling) -> Payload:
        number = asked.channel_id
        channel = None if number is None else self._world.channels.get(int(number))
        self._troubles.perform(asked.name, asked.number or 0, channel)
        return {}


def _flat(command: Payload, locale: str = "", path: str = "", label: str = "") -> list[Payload]:
    """Return the command, or its subcommands if it has any: path, label, description, options.

    ``label`` is the path in the language of the locale, and so are descriptions and choices.
    """
    path, label = f"{path} {command['name']}".strip(), f"{label} {_local(command, locale)}".strip()
    options = command.get("options", [])
    below = [option for option in options if option["type"] in (1, 2)]
    if below:
        return [leaf for option in below for leaf in _flat(option, locale, path, label)]
    found = []
    for option in options:
        shown: Payload = {
            "label": _local(option, locale),
            "description": _local(option, locale, "description"),
        }
        if "choices" in option:
            choices = [{**one, "name": _local(one, locale)} for one in option["choices"]]
            shown["choices"] = choices
        found.append({**option, **shown})
    description = _local(command, locale, "description")
    return [{"path": path, "label": label, "description": description, "options": found}]


def _local(part: Payload, locale: str, field: str = "name") -> str:
    """Return a name or description in the language of the locale, where there is one."""
    text: str = (part.get(f"{field}_localizations") or {}).get(locale) or part[field]
    return text


def _json(payload: Any, status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(payload),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
