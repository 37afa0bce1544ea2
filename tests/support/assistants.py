"""The Assistants API in tests: the engine itself, or a client of a server over the engine."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.app.providers.forwarding import ModelUpstream
from bot.assistants.api import AssistantsAPI, EventStream
from bot.assistants.events import MessageDelta, StreamEvent
from bot.assistants.schema.content import TextDelta, TextPart
from bot.assistants.schema.objects import Message, Run
from bot.assistants.schema.requests import CreateAssistant, CreateMessage, CreateRun, CreateThread
from bot.assistants.states import TERMINAL, RunStatus
from bot.client import Client
from bot.engine import Engine, EngineOptions
from bot.engine.tool_calls.ingestion import TextExtractor
from bot.hosted.extract import extract_text
from bot.models.chat_completions.model import ChatCompletions
from bot.models.http.endpoint import EndpointTimeouts
from bot.models.http.image_fetcher import ImageFetcher
from bot.runtime.retry import RetryPolicy
from bot.server import Server, Upstream
from bot.store.engine import EngineStore
from tests.support.eventually import PATIENCE, eventually
from tests.support.fake_clock import FakeClock
from tests.support.model_endpoint import ScriptedModel

Way = Literal["engine", "client"]
"""Held in process, or through a client, a socket and a server."""

KEYS = {"sk-default": "default", "sk-other": "other"}
IMPATIENT = RetryPolicy(attempts=2, first_delay=0.001, longest_delay=0.001)


class PublicEndpoint(ChatCompletions):
    """The scripted model as it would be with a public address."""

    async def fetches_images(self) -> bool:
        return True


@dataclass
class House:
    """An engine over a scripted model, and the API through which tests use the engine."""

    engine: Engine
    model: ScriptedModel
    clock: FakeClock
    api: AssistantsAPI
    other: AssistantsAPI
    """The same API, of another project."""
    server: Server | None = None

    async def assistant(self, **fields: object) -> str:
        """Make an assistant and return its id."""
        request = CreateAssistant(**{"model": "scripted-model", **fields})  # type: ignore[arg-type]  # whatever a test wants
        return (await self.api.create_assistant(request)).id

    async def thread(self, *texts: str) -> str:
        """Make a thread with these user messages and return its id."""
        messages = tuple(CreateMessage(role="user", content=text) for text in texts)
        return (await self.api.create_thread(CreateThread(messages=messages))).id

    async def run(self, thread_id: str, assistant_id: str | None = None, **fields: object) -> Run:
        """Start a run, of a fresh assistant if none is named."""
        assistant_id = assistant_id or await self.assistant()
        request = CreateRun(assistant_id=assistant_id, **fields)  # type: ignore[arg-type]  # whatever a test wants
        return await self.api.create_run(thread_id, request)

    async def until(self, run: Run, *statuses: RunStatus) -> Run:
        """Return the run once it has one of these statuses; without any, once it has ended."""
        wanted = frozenset(statuses) or TERMINAL
        found = await eventually(
            lambda: self.api.retrieve_run(run.thread_id, run.id),
            lambda found: found.status in wanted | TERMINAL,
        )
        assert found.status in wanted, f"{found.status}: {found.last_error}"
        return found


@asynccontextmanager
async def house(
    directory: Path,
    way: Way,
    *,
    options: EngineOptions | None = None,
    model: ScriptedModel | None = None,
    timeouts: EndpointTimeouts | None = None,
    public: bool = False,
    fetcher: ImageFetcher | None = None,
    store: EngineStore | None = None,
    extract: TextExtractor = extract_text,
) -> AsyncIterator[House]:
    """Start an engine with its data in ``directory``, and stop it at the end of the block.

    With ``public`` the model's endpoint is taken for one on the world's network.
    """
    async with model or ScriptedModel() as scripted:
        clock = FakeClock(real_below=1.0)
        kind = PublicEndpoint if public else ChatCompletions
        endpoint = kind(scripted.url, retries=IMPATIENT, timeouts=timeouts)
        store = store or await EngineStore.open(directory / "engine.db")
        engine = Engine(
            store, endpoint, clock=clock, options=options, fetcher=fetcher, extract=extract
        )
        await engine.start()
        try:
            async with _reached(engine, way, ModelUpstream(endpoint)) as (api, other, server):
                yield House(engine, scripted, clock, api, other, server)
        finally:
            await engine.stop()
            await endpoint.close()
            await store.close()


@asynccontextmanager
async def _reached(
    engine: Engine, way: Way, upstream: Upstream
) -> AsyncIterator[tuple[AssistantsAPI, AssistantsAPI, Server | None]]:
    if way == "engine":
        yield engine.for_project("default"), engine.for_project("other"), None
        return
    server = await serve(engine.for_project, upstream)
    try:
        async with (
            Client(server.url, "sk-default", retries=IMPATIENT) as client,
            Client(server.url, "sk-other", retries=IMPATIENT) as other,
        ):
            yield client, other, server
    finally:
        await server.stop()


async def serve(
    projects: Callable[[str], AssistantsAPI], upstream: Upstream | None = None
) -> Server:
    """Start a server of these projects on a free port, with ``KEYS``."""
    server = Server(projects, keys=KEYS, port=0, upstream=upstream)
    await server.start()
    return server


async def collected(events: EventStream) -> list[StreamEvent]:
    """Read a stream to its end."""
    async with asyncio.timeout(PATIENCE):
        return [event async for event in events]


def names(events: list[StreamEvent]) -> list[str]:
    """The events' names in order, a row of deltas as one."""
    told: list[str] = []
    for event in events:
        if not (event.event.endswith(".delta") and told[-1:] == [event.event]):
            told.append(event.event)
    return told


def text_of(message: Message) -> str:
    """All text of a message."""
    return "".join(part.text.value for part in message.content if isinstance(part, TextPart))


def streamed_text(events: list[StreamEvent]) -> str:
    """The text that the deltas of a stream make together."""
    return "".join(
        part.text.value
        for event in events
        if isinstance(event.data, MessageDelta)
        for part in event.data.delta.content
        if isinstance(part, TextDelta) and isinstance(part.text.value, str)
    )
