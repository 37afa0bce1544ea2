"""What must be right before the bot runs: one line each, ok or what to do."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bot.app.assistant_definitions import checked_definitions, existing_assistant, no_such_assistant
from bot.app.container import (
    BOT_PROJECT,
    StartError,
    chosen_model,
    require_own_engine,
    secret,
    server_keys,
)
from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.schema.requests import Page
from bot.chat.transport.login import LoginError, look_up
from bot.client import Client
from bot.config import Config, ConfigError
from bot.models.local.model import LocalModel
from bot.server import Server, ServerError
from bot.store.database import FileLock, StoreError, inspect
from bot.store.engine import assistants_in
from bot.store.engine.schema import MIGRATIONS as ENGINE_MIGRATIONS
from bot.store.ledger.schema import MIGRATIONS as LEDGER_MIGRATIONS

_WIDTH: Final = 11


class CheckReport:
    """The lines as they come, and whether all is well."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.well = True

    def ok(self, what: str, finding: str) -> None:
        """Say that something is right."""
        self._say(f"ok  {what:<{_WIDTH}} {finding}")

    def wrong(self, what: str, remedy: str) -> None:
        """Say what is wrong, and what to do."""
        self.well = False
        self._say(f"!!  {what:<{_WIDTH}} {remedy}")

    def poor(self, what: str, finding: str) -> None:
        """Say what works, and not well."""
        self._say(f"??  {what:<{_WIDTH}} {finding}")

    def note(self, what: str, text: str) -> None:
        """Say what is good to know."""
        self._say(f"    {what:<{_WIDTH}} {text}")


async def run_check(
    load: Callable[[], Config], environment: Mapping[str, str], *, say: Callable[[str], None]
) -> bool:
    """Look at everything and say a line for each; True where nothing is wrong."""
    report = CheckReport(say)
    try:
        config = load()
    except ConfigError as error:
        report.wrong("config", str(error))
        return False
    report.ok("config", "read")
    directory = Path(config.storage.directory)
    _check_directory(report, directory)
    await _check_discord(report, config, environment)
    if config.assistants.url == "embedded":
        await _check_model(report, config, environment)
        _check_definitions(report, config, directory)
    else:
        await _check_assistants(report, config, environment)
    await _check_server(report, config, environment)
    return report.well


def _check_directory(report: CheckReport, directory: Path) -> None:
    databases = {"bot.db": LEDGER_MIGRATIONS, "engine.db": ENGINE_MIGRATIONS}
    try:
        for name, migrations in databases.items():
            FileLock.take(directory / name).release()
            inspect(directory / name, migrations)
    except StoreError as error:
        report.wrong("data", str(error))
    else:
        report.ok("data", f"{directory} can be written")


async def _check_discord(
    report: CheckReport, config: Config, environment: Mapping[str, str]
) -> None:
    token = environment.get("DISCORD_TOKEN", "").strip()
    if not token:
        report.wrong(
            "token",
            "DISCORD_TOKEN is not set. Put the bot's token there (Discord's developer portal, "
            "your application, Bot).",
        )
        return
    try:
        standing = await look_up(token, config.discord.api_url)
    except LoginError as error:
        report.wrong("token", str(error))
        return
    report.ok("token", f"Discord knows it as {standing.name}")
    if standing.reads_messages:
        report.ok("intent", "Message Content is granted")
    else:
        report.wrong(
            "intent",
            "Message Content is not granted. Switch it on: developer portal, your application, "
            "Bot, Privileged Gateway Intents.",
        )
    if standing.guilds:
        report.ok("invite", f"on {standing.guilds} server(s); to add it to more: ")
    else:
        report.wrong("invite", "on no server yet. Open this link to add it to yours:")
    report.note("", standing.invite_url)


async def _check_model(report: CheckReport, config: Config, environment: Mapping[str, str]) -> None:
    chosen: list[str] = []
    try:
        model = await chosen_model(config, environment, chosen.append, sys.stderr)
    except StartError as error:
        report.wrong("model", str(error))
        return
    try:
        status = await model.check()
    finally:
        await model.close()
    if status.ok and isinstance(model, LocalModel) and model.is_stopgap:
        report.poor(
            "model",
            "Only the small local model SmolLM2-135M answers: good for trying out, not for your "
            "members.",
        )
    elif status.ok:
        report.ok("model", status.sentence)
    else:
        report.wrong("model", status.sentence)
    for line in chosen:
        report.note("", line)


def _check_definitions(report: CheckReport, config: Config, directory: Path) -> None:
    """Look whether the engine would take the defined assistants, and has the one that answers."""
    wanted = config.assistants.assistant
    try:
        made = checked_definitions(config.assistants, default_model=config.models.model)
        if wanted and wanted not in made | assistants_in(directory / "engine.db", BOT_PROJECT):
            raise no_such_assistant(wanted)
    except (ConfigError, StoreError) as error:
        report.wrong("assistant", str(error))
    else:
        report.ok("assistant", f"{wanted or ', '.join(sorted(made))} can answer")


async def _check_server(
    report: CheckReport, config: Config, environment: Mapping[str, str]
) -> None:
    """Look whether the API could be served as it is configured, by listening for a moment."""
    settings = config.server

    def nobody(project: str) -> AssistantsAPI:
        raise APIError(503, f"{project} is not served: this is only a check.")

    try:
        require_own_engine(config)
        keys = server_keys(environment)
        if not settings.enabled:
            return
        server = Server(nobody, keys=keys, host=settings.host, port=settings.port)
        await server.start()
        await server.stop()
    except (StartError, ServerError) as error:
        report.wrong("server", str(error))
    else:
        report.ok("server", f"can listen on {settings.host}:{settings.port}")


async def _check_assistants(
    report: CheckReport, config: Config, environment: Mapping[str, str]
) -> None:
    settings = config.assistants
    try:
        key = secret(environment, "assistants", settings.api_key_env)
    except StartError as error:
        report.wrong("assistants", str(error))
        return
    async with Client(settings.url, key) as client:
        try:
            await client.list_assistants(Page(limit=1))
            report.ok("assistants", f"{settings.url} answers")
            made = checked_definitions(settings, default_model=config.models.model)
            if settings.assistant not in ("", *made):
                found = await existing_assistant(client, settings.assistant)
                report.ok("assistant", f"{found.name or found.id} is there")
        except APIError as error:
            report.wrong("assistants", f"{settings.url}: {error.message}")
        except ConfigError as error:
            report.wrong("assistant", str(error))
