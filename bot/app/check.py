"""What must be right before the bot runs: one line each, ok or what to do."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bot.app.assistant_definitions import existing_assistant
from bot.app.container import StartError, chosen_model, secret
from bot.assistants.errors import APIError
from bot.assistants.schema.requests import Page
from bot.chat.transport.login import LoginError, look_up
from bot.client import Client
from bot.config import Config, ConfigError
from bot.store.database import FileLock, StoreError

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
    _check_directory(report, Path(config.storage.directory))
    await _check_discord(report, config, environment)
    if config.assistants.url == "embedded":
        await _check_model(report, config, environment)
    else:
        await _check_assistants(report, config, environment)
    return report.well


def _check_directory(report: CheckReport, directory: Path) -> None:
    names = ("bot.db", "engine.db")
    try:
        for name in names:
            FileLock.take(directory / name).release()
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
    if status.ok:
        report.ok("model", status.sentence)
    else:
        report.wrong("model", status.sentence)
    for line in chosen:
        report.note("", line)


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
            if settings.assistant not in ("", *(section.name for section in settings.define)):
                found = await existing_assistant(client, settings.assistant)
                report.ok("assistant", f"{found.name or found.id} is there")
        except APIError as error:
            report.wrong("assistants", f"{settings.url}: {error.message}")
        except ConfigError as error:
            report.wrong("assistant", str(error))
