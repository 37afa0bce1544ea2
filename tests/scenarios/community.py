"""A whole community in one test: sandbox Discord, scripted model, engine, ledger and the bot."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from yarl import URL

from bot.app.providers.attachment_text import AttachmentText
from bot.app.providers.downloads import Downloads
from bot.app.providers.forwarding import ModelUpstream
from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.objects import Message as ThreadMessage
from bot.assistants.schema.objects import Run
from bot.assistants.schema.requests import CreateAssistant, Page
from bot.chat.bot import ChatBot
from bot.chat.dependencies import ChatDependencies
from bot.chat.intake.attachments import FileReaders, Transcriber
from bot.chat.internal_limits import ChatLimits
from bot.chat.reply.content.illustration import FormulaDrawer
from bot.chat.turns.place_instructions import PlaceSwitch
from bot.client import Client
from bot.config import AccessSettings, DiscordSettings, SchedulesSettings
from bot.config.limits import LimitSettings, PriceSettings
from bot.engine import Engine, EngineOptions
from bot.models.chat_completions.model import ChatCompletions
from bot.runtime.metrics import Metrics
from bot.sandbox import Channel, DiscordMessage, Permission, Person, Sandbox
from bot.sandbox.faults import RequestFault
from bot.server import Server
from bot.store.engine import EngineStore
from bot.store.ledger import Ledger, Turn, TurnState
from bot.tools.functions import Functions
from tests.support.assistants import IMPATIENT
from tests.support.eventually import PATIENCE, eventually
from tests.support.fake_clock import ShiftedClock
from tests.support.model_endpoint import ScriptedModel
from tests.support.overridden_api import Operations, overridden
from tests.support.troubled_database import TroubledDatabase, troubled_ledger

UNDER_AN_ANSWER = ["Answer again", "Show steps", "👍", "👎"]
"""The labels of the buttons under an answer that is whole."""


class Community:
    """What a test holds; made by ``community``."""

    def __init__(
        self,
        sandbox: Sandbox,
        model: ScriptedModel,
        directory: Path,
        answer_in: str,
        *,
        remote: bool,
        settings: Mapping[str, Any],
    ) -> None:
        self._remote = remote
        self.port = 0
        self.clients: list[Client] = []
        self.sandbox = sandbox
        self.model = model
        self.directory = directory
        self.general: Channel = sandbox.guild.text_channel("general")
        self.admin = sandbox.admin
        self.ada, self.ben = sandbox.members[:2]
        self.clock = ShiftedClock()
        self.drawer: FormulaDrawer | None = None
        """What draws formulas; without it they are text."""
        self.limits = ChatLimits()
        """What the bot is started with; a test changes them with ``restart_bot``."""
        self.metrics = Metrics()
        self.settings = DiscordSettings(
            answer_in="thread" if answer_in == "thread" else "channel",
            api_url=sandbox.api_url,
            gateway_url=sandbox.gateway_url,
            # Unless a test wants titles, the model is asked for answers alone.
            **{"name_threads": "question", **settings},
        )
        self.access = AccessSettings(direct_messages=True, user_installs=True)
        self.context_window: int | None = None
        """The context window that the engine is told, in tokens."""
        self.schedules = SchedulesSettings()
        self.spending = LimitSettings()
        self.prices = PriceSettings()
        self.tell_place = PlaceSwitch()
        self.functions = Functions()
        """The functions that the bot runs; without them it has none."""
        self.transcriber: Transcriber | None = None
        self.configured: dict[str, str] = {}
        """The ids of the configured assistants by name; a start of the bot reads them."""
        self.offered: tuple[str, ...] = ()
        """The models that the endpoint lists."""
        self.api: AssistantsAPI
        self.operations: Operations = {}
        """Operations of the API that answer the bot otherwise."""
        self.ledger: Ledger
        self.database: TroubledDatabase
        self._open_ledger: Callable[[], Awaitable[None]] = self._open_plain
        self.bot: ChatBot
        self._engine: AsyncExitStack | None = None
        self._running: asyncio.Task[None] | None = None

    async def start_engine(self) -> None:
        """Start the engine on its file, with an assistant."""
        async with AsyncExitStack() as stack:
            endpoint = ChatCompletions(self.model.url, retries=IMPATIENT)
            stack.push_async_callback(endpoint.close)
            store = await EngineStore.open(self.directory / "engine.db")
            stack.push_async_callback(store.close)
            options = EngineOptions(
                keep_thoughts=self.settings.show_thoughts, context_window=self.context_window
            )
            engine = Engine(store, endpoint, clock=self.clock, options=options)
            await engine.start()
            stack.push_async_callback(engine.stop)
            self.api = engine.for_project("bot")
            if self._remote:
                server = Server(
                    engine.for_project,
                    keys={"sk-bot": "bot"},
                    port=self.port,
                    upstream=ModelUpstream(endpoint),
                )
                await server.start()
                stack.push_async_callback(server.stop)
                self.port = URL(server.url).port or 0
                client = Client(server.url, "sk-bot", retries=IMPATIENT)
                self.clients.append(client)
                self.api = client
            self._engine = stack.pop_all()
        known = await self.api.list_assistants()
        if not known.data:
            await self.api.create_assistant(CreateAssistant(model="scripted-model"))
        self.assistant_id = (await self.api.list_assistants()).data[0].id

    async def _models(self) -> tuple[str, ...]:
        return await self.clients[-1].list_models() if self._remote else self.offered

    async def start_bot(self) -> None:
        """Start the bot on its file and wait until it is on Discord."""
        await self._open_ledger()
        self.bot = ChatBot(
            ChatDependencies(
                settings=self.settings,
                api=overridden(self.api, self.operations),
                ledger=self.ledger,
                assistant_id=self.assistant_id,
                clock=self.clock,
                readers=FileReaders(AttachmentText(), Downloads(self.clock), self.transcriber),
                access=self.access,
                functions=self.functions,
                schedules=self.schedules,
                spending=self.spending,
                prices=self.prices,
                configured=self.configured,
                models=self._models,
                tell_place=self.tell_place,
                drawer=self.drawer,
                limits=self.limits,
                metrics=self.metrics,
            )
        )
        self._running = asyncio.create_task(self.bot.start(self.sandbox.token))
        ready = asyncio.create_task(self.sandbox.bot_ready(timeout=PATIENCE))
        await asyncio.wait({self._running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if self._running.done():
            self._running.result()
        await ready
        await self.bot.wait_until_ready()

    async def trouble_ledger(
        self, *, busy_seconds: float = 30.0, failing_reads: int = 0
    ) -> TroubledDatabase:
        """Start the bot again, on a database that fails or waits on command; return it."""
        await self.stop_bot()
        path = self.directory / "bot.db"

        async def open_troubled() -> None:
            self.ledger, self.database = await troubled_ledger(path, self.clock.now, busy_seconds)
            self.database.failing_reads = failing_reads

        self._open_ledger = open_troubled
        await self.start_bot()
        return self.database

    async def _open_plain(self) -> None:
        self.ledger = await Ledger.open(self.directory / "bot.db", self.clock.now)

    async def stop_bot(self) -> None:
        """Stop the bot in order; safe to call twice."""
        running, self._running = self._running, None
        if running is None:
            return
        await self.bot.close()
        await asyncio.gather(running, return_exceptions=True)
        await self.ledger.close()
        if self.functions is not None:
            await self.functions.close()

    async def restart_bot(self, **limits: float) -> None:
        """Stop the bot, and start it with these of the ``ChatLimits`` changed."""
        await self.stop_bot()
        self.limits = replace(self.limits, **limits)  # type: ignore[arg-type]  # counts are ints
        await self.start_bot()

    async def stopped_by_itself(self) -> None:
        """Wait until the bot has stopped, and raise what it stopped with."""
        running, self._running = self._running, None
        assert running is not None
        try:
            await asyncio.wait_for(running, PATIENCE)
        finally:
            await self.bot.close()
            await self.ledger.close()

    async def stop_engine(self) -> None:
        """Stop the engine in order, and its server where it has one."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.aclose()

    async def until(self, condition: Any, timeout: float = PATIENCE) -> None:
        """Wait until something holds in Discord."""
        await self.sandbox.until(condition, timeout)

    async def befallen(self, fault: RequestFault) -> None:
        """Wait until a fault has befallen a request, which Discord has not answered yet."""
        await eventually(lambda: fault.hits)

    def replies(self, channel: Channel) -> list[DiscordMessage]:
        """The bot's messages that stand in a channel, oldest first."""
        return [m for m in channel.messages if m.author is self.sandbox.bot_user and says(m)]

    async def reply(self, channel: Channel, number: int = 1) -> DiscordMessage:
        """Wait for the bot's ``number``th message in a channel."""
        await self.until(lambda: len(self.replies(channel)) >= number)
        return self.replies(channel)[number - 1]

    async def finished(self, channel: Channel, number: int = 1) -> DiscordMessage:
        """Wait until the bot's ``number``th message in a channel has no Cancel any more."""
        await self.until(
            lambda: (
                len(self.replies(channel)) >= number and is_final(self.replies(channel)[number - 1])
            )
        )
        return self.replies(channel)[number - 1]

    async def ask(
        self, text: str, who: Person | None = None, channel: Channel | None = None
    ) -> DiscordMessage:
        """Mention the bot in a channel, general by default; Ada by default."""
        return await (who or self.ada).say(channel or self.general, text, mention_bot=True)

    async def thread_of(self, question: DiscordMessage) -> Channel:
        """Wait for the channel thread that was opened from a question."""
        await self.until(lambda: question.thread is not None)
        assert question.thread is not None
        return question.thread

    async def ended_turns(self, count: int) -> list[Turn]:
        """Wait until so many turns have ended; return them, oldest first."""

        async def ended() -> list[Turn]:
            turns = [await self.ledger.history.turn(n) for n in range(1, count + 1)]
            return [turn for turn in turns if turn is not None and not turn.open]

        return await eventually(ended, lambda turns: len(turns) == count)

    async def waiting(self, contents: list[str], channel: Channel | None = None) -> None:
        """Wait until just these questions wait for a channel's next turn."""
        home = (channel or self.general).id
        await eventually(
            lambda: self.ledger.questions.waiting(home),
            lambda questions: [question.content for question in questions] == contents,
        )

    async def in_state(self, number: int, state: TurnState) -> Turn:
        """Wait until a turn is in a state."""
        turn = await eventually(
            lambda: self.ledger.history.turn(number),
            lambda turn: turn is not None and turn.state == state,
        )
        assert turn is not None
        return turn

    async def settled(self, questions: int) -> None:
        """Wait until so many questions were taken and nothing is owed to anybody."""
        await eventually(self._settled_questions, lambda settled: settled >= questions)

    async def _settled_questions(self) -> int:
        settled, number = 0, 1
        while (turn := await self.ledger.history.turn(number)) is not None:
            settled += 0 if turn.open else len(await self.ledger.questions.of_turn(number))
            number += 1
        return settled

    async def thread_id(self, channel: Channel) -> str:
        """The thread that a channel is linked to."""
        link = await self.ledger.link(channel.id)
        assert link is not None
        assert link.thread_id is not None
        return link.thread_id

    async def on_thread(self, channel: Channel) -> list[tuple[str, str]]:
        """Role and text of every message on a channel's thread, oldest first."""
        thread_id = await self.thread_id(channel)
        page = await self.api.list_messages(thread_id, Page(limit=100, order="asc"))
        return [(message.role, text_of(message)) for message in page.data]

    async def runs_on(self, channel: Channel) -> tuple[Run, ...]:
        """Every run on a channel's thread, newest first."""
        return (await self.api.list_runs(await self.thread_id(channel), Page(limit=100))).data


