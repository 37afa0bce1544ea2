"""The ``check`` command: one line for each requirement, with the fix for each problem."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bot.app import StartError
from bot.app.assistant_definitions import checked_definitions, existing_assistant, no_such_assistant
from bot.app.check.report import CheckReport
from bot.app.check.trial import Trial
from bot.app.container import require_own_engine
from bot.app.keys import BOT_PROJECT, secret, server_keys
from bot.app.model_endpoints import chosen_model, model_settings, transcription_endpoint
from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.schema.requests import Page
from bot.chat.transport.login import LoginError
from bot.chat.transport.setup_session import BotProfile, SetupSession
from bot.client import Client
from bot.config import Config, ConfigError, DiscordSettings
from bot.models.factory import alternatives
from bot.models.local.model import LocalModel
from bot.runtime.clock import SystemClock
from bot.server import Server, ServerError
from bot.store.database import FileLock, StoreError, inspect
from bot.store.engine import assistants_in
from bot.store.engine.schema import MIGRATIONS as ENGINE_MIGRATIONS
from bot.store.ledger.schema.migrations import MIGRATIONS as LEDGER_MIGRATIONS

_MOST_UNREVIEWED: Final = 10_000
"""From this number of people on, a bot needs Discord's approval of its Message Content intent."""

_MANY_PEOPLE: Final = 8_000
"""From this number of people on, ``check`` warns: Discord takes time to approve an intent."""


async def run_check(
    load: Callable[[], Config],
    environment: Mapping[str, str],
    *,
    say: Callable[[str], None],
    trial: Trial | None = None,
) -> bool:
    """Run all checks, print a line for each with ``say``, and return whether all passed.

    ``trial`` also asks the model a question and writes a message on Discord.
    """
    report = CheckReport(say)
    try:
        config = load()
    except ConfigError as error:
        report.failed("config", str(error))
        return False
    report.ok("config", "is valid")
    directory = Path(config.storage.directory)
    _check_directory(report, directory)
    await _check_discord(report, config, environment)
    if config.assistants.url == "embedded":
        await _check_model(report, config, environment)
        _check_definitions(report, config, directory)
    else:
        await _check_assistants(report, config, environment)
    _check_transcription(report, config, environment)
    await _check_server(report, config, environment)
    if trial is not None:
        await trial.run(report, config, environment)
    return report.passed


def _check_directory(report: CheckReport, directory: Path) -> None:
    databases = {"bot.db": LEDGER_MIGRATIONS, "engine.db": ENGINE_MIGRATIONS}
    with report.failing("data", StoreError):
        for name, migrations in databases.items():
            FileLock.take(directory / name).release()
            inspect(directory / name, migrations)
        report.ok("data", f"{directory} can be written")


async def _check_discord(
    report: CheckReport, config: Config, environment: Mapping[str, str]
) -> None:
    token = environment.get("DISCORD_TOKEN", "").strip()
    if not token:
        report.failed(
            "token",
            "DISCORD_TOKEN is not set. `python -m bot init` asks for the token of Discord's "
            "developer portal and saves it.",
        )
        return
    with report.failing("token", LoginError):
        async with SetupSession.open(token, config.discord.api_url) as session:
            login = await session.profile(config.discord)
        report.ok("token", f"Discord accepts it; the bot is {login.name}")
        _check_intent(report, config.discord, login)
        if login.guilds:
            report.ok("invite", f"the bot is on {login.guilds} server(s); link for another:")
        else:
            report.failed("invite", "The bot is on no server. Open this link to add it to yours:")
        report.note("", login.invite_url)


def _check_intent(report: CheckReport, settings: DiscordSettings, login: BotProfile) -> None:
    """Check the Message Content intent, and whether the bot needs Discord's approval of it soon."""
    if not settings.message_content:
        report.ok(
            "intent",
            "no Message Content intent is needed ([discord] message_content = false): the bot "
            "reads mentions, direct messages, commands and forms",
        )
        if settings.context_messages:
            report.warn(
                "context",
                "[discord] context_messages needs the Message Content intent: Discord sends the "
                "messages of others without their text. Set it to 0, or switch the intent on.",
            )
    elif login.reads_messages:
        report.ok("intent", "the Message Content intent is on")
    else:
        report.failed(
            "intent",
            "The Message Content intent is off. Switch it on: developer portal, your application, "
            "Bot, Privileged Gateway Intents. Or set [discord] message_content = false.",
        )
    reachable = f"the bot reaches about {login.reachable:,} people"
    if settings.message_content and not login.is_approved and login.reachable >= _MANY_PEOPLE:
        report.warn(
            "members",
            f"{reachable}. From {_MOST_UNREVIEWED:,} on, Discord grants the Message Content intent "
            "only to bots that it has approved. Apply in the developer portal, or set [discord] "
            "message_content = false.",
        )
    else:
        report.ok("members", reachable)


