"""The bot with its engine in a process of its own, that kills itself at a named point."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bot.app.providers.attachment_text import AttachmentText
from bot.app.providers.downloads import Downloads
from bot.assistants.schema.requests import CreateAssistant
from bot.assistants.validation import from_raw
from bot.chat.bot import ChatBot
from bot.chat.dependencies import ChatDependencies
from bot.chat.intake.attachments import FileReaders
from bot.config import AccessSettings, DiscordSettings
from bot.config.tools import ToolsSettings
from bot.engine import Engine
from bot.models.chat_completions.model import ChatCompletions
from bot.runtime.clock import SystemClock
from bot.store.engine import EngineStore
from bot.store.ledger import Ledger
from bot.tools.functions import Functions
from tests.scenarios.community import Community
from tests.support.drawer import QuickDrawer
from tests.support.eventually import PATIENCE


def run(
    directory: str,
    settings: DiscordSettings,
    access: AccessSettings,
    token: str,
    model_url: str,
    point: str,
    tools: ToolsSettings | None = None,
) -> None:
    """Run until killed; ``point`` is like "before turns.placed" or "after questions.take"."""
    asyncio.run(_run(Path(directory), settings, access, token, model_url, point, tools))


async def _run(
    directory: Path,
    settings: DiscordSettings,
    access: AccessSettings,
    token: str,
    model_url: str,
    point: str,
    tools: ToolsSettings | None,
) -> None:
    clock = SystemClock()
    store = await EngineStore.open(directory / "engine.db")
    engine = Engine(store, ChatCompletions(model_url), clock=clock)
    await engine.start()
    api = engine.for_project("bot")
    functions = Functions(tools)
    if tools is not None:
        await functions.reload()
    definitions = functions.definitions(["*"])
    request = from_raw(CreateAssistant, {"model": "scripted-model", "tools": definitions})
    assistant = await api.create_assistant(request)
    ledger = await Ledger.open(directory / "bot.db", clock.now)
    _arm(ledger, point)
    readers = FileReaders(AttachmentText(), Downloads(clock))
    drawer = QuickDrawer()
    bot = ChatBot(
        ChatDependencies(
            settings=settings,
            api=api,
            ledger=ledger,
            assistant_id=assistant.id,
            clock=clock,
            readers=readers,
            access=access,
            functions=functions,
            drawer=drawer,
        )
    )
    await bot.start(token)


async def killed(
    whole: Community,
    point: str,
    ask: Callable[[], Awaitable[Any]] | None = None,
    *,
    tools: ToolsSettings | None = None,
) -> None:
    """Run the bot in a process of its own until it dies at that point of answering.

    ``ask`` asks the question; None: Ada asks "one". ``tools`` are the settings of the functions,
    all of which the assistant has; None: no functions.
    """
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    process = processes.Process(
        target=run,
        args=(
            str(whole.directory),
            whole.settings,
            whole.access,
            whole.sandbox.token,
            whole.model.url,
            point,
            tools,
        ),
    )
    process.start()
    try:
        await whole.sandbox.bot_ready(timeout=PATIENCE)
        await (whole.ask("one") if ask is None else ask())
        await asyncio.to_thread(process.join, PATIENCE)
        assert process.exitcode == -signal.SIGKILL
        await whole.until(lambda: whole.sandbox.disconnected)
    finally:
        process.kill()
        process.join()


def _arm(ledger: Ledger, point: str) -> None:
    """Let the process die as by a power cut before or after a write of the ledger."""
    when, path = point.split()
    *owners, name = path.split(".")
    owner: Any = ledger
    for each in owners:
        owner = getattr(owner, each)
    write: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def deadly(*args: Any, **values: Any) -> Any:
        result = None if when == "before" else await write(*args, **values)
        # A turn that was not there to be made is no point to die at.
        if when == "before" or result is not None or name != "next_in":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)
