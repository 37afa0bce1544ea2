"""The demo in a terminal: asks what is typed and prints each change of the channel."""

import asyncio
import logging
import os
import re
import sys
import textwrap
import threading
import time
from collections.abc import Mapping
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from bot.sandbox import Channel, DiscordError, DiscordMessage, NotPossible, Person, Sandbox
from bot.store.ledger import Turn
from bot.store.ledger.turns.history import turn_answering

_log: Final = logging.getLogger(__name__)

_NOTICE_SECONDS: Final = 20.0
"""Seconds until a question or command without a reaction counts as failed."""

_LONGEST_LINE: Final = 2**20
_TIMESTAMP: Final = re.compile(r"<t:(-?\d{1,12})(?::([tTdDfFR]))?>")
_TIME_FORMATS: Final = {"t": "%H:%M", "T": "%H:%M:%S", "d": "%Y-%m-%d", "D": "%Y-%m-%d"}
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

HELP: Final = (
    "Or write a question here and press Enter; later questions continue in its channel thread.\n"
    "Commands such as /runs list or /runs show run=1 work between answers.\n"
    "/new asks in the text channel again; /quit or Ctrl-D ends the demo."
)


async def read_questions(demo_terminal: "DemoTerminal") -> int:
    """Ask each line of standard input; return the exit code at the end of input."""
    code = 0
    lines = _standard_input()
    prompt = "> " if sys.stdin is not None and sys.stdin.isatty() else ""
    while True:
        click.echo(prompt, nl=False)
        try:
            text = await lines.readline()
        except ValueError:
            click.echo("That line is too long for a question. Write a shorter one.\n")
            continue
        line = text.decode("utf-8", "replace").strip()
        if not text or line == "/quit":
            return code
        if line == "/new":
            demo_terminal.leave_thread()
        elif line.startswith("/"):
            await demo_terminal.command(line)
        elif line:
            code = code if await demo_terminal.ask(line) else 1


def _standard_input() -> asyncio.StreamReader:
    """Return a reader of standard input: a terminal, pipe, file, device, or nothing.

    A daemon thread reads, for three reasons: an event loop can't wait for files and devices, it
    would make a terminal non-blocking for output too, and a pool thread would delay the exit.
    """
    lines = asyncio.StreamReader(limit=_LONGEST_LINE)
    feed = asyncio.get_running_loop().call_soon_threadsafe

    def read() -> None:
        with suppress(RuntimeError):  # the loop is closed: the demo has ended
            try:
                # With standard input closed, descriptor 0 may belong to another file.
                while sys.stdin is not None and (data := os.read(0, 65_536)):
                    feed(lines.feed_data, data)
            except OSError as error:
                _log.info("Standard input can't be read: %s", error)
            feed(lines.feed_eof)

    threading.Thread(target=read, name="input", daemon=True).start()
    return lines


