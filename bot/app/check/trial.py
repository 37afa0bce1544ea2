"""The trial of ``check --deep``: one question to the model, and one message on Discord."""

import asyncio
import sys
import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import Final

from bot.app import StartError
from bot.app.assistant_definitions import existing_assistant
from bot.app.check.report import CheckReport
from bot.app.keys import secret
from bot.app.model_endpoints import chosen_model
from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.schema.content import TextPart
from bot.assistants.schema.objects import Run
from bot.assistants.schema.requests import CreateMessage, CreateRun, CreateThread, Page
from bot.chat.transport.login import LoginError
from bot.chat.transport.setup_session import SetupSession
from bot.client import Client
from bot.config import AssistantsSettings, Config, ConfigError
from bot.models.types import (
    Model,
    ModelError,
    ModelRequest,
    ModelTextDelta,
    SystemMessage,
    Text,
    TextWithdrawn,
    UserMessage,
)

_QUESTION: Final = "This is a test. Answer with the single word: ready"
_MOST_TOKENS: Final = 1024
"""The most tokens of the answer; the thoughts of a reasoning model count, too."""

_PATIENCE: Final = 90.0
_SHOWN: Final = 60


class Trial:
    """Asks a question and writes a message; ``channel_id`` 0 means ``[discord] alert_channel``."""

    def __init__(self, channel_id: int = 0) -> None:
        self._channel_id = channel_id

    async def run(
        self, report: CheckReport, config: Config, environment: Mapping[str, str]
    ) -> None:
        """Ask one question, write one message, and report both."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE):
                text = await _answer(config, environment)
        except (ModelError, APIError, ConfigError, StartError) as error:
            report.failed("answer", str(error))
        except TimeoutError:
            problem = f"The model has not answered for {_PATIENCE:g} s. Take a faster one."
            report.failed("answer", problem)
        else:
            took = time.monotonic() - began
            said = " ".join(text.split())
            if said:
                report.ok("answer", f'the model said "{said[:_SHOWN]}" after {took:.1f} s')
            else:
                report.failed("answer", "The model gave an empty answer. Try another model.")
        token = environment.get("DISCORD_TOKEN", "").strip()
        if token:  # else the check of the token has failed
            await self._write(report, config, token)

    async def _write(self, report: CheckReport, config: Config, token: str) -> None:
        channel_id = self._channel_id or config.discord.alert_channel
        if not channel_id:
            report.warn(
                "message",
                "No channel is named, so no message was written. Name one with --channel ID.",
            )
            return
        with report.failing("message", LoginError):
            async with SetupSession.open(token, config.discord.api_url) as session:
                await session.write_and_delete(channel_id)
            report.ok("message", f"was posted, edited and deleted in channel {channel_id}")


async def _answer(config: Config, environment: Mapping[str, str]) -> str:
    settings = config.assistants
    if settings.url == "embedded":
        model = await chosen_model(config, environment, lambda line: None, sys.stderr)
        try:
            return await _answer_of_model(model, _model_name(config))
        finally:
            await model.close()
    key = secret(environment, "assistants", settings.api_key_env)
    async with Client(settings.url, key) as client:
        return await _answer_of_assistant(client, settings)


def _model_name(config: Config) -> str:
    """Return the configured model of the assistant that answers, else "default"."""
    wanted = config.assistants.assistant
    sections = [each for each in config.assistants.define if wanted in ("", each.name)]
    named = sections[0].model if sections else ""
    return named or config.models.model or "default"


async def _answer_of_model(model: Model, name: str) -> str:
    items = (SystemMessage("Answer briefly."), UserMessage((Text(_QUESTION),)))
    request = ModelRequest(model=name, items=items, max_tokens=_MOST_TOKENS, resumable=False)
    text = ""
    async with aclosing(model.stream(request)) as events:
        async for event in events:
            if isinstance(event, ModelTextDelta):
                text += event.text
            elif isinstance(event, TextWithdrawn):
                text = ""
    return text


async def _answer_of_assistant(api: AssistantsAPI, settings: AssistantsSettings) -> str:
    """Ask the assistant on a server elsewhere, on a thread that is deleted afterwards."""
    wanted = settings.assistant or (settings.define[0].name if settings.define else "")
    if wanted:
        assistant_id = (await existing_assistant(api, wanted)).id
    else:
        found = (await api.list_assistants(Page(limit=1))).data
        if not found:
            raise ConfigError("The server has no assistant yet. Start the bot once: it makes one.")
        assistant_id = found[0].id
    question = CreateMessage(role="user", content=_QUESTION)
    thread = await api.create_thread(CreateThread(messages=(question,)))
    try:
        run = await api.create_run(thread.id, CreateRun(assistant_id=assistant_id))
        async with aclosing(await api.follow_run(thread.id, run.id)) as events:
            async for event in events:
                run = event.data if isinstance(event.data, Run) else run
        if run.status == "requires_action":
            return "(a call of a function)"
        if run.status != "completed":
            reason = run.last_error.message if run.last_error else "no reason was given"
            raise ConfigError(f"The run became {run.status}: {reason}")
        message = (await api.list_messages(thread.id, Page(limit=1))).data[0]
        return "".join(part.text.value for part in message.content if isinstance(part, TextPart))
    finally:
        await api.delete_thread(thread.id)
