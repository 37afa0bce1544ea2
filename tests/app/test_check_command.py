"""The command check: one line for each requirement, with the fix for each problem."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.app.check.check import run_check
from bot.app.check.trial import Trial
from bot.assistants.schema.requests import CreateAssistant
from bot.client import Client
from bot.config import load
from bot.sandbox import Permission, Sandbox
from tests.app.programs import one_line, written_config
from tests.support.assistants import house
from tests.support.databases import execute
from tests.support.model_endpoint import ScriptedModel, turns
from tests.support.program import measured_program as program


async def test_check_has_a_line_for_each_thing_and_what_to_do(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = written_config(tmp_path, model, sandbox)
    async with program(
        "check", "--config", config, environment={"DISCORD_TOKEN": sandbox.token}
    ) as ran:
        assert await ran.ended() == 0, ran.output
    for what in ("config", "data", "token", "intent", "members", "invite", "model"):
        assert any(line.startswith(f"ok  {what}") for line in ran.lines), (what, ran.output)
    assert f"client_id={sandbox.application_id}" in ran.output
    assert "permissions=" in ran.output

    sandbox.privileged_intents.discard("message_content")
    await model.stop()
    async with program(
        "check", "--config", config, environment={"DISCORD_TOKEN": sandbox.token}
    ) as ran:
        assert await ran.ended() == 2
    for what in ("intent", "model"):
        assert any(line.startswith(f"!!  {what}") for line in ran.lines), (what, ran.output)

    async with program("check", "--config", config) as ran:
        assert await ran.ended() == 2
    assert any(line.startswith("!!  token") for line in ran.lines)
    assert "Traceback" not in ran.errors


async def checked(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox, more: str = "", **discord: Any
) -> dict[str, str]:
    """Run the checks in this process; return the mark and text of each subject's last line."""
    config = load(Path(written_config(tmp_path, model, sandbox, more)))
    config = replace(config, discord=replace(config.discord, **discord))
    lines: list[str] = []
    await run_check(lambda: config, {"DISCORD_TOKEN": sandbox.token}, say=lines.append)
    return {line[4:15].strip(): f"{line[:2]} {line[16:]}" for line in lines}


async def test_check_counts_the_people_that_the_bot_reaches_and_warns_near_the_review(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    shown = await checked(tmp_path, model, sandbox)
    assert shown["members"] == "ok the bot reaches about 4 people"
    members = sandbox.guild.state.members
    members |= dict.fromkeys(range(1, 8_000), members[sandbox.admin.id])
    shown = await checked(tmp_path, model, sandbox)
    assert shown["members"].startswith("?? the bot reaches about 8,003 people. From 10,000 on")
    assert shown["intent"].startswith("ok")
    sandbox.privileged_intents.discard("message_content")
    shown = await checked(tmp_path, model, sandbox, message_content=False, context_messages=5)
    assert shown["members"] == "ok the bot reaches about 8,003 people"
    assert shown["intent"].startswith("ok no Message Content intent is needed")
    assert shown["context"].startswith("?? [discord] context_messages needs")


async def test_check_tells_that_the_bot_is_on_no_server(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    sandbox.troubles.remove_bot()
    shown = await checked(tmp_path, model, sandbox)
    assert shown["invite"].startswith("!! The bot is on no server.")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("", "ok whisper-1 at http://127.0.0.1:9/v1 is configured to transcribe"),
        ('api_key_env = "NOWHERE"', "!! [models.transcription] api_key_env names NOWHERE"),
    ],
)
async def test_check_looks_at_the_settings_of_transcription(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox, more: str, told: str
) -> None:
    section = f'[models.transcription]\nurl = "http://127.0.0.1:9/v1"\n{more}\n'
    assert (await checked(tmp_path, model, sandbox, section))["audio"].startswith(told)


PRICED = '[prices]\ncurrency = "EUR"\n[prices.models."scripted-model"]\ninput = 1\noutput = 2\n'

UNPRICED = PRICED + '[[assistants.define]]\nname = "A"\nmodel = "other"\n'


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("", "   none in [prices.models]: use counts in tokens alone"),
        (PRICED, "ok 1 model(s) have a price in EUR"),
        (UNPRICED, "?? other: no price in [prices.models]. The use counts in tokens alone,"),
    ],
)
async def test_check_tells_which_models_count_in_tokens_alone(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox, more: str, told: str
) -> None:
    shown = await checked(tmp_path, model, sandbox, more)
    assert shown["prices"].startswith(told)


TOOL = '[[assistants.define]]\nname = "A"\ntools = [{ type = "browser" }]\n'


ABSENT = '[assistants]\nassistant = "Nobody"\n'


OPEN_TO_ALL = '[server]\nenabled = true\nhost = "0.0.0.0"\nport = 0\n'


ELSEWHERE = '[assistants]\nurl = "http://127.0.0.1:9/v1"\n[server]\nenabled = true\n'


