"""Everything on this machine, shown in a terminal: a sandbox Discord, the bot, a model."""

import asyncio
import logging
import os
import re
import shutil
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

import click
import msgspec

from bot.app.container import Container, StartError
from bot.assistants.api import AssistantsAPI
from bot.chat.transport.login import LoginError
from bot.config import Config
from bot.runtime.clock import SystemClock
from bot.sandbox import Channel, DiscordError, DiscordMessage, NotPossible, Person, Sandbox
from bot.store.ledger import Ledger, Scope, Turn

_log: Final = logging.getLogger(__name__)

_NOTICE_SECONDS: Final = 20.0
"""How long the bot may take to notice a question, before something must be wrong."""

_FOREVER: Final = 10.0**9
_LONGEST_LINE: Final = 2**20
_MOMENT: Final = re.compile(r"<t:(-?\d{1,12})(?::([tTdDfFR]))?>")
_MOMENTS: Final = {"t": "%H:%M", "T": "%H:%M:%S", "d": "%Y-%m-%d", "D": "%Y-%m-%d"}
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

_HELP: Final = (
    "Write a question and press Enter; further ones go on in the channel thread it opened. "
    "Between answers /runs list, /runs show run=1 and the other commands work, too (Cancel is a "
    "button in the browser). /new asks in the text channel again, /quit or Ctrl-D ends."
)


async def run_demo(
    config: Config,
    environment: Mapping[str, str],
    *,
    port: int,
    question: str | None,
    terminal: TextIO,
) -> int:
    """Run the demo and return the exit code: 0 when every answer stands, 1 when one does not."""
    async with AsyncExitStack() as stack:
        try:
            sandbox = await stack.enter_async_context(Sandbox(port=port))
        except OSError as error:
            raise StartError(
                f"The sandbox can't listen on port {port} ({error.strerror}). Stop what listens "
                "there, or choose another port."
            ) from error
        ledger = await _start_bot(
            stack, _with_sandbox(config, sandbox), environment, sandbox, terminal
        )
        scene = DemoTerminal(sandbox, ledger)
        if question is not None:
            return 0 if await scene.ask(question) else 1
        click.echo(f"The sandbox Discord is at {sandbox.url} (open it in a browser). {_HELP}\n")
        return await _converse(scene)


def _with_sandbox(config: Config, sandbox: Sandbox) -> Config:
    """Return the configuration with the sandbox for Discord."""
    replace = msgspec.structs.replace
    return replace(
        config,
        discord=replace(config.discord, api_url=sandbox.api_url, gateway_url=sandbox.gateway_url),
    )


async def _start_bot(
    stack: AsyncExitStack,
    config: Config,
    environment: Mapping[str, str],
    sandbox: Sandbox,
    terminal: TextIO,
) -> Ledger:
    """Start the bot on the sandbox with databases that are gone when the demo ends."""
    directory = await asyncio.to_thread(tempfile.mkdtemp, prefix="assistants-bot-demo-")
    stack.callback(shutil.rmtree, directory, ignore_errors=True)

    def say(line: str) -> None:
        click.echo(line, err=True)
        if line.startswith("Model: "):
            sandbox.welcome = _welcome(line.removeprefix("Model: "))

    container = Container(
        config,
        environment,
        stack=stack,
        clock=SystemClock(),
        say=say,
        terminal=terminal,
        databases=Path(directory),
    )
    engine = await container.engine(with_bot=True) if config.assistants.url == "embedded" else None
    ledger = await container.ledger()
    api = await container.api(engine)
    life = await container.bot(api, ledger, sandbox.token)
    coming_back = asyncio.create_task(_come_back(container, api, ledger, sandbox, life, say))
    stack.callback(coming_back.cancel)
    await sandbox.bot_ready()
    return ledger


async def _come_back(
    container: Container,
    api: AssistantsAPI,
    ledger: Ledger,
    sandbox: Sandbox,
    life: "asyncio.Task[None]",
    say: Callable[[str], None],
) -> None:
    """Start the bot again each time that its token, which was revoked, is valid again."""
    while True:
        try:
            await life
        except LoginError as error:
            say(
                f"The bot has left: {error} Here, “End all troubles” in the browser makes the old "
                "token valid again, and the bot comes back."
            )
        else:
            return
        await sandbox.until(lambda: not sandbox.control.token_revoked, timeout=_FOREVER)
        with suppress(LoginError):  # revoked again at once: `life` tells of it
            life = await container.bot(api, ledger, sandbox.token)


