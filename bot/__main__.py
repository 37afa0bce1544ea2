"""The command line; what a person can mend goes wrong in one line, with exit code 2."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
import msgspec

from bot import __version__
from bot.config import Config, ConfigError, load

DEFAULT_CONFIG: Final = "config.toml"
_OURS_ALONE: Final = 0o077  # what people write is for no other user of the machine to read
_INTERRUPTED: Final = 130  # what a shell says of a program that Ctrl-C ended

config_option: Final = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"The configuration file.  [default: {DEFAULT_CONFIG} if it is there]",
)
verbose_option: Final = click.option("--verbose", "-v", is_flag=True, help="Log what happens, too.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="assistants-bot")
def main() -> None:
    """A Discord bot on which every channel thread is an assistant's thread.

    It stands on an Assistants API (assistants, threads, messages, runs) of its own, which programs
    written for OpenAI's can use, too: they only change their base URL.

    \b
    Try it now, without any account:   python -m bot demo
    See what a real server needs:      python -m bot check
    """  # noqa: D301 - click takes a backspace character for "leave this paragraph as it is"


@main.command()
@config_option
@click.option("--serve/--no-serve", default=None, help="Also serve the Assistants API over HTTP.")
@verbose_option
def run(config_path: Path | None, serve: bool | None, verbose: bool) -> None:
    """Run the bot on Discord, until Ctrl-C or SIGTERM.

    The bot's token comes from DISCORD_TOKEN. What it was doing when it was stopped goes on when it
    is started again.
    """
    with _one_line_errors():
        from bot.app.lifecycle import run_bot, until_signalled

        _log_to_stderr(verbose=verbose, level=logging.INFO)
        config = _config(config_path)
        if serve is not None:
            server = msgspec.structs.replace(config.server, enabled=serve)
            config = msgspec.structs.replace(config, server=server)
        until_signalled(run_bot(config, os.environ, say=_say, terminal=sys.stderr))


@main.command()
@config_option
@click.option("--host", help="The address to listen on.  [default: [server] host, 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="The port to listen on; 0 takes a free one.  [default: [server] port, 8765]",
)
@verbose_option
def serve(config_path: Path | None, host: str | None, port: int | None, verbose: bool) -> None:
    """Serve the Assistants API at /v1, without a bot.

    Point a program at the printed URL (base_url in OpenAI's libraries). Keys come from
    ASSISTANTS_API_KEYS ("project=key,…") or from the file that ASSISTANTS_API_KEYS_FILE names;
    without any, only this machine is answered.
    """
    with _one_line_errors():
        from bot.app.lifecycle import run_server, until_signalled

        _log_to_stderr(verbose=verbose, level=logging.INFO)
        config = _config(config_path)
        server = msgspec.structs.replace(
            config.server,
            host=config.server.host if host is None else host,
            port=config.server.port if port is None else port,
        )
        config = msgspec.structs.replace(config, server=server)
        until_signalled(run_server(config, os.environ, say=_say, terminal=sys.stderr))


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
    """Show everything on this machine, with no account.

    A Discord of its own on loopback, the bot, the engine, and a model: the one that [models] names,
    else the best that is here. A small local one (95 MB) is downloaded where there is none.

    With --say the question is asked, what the channel shows is printed as it changes, and the exit
    code is 0 when the answer stands, 1 when not. Without it you are asked for questions.
    """
    with _one_line_errors():
        from bot.app.container import StartError
        from bot.app.demo import run_demo
        from bot.app.lifecycle import until_signalled

        _log_to_stderr(verbose=verbose, level=logging.ERROR)
        if say is not None and not say.strip():
            raise StartError(
                'There is no question after --say. Write one (--say "Why is the sky blue?"), or '
                "leave --say out and be asked for questions."
            )
        outcome = run_demo(
            _config(config_path), os.environ, port=port, question=say, terminal=sys.stderr
        )
        code = until_signalled(outcome)
        sys.exit(_INTERRUPTED if code is None else code)


@main.command()
@config_option
@verbose_option
def check(config_path: Path | None, verbose: bool) -> None:
    """Check each thing that must be right before the bot runs, and say what to do.

    The exit code is 0 when everything is, 2 when something is not.
    """
    with _one_line_errors():
        import asyncio

        from bot.app.check import run_check

        _log_to_stderr(verbose=verbose, level=logging.CRITICAL)
        load_config: Callable[[], Config] = lambda: _config(config_path)  # noqa: E731 - its errors are a line of the report
        sys.exit(0 if asyncio.run(run_check(load_config, os.environ, say=_say)) else 2)


@main.command()
@config_option
@click.argument("directory", type=click.Path(path_type=Path))
def backup(config_path: Path | None, directory: Path) -> None:
    """Copy everything that is kept into DIRECTORY, also while the bot runs.

    Both databases and the uploaded files, consistent with each other's rows. To restore, stop the
    bot and put the copy in the place of the [storage] directory.
    """
    with _one_line_errors():
        import asyncio

        from bot.app.backup import backup as copy

        asyncio.run(copy(_config(config_path), directory))
        _say(f"Backed up to {directory}.")


def _config(path: Path | None) -> Config:
    if path is not None or Path(DEFAULT_CONFIG).exists():
        return load(path or Path(DEFAULT_CONFIG))
    return Config()


def _in_one_line(record: logging.LogRecord) -> bool:
    """Put an exception's reason in place of its trace."""
    if record.exc_info and record.exc_info[1] is not None:
        record.msg = f"{record.getMessage()}: {record.exc_info[1]}"
        record.args, record.exc_info = (), None
    return True


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


def _log_to_stderr(*, verbose: bool, level: int) -> None:
    from bot.app.log_format import LogFormatter

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter())
    logging.basicConfig(level=logging.INFO if verbose else level, handlers=[handler])
    if not verbose:
        # The library's own notes on connecting and retrying are for those who ask for them.
        logging.getLogger("discord").setLevel(max(level, logging.WARNING))
        # This one warns at every start that there is no voice, which the bot does not need.
        logging.getLogger("discord.client").setLevel(max(level, logging.ERROR))
        # … and traces forty lines of itself at every attempt to reconnect.
        logging.getLogger("discord.client").addFilter(_in_one_line)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Tell what a person can mend in one line, with exit code 2; the rest keeps its trace."""
    os.umask(_OURS_ALONE)
    # Late: `--help` answers at once, and these bring all of the program with them.
    from bot.app.container import StartError
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
        click.echo(f"assistants-bot: {' '.join(str(error).split())}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
