"""The files of docs/deploy: their commands exist and do their work."""

import asyncio
import json
import os
import re
import shlex
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

from bot.__main__ import main
from tests.app.programs import written_config
from tests.support.model_endpoint import ScriptedModel
from tests.support.program import PROJECT, program

DEPLOY = PROJECT / "docs" / "deploy"
DOCKERFILE = (PROJECT / "Dockerfile").read_text("utf-8")
PAGE = (DEPLOY / "README.md").read_text("utf-8")


def unit(name: str) -> ConfigParser:
    """A unit file of systemd."""
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[method-assign,assignment] # systemd's keys have capitals
    parser.read_string((DEPLOY / name).read_text("utf-8"))
    return parser


def image_command(instruction: str) -> list[str]:
    """The arguments behind ``-m bot`` of an instruction of the Dockerfile in exec form."""
    found = re.search(
        rf"^(?:HEALTHCHECK .*)?{instruction} (\[.*\])", DOCKERFILE, flags=re.MULTILINE
    )
    assert found is not None, instruction
    words: list[str] = json.loads(found[1])
    assert words[1:3] == ["-m", "bot"]
    return words[3:]


def commands_in(text: str) -> list[list[str]]:
    """The arguments of each call of the program in a text."""
    calls = re.findall(r"-m bot ([^`'\n&|;]+)", text)
    return [shlex.split(call.strip().rstrip('"')) for call in calls]


@pytest.mark.parametrize(
    "path",
    [DEPLOY / "README.md", *sorted(DEPLOY.glob("*.service")), PROJECT / "docs" / "moving-in.md"],
    ids=lambda path: path.name,
)
def test_each_documented_call_of_the_program_is_one_that_it_takes(path: Path) -> None:
    text = path.read_text("utf-8").replace('"$(date +%F)"', "X").replace("`", "\n")
    calls = commands_in(re.sub(r'"[^"\n]*\$\([^)]*\)[^"\n]*"', "X", text))
    assert calls
    for call in calls:
        command = main.commands[call[0]]
        arguments = [
            word.replace("DIRECTORY", ".").replace("~/openai-export", ".") for word in call[1:]
        ]
        command.make_context(call[0], arguments, resilient_parsing=False)


async def test_the_health_check_of_the_image_follows_the_configured_port(
    tmp_path: Path, model: ScriptedModel
) -> None:
    port = await free_port()
    config = written_config(tmp_path, model, more=f'[server]\nhost = "127.0.0.1"\nport = {port}\n')
    words = [word.replace("/app/config.toml", config) for word in image_command("CMD")]
    assert words == ["health", "--config", config]
    async with program("serve", "--config", config) as serving:
        await serving.until_line("The Assistants API is at ")
        async with program(*words) as asked:
            assert await asked.ended() == 0, asked.errors
    async with program(*words) as asked:
        assert await asked.ended() == 2
    assert f"Nothing answers at 127.0.0.1:{port}" in asked.errors


async def free_port() -> int:
    """A port on which nothing listens."""
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


def test_the_container_writes_to_its_volume_and_tmp_alone() -> None:
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["bot"]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert (DEPLOY / service["build"]).resolve() == PROJECT
    mounts = [volume.split(":") for volume in service["volumes"]]
    assert ["data", "/app/data"] in mounts
    assert all(mount[2:] == ["ro"] for mount in mounts if mount[0] != "data")
    assert "VOLUME /app/data" in DOCKERFILE
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE) == ["debian:trixie-slim"] * 2
    assert "--require-hashes" in DOCKERFILE


async def test_the_scheduled_backup_makes_a_backup_and_deletes_old_ones(
    tmp_path: Path, model: ScriptedModel
) -> None:
    config = written_config(tmp_path, model)
    async with program("serve", "--config", config, "--port", "0") as serving:
        await serving.until_line("The Assistants API is at ")
        backups = tmp_path / "backups"
        backups.mkdir()
        (backups / "old").mkdir()
        os.utime(backups / "old", (1, 1))
        (backups / "young").mkdir()
        line = unit("assistants-bot-backup.service")["Service"]["ExecStart"].replace("%%", "%")
        line = line.replace(".venv/bin/python", sys.executable)
        line = line.replace("/etc/assistants-bot/config.toml", config)
        line = line.replace("/var/backups/assistants-bot", str(backups))
        process = await asyncio.create_subprocess_exec(*shlex.split(line), cwd=PROJECT)
        assert await process.wait() == 0
    made = sorted(path.name for path in backups.iterdir())
    assert len(made) == 2
    assert made[1] == "young"
    assert (backups / made[0] / "engine.db").exists()


def test_the_service_leaves_the_bot_its_time_to_stop_and_does_not_repeat_a_refusal() -> None:
    service = unit("assistants-bot.service")["Service"]
    assert int(service["TimeoutStopSec"]) > 5
    assert service["RestartPreventExitStatus"] == "2"
    assert service["User"] == "assistants-bot"