def _welcome(model: str) -> str:
    """Return what the page opens with: who answers, and how to be answered better."""
    return (
        f"**Who answers:** {model}\n"
        "Mention @Assistant in a channel, or write to it directly. For a better model set "
        "`OPENAI_API_KEY`, start Ollama, or name one under `[models]` in config.toml, and start "
        "the demo again."
    )


async def _converse(scene: "DemoTerminal") -> int:
    """Take questions line by line until there are no more."""
    code = 0
    lines = _lines_of_input()
    prompt = "> " if sys.stdin is not None and sys.stdin.isatty() else ""
    while True:
        click.echo(prompt, nl=False)
        try:
            text = await lines.readline()
        except ValueError:
            click.echo("That line is too long for a question.\n")
            continue
        line = text.decode("utf-8", "replace").strip()
        if not text or line == "/quit":
            return code
        if line == "/new":
            scene.leave()
        elif line.startswith("/"):
            await scene.command(line)
        elif line:
            code = code if await scene.ask(line) else 1


def _lines_of_input() -> asyncio.StreamReader:
    """Return standard input, whatever it is: a terminal, a pipe, a file, a device, or closed.

    It is read in a daemon thread. The loop can't wait for files and devices, would make a terminal
    non-blocking for its output as well, and a thread of the pool would hold up the end.
    """
    lines = asyncio.StreamReader(limit=_LONGEST_LINE)
    feed = asyncio.get_running_loop().call_soon_threadsafe

    def read() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody reads any more
            try:
                # Where it was closed, another file of this process may have its number.
                while sys.stdin is not None and (data := os.read(0, 65_536)):
                    feed(lines.feed_data, data)
            except OSError as error:
                _log.info("Standard input can't be read: %s", error)
            feed(lines.feed_eof)

    threading.Thread(target=read, name="input", daemon=True).start()
    return lines


