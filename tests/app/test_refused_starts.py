"""Starts that are refused: one line says why, nothing is changed, the exit code is 2."""

import sqlite3
from pathlib import Path

import pytest

from bot.sandbox import Sandbox
from tests.app.programs import one_line, written_config
from tests.support.eventually import PATIENCE
from tests.support.model_endpoint import ScriptedModel
from tests.support.program import program


async def test_serve_without_keys_refuses_to_be_reached_from_elsewhere(
    tmp_path: Path, model: ScriptedModel
) -> None:
    config = written_config(tmp_path, model)
    async with program("serve", "--config", config, "--host", "0.0.0.0", "--port", "0") as ran:
        assert await ran.ended() == 2
    assert "keys" in one_line(ran)


async def test_a_port_that_is_taken_is_one_line(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    port = sandbox.url.rpartition(":")[2]
    config = written_config(tmp_path, model)
    for command in (("serve", "--port", port), ("demo", "--say", "x", "--port", port)):
        async with program(*command, "--config", config) as ran:
            assert await ran.ended() == 2
        assert "can't listen on" in one_line(ran)


async def test_run_without_a_token_says_what_to_do(tmp_path: Path, model: ScriptedModel) -> None:
    async with program("run", "--config", written_config(tmp_path, model)) as ran:
        assert await ran.ended() == 2
    assert "DISCORD_TOKEN is not set" in one_line(ran)


async def test_run_with_a_token_that_discord_refuses_says_so(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = written_config(tmp_path, model, sandbox)
    async with program(
        "run", "--config", config, environment={"DISCORD_TOKEN": "not.the.one"}
    ) as ran:
        assert await ran.ended() == 2
    assert "refuses DISCORD_TOKEN" in one_line(ran)
    assert "not.the.one" not in ran.output + ran.errors


async def test_run_without_the_privileged_intent_says_where_to_grant_it(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    sandbox.privileged_intents.discard("message_content")
    config = written_config(tmp_path, model, sandbox)
    async with program(
        "run", "--config", config, environment={"DISCORD_TOKEN": sandbox.token}
    ) as ran:
        assert await ran.ended() == 2
    assert "Message Content intent" in one_line(ran)


async def test_a_token_revoked_later_ends_the_bot_with_a_line(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = written_config(tmp_path, model, sandbox)
    async with program(
        "run", "--config", config, environment={"DISCORD_TOKEN": sandbox.token}
    ) as ran:
        await sandbox.bot_ready(timeout=PATIENCE)
        sandbox.troubles.revoke_token()
        assert await ran.ended() == 2
    assert "DISCORD_TOKEN" in ran.log[-1]
    assert "Traceback" not in ran.errors


async def test_a_wrong_configuration_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[discord]\nanswer_inn = "thread"\n')
    for command in ("run", "serve", "demo"):
        async with program(command, "--config", str(path)) as ran:
            assert await ran.ended() == 2
        assert "Unknown key: [discord] answer_inn. Did you mean answer_in?" in one_line(ran)


async def test_a_data_directory_held_by_another_process_is_one_line(
    tmp_path: Path, model: ScriptedModel
) -> None:
    config = written_config(tmp_path, model)
    async with program("serve", "--config", config, "--port", "0") as first:
        await first.until_line("The Assistants API is at ")
        async with program("serve", "--config", config, "--port", "0") as second:
            assert await second.ended() == 2
        assert f"held by another process (process {first.process.pid})" in one_line(second)
        assert await first.terminated() == 0


@pytest.mark.parametrize("name", ["bot.db", "engine.db"])
@pytest.mark.parametrize("kind", ["corrupt", "newer"])
async def test_a_database_that_cannot_be_used_is_one_line_and_stays_as_it_is(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox, name: str, kind: str
) -> None:
    config = written_config(tmp_path, model, sandbox)
    path = tmp_path / "data" / name
    path.parent.mkdir()
    if kind == "newer":
        database = sqlite3.connect(path)
        database.execute("PRAGMA user_version = 999")
        database.close()
    else:
        path.write_bytes(b"not a database " * 1000)
    before = path.read_bytes()
    async with program(
        "run", "--config", config, environment={"DISCORD_TOKEN": sandbox.token}
    ) as ran:
        assert await ran.ended() == 2
    wanted = "newer version" if kind == "newer" else "not a sound database"
    assert wanted in one_line(ran)
    assert path.read_bytes() == before


async def test_a_data_directory_that_cannot_be_written_is_one_line(
    tmp_path: Path, model: ScriptedModel
) -> None:
    (tmp_path / "data").write_text("a file in the way")
    async with program("serve", "--config", written_config(tmp_path, model), "--port", "0") as ran:
        assert await ran.ended() == 2
    assert "can't be written" in one_line(ran)