class DemoTerminal:
    """Asks questions as a member of the sandbox and prints each change of the channel.

    ``ledger`` is the path of the bot's ledger, which is only read.
    """

    def __init__(self, sandbox: Sandbox, ledger: Path) -> None:
        self._sandbox = sandbox
        self._ledger = ledger
        self._person: Person = sandbox.members[0]
        self._text_channel = sandbox.guild.text_channel("general")
        self._thread: Channel | None = None
        self._edits = 0
        self._started = 0.0

    def leave_thread(self) -> None:
        """Ask the next question in the text channel, which starts a new conversation."""
        self._thread = None

    async def ask(self, text: str) -> bool:
        """Ask, print all changes until the turn ends, and return whether it was answered."""
        channel = self._thread or self._text_channel
        self._edits, self._started = 0, time.monotonic()
        async with aclosing(self._sandbox.watch()) as changes:
            upcoming = asyncio.ensure_future(anext(changes))
            await asyncio.sleep(0)  # the task must start to watch first
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
                            click.echo("The bot did not react to the question.")
                            return False
            except (NotPossible, DiscordError) as error:
                click.echo(f"Discord refused that: {_reason(error)}\n")
                return False
            finally:
                upcoming.cancel()
                with suppress(asyncio.CancelledError):
                    await upcoming
        self._show_end(turn)
        return turn.state == "answered"

    async def command(self, line: str) -> None:
        """Run a slash command such as ``/runs show run=1`` and print the response."""
        path = [word for word in line[1:].split() if "=" not in word]
        options = {
            name: int(value) if value.isdecimal() and name != "run" else value
            for name, _, value in (word.partition("=") for word in line.split() if "=" in word)
        }
        if not path or path == ["help"]:
            click.echo(f"{HELP}\n")
            return
        channel = self._thread or self._text_channel
        try:
            interaction = self._person.begin_command(channel, " ".join(path), options)
            await self._sandbox.until(lambda: interaction.done, timeout=_NOTICE_SECONDS)
        except (NotPossible, DiscordError, LookupError) as error:
            click.echo(f"Discord refused that: {_reason(error)} Write options as name=value.\n")
        except TimeoutError:
            click.echo("The bot did not answer the command.\n")
        else:
            for response in interaction.responses:
                click.echo(f"{_indented(self._readable(response))}\n")

    async def _turn(self, question: DiscordMessage) -> Turn | None:
        threads = [each for each in self._text_channel.threads if each.id == question.id]
        home = threads[0] if threads else self._thread or self._text_channel
        turn = await asyncio.to_thread(turn_answering, self._ledger, question.id)
        if turn is not None and home.thread is not None:
            self._thread = home
        return turn

    def _show(self, kind: str, channel: Channel | None, message: DiscordMessage | None) -> None:
        """Print a change of the channel as a member would see it."""
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
        click.echo(f"{where:<9} {who:<18} {_excerpt(content)}".rstrip())

    def _readable(self, message: DiscordMessage) -> str:
        """Return a message's readable text and the labels of its buttons."""
        text = self._shown(message.content)
        labels = [
            f"[{item.get('label') or item.get('emoji', {}).get('name')}]"
            for row in message.components
            for item in row.get("components", ())
            if item.get("label") or item.get("emoji")
        ]
        return "  ".join((text, *labels))

    def _shown(self, content: str) -> str:
        """Return readable text: names for mentions, readable times, links to the sandbox."""
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
        click.echo(f"\n{_indented(chr(10).join(parts))}\n")
        tokens = f" · {turn.tokens} tokens" if turn.tokens is not None else ""
        reason = f" ({turn.error})" if turn.error else ""
        click.echo(f"{turn.state}{reason} in {self._seconds():.1f} s{tokens}\n")

    def _seconds(self) -> float:
        return time.monotonic() - self._started


def _reason(error: Exception) -> str:
    """Return the reason of a refusal as a sentence; form errors are nested deep inside."""
    details: Any = error.errors if isinstance(error, DiscordError) else None
    while isinstance(details, Mapping) and "_errors" not in details and details:
        details = next(iter(details.values()))
    text = str(details["_errors"][0]["message"] if details else error)
    return f"{text.rstrip('.')}."


def readable(text: str, now: float) -> str:
    """Convert Discord markup for a terminal: timestamps, small print, custom emoji, links."""
    text = re.sub(r"^-# ", "", text, flags=re.MULTILINE)
    text = re.sub(r"<a?(:\w+:)\d+>", r"\1", text)
    text = re.sub(r"\[([^\]\n]+)\]\(<?(https?://[^\s)>]+)>?\)", r"\1: \2", text)
    return _TIMESTAMP.sub(lambda found: _readable_time(int(found[1]), found[2] or "f", now), text)


def _readable_time(at: int, style: str, now: float) -> str:
    if style != "R":
        try:
            moment = datetime.fromtimestamp(at, UTC).astimezone()
        except (OverflowError, ValueError, OSError):
            return f"<t:{at}:{style}>"
        return moment.strftime(_TIME_FORMATS.get(style, "%Y-%m-%d %H:%M"))
    seconds = abs(round(at - now))
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    span = f"{round(seconds / size)} {unit}"
    return f"in {span}" if at > now else f"{span} ago"


def _excerpt(text: str) -> str:
    """Return the beginning and the end of a text in one line."""
    line = " ".join(text.split())
    return line if len(line) <= 90 else f"{line[:35]} … {line[-50:]}"


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ", lambda line: True)
