"""The parts of the chat on a sandbox reached over REST alone: logged in, without a gateway."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import discord

from bot.app.providers.attachment_text import AttachmentText
from bot.app.providers.downloads import Downloads
from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.requests import CreateAssistant
from bot.chat.dependencies import ChatDependencies
from bot.chat.event_receivers import EventReceivers
from bot.chat.intake.attachments import FileReaders
from bot.chat.internal_limits import ChatLimits
from bot.chat.transport import dpy_internals
from bot.chat.wiring import build_parts
from bot.config import AccessSettings, DiscordSettings
from bot.engine import Engine
from bot.models.chat_completions.model import ChatCompletions
from bot.sandbox import Channel, Sandbox
from bot.store.engine import EngineStore
from bot.store.ledger import Ledger, Link, NewQuestion, Turn
from tests.support.assistants import IMPATIENT
from tests.support.eventually import eventually
from tests.support.fake_clock import ShiftedClock
from tests.support.model_endpoint import ScriptedModel


class RestBot:
    """A logged-in client with all parts of the chat, its ledger, its engine, and the sandbox."""

    def __init__(
        self,
        sandbox: Sandbox,
        model: ScriptedModel,
        client: discord.Client,
        ledger: Ledger,
        api: AssistantsAPI,
        parts: EventReceivers,
        assistant_id: str,
        clock: ShiftedClock,
    ) -> None:
        self.sandbox = sandbox
        self.model = model
        self.client = client
        self.ledger = ledger
        self.api = api
        self.parts = parts
        self.assistant_id = assistant_id
        self.clock = clock
        self.general: Channel = sandbox.guild.text_channel("general")
        self.ada, self.ben = sandbox.members[:2]

    async def stored(self, text: str, channel: Channel | None = None) -> int:
        """Write a question in a channel, store it for an answer there, and return its id."""
        place = channel or self.general
        message = await self.ada.say(place, text)
        guild_id = None if place.guild is None else place.guild.id
        await self.ledger.questions.take(
            NewQuestion(
                id=message.id,
                channel_id=place.id,
                guild_id=guild_id,
                author_id=self.ada.user.id,
                author_name=self.ada.user.name,
                content=text,
            ),
            Link(channel_id=place.id, guild_id=guild_id, parent_id=place.id, listening=True),
        )
        return message.id

    async def ended(self, turn_id: int) -> Turn:
        """Wait until a turn has ended."""
        found: Turn | None = None

        async def has_ended() -> bool:
            nonlocal found
            found = await self.ledger.history.turn(turn_id)
            return found is not None and not found.open

        await eventually(has_ended)
        assert found is not None
        return found

    async def in_state(self, turn_id: int, state: str) -> None:
        """Wait until a turn is in a state."""

        async def reached() -> bool:
            turn = await self.ledger.history.turn(turn_id)
            return turn is not None and turn.state == state

        await eventually(reached)

    def texts(self, channel: Channel | None = None) -> list[str]:
        """The texts of the bot's messages in a channel, without the small notes below them."""
        return [
            "\n".join(line for line in message.content.splitlines() if line[:3] != "-# ")
            for message in (channel or self.general).messages
            if message.author is self.sandbox.bot_user and not message.deleted
        ]


@asynccontextmanager
async def rest_bot(directory: Path) -> AsyncIterator[RestBot]:
    """Log a bot in and build its parts; read markers say that nothing was missed."""
    clock = ShiftedClock()
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox(rate_limits=False))
        model = await stack.enter_async_context(ScriptedModel())
        endpoint = ChatCompletions(model.url, retries=IMPATIENT)
        stack.push_async_callback(endpoint.close)
        store = await EngineStore.open(directory / "engine.db")
        stack.push_async_callback(store.close)
        engine = Engine(store, endpoint, clock=clock)
        await engine.start()
        stack.push_async_callback(engine.stop)
        api = engine.for_project("bot")
        assistant = await api.create_assistant(CreateAssistant(model="scripted-model"))
        ledger = await Ledger.open(directory / "bot.db", clock.now)
        stack.push_async_callback(ledger.close)
        client = discord.Client(
            intents=discord.Intents(guilds=True, message_content=True), max_messages=None
        )
        stack.push_async_callback(client.close)
        settings = DiscordSettings(api_url=sandbox.api_url, name_threads="question")
        parts = build_parts(
            client,
            ChatDependencies(
                settings=settings,
                api=api,
                ledger=ledger,
                assistant_id=assistant.id,
                clock=clock,
                readers=FileReaders(AttachmentText(), Downloads(clock)),
                access=AccessSettings(direct_messages=True),
                limits=ChatLimits(concurrent_runs=10),
            ),
        )
        dpy_internals.use_api(sandbox.api_url)
        await client.login(sandbox.token)
        parts.read_markers.is_ready = True
        stack.push_async_callback(parts.scheduler.stop)
        yield RestBot(sandbox, model, client, ledger, api, parts, assistant.id, clock)