class DemoTerminal:
    """What a member of the sandbox says, and what the channel shows then, line by line."""

    def __init__(
        self, sandbox: Sandbox, ledger: Ledger, echo: Callable[[str], None] = click.echo
    ) -> None:
        self._sandbox = sandbox
        self._ledger = ledger
        self._echo = echo
        self._person: Person = sandbox.members[0]
        self._text_channel = sandbox.guild.text_channel("general")
        self._thread: Channel | None = None
        self._edits = 0
        self._started = 0.0

    def leave(self) -> None:
        """Ask the next question in the text channel, which begins another conversation."""
        self._thread = None

    async def ask(self, text: str) -> bool:
        """Ask and show everything that changes until the turn has ended; True when answered."""
        channel = self._thread or self._text_channel
        self._edits, self._started = 0, time.monotonic()
        async with aclosing(self._sandbox.watch()) as changes:
            upcoming = asyncio.ensure_future(anext(changes))
            await asyncio.sleep(0)  # let it begin to watch
            turn: Turn | None = None
            try:
                question = await self._person.say(channel, text, mention_bot=self._thread is None)
                while turn is None or turn.open:
                    await asyncio.wait([upcoming], timeout=0.2)
                    if upcoming.done():
                        change = upcoming.result()
                        self._show(change.kind, change.channel, change.message)
                        upcoming = asyncio.ensure_future(anext(changes))
                    else:
                        turn = await self._turn(question)
                        if turn is None and self._seconds() > _NOTICE_SECONDS:
                            self._echo("The bot did not notice the question.")
                            return False
            except (NotPossible, DiscordError) as error:
                self._echo(f"Discord would not take that: {_reason(error)}\n")
                return False
            finally:
                upcoming.cancel()
                with suppress(asyncio.CancelledError):
                    await upcoming
        self._show_end(turn)
        return turn.state == "answered"

    async def command(self, line: str) -> None:
        """Use a slash command such as ``/runs show run=1`` and show what it answers."""
        path = [word for word in line[1:].split() if "=" not in word]
        options = {
            name: int(value) if value.isdecimal() and name != "run" else value
            for name, _, value in (word.partition("=") for word in line.split() if "=" in word)
        }
        if not path or path == ["help"]:
            self._echo(f"{_HELP}\n")
            return
        channel = self._thread or self._text_channel
        try:
            interaction = self._person.begin_command(channel, " ".join(path), options)
            await self._sandbox.until(lambda: interaction.done, timeout=_NOTICE_SECONDS)
        except (NotPossible, DiscordError, LookupError) as error:
            self._echo(
                f"Discord would not take that: {_reason(error)} Options are written name=value.\n"
            )
        except TimeoutError:
            self._echo("The bot did not answer the command.\n")
        else:
            for response in interaction.responses:
                self._echo(f"{_indented(self._readable(response))}\n")

    async def _turn(self, question: DiscordMessage) -> Turn | None:
        threads = [each for each in self._text_channel.threads if each.id == question.id]
        home = threads[0] if threads else self._thread or self._text_channel
        newest = await self._ledger.history.newest(Scope(channel_id=home.id), offset=0, limit=5)
        turn = next((turn for turn in newest if turn.reply_to == question.id), None)
        if turn is not None and home.thread is not None:
            self._thread = home
        return turn

    def _show(self, kind: str, channel: Channel | None, message: DiscordMessage | None) -> None:
        """Print a change of the channel as a person would see it."""
        if kind == "thread_created" and channel is not None:
            self._line("", "new channel thread", f"“{channel.name}”")
        if message is None or channel is None or not message.content:
            return
        where = f"#{channel.name}" if channel.thread is None else "thread"
        content = self._readable(message)
        if kind == "message_created":
            answer = " (reply)" if message.reference is not None else ""
            self._line(where, f"{message.author.name}{answer}", content)
        elif kind == "message_edited":
            self._edits += 1
            self._line(where, f"edit {self._edits}, {self._seconds():.1f} s", content)

    def _line(self, where: str, who: str, content: str) -> None:
        self._echo(f"{where:<9} {who:<18} {_excerpt(content)}".rstrip())

    def _readable(self, message: DiscordMessage) -> str:
        """Return what a message shows, and its buttons behind it."""
        text = self._shown(message.content)
        labels = [
            f"[{item['label']}]"
            for row in message.components
            for item in row.get("components", ())
            if item.get("label")
        ]
        return "  ".join((text, *labels))

    def _shown(self, content: str) -> str:
        """Return a message's text as people see it: names, times, and links to this Discord."""
        text = content
        for user in (self._sandbox.bot_user, *(person.user for person in self._sandbox.people)):
            text = text.replace(user.mention, f"@{user.name}")
        for channel in (self._text_channel, *self._text_channel.threads):
            text = text.replace(f"<#{channel.id}>", f"#{channel.name}")
        text = text.replace("https://discord.com/channels/", f"{self._sandbox.url}/#/channels/")
        return readable(text, time.time())

    def _show_end(self, turn: Turn) -> None:
        parts = [
            self._shown(message.content)
            for channel in (self._text_channel, *self._text_channel.threads)
            for message in channel.messages
            if message.id in turn.parts
        ]
        self._echo(f"\n{_indented(chr(10).join(parts))}\n")
        tokens = f" · {turn.tokens} tokens" if turn.tokens is not None else ""
        reason = f" ({turn.error})" if turn.error else ""
        self._echo(f"{turn.state}{reason} in {self._seconds():.1f} s{tokens}\n")

    def _seconds(self) -> float:
        return time.monotonic() - self._started


def _reason(error: Exception) -> str:
    """Return why Discord refuses something, as a sentence; a form's errors are deep inside."""
    details: Any = error.errors if isinstance(error, DiscordError) else None
    while isinstance(details, Mapping) and "_errors" not in details and details:
        details = next(iter(details.values()))
    text = str(details["_errors"][0]["message"] if details else error)
    return f"{text.rstrip('.')}."


def readable(text: str, now: float) -> str:
    """Return a text for a terminal: times in words, no marks of small print and custom emoji."""
    text = re.sub(r"^-# ", "", text, flags=re.MULTILINE)
    text = re.sub(r"<a?(:\w+:)\d+>", r"\1", text)
    text = re.sub(r"\[([^\]\n]+)\]\(<?(https?://[^\s)>]+)>?\)", r"\1: \2", text)
    return _MOMENT.sub(lambda found: _moment(int(found[1]), found[2] or "f", now), text)


def _moment(at: int, style: str, now: float) -> str:
    if style != "R":
        try:
            moment = datetime.fromtimestamp(at, UTC).astimezone()
        except (OverflowError, ValueError, OSError):
            return f"<t:{at}:{style}>"
        return moment.strftime(_MOMENTS.get(style, "%Y-%m-%d %H:%M"))
    seconds = abs(round(at - now))
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    span = f"{round(seconds / size)} {unit}"
    return f"in {span}" if at > now else f"{span} ago"


def _excerpt(text: str) -> str:
    """Return the beginning and the newest end of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= 90 else f"{line[:35]} … {line[-50:]}"


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ", lambda line: True)