def deny(sandbox: Sandbox, permission: Permission) -> None:
    """Take a permission from everybody in the guild but its admins, the bot among them."""
    guilds, guild = sandbox.backend.guilds, sandbox.guild.state
    guilds.set_role_permissions(guild, guild.everyone, guild.everyone.permissions & ~permission)
    sandbox.guild.forbid_bot(permission)


def says(message: DiscordMessage) -> bool:
    """Whether a message is one of conversation and not one of the system's."""
    return message.type.name in ("DEFAULT", "REPLY") and not message.deleted


def labels(message: DiscordMessage) -> list[str]:
    """The labels of a message's buttons, or their emoji."""
    rows = (component.get("components", []) for component in message.components)
    return [item.get("label") or item["emoji"]["name"] for row in rows for item in row]


def is_final(message: DiscordMessage) -> bool:
    """Whether a reply will not change by itself any more."""
    return not {"Cancel", "キャンセル"} & set(labels(message))


def answer(message: DiscordMessage) -> str:
    """The text of a reply, plain or not, without its quiet last lines."""
    shown = "\n".join([message.content, *texts(message)])
    return "\n".join(line for line in shown.splitlines() if not line.startswith("-# ")).strip()


def texts(message: DiscordMessage) -> list[str]:
    """The texts of a message with Components V2."""
    return [one["content"] for one in message.components if "content" in one]


