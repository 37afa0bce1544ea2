"""Configurations and error lines for tests that run the program."""

from pathlib import Path

from bot.sandbox import Sandbox
from tests.support.model_endpoint import ScriptedModel
from tests.support.program import Program


def written_config(
    directory: Path, model: ScriptedModel, sandbox: Sandbox | None = None, more: str = ""
) -> str:
    """Write a configuration for a scripted model, and a sandbox, and return its path."""
    discord = (
        f'[discord]\napi_url = "{sandbox.api_url}"\ngateway_url = "{sandbox.gateway_url}"\n'
        if sandbox
        else "[discord]\n"
    )
    path = directory / "config.toml"
    path.write_text(
        f'{discord}name_threads = "question"\n'
        f'[models]\nendpoint = "chat"\nurl = "{model.url}"\nmodel = "scripted-model"\n'
        f'[storage]\ndirectory = "data"\n{more}'
    )
    return str(path)


def one_line(ran: Program) -> str:
    """Return the one line that a refused start must be, beside what a busy machine adds."""
    added = ("Model: ", "The event loop was ")
    lines = [line for line in ran.log if not any(each in line for each in added)]
    assert len(lines) == 1, ran.errors
    assert "Traceback" not in ran.errors
    return lines[0]
