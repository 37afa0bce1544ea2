"""The command line. Errors that the operator can fix take one line and exit code 2."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import click
import msgspec

from bot import __version__
from bot.config import Config, ConfigError, load

LogFormat = Literal["auto", "text", "json"]

DEFAULT_CONFIG: Final = "config.toml"
_PRIVATE_UMASK: Final = 0o077  # other users of the machine must not read members' messages
_INTERRUPTED: Final = 130  # the shell's exit code for a program that Ctrl-C ended

config_option: Final = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"The configuration file.  [default: {DEFAULT_CONFIG}, if that file exists]",
)
verbose_option: Final = click.option("--verbose", "-v", is_flag=True, help="Log more details.")
log_option: Final = click.option(
    "--log-format",
    type=click.Choice(["auto", "text", "json"]),
    default="auto",
    envvar="LOG_FORMAT",
    show_envvar=True,
    help="Log readable lines or JSON.  [default: text on a terminal, else json]",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="assistants-bot")
def main() -> None:
    """Run a Discord bot in which every channel thread is a thread of the Assistants API.

    The bot has its own Assistants API (assistants, threads, messages, runs). Programs for OpenAI's
    Assistants API can use it, too: they only change their base URL.

    \b
    Try the bot without an account:       python -m bot demo
    Set it up on a real server:           python -m bot init
    Check what a real server still needs: python -m bot check
    """  # noqa: D301 - click takes a backspace character for "leave this paragraph as it is"


@main.command()
@config_option
@click.option("--serve/--no-serve", default=None, help="Also serve the Assistants API over HTTP.")
@verbose_option
@log_option
def run(config_path: Path | None, serve: bool | None, verbose: bool, log_format: LogFormat) -> None:
    """Run the bot on Discord, until Ctrl-C or SIGTERM.

    The environment variable DISCORD_TOKEN holds the bot's token. Unfinished answers continue at
    the next start.
    """
    with _one_line_errors():
        from bot.app.lifecycle import run_bot, until_signalled

        _log_to_stderr(verbose=verbose, level=logging.INFO, form=log_format)
        config = _config(config_path)
        if serve is not None:
            server = msgspec.structs.replace(config.server, enabled=serve)
            config = msgspec.structs.replace(config, server=server)
        program = run_bot(
            config,
            _environment(config_path),
            say=_say,
            terminal=sys.stderr,
            reload=lambda: _config(config_path),
        )
        until_signalled(program)


@main.command()
@config_option
@click.option("--host", help="The address to listen on.  [default: [server] host, 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="The port to listen on; 0 takes a free one.  [default: [server] port, 8765]",
)
@verbose_option
@log_option
def serve(
    config_path: Path | None,
    host: str | None,
    port: int | None,
    verbose: bool,
    log_format: LogFormat,
) -> None:
    """Serve the Assistants API at /v1, without a bot.

    Give the printed URL to a program as its base URL (base_url in OpenAI's libraries). API keys
    come from ASSISTANTS_API_KEYS ("project=key,…") or from the file that ASSISTANTS_API_KEYS_FILE
    names. Without keys, the server answers this machine only.
    """
    with _one_line_errors():
        from bot.app.lifecycle import run_server, until_signalled

        _log_to_stderr(verbose=verbose, level=logging.INFO, form=log_format)
        config = _config(config_path)
        server = msgspec.structs.replace(
            config.server,
            host=config.server.host if host is None else host,
            port=config.server.port if port is None else port,
        )
        config = msgspec.structs.replace(config, server=server)
        until_signalled(
            run_server(config, _environment(config_path), say=_say, terminal=sys.stderr)
        )


@main.command()
@config_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="The sandbox's port; 0 takes a free one.  [default: 0]",
)
@click.option("--say", metavar="TEXT", help="Ask this one question and exit.")
@verbose_option
def demo(config_path: Path | None, port: int, say: str | None, verbose: bool) -> None:
    """Show the bot on this machine, without an account.

    The demo runs a sandbox Discord on loopback and the bot, and prints the address of a page that
    shows both. The answers are scripted, unless [models] names a model; on the page you can choose
    a real one: your own, or a small local one (98 MB).

    With --say the demo asks one question and prints each change of the channel. It uses the model
    of [models], else the best available one, else the small local one. The exit code is 0 for an
    answer, 1 for a failure. Without --say the demo also reads questions from the terminal.
    """
    with _one_line_errors():
        from bot.app import StartError
        from bot.app.demo.demo import run_demo
        from bot.app.lifecycle import until_signalled

        _log_to_stderr(verbose=verbose, level=logging.ERROR)
        if say is not None and not say.strip():
            raise StartError(
                'There is no question after --say. Write one (--say "Why is the sky blue?"), or '
                "leave --say out to type questions."
            )
        outcome = run_demo(
            _config(config_path),
            _environment(config_path),
            port=port,
            question=say,
            terminal=sys.stderr,
        )
        code = until_signalled(outcome)
        sys.exit(_INTERRUPTED if code is None else code)


@main.command("demo-bot", hidden=True)
@verbose_option
def demo_bot(verbose: bool) -> None:
    """Run the bot of the demo. The demo starts this command; it is of no use otherwise."""
    with _one_line_errors(to_stderr=False):
        from bot.app.demo.bot_process import run_ordered_bot
        from bot.app.lifecycle import until_signalled

        _log_to_stderr(verbose=verbose, level=logging.ERROR)
        until_signalled(run_ordered_bot(os.environ, say=_say, terminal=sys.stderr))


@main.command()
@config_option
def init(config_path: Path | None) -> None:
    """Set the bot up on a real server, question by question.

    It asks for the bot's token and the model, checks both, writes config.toml and .env, prints the
    link that invites the bot, waits until the bot joins, and says hello in a channel. Each answer
    is saved once it was checked; another run goes on from there.
    """
    with _one_line_errors():
        from bot.app.setup.init import Init

        _log_to_stderr(verbose=False, level=logging.CRITICAL)
        try:
            Init(config_path or Path(DEFAULT_CONFIG), os.environ).run()
        except KeyboardInterrupt:
            click.echo("\nStopped. Run the same command again to go on.", err=True)
            sys.exit(_INTERRUPTED)


@main.command()
@config_option
@click.option("--deep", is_flag=True, help="Also ask one question and write one message.")
@click.option(
    "--channel",
    type=click.IntRange(1),
    metavar="ID",
    help="The channel for --deep.  [default: [discord] alert_channel]",
)
@verbose_option
def check(config_path: Path | None, deep: bool, channel: int | None, verbose: bool) -> None:
    """Check everything that the bot needs, and explain how to fix each problem.

    With --deep the model also answers one question, which may cost a fraction of a cent, and the
    bot posts, edits and deletes one message in a channel.

    The exit code is 0 without a problem, 2 with one.
    """
    with _one_line_errors():
        import asyncio

        from bot.app.check.check import run_check
        from bot.app.check.trial import Trial

        _log_to_stderr(verbose=verbose, level=logging.CRITICAL)
        checking = run_check(
            lambda: _config(config_path),
            _environment(config_path),
            say=_say,
            trial=Trial(channel or 0) if deep or channel else None,
        )
        passed = asyncio.run(checking)
        sys.exit(0 if passed else 2)


@main.command()
@config_option
def health(config_path: Path | None) -> None:
    """Ask the running bot or server whether it lives, at [server] host and port.

    The exit code is 0 if it answers, 2 if not. Container engines call this command.
    """
    with _one_line_errors():
        from bot.app.health import require_health

        require_health(_config(config_path))
        _say("ok")


@main.command()
@config_option
@click.argument("directory", type=click.Path(path_type=Path))
def backup(config_path: Path | None, directory: Path) -> None:
    """Copy all data into DIRECTORY, even while the bot runs.

    The backup holds both databases and the uploaded files in a consistent state. To restore it,
    stop the bot and replace the [storage] directory by the copy.
    """
    with _one_line_errors():
        import asyncio

        from bot.app.backup import backup as copy

        asyncio.run(copy(_config(config_path), directory))
        _say(f"Backed up to {directory}.")


@main.command("import")
@config_option
@click.option(
    "--project", metavar="NAME", help="The project to import into.  [default: the bot's project]"
)
@click.argument("directory", type=click.Path(path_type=Path, exists=True, file_okay=False))
def import_(config_path: Path | None, project: str | None, directory: Path) -> None:
    """Import assistants, threads, messages and runs from DIRECTORY, with their ids.

    DIRECTORY holds an export of OpenAI's Assistants API, or raw objects of the API as JSON. Objects
    that are there already stay as they are, so that an import can be repeated. If the bot or the
    server runs, the import goes through its API.

    The exit code is 0 if every object was imported, 1 if some were not; the report names them.
    """
    with _one_line_errors():
        import asyncio

        from bot.app.imports.importer import run_import
        from bot.app.keys import BOT_PROJECT

        importing = run_import(
            _config(config_path),
            _environment(config_path),
            directory,
            project=project or BOT_PROJECT,
            say=_say,
        )
        sys.exit(0 if asyncio.run(importing) else 1)


@main.command()
@config_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="One JSON object a line, or CSV.",
)
def feedback(config_path: Path | None, form: Literal["jsonl", "csv"]) -> None:
    """Print the votes on answers, even while the bot runs.

    Each record has the question, the answer, the vote ("up" for 👍, "down" for 👎) and the reason.
    """
    with _one_line_errors():
        from bot.app.feedback import feedback_lines

        for line in feedback_lines(_config(config_path), form):
            _say(line)


def _config(path: Path | None) -> Config:
    if path is not None or Path(DEFAULT_CONFIG).exists():
        return load(path or Path(DEFAULT_CONFIG))
    return Config()


def _environment(config_path: Path | None) -> dict[str, str]:
    """Return the environment with the secrets of .env beside the configuration file."""
    from bot.app.setup.env_file import with_env_file

    return with_env_file((config_path or Path(DEFAULT_CONFIG)).resolve().parent, os.environ)


def _without_trace(record: logging.LogRecord) -> bool:
    """Filter a log record: an exception's message takes the place of the stack trace."""
    if record.exc_info and record.exc_info[1] is not None:
        record.msg = f"{record.getMessage()}: {record.exc_info[1]}"
        record.args, record.exc_info = (), None
    return True


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


def _log_to_stderr(*, verbose: bool, level: int, form: LogFormat = "text") -> None:
    from bot.app.log_format import JsonFormatter, LogFormatter

    handler = logging.StreamHandler(sys.stderr)
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    handler.setFormatter(JsonFormatter() if as_json else LogFormatter())
    logging.basicConfig(level=logging.INFO if verbose else level, handlers=[handler])
    if not verbose:
        # discord.py logs each connection and each retry, which most operators do not need.
        logging.getLogger("discord").setLevel(max(level, logging.WARNING))
        # discord.client warns at every start that voice support is missing. The bot needs none.
        logging.getLogger("discord.client").setLevel(max(level, logging.ERROR))
        # discord.client logs a stack trace of forty lines at every attempt to reconnect.
        logging.getLogger("discord.client").addFilter(_without_trace)


@contextmanager
def _one_line_errors(*, to_stderr: bool = True) -> Iterator[None]:
    """Print errors that the operator can fix in one line and exit with code 2."""
    os.umask(_PRIVATE_UMASK)
    # Imported late, because these modules import the whole program: `--help` must stay fast.
    from bot.app import StartError
    from bot.assistants.errors import APIError
    from bot.chat.transport.login import LoginError
    from bot.models.types import ModelError
    from bot.server import ServerError
    from bot.store.database import StoreError

    try:
        yield
    except (
        ConfigError,
        StartError,
        StoreError,
        ServerError,
        LoginError,
        ModelError,
        APIError,
    ) as error:
        click.echo(f"assistants-bot: {' '.join(str(error).split())}", err=to_stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