def alt_texts(message: DiscordMessage) -> list[str]:
    """The alt texts of the pictures in a message with Components V2."""
    items = [item for one in message.components for item in one.get("items", [])]
    return [item["description"] for item in items]


def text_of(message: ThreadMessage) -> str:
    """The text of a message on a thread."""
    return "".join(part.text.value for part in message.content if hasattr(part, "text"))


@asynccontextmanager
async def community(
    directory: Path,
    answer_in: Literal["thread", "channel"] = "thread",
    *,
    rate_limits: bool = False,
    remote: bool = False,
    start: bool = True,
    drawer: FormulaDrawer | None = None,
    **settings: Any,
) -> AsyncIterator[Community]:
    """Build a community with these settings of ``[discord]``.

    At its end nothing was asked of Discord that the sandbox doesn't know.
    """
    async with Sandbox(rate_limits=rate_limits) as sandbox, ScriptedModel() as model:
        whole = Community(sandbox, model, directory, answer_in, remote=remote, settings=settings)
        whole.drawer = drawer
        try:
            if start:
                await whole.start_engine()
                await whole.start_bot()
            yield whole
            assert sandbox.unknown_routes == []
        finally:
            await whole.stop_bot()
            await whole.stop_engine()
            for client in whole.clients:
                await client.close()