@pytest.mark.parametrize(
    ("more", "environment", "what"),
    [
        (TOOL, {}, "assistant"),
        (ABSENT, {}, "assistant"),
        (TOOL.replace("browser", "function"), {}, "assistant"),
        ('[[assistants.define]]\nname = "A"\ntemperature = 9.0\n', {}, "config"),
        (OPEN_TO_ALL, {}, "server"),
        (OPEN_TO_ALL, {"ASSISTANTS_API_KEYS": "a=,b"}, "server"),
        (ELSEWHERE, {}, "server"),
    ],
)
async def test_check_finds_what_run_refuses(
    tmp_path: Path,
    model: ScriptedModel,
    sandbox: Sandbox,
    more: str,
    environment: dict[str, str],
    what: str,
) -> None:
    config = written_config(tmp_path, model, sandbox, more)
    environment = {"DISCORD_TOKEN": sandbox.token, **environment}
    async with program("run", "--config", config, environment=environment) as ran:
        assert await ran.ended() == 2
        reason = one_line(ran).removeprefix("assistants-bot: ")
    async with program("check", "--config", config, environment=environment) as ran:
        assert await ran.ended() == 2
    wrong = [line for line in ran.lines if line.startswith(f"!!  {what} ")]
    assert [line[16:] for line in wrong] == [reason], ran.output
    assert "Traceback" not in ran.errors


async def test_check_knows_the_assistants_that_exist_also_while_the_bot_runs(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = written_config(tmp_path, model, sandbox, '[assistants]\nassistant = "kept"\n')
    environment = {"DISCORD_TOKEN": sandbox.token}
    async with program("serve", "--config", config, "--port", "0") as ran:
        url = (await ran.until_line("The Assistants API is at ")).split()[5].rstrip(".")
        async with Client(url) as client:
            await client.create_assistant(CreateAssistant(model="x", name="kept"))
        async with program("check", "--config", config, environment=environment) as checking:
            assert await checking.ended() == 2
        assert "ok  assistant   kept can answer" in checking.lines
        assert "held by another process" in checking.output
        assert await ran.terminated() == 0
    async with program("check", "--config", config, environment=environment) as checking:
        assert await checking.ended() == 0, checking.output


@pytest.mark.parametrize("name", ["bot.db", "engine.db"])
async def test_check_finds_a_database_that_run_would_refuse(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox, name: str
) -> None:
    config = written_config(tmp_path, model, sandbox)
    path = tmp_path / "data" / name
    path.parent.mkdir()
    path.write_bytes(b"not a database " * 1000)
    environment = {"DISCORD_TOKEN": sandbox.token}
    async with program("check", "--config", config, environment=environment) as ran:
        assert await ran.ended() == 2
    assert any(line.startswith("!!  data ") and str(path) in line for line in ran.lines)
    assert path.read_bytes() == b"not a database " * 1000


async def test_check_says_plainly_when_only_the_small_model_answers(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        f'[discord]\napi_url = "{sandbox.api_url}"\ngateway_url = "{sandbox.gateway_url}"\n'
        '[models]\nendpoint = "local"\n[storage]\ndirectory = "data"\n'
    )
    environment = {"DISCORD_TOKEN": sandbox.token}
    async with program("check", "--config", str(path), environment=environment) as ran:
        assert await ran.ended() == 0, ran.output
    assert any(line.startswith("??  model       Only the small local model") for line in ran.lines)


async def tried(
    config: str, sandbox: Sandbox, channel_id: int = 0, **environment: str
) -> tuple[bool, dict[str, str]]:
    """Run the check with its trial; return whether it passed, and the line of each subject."""
    lines: list[str] = []
    environment = {"DISCORD_TOKEN": sandbox.token, **environment}
    passed = await run_check(
        lambda: load(Path(config)), environment, say=lines.append, trial=Trial(channel_id)
    )
    return passed, {line[4:].split()[0]: line for line in lines if line[:2].strip()}


async def test_the_deep_check_asks_one_question_and_leaves_no_message(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    model.say("ready")
    general = sandbox.guild.text_channel("general")
    passed, shown = await tried(written_config(tmp_path, model, sandbox), sandbox, general.id)
    assert passed, shown
    assert shown["answer"].startswith('ok  answer      the model said "ready" after ')
    assert shown["message"].startswith("ok  message     was posted, edited and deleted in channel")
    assert len(model.requests) == 1
    assert model.requests[0].body["model"] == "scripted-model"
    assert general.messages == []


async def test_the_deep_check_tells_what_fails_and_what_to_do(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = written_config(tmp_path, model, sandbox)
    general = sandbox.guild.text_channel("general")
    model.fail(401, times=9)
    sandbox.guild.forbid_bot(Permission.SEND_MESSAGES)
    everyone = sandbox.guild.state.everyone
    sandbox.backend.guilds.set_role_permissions(
        sandbox.guild.state, everyone, everyone.permissions & ~Permission.SEND_MESSAGES
    )
    passed, shown = await tried(config, sandbox, general.id)
    assert not passed
    assert "set the right one" in shown["answer"]
    assert "Give its role the permissions" in shown["message"]
    model.then(turns.say(""))
    passed, shown = await tried(config, sandbox, 123)
    assert not passed
    assert shown["message"].startswith("!!  message     There is no channel 123.")


async def test_the_deep_check_without_a_channel_writes_no_message(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    passed, shown = await tried(written_config(tmp_path, model, sandbox), sandbox)
    assert passed
    assert shown["message"].startswith("??  message     No channel is named")


async def test_the_deep_check_asks_the_assistant_of_a_server_elsewhere(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    async with house(tmp_path, "client") as home:
        assert home.server is not None
        await home.assistant(name="Ada")
        section = f'[assistants]\nurl = "{home.server.url}"\napi_key_env = "AKEY"\n'
        config = written_config(tmp_path, home.model, sandbox, section)
        home.model.say("ready")
        passed, shown = await tried(config, sandbox, AKEY="sk-default")
        assert passed, shown
        assert '"ready"' in shown["answer"]
        row = await execute(tmp_path / "engine.db", "SELECT count(*) FROM threads")
        assert row == (0,)
