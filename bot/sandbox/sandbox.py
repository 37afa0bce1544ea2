"""A Discord on loopback: composes the world, the REST API, the gateway and the people."""

import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from bot.sandbox.backend.backend import Backend
from bot.sandbox.backend.messages.previews import LinkPreviews
from bot.sandbox.backend.state.events import Change
from bot.sandbox.backend.state.model import User
from bot.sandbox.backend.state.permission_bits import ALL, EVERYONE, Permission
from bot.sandbox.backend.world import World
from bot.sandbox.clock import SandboxClock
from bot.sandbox.faults import Faults
from bot.sandbox.gateway.hub import Hub
from bot.sandbox.guild import SandboxGuild
from bot.sandbox.http.app import PREFIX, Api, RequestLog
from bot.sandbox.http.page import PageServer, only_this_origin
from bot.sandbox.http.ratelimits import RestRateLimiter
from bot.sandbox.people.person import Person
from bot.sandbox.troubles import Troubles

HOST: Final = "127.0.0.1"

# What a server's owner usually grants to a bot that keeps its own threads tidy.
BOT_PERMISSIONS: Final = EVERYONE | Permission.MANAGE_MESSAGES | Permission.MANAGE_THREADS


class Sandbox:
    """A running Discord, inside ``async with``, with a guild, an admin and two members.

    ``port`` 0 takes a free port. ``rate_limits`` false allows any number of requests. ``token`` is
    the bot's.
    """

    def __init__(self, *, port: int = 0, rate_limits: bool = True) -> None:
        self.clock = SandboxClock()
        self.token = f"sandbox.{secrets.token_urlsafe(24)}"
        self._port = port
        self._runner: web.AppRunner | None = None
        self.world = World(self.clock, "Assistant")
        self.backend = Backend(self.world)
        self.faults = Faults(self.clock)
        self.rate_limits = RestRateLimiter(self.clock, enabled=rate_limits)
        self._api = Api(self.backend, self.rate_limits, self.faults, self._authenticate_header)
        self.gateway = Hub(
            self.world, self.faults, self._authenticate, self._api.unknown_routes.append
        )
        self._people: dict[str, Person] = {}
        self.admin = self._add_person("mira")
        self.members = [self._add_person("ada"), self._add_person("ben")]
        self.guild = self.add_guild("Sandbox")
        self.troubles = Troubles(self.backend, self.faults, self.gateway, self.guild)
        self.page = PageServer(
            self.backend, self.troubles, self._people, self.admin, self.guild.state
        )

    def add_guild(self, name: str, *, with_bot: bool = True) -> SandboxGuild:
        """Add a guild with everybody in it; ``with_bot`` says whether the bot is a member."""
        guilds = self.backend.guilds
        guild = guilds.create(name, self.admin.user)
        admins = guilds.add_role(guild, "Admin", ALL)
        guilds.give_role(guild, self.admin.user, admins)
        for person in self.members:
            guilds.join(guild, person.user)
        role = None
        if with_bot:
            guilds.join(guild, self.bot_user)
            role = guilds.add_role(
                guild, self.world.application_name, BOT_PERMISSIONS, bot=self.bot_user
            )
            guilds.give_role(guild, self.bot_user, role)
        made = SandboxGuild(self.backend, guild, role)
        made.add_text_channel("general")
        return made

    def _add_person(self, name: str) -> Person:
        person = Person(self.backend, self.backend.guilds.add_user(name), secrets.token_urlsafe(24))
        self._people[person.token] = person
        return person

    def add_member(self, name: str) -> Person:
        """Add an ordinary member to the guild and return it."""
        person = self._add_person(name)
        self.backend.guilds.join(self.guild.state, person.user)
        self.members.append(person)
        return person

    def add_app(self, name: str) -> Person:
        """Add another application's bot to the guild, which posts embeds and cards as webhooks do.

        The bot cannot log in; tests post through the returned object.
        """
        user = self.backend.guilds.add_user(name)
        user.bot = True
        self.backend.guilds.join(self.guild.state, user)
        return Person(self.backend, user, secrets.token_urlsafe(24))

    @property
    def link_previews(self) -> LinkPreviews:
        """The links that have a preview; a test or the demo adds them."""
        return self.backend.previews

    def person(self, name: str) -> Person:
        """Return the person of that name in any case; raises ``LookupError``."""
        for person in self._people.values():
            if person.name.lower() == name.lower():
                return person
        raise LookupError(f"nobody in the sandbox is named {name!r}")

    @property
    def people(self) -> list[Person]:
        """Everybody but the bot, the admin first."""
        return list(self._people.values())

    @property
    def bot_user(self) -> User:
        """The bot's account."""
        return self.world.bot

    @property
    def application_id(self) -> int:
        """The application's id."""
        return self.world.application_id

    @property
    def url(self) -> str:
        """Where the sandbox listens, as ``http://127.0.0.1:PORT``."""
        return f"http://{HOST}:{self._port}"

    @property
    def api_url(self) -> str:
        """The value for ``discord.http.Route.BASE``."""
        return self.url + PREFIX

    @property
    def gateway_url(self) -> str:
        """The value for ``discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY``."""
        return f"ws://{HOST}:{self._port}/gateway"

    @property
    def privileged_intents(self) -> set[str]:
        """The privileged intents that the bot has: "members", "presences", "message_content".

        A test may remove some.
        """
        return self.world.granted_intents

    @property
    def requests(self) -> deque[RequestLog]:
        """The last 100,000 HTTP requests with their statuses, oldest first."""
        return self._api.requests

    @property
    def response_observers(self) -> list[Callable[[str, str, int, Any], None]]:
        """Functions that get method, route template, status and payload of every answer."""
        return self._api.observers

    @property
    def unknown_routes(self) -> list[str]:
        """The requests that need a part of Discord the sandbox does not have.

        A test should find the list empty.
        """
        return self._api.unknown_routes

    async def start(self) -> None:
        """Start to listen; returns once connections are accepted."""
        app = web.Application(client_max_size=128 << 20, middlewares=[only_this_origin])
        self._api.add_to(app)
        self.page.add_to(app)
        app.router.add_get("/gateway", self.gateway.handler)
        app.router.add_get("/gateway/", self.gateway.handler)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.world.at_address(self.url)
        self.gateway.url = self._api.gateway_url = self.gateway_url

    async def stop(self) -> None:
        """Close every socket and stop listening."""
        self.gateway.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self.clock.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _authenticate(self, token: str) -> User | None:
        if not self.troubles.token_revoked and secrets.compare_digest(
            token.removeprefix("Bot ").encode(), self.token.encode()
        ):
            return self.world.bot
        person = self._people.get(token)
        return None if person is None else person.user

    def _authenticate_header(self, header: str) -> User | None:
        user = self._authenticate(header)
        return None if user is not None and user.bot and not header.startswith("Bot ") else user

    @property
    def connected(self) -> bool:
        """Whether the bot has a gateway session with a socket now."""
        return self.gateway.bot_session() is not None

    @property
    def disconnected(self) -> bool:
        """Whether the bot has no gateway socket now."""
        return not self.connected

    async def bot_ready(self, *, commands: bool = True, timeout: float = 10.0) -> None:
        """Wait until the bot has its READY and, unless ``commands`` is false, registered commands.

        Raises ``TimeoutError`` after ``timeout`` real seconds.
        """
        await self.until(
            lambda: self.connected and (self.backend.commands.synced or not commands), timeout
        )

    async def until(self, condition: Callable[[], Any], timeout: float = 60.0) -> None:
        """Wait until ``condition()`` is true; it is checked at each change of the sandbox's state.

        Raises ``TimeoutError`` after ``timeout`` real seconds.
        """
        await self.world.until(condition, timeout)

    def watch(self) -> AsyncGenerator[Change, None]:
        """Yield each change of the sandbox's state from the first ``anext`` on, without end."""
        return self.world.changes.watch()

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward; timers that fall due fire now."""
        self.troubles.advance(seconds)
