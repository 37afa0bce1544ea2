"""The command init: from nothing to a greeting on a server, with a sandbox as Discord."""

import stat
from pathlib import Path

import pytest

from bot.config import load
from bot.sandbox import Sandbox
from bot.sandbox.backend.state.permission_bits import Permission
from tests.support.model_endpoint import ScriptedModel
from tests.support.program import Program
from tests.support.program import measured_program as program

OTHER = "another endpoint of chat completions"


def prepared(folder: Path, sandbox: Sandbox) -> str:
    """Write a configuration that knows the sandbox's addresses alone, and return its path."""
    path = folder / "config.toml"
    path.write_text(
        f'# kept\n[discord]\napi_url = "{sandbox.api_url}"\ngateway_url = "{sandbox.gateway_url}"\n'
        'name_threads = "question" # kept, too\n'
    )
    return str(path)


async def numbered(ran: Program, label: str) -> str:
    """The number of a printed choice."""
    return (await ran.until_line(label)).split()[0]


async def test_init_leads_from_nothing_to_an_answer_on_a_server(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = prepared(tmp_path, sandbox)
    sandbox.troubles.remove_bot()
    model.models = ["m-embed", "m-chat"]
    async with program("init", "--config", config) as ran:
        await ran.until_line("Press “Reset Token”")
        await ran.type("no token at all", "wrong-token")
        await ran.until_line("That is no token")
        await ran.until_line("Discord refuses DISCORD_TOKEN")
        await ran.type(sandbox.token)
        number = await numbered(ran, OTHER)
        await ran.type(number, "http://127.0.0.1:9/v1", "")
        await ran.until_line("can't be reached")
        await ran.type(number, model.url, "", "m-chat")
        await ran.until_line(f"The endpoint {model.url} answers with model m-chat")
        await ran.until_line(f"client_id={sandbox.application_id}")
        await ran.until_line("Waiting for the bot to join")
        sandbox.backend.guilds.join(sandbox.guild.state, sandbox.bot_user)
        await ran.until_line("2  none")
        await ran.type("")
        await ran.until_line("The bot said hello in #general.")
        assert await ran.ended() == 0, ran.errors
    greeting = sandbox.guild.text_channel("general").messages[-1]
    assert greeting.author.id == sandbox.bot_user.id
    assert sandbox.bot_user.mention in greeting.content

    secrets = tmp_path / ".env"
    assert secrets.read_text() == f"DISCORD_TOKEN={sandbox.token}\n"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    text = (tmp_path / "config.toml").read_text()
    assert text.startswith("# kept\n")
    assert "# kept, too" in text
    made = load(Path(config)).models
    assert (made.endpoint, made.url, made.model) == ("chat", model.url, "m-chat")
    assert model.requests[-1].body["model"] == "m-chat"

    async with program("run", "--config", config) as ran:
        await ran.until_line("is on Discord")
        ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
        await ada.say(general, "hello there", mention_bot=True)
        await sandbox.until(
            lambda: any(
                "hello there" in message.content and message.author.id == sandbox.bot_user.id
                for thread in general.threads
                for message in thread.messages
            )
        )
        assert await ran.terminated() == 0


async def test_init_goes_on_where_it_stopped_and_waits_for_the_intent(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = prepared(tmp_path, sandbox)
    (tmp_path / ".env").write_text(
        f"# mine\nOTHER=1\nDISCORD_TOKEN={sandbox.token}\nMODEL_API_KEY=k"
    )
    sandbox.privileged_intents.discard("message_content")
    sandbox.guild.make_community("ja")
    async with program("init", "--config", config) as ran:
        await ran.until_line("The bot can't read questions yet")
        await ran.type("")
        await ran.until_lines("The bot can't read questions yet", 2)
        sandbox.privileged_intents.add("message_content")
        await ran.type("")
        await ran.type(await numbered(ran, OTHER), model.url, "", "1", "1")
        assert await ran.ended() == 0, ran.errors
    assert "Using DISCORD_TOKEN from" in ran.output
    assert sandbox.token not in ran.output
    assert "はじめまして" in sandbox.guild.text_channel("general").messages[-1].content
    assert (tmp_path / ".env").read_text().startswith("# mine\nOTHER=1\n")
    assert load(Path(config)).models.api_key_env == "MODEL_API_KEY"
    assert model.requests[-1].headers["Authorization"] == "Bearer k"


async def test_init_says_which_permission_a_channel_lacks_and_asks_again(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = prepared(tmp_path, sandbox)
    closed = sandbox.guild.add_text_channel("closed")
    sandbox.troubles.forbid(closed, Permission.SEND_MESSAGES)
    async with program(
        "init", "--config", config, environment={"DISCORD_TOKEN": sandbox.token}
    ) as ran:
        await ran.type(await numbered(ran, OTHER), model.url, "", "", "1")
        number = await numbered(ran, "#closed (the bot lacks Send Messages)")
        await ran.type(number)
        await ran.until_line("Discord refuses the message")
        await ran.type("")
        assert await ran.ended() == 0, ran.errors
    assert "The bot said hello in #general." in ran.output
    assert not (tmp_path / ".env").exists()


async def test_the_small_local_model_is_checked_and_saved(tmp_path: Path, sandbox: Sandbox) -> None:
    config = prepared(tmp_path, sandbox)
    async with program(
        "init", "--config", config, environment={"DISCORD_TOKEN": sandbox.token}
    ) as ran:
        await ran.type(await numbered(ran, "the small local model"), "1", "")
        assert await ran.ended() == 0, ran.errors
    assert "calls no tools" in ran.output
    assert ran.lines[-1].endswith(f"-m bot run --config {config}")
    assert load(Path(config)).models.endpoint == "local"


async def test_a_wrong_token_in_the_environment_ends_init_because_run_would_use_it(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    config = prepared(tmp_path, sandbox)
    async with program("init", "--config", config, environment={"DISCORD_TOKEN": "no"}) as ran:
        assert await ran.ended() == 2
    assert "The environment wins over .env" in ran.errors
    assert "Traceback" not in ran.errors


async def test_an_end_of_the_input_keeps_what_was_checked(tmp_path: Path, sandbox: Sandbox) -> None:
    config = prepared(tmp_path, sandbox)
    async with program("init", "--config", config) as ran:
        await ran.write(f"{sandbox.token}\n")
        assert await ran.ended() == 2
    assert "What was checked is saved" in ran.errors
    assert sandbox.token in (tmp_path / ".env").read_text()


@pytest.mark.parametrize("command", ["run", "init"])
async def test_a_damaged_file_of_secrets_is_named_without_its_secret(
    tmp_path: Path, sandbox: Sandbox, command: str
) -> None:
    config = prepared(tmp_path, sandbox)
    (tmp_path / ".env").write_text("A=1\nDISCORD_TOKEN='hunter2\n")
    async with program(command, "--config", config) as ran:
        assert await ran.ended() == 2
    assert "Line 2 of" in ran.errors
    assert "hunter2" not in ran.errors + ran.output
