"""A running system to break: sandbox and model in this process, bot and server as children."""

import asyncio
import random
import re
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox import Channel, DiscordMessage, Person, Sandbox
from tests.faults.answers import NOTES, says_next
from tests.faults.budgets import BUDGETS
from tests.faults.child import Child
from tests.scenarios.community import labels, says
from tests.support.model_endpoint import ScriptedModel

_TURN = re.compile(r":(\d+)\.\d+\Z")
_URL = re.compile(r"http://\S+?/v1")

ALLOW, DENY, DENY_WITH_REASON = "Allow once", "Deny", "Deny with a reason"

_OPEN_APPROVALS = """
    SELECT count(*) FROM approvals
    WHERE state IN ('granted', 'started') OR (state = 'late' AND message_id IS NOT NULL)
"""


@dataclass
class Question:
    """Something that was asked, and the channel in which it is to be answered.

    ``wordings`` are the texts that the question has had, none for a forward.
    """

    number: int
    message: DiscordMessage
    author: Person
    home: int
    wordings: list[str] = field(default_factory=list)

    @property
    def id(self) -> int:
        """The id of the Discord message."""
        return self.message.id

    @property
    def deleted(self) -> bool:
        """Whether the question's author deleted it."""
        return self.message.deleted


def asks(message: DiscordMessage) -> bool:
    """Whether a message of the bot shows a call that asks, decided or not."""
    rows = (row.get("components", []) for row in message.components)
    return any(str(item.get("custom_id")).startswith("tools:") for row in rows for item in row)