async def _check_model(report: CheckReport, config: Config, environment: Mapping[str, str]) -> None:
    chosen: list[str] = []
    try:
        model = await chosen_model(config, environment, chosen.append, sys.stderr)
    except StartError as error:
        report.failed("model", str(error))
        return
    try:
        status = await model.check()
    finally:
        await model.close()
    if status.ok and isinstance(model, LocalModel) and model.is_stopgap:
        report.warn(
            "model",
            "Only the small local model SmolLM2-135M answers. It is fine for a trial, but not good "
            "enough for members.",
        )
    elif status.ok:
        report.ok("model", status.sentence)
        _check_prices(report, config)
    else:
        report.failed("model", status.sentence)
    for line in chosen:
        report.note("", line)
    if others := await alternatives(model_settings(config, environment)):
        report.note("", f"Also found: {', '.join(others)}.")


def _check_prices(report: CheckReport, config: Config) -> None:
    """Warn of configured models without a price: their cost is unknown."""
    prices = config.prices.models
    named = [config.models.model, *(each.model for each in config.assistants.define)]
    unknown = sorted({model for model in named if model and model not in prices})
    if prices and unknown:
        report.warn(
            "prices",
            f"{', '.join(unknown)}: no price in [prices.models]. The use counts in tokens alone, "
            "and limits of money do not hold.",
        )
    elif prices:
        report.ok("prices", f"{len(prices)} model(s) have a price in {config.prices.currency}")
    else:
        report.note("prices", "none in [prices.models]: use counts in tokens alone")


def _check_transcription(
    report: CheckReport, config: Config, environment: Mapping[str, str]
) -> None:
    """Check only the settings: each request to the endpoint would need audio."""
    settings = config.models.transcription
    if not settings.url:
        return
    with report.failing("audio", StartError):
        transcription_endpoint(config, environment, SystemClock())
        report.ok("audio", f"{settings.model} at {settings.url} is configured to transcribe")


def _check_definitions(report: CheckReport, config: Config, directory: Path) -> None:
    """Check that the engine accepts the defined assistants and has the one that answers."""
    wanted = config.assistants.assistant
    with report.failing("assistant", ConfigError, StoreError):
        made = checked_definitions(config)
        if wanted and wanted not in made | assistants_in(directory / "engine.db", BOT_PROJECT):
            raise no_such_assistant(wanted)
        report.ok("assistant", f"{wanted or ', '.join(sorted(made))} can answer")


async def _check_server(
    report: CheckReport, config: Config, environment: Mapping[str, str]
) -> None:
    """Check the server's settings by listening for a moment."""
    settings = config.server

    def no_project(project: str) -> AssistantsAPI:
        raise APIError(503, f"{project} is not available during a check.")

    with report.failing("server", StartError, ServerError):
        require_own_engine(config)
        keys = server_keys(environment)
        if not settings.enabled:
            return
        server = Server(no_project, keys=keys, host=settings.host, port=settings.port)
        await server.start()
        await server.stop()
        report.ok("server", f"can listen on {settings.host}:{settings.port}")


async def _check_assistants(
    report: CheckReport, config: Config, environment: Mapping[str, str]
) -> None:
    settings = config.assistants
    with report.failing("assistants", StartError):
        key = secret(environment, "assistants", settings.api_key_env)
        async with Client(settings.url, key) as client:
            try:
                await client.list_assistants(Page(limit=1))
                report.ok("assistants", f"{settings.url} answers")
                made = checked_definitions(config)
                if settings.assistant not in ("", *made):
                    found = await existing_assistant(client, settings.assistant)
                    report.ok("assistant", f"{found.name or found.id} exists")
            except APIError as error:
                report.failed("assistants", f"{settings.url}: {error.message}")
            except ConfigError as error:
                report.failed("assistant", str(error))
