"""A running world to break: sandbox and model here, the bot and its server as child processes."""

import asyncio
import random
import re
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox import Channel, DiscordMessage, Person, Sandbox
from tests.scenarios.community import labels
from tests.support.model_endpoint import Asked, ScriptedModel, Turn, turns
from tests.support.program import Program

_NUMBER = re.compile(r"q(\d+)\b")
_URL = re.compile(r"http://\S+?/v1")
_KEPT_LOG = 4_000
_STOP_SECONDS = 40.0
"""A process may be frozen, or its database held by somebody else, just when it is to stop."""


@dataclass
class Question:
    """Something that was asked, and the channel in which it is to be answered."""

    number: int
    id: int
    home: int


@dataclass
class Child:
    """A process of ours that is killed and started again; ``log`` is what its lives have said."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    running: Program | None = None
    kills: int = 0
    log: list[str] = field(default_factory=list)

    async def start(self) -> Program:
        """Start it, if it does not run."""
        if self.running is None:
            self.running = await Program.start(*self.arguments, environment=self.environment)
        return self.running

    async def kill(self) -> None:
        """Kill it as by a power cut."""
        running, self.running = self.running, None
        if running is None:
            return
        died_before = running.process.returncode
        await running.killed()
        self.kills += 1
        self._keep_log(running, "killed")
        if died_before is not None:
            raise AssertionError(f"{self.name} ended by itself ({died_before}):\n{running.errors}")

    async def stop(self) -> None:
        """Stop it in order, as an operator does who updates it."""
        running, self.running = self.running, None
        if running is None:
            return
        code = await running.terminated()
        self._keep_log(running, "stopped")
        # In its first moments, before it has said a word, it knows no order to stop in.
        if code != 0 and (code != -signal.SIGTERM or running.lines or running.log):
            raise AssertionError(f"{self.name} ended with {code} when stopped:\n{running.errors}")

    def _keep_log(self, life: Program, end: str) -> None:
        self.log += [f"--- {self.name}, {end} at last", *life.lines, *life.log]
        del self.log[:-_KEPT_LOG]


def answer_to(text: str) -> str:
    """What the model says to a question, by its number: every tenth takes two Discord messages."""
    found = _NUMBER.search(text)
    number = int(found[1]) if found else 0
    words = 330 if number % 10 == 0 else 4 + number % 25
    return " ".join(f"a{number}.{word}" for word in range(words))


def _says(asked: Asked) -> Turn:
    text = answer_to(asked.question)
    return turns.say(text, per_second=max(40.0, len(text.split()) * 0.7))


class World:
    """What a run of the harness holds; made by ``world``."""

    def __init__(
        self, sandbox: Sandbox, model: ScriptedModel, directory: Path, seed: int, *, remote: bool
    ) -> None:
        self.sandbox = sandbox
        self.model = model
        self.directory = directory
        self.random = random.Random(seed)
        self.remote = remote
        self.questions: list[Question] = []
        self.faults = 0
        self.rooms = [
            sandbox.guild.text_channel("general"),
            sandbox.guild.add_text_channel("second"),
        ]
        self.direct: list[Channel] = []
        self.background: set[asyncio.Task[None]] = set()
        environment = {"DISCORD_TOKEN": sandbox.token}
        self.bot = Child("bot", ("run", "--config", str(directory / "bot.toml")), environment)
        self.server = Child("server", ("serve", "--config", str(directory / "server.toml")), {})
        self._api_url = ""

    @property
    def children(self) -> list[Child]:
        """The processes, the bot last."""
        return [self.server, self.bot] if self.remote else [self.bot]

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return sum(child.kills for child in self.children)

    def database(self, name: str) -> Path:
        """Where a database is: "bot" or "engine"."""
        part = "server" if self.remote and name == "engine" else "bot"
        return self.directory / part / f"{name}.db"

    async def begin(self) -> None:
        """Write the configurations and start everything for the first time."""
        models = (
            f'[models]\nendpoint = "chat"\nurl = "{self.model.url}"\nmodel = "scripted-model"\n'
        )
        own = "enabled = true\nport = 0\n"
        where = ""
        if self.remote:
            self._write("server", f"{models}[server]\nport = 0\n")
            await self.server.start()
            url = await self._told_url(self.server)
            port = url.rsplit(":", 1)[1].split("/", maxsplit=1)[0]
            # A server that comes back is where it was.
            self._write("server", f"{models}[server]\nport = {port}\n")
            where, own = f'[assistants]\nurl = "{url}"\n', ""
            self._api_url = url
        self._write(
            "bot",
            f'[discord]\napi_url = "{self.sandbox.api_url}"\nname_threads = "question"\n'
            f'gateway_url = "{self.sandbox.gateway_url}"\n'
            f"{where}{models}[server]\n{own}",
        )
        self.direct = [await person.open_dm() for person in self.sandbox.members]
        await self.bot.start()
        await self.on_discord()
        # Discord tells nobody of a direct channel in which nothing was ever said to them.
        for number, home in enumerate(self.direct, start=1):
            asked = await self._owner(home).say(home, f"q{number} please")
            self.questions.append(Question(number, asked.id, home.id))
        if await self.settle():
            raise AssertionError("the bot does not even answer in peace")

    async def start(self) -> None:
        """Start what does not run."""
        for child in self.children:
            await child.start()

    async def on_discord(self, timeout: float = 60.0) -> None:
        """Wait until the bot is on Discord."""
        await self.sandbox.bot_ready(timeout=timeout)

    async def api_url(self) -> str:
        """Where the Assistants API is that the bot uses."""
        return self._api_url or await self._told_url(self.bot)

    async def ask(self) -> Question:
        """Ask something somewhere: alone with the bot, in a channel thread, or by a mention."""
        number = len(self.questions) + 1
        threads = [t for t in self.sandbox.guild.threads if t.thread and not t.deleted][-8:]
        kind = self.random.choice(("direct", "thread", "thread", "mention"))
        text = f"q{number} please"
        if kind == "thread" and threads:
            home = self.random.choice(threads)
            asked = await self._anybody().say(home, text)
        elif kind == "direct" or kind == "thread":
            home = self.random.choice(self.direct)
            asked = await self._owner(home).say(home, text)
        else:
            room = self.random.choice(self.rooms)
            asked = await self._anybody().say(room, text, mention_bot=True)
            question = Question(number, asked.id, asked.id)
            self.questions.append(question)
            return question
        question = Question(number, asked.id, home.id)
        self.questions.append(question)
        return question

    def owed(self) -> list[Question]:
        """The questions that are not in a turn which has ended."""
        path = self.database("bot")
        if not path.exists():
            return list(self.questions)
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as db:
            done = {
                row[0]
                for row in db.execute(
                    "SELECT q.id FROM questions q JOIN turns t ON t.id = q.turn_id "
                    "WHERE t.state IN ('answered', 'cancelled')"
                )
            }
        return [question for question in self.questions if question.id not in done]

    async def settle(self, seconds: float = 120.0) -> list[Question]:
        """Let everything run in peace until all is answered, and return what was not in time.

        What failed is retried as a person would.
        """
        self.sandbox.control.clear()
        await asyncio.gather(*self.background)
        await self.start()
        await self.on_discord()
        deadline = time.monotonic() + seconds
        while (owed := await asyncio.to_thread(self.owed)) and time.monotonic() < deadline:
            await self._retry_failed()
            await asyncio.sleep(0.2)
        return owed

    def in_background(self, work: "asyncio.Task[None]") -> None:
        """Keep a task until the world settles."""
        self.background.add(work)
        work.add_done_callback(self.background.discard)

    def showing(self, label: str) -> list[DiscordMessage]:
        """The bot's messages that stand with this button, wherever they are."""
        return [
            message
            for channel in (*self.direct, *self.sandbox.guild.threads)
            for message in channel.messages
            if label in labels(message)
        ]

    async def press(self, message: DiscordMessage, label: str) -> None:
        """Press a button as somebody who may; that it comes to nothing is the bot's to tell."""
        channel = message.channel
        who = self.sandbox.admin if channel.guild else self._owner(channel)
        with suppress(Exception):
            await who.click(message, label)

    async def _retry_failed(self) -> None:
        for message in self.showing("Retry"):
            await self.press(message, "Retry")

    def _anybody(self) -> Person:
        return self.random.choice(self.sandbox.members)

    def _owner(self, direct: Channel) -> Person:
        return self.sandbox.members[self.direct.index(direct)]

    def _write(self, name: str, text: str) -> None:
        where = f'[storage]\ndirectory = "{name}"\n'
        (self.directory / f"{name}.toml").write_text(text + where)

    async def _told_url(self, child: Child) -> str:
        line = await (await child.start()).until_line("The Assistants API is at ")
        found = _URL.search(line)
        assert found is not None, line
        return found[0]


@asynccontextmanager
async def world(directory: Path, seed: int, *, remote: bool) -> AsyncIterator[World]:
    """Build a world; its processes are gone at the end."""
    async with Sandbox() as sandbox, ScriptedModel() as model:
        model.otherwise = _says
        for name in ("cleo", "dan"):
            sandbox.add_member(name)
        whole = World(sandbox, model, directory, seed, remote=remote)
        try:
            await whole.begin()
            yield whole
        except BaseException:
            sys.stderr.write(f"seed {seed}, remote {remote}: see {directory}\n")
            raise
        finally:
            for task in whole.background:
                task.cancel()
            await asyncio.gather(*whole.background, return_exceptions=True)
            for child in whole.children:
                with suppress(AssertionError):
                    await child.kill()
                (directory / f"{child.name}.log").write_text("\n".join(child.log))