class World:
    """The sandbox, the model and the processes of a run; ``world`` makes it."""

    def __init__(
        self, sandbox: Sandbox, model: ScriptedModel, directory: Path, seed: int, *, remote: bool
    ) -> None:
        self.sandbox = sandbox
        self.model = model
        self.directory = directory
        self.random = random.Random(seed)
        self.remote = remote
        self.questions: list[Question] = []
        self.robbed_turns: set[int] = set()
        """The turns of whose replies somebody deleted a message."""
        self.must_forget: set[int] = set()  # the questions that the bot said it has forgotten
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
    def notes(self) -> Path:
        """The file into which calls of functions write."""
        return self.directory / "notes.txt"

    @property
    def children(self) -> list[Child]:
        """The processes, the bot last."""
        return [self.server, self.bot] if self.remote else [self.bot]

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return sum(child.kills for child in self.children)

    def database(self, name: str) -> Path:
        """The path of a database, "bot" or "engine"."""
        part = "server" if self.remote and name == "engine" else "bot"
        return self.directory / part / f"{name}.db"

    async def begin(self) -> None:
        """Write the configurations and start everything for the first time."""
        models = (
            f'[models]\nendpoint = "chat"\nurl = "{self.model.url}"\nmodel = "scripted-model"\n'
        )
        own, where = "enabled = true\nport = 0\n", ""
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
            f"[access]\ndirect_messages = true\n{where}{models}[server]\n{own}"
            f"{BUDGETS}"
            '[[assistants.define]]\nname = "Assistant"\n'
            'functions = ["note", "careful_note", "remind_me"]\n'
            "[tools]\napproval_seconds = 1\ncalls_per_member_hour = 1000\n"
            '[[tools.rules]]\ndecision = "allow"\ntools = ["note"]\n'
            "[schedules]\nmost_reminders = 1000\n",
        )
        tools = self.directory / "tools"
        tools.mkdir()
        (tools / "note.py").write_text(NOTES.format(path=str(self.notes)), encoding="utf-8")
        self.direct = [await person.open_dm() for person in self.sandbox.members]
        await self.bot.start()
        await self.on_discord()
        # Discord tells nobody of a direct channel in which nothing was ever said to them.
        for number, home in enumerate(self.direct, start=1):
            await self._asked(number, self._owner(home), home, f"q{number} please")
        if await self.settle():
            raise AssertionError("the bot does not even answer in peace")

    async def start(self) -> None:
        """Start the processes that do not run."""
        for child in self.children:
            await child.start()

    async def on_discord(self, timeout: float = 60.0) -> None:
        """Wait until the bot is on Discord."""
        await self.sandbox.bot_ready(timeout=timeout)

    async def api_url(self) -> str:
        """The address of the Assistants API that the bot uses."""
        return self._api_url or await self._told_url(self.bot)

    async def ask(self) -> Question:
        """Ask something somewhere: alone with the bot, in a channel thread, or by a mention.

        Some questions reply to another message, and some are forwards.
        """
        number = len(self.questions) + 1
        threads = [t for t in self.sandbox.guild.threads if t.thread and not t.deleted][-8:]
        kind = self.random.choice(("direct", "thread", "thread", "mention"))
        text = f"q{number} please"
        if kind == "thread" and threads:
            home = self.random.choice(threads)
            who = self._anybody()
        elif kind == "direct" or kind == "thread":
            home = self.random.choice(self.direct)
            who = self._owner(home)
        else:
            room = self.random.choice(self.rooms)
            return await self._asked(number, self._anybody(), room, text, mention=True)
        if self.random.random() < 0.15:
            source = await who.say(self.random.choice(self.rooms), text)
            forwarded = await who.forward(source, home)
            question = Question(number, forwarded, who, home.id)
            self.questions.append(question)
            return question
        return await self._asked(number, who, home, text)

    async def _asked(
        self, number: int, who: Person, where: Channel, text: str, *, mention: bool = False
    ) -> Question:
        standing = [message for message in where.messages[-8:] if says(message)]
        replied = self.random.choice(standing) if standing and self.random.random() < 0.2 else None
        asked = await who.say(where, text, mention_bot=mention, reply_to=replied)
        home = asked.id if mention else where.id
        question = Question(number, asked, who, home, [text])
        self.questions.append(question)
        return question

    async def edit_question(self) -> None:
        """Edit one of the last questions; the number that the answer depends on stays."""
        editable = [one for one in self.questions[-6:] if one.wordings and not one.deleted]
        if editable:
            question = self.random.choice(editable)
            text = f"q{question.number} please, in wording {len(question.wordings)}"
            question.wordings.append(text)
            mention = self.sandbox.bot_user.mention
            was_mention = mention in question.message.content
            await question.author.edit(
                question.message, f"{mention} {text}" if was_mention else text
            )

    async def delete_questions(self) -> None:
        """Delete one or two of the last questions, as their authors do or a moderator."""
        left = [one for one in self.questions[-6:] if not one.deleted]
        for question in self.random.sample(left, min(len(left), self.random.choice((1, 1, 2)))):
            await question.author.delete(question.message)

    async def delete_reply(self) -> None:
        """Delete a message of the bot, as a moderator does."""
        places = (*self.rooms, *self.sandbox.guild.threads)
        standing = [
            message
            for channel in places
            for message in channel.messages
            if message.author is self.sandbox.bot_user and says(message)
        ]
        if standing:
            message = self.random.choice(standing[-6:])
            turns_of_it = self._turns_of(message)
            if turns_of_it:
                self.robbed_turns |= turns_of_it
                await self.sandbox.admin.delete(message)

    def _turns_of(self, message: DiscordMessage) -> set[int]:
        """Return the turn of a message of the bot, by its buttons and by the ledger."""
        custom_ids = [b["custom_id"] for row in message.components for b in row["components"]]
        named = {int(found[1]) for each in custom_ids if (found := _TURN.search(each))}
        with closing(self._ledger()) as db:
            rows = db.execute("SELECT turn_id FROM parts WHERE message_id = ?", (message.id,))
            return named | {row[0] for row in rows}

    async def ask_where_something_was_deleted(self) -> None:
        """Ask once more in each channel of a deleted question, so that nothing is overlooked.

        The bot is restarted before that: what it missed is noticed once in each session.
        """
        places = {channel.id: channel for channel in (*self.direct, *self.sandbox.guild.threads)}
        homes = {one.home for one in self.questions if one.deleted} & places.keys()
        await self.bot.stop()
        await self.start()
        await self.on_discord()
        for home_id in sorted(homes):
            home = places[home_id]
            if not home.deleted:
                who = self._owner(home) if home in self.direct else self.sandbox.admin
                number = len(self.questions) + 1
                await self._asked(number, who, home, f"q{number} please")

    def owed(self) -> list[Question]:
        """The questions that are not in a turn which has ended."""
        if not self.database("bot").exists():
            return list(self.questions)
        with closing(self._ledger()) as db:
            ended = db.execute(
                "SELECT q.id, t.id, t.state FROM questions q JOIN turns t ON t.id = q.turn_id "
                "WHERE t.ended_at IS NOT NULL"
            ).fetchall()
            gone = {row[0] for row in db.execute("SELECT id FROM questions WHERE author_id = 0")}
        # Whoever deletes the reply of a failed turn deletes its Retry button, too.
        done = {
            question
            for question, turn, state in ended
            if state != "failed" or turn in self.robbed_turns
        }
        return [one for one in self.questions if one.id not in done | gone and not one.deleted]

    def is_busy(self) -> bool:
        """Whether a question waits, a turn has not ended yet, or a chore is left."""
        with closing(self._ledger()) as db:
            db.execute("BEGIN")  # a schedule becomes a question, and a question a turn
            query = "SELECT count(*) FROM turns WHERE ended_at IS NULL"
            (open_turns,) = db.execute(query).fetchone()
            query = """
                SELECT count(*) FROM questions
                WHERE turn_id IS NULL AND withdrawn_at IS NULL AND home_id IS NOT NULL
            """
            (waiting,) = db.execute(query).fetchone()
            (chores,) = db.execute("SELECT count(*) FROM chores").fetchone()
            (approvals,) = db.execute(_OPEN_APPROVALS).fetchone()
            (schedules,) = db.execute("SELECT count(*) FROM schedules").fetchone()
        return bool(open_turns or waiting or chores or approvals or schedules)

    def _ledger(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.database('bot')}?mode=ro", uri=True, timeout=30)

    async def settle(self, seconds: float = 120.0) -> list[Question]:
        """Let everything run in peace until all is answered, and return what was not in time.

        What failed is retried as a person would.
        """
        self.sandbox.troubles.clear()
        await asyncio.gather(*self.background)
        await self.start()
        await self.on_discord()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            owed = await asyncio.to_thread(self.owed)
            if not owed and not await asyncio.to_thread(self.is_busy):
                break
            await self._retry_failed()
            await self.decide()
            await asyncio.sleep(0.2)
        return await asyncio.to_thread(self.owed)

    def in_background(self, work: "asyncio.Task[None]") -> None:
        """Keep a reference to a task until the world settles."""
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
        """Press a button as a person who may press it."""
        channel = message.channel
        who = self.sandbox.admin if channel.guild else self._owner(channel)
        with suppress(Exception):
            pressed = await who.click(message, label)
            if label == DENY_WITH_REASON:
                await who.submit_modal(pressed, {"reason": "not now"})

    async def decide(self) -> None:
        """Decide about the calls that ask, as people who may; mostly they allow a call."""
        channels = self.sandbox.world.channels.values()
        asking = [each for channel in channels for each in channel.messages if asks(each)]
        for message in asking:
            if ALLOW in labels(message):
                label = self.random.choice((ALLOW, ALLOW, ALLOW, DENY, DENY_WITH_REASON))
                await self.press(message, label)

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
    """Build a world, and end its processes with the block."""
    async with Sandbox() as sandbox, ScriptedModel() as model:
        model.otherwise = says_next
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
