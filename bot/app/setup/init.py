"""The dialogue of ``init``: the bot's account, the model, a server, and a greeting there.

Each part is saved once it was checked, so that a second run goes on where the first one stopped.
"""

import asyncio
import sys
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, TypeVar

from bot.app import StartError
from bot.app.setup.dialogue import Dialogue
from bot.app.setup.env_file import ENV_FILE, is_storable, with_env_file, write_env_file
from bot.app.setup.model_step import ModelStep
from bot.chat.transport.login import LoginError
from bot.chat.transport.setup_session import (
    GreetingError,
    JoinedServer,
    OfferedChannel,
    SetupSession,
)
from bot.config import Config, load

T = TypeVar("T")

TOKEN: Final = "DISCORD_TOKEN"  # noqa: S105 - the name of the variable
_PORTAL: Final = "https://discord.com/developers/applications"
_POLL_SECONDS: Final = 2.0


class Init:
    """One run of ``init`` for the configuration at ``path``.

    ``environment`` is the process's own, without the secrets of ``.env``.
    """

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self._path = path
        self._environment = environment
        self._dialogue = Dialogue()
        self._say = self._dialogue.say
        self._env_file = path.resolve().parent / ENV_FILE
        self._runner: asyncio.Runner
        self._stack: AsyncExitStack

    def run(self) -> None:
        """Ask, check and save; raises ``ConfigError``, ``StartError`` and ``LoginError``.

        The event loop runs only between prompts, so that Ctrl-C ends a prompt.
        """
        with asyncio.Runner() as self._runner:
            self._stack = AsyncExitStack()
            try:
                session, invite_url = self._account(self._config())
                ModelStep(
                    self._path, self._env_file, self._secrets, self._dialogue, self._await
                ).run()
                server = self._server(session, invite_url)
                self._greet(session, server)
                self._say("")
                self._say("Done. Start the bot, and ask it something in Discord:")
                named = "" if self._path == Path("config.toml") else f" --config {self._path}"
                self._say(f"  {_shown(Path(sys.executable))} -m bot run{named}")
            finally:
                self._await(self._stack.aclose())

    def _config(self) -> Config:
        return load(self._path) if self._path.exists() else Config()

    def _secrets(self) -> dict[str, str]:
        return with_env_file(self._env_file.parent, self._environment)

    def _await(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return self._runner.run(awaited())

    def _account(self, config: Config) -> tuple[SetupSession, str]:
        """Return a session of a token that Discord accepts, and the invite link."""
        self._say("Part 1 of 3: the bot's account")
        session = self._session_of_known_token(config)
        if session is None:
            self._dialogue.steps(
                f"Open {_PORTAL} and log in.",
                "Press “New Application”, write the bot's name, and press “Create”.",
                "Open “Bot” on the left.",
                "Switch on “Message Content Intent”, and press “Save Changes”.",
                "Press “Reset Token”, confirm, and press “Copy”.",
            )
        while session is None:
            token = self._dialogue.secret("Token")
            if not is_storable(token):
                self._say("That is no token. Copy it again, without spaces or quotes.")
                continue
            try:
                session = self._open(token, config)
            except LoginError as error:
                self._say(str(error))
                continue
            write_env_file(self._env_file, {TOKEN: token})
            self._say(f"Saved in {self._env_file}, which only you can read.")
        profile = self._await(session.profile(config.discord))
        self._say(f"Discord accepts the token. The bot is {profile.name}.")
        while config.discord.message_content and not profile.reads_messages:
            self._say("The bot can't read questions yet:")
            self._dialogue.steps(
                f"Open {_PORTAL} and your application.",
                "Open “Bot” on the left.",
                "Switch on “Message Content Intent”.",
                "Press “Save Changes”.",
            )
            self._say(
                "To do without the intent, set [discord] message_content = false in config.toml "
                "and begin again: then the bot reads only mentions and direct messages."
            )
            self._dialogue.pause("Press Enter to check again.")
            profile = self._await(session.profile(config.discord))
        self._say("The bot may read questions.")
        return session, profile.invite_url

    def _session_of_known_token(self, config: Config) -> SetupSession | None:
        """Return a session of the token that is set already; None without a valid one."""
        token = self._secrets().get(TOKEN, "").strip()
        if not token:
            return None
        given = TOKEN in self._environment
        self._say(f"Using {TOKEN} from {'the environment' if given else self._env_file}.")
        try:
            return self._open(token, config)
        except LoginError as error:
            if given:
                raise StartError(
                    f"{error} The environment wins over {ENV_FILE}: correct or unset {TOKEN} there."
                ) from None
            self._say(str(error))
            return None

    def _open(self, token: str, config: Config) -> SetupSession:
        opening = SetupSession.open(token, config.discord.api_url)
        return self._await(self._stack.enter_async_context(opening))

    def _server(self, session: SetupSession, invite_url: str) -> JoinedServer:
        """Return the server to greet; waits until the bot joins one."""
        self._say("")
        self._say("Part 3 of 3: your server")
        servers = self._await(session.servers())
        if servers:
            names = [f"{each.name} (the bot is there)" for each in servers]
            chosen = self._dialogue.choose("Server", [*names, "another server"])
            if chosen < len(servers):
                return servers[chosen]
        self._dialogue.steps(
            f"Open {invite_url}",
            "Choose your server, and press “Continue”.",
            "Press “Authorize”.",
        )
        self._say("Waiting for the bot to join…")
        joined = self._await(_joined(session, servers))
        self._say(f"The bot is on {joined.name}.")
        return joined

    def _greet(self, session: SetupSession, server: JoinedServer) -> None:
        """Say hello in the chosen channel; ask again if Discord refuses."""
        self._say("In which channel shall the bot say hello?")
        while True:
            channels = self._await(session.channels(server.id))
            usable = next((at for at, each in enumerate(channels) if not each.missing), None)
            default = len(channels) + 1 if usable is None else usable + 1
            shown = [_described(channel) for channel in channels]
            chosen = self._dialogue.choose("Channel", [*shown, "none"], default)
            if chosen == len(channels):
                return
            try:
                self._await(session.greet(server.id, channels[chosen].id))
            except GreetingError as error:
                self._say(f"{error} Give the bot's role the permissions there, or choose another.")
            else:
                self._say(f"The bot said hello in #{channels[chosen].name}.")
                return


def _shown(path: Path) -> Path:
    """Return a path as the operator may type it here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _described(channel: OfferedChannel) -> str:
    lacks = f" (the bot lacks {', '.join(channel.missing)})" if channel.missing else ""
    return f"#{channel.name}{lacks}"


async def _joined(session: SetupSession, before: list[JoinedServer]) -> JoinedServer:
    """Wait until the bot is in a server that is not in ``before``."""
    known = {server.id for server in before}
    while True:
        for server in await session.servers():
            if server.id not in known:
                return server
        await asyncio.sleep(_POLL_SECONDS)
