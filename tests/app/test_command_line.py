"""The program as an operator meets it: what it prints, its exit code, and how it stops."""

import asyncio
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.assistants.errors import APIError
from bot.assistants.schema.requests import CreateAssistant, CreateMessage, CreateRun, CreateThread
from bot.client import Client
from bot.sandbox import Sandbox
from tests.support.assistants import text_of
from tests.support.model_endpoint import ScriptedModel
from tests.support.program import PATIENCE, PROJECT, Program, program


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel() as model:
        yield model


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox
        assert sandbox.unknown_routes == []


def written_config(
    directory: Path, model: ScriptedModel, sandbox: Sandbox | None = None, more: str = ""
) -> str:
    """Write a configuration for a scripted model, and a sandbox, and return its path."""
    discord = (
        f'[discord]\napi_url = "{sandbox.api_url}"\ngateway_url = "{sandbox.gateway_url}"\n'
        if sandbox
        else ""
    )
    path = directory / "config.toml"
    path.write_text(
        f'{discord}[models]\nendpoint = "chat"\nurl = "{model.url}"\nmodel = "scripted-model"\n'
        f'[storage]\ndirectory = "data"\n{more}'
    )
    return str(path)


def _one_line(ran: Program) -> str:
    """Return the one line that a refused start must be."""
    lines = [line for line in ran.log if not line.startswith("Model: ")]
    assert len(lines) == 1, ran.errors
    assert "Traceback" not in ran.errors
    return lines[0]


async def test_help_names_every_command() -> None:
    async with program("--help") as ran:
        assert await ran.ended() == 0
        for command in ("run", "serve", "demo", "check", "backup"):
            assert f"\n  {command} " in ran.output


async def test_the_demo_shows_a_question_all_the_way(tmp_path: Path, model: ScriptedModel) -> None:
    model.say("Go to bed early. " * 20, per_second=60)
    config = written_config(tmp_path, model)
    async with program("demo", "--config", config, "--say", "How do I sleep?") as ran:
        assert await ran.ended() == 0, ran.errors
    shown = ran.output
    order = [
        "@Assistant How do I sleep?",
        "new channel thread",
        "thinking… [Cancel]",
        "edit 1",
        "answered in",
    ]
    assert all(part in shown for part in order), shown
    places = [shown.index(part) for part in order]
    assert places == sorted(places)
    assert "Go to bed early." in shown
    assert " tokens" in shown
    assert ran.errors.count("\n") < 5


async def test_the_demo_fails_with_the_reason_where_the_model_does(
    tmp_path: Path, model: ScriptedModel
) -> None:
    model.fail(401, times=10)
    config = written_config(tmp_path, model)
    async with program("demo", "--config", config, "--say", "Hello?") as ran:
        assert await ran.ended() == 1
    assert "failed" in ran.output
    assert "Traceback" not in ran.output + ran.errors


async def test_the_demo_takes_questions_and_commands_line_by_line(
    tmp_path: Path, model: ScriptedModel
) -> None:
    async with program("demo", "--config", written_config(tmp_path, model)) as ran:
        await ran.write(
            "first question\nsecond question\n/runs list\n/runs cancel\n/nonsense\n/quit\n"
        )
        assert await ran.ended() == 0, ran.errors
    assert ran.output.count("answered in") == 2
    assert ran.output.count("new channel thread") == 1
    assert "**#2**" in ran.output
    assert "No run is active" in ran.output
    assert "no command 'nonsense'" in ran.output
    questions = [asked.question for asked in model.requests]
    assert questions == ["first question", "second question"]


@pytest.mark.parametrize("question", ["", "  \n"])
async def test_the_demo_refuses_an_empty_question_in_one_line(question: str) -> None:
    async with program("demo", "--say", question) as ran:
        assert await ran.ended() == 2
    assert "no question after --say" in _one_line(ran)


@pytest.mark.parametrize("source", ["/dev/null", "a file", "closed"])
async def test_the_demo_ends_where_its_input_does(
    tmp_path: Path, model: ScriptedModel, source: str
) -> None:
    config = written_config(tmp_path, model)
    (tmp_path / "questions").write_text("from a file")
    path = tmp_path / "questions" if source == "a file" else source
    redirected = "<&-" if source == "closed" else f"<'{path}'"
    process = await asyncio.create_subprocess_shell(
        f"exec '{sys.executable}' -m bot demo --config '{config}' {redirected}",
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors
    assert b"Traceback" not in errors
    assert b"The sandbox Discord is at " in output
    assert (b"answered in" in output) == (source == "a file")


async def test_the_demo_refuses_a_question_that_discord_would_not_take(
    tmp_path: Path, model: ScriptedModel
) -> None:
    config = written_config(tmp_path, model)
    async with program("demo", "--config", config) as ran:
        await ran.write("x" * 2001 + "\n" + "x" * 3_000_000 + "\nand on\n")
        assert await ran.ended() == 1
    assert "Discord refused that: Must be 2000 or fewer in length." in ran.output
    assert "That line is too long" in ran.output
    assert ran.output.count("answered in") == 1
    assert "Traceback" not in ran.errors


async def test_the_demo_prints_times_and_links_as_people_see_them(
    tmp_path: Path, model: ScriptedModel
) -> None:
    model.say("At <t:0:D>, <:wave:123456>.\n-# small print")
    async with program("demo", "--config", written_config(tmp_path, model)) as ran:
        await ran.write("hello\n/runs list\n")
        assert await ran.ended() == 0, ran.errors
    assert re.search(r"    At 19(70|69)-\d\d-\d\d, :wave:\.\n    small print\n", ran.output)
    assert re.search(r"\*\*#1\*\* answered · \d+ s ago · ", ran.output)
    assert re.search(r" · reply: http://127\.0\.0\.1:\d+/#/channels/\d+/\d+/\d+", ran.output)
    assert "-# " not in ran.output
    assert "<t:" not in ran.output
    assert "discord.com" not in ran.output


async def test_the_demo_comes_back_when_a_revoked_token_is_given_back(
    tmp_path: Path, model: ScriptedModel
) -> None:
    async with program("demo", "--config", written_config(tmp_path, model)) as ran:
        url = (await ran.until_line("The sandbox Discord is at ")).split()[5]
        async with aiohttp.ClientSession(url) as page:
            people = (await (await page.get("/page/welcome.json")).json())["people"]
            headers = {"Authorization": people[0]["token"]}

            async def trouble(name: str) -> None:
                body = {"name": name, "number": 0, "channel_id": None}
                async with page.post("/page/act/trouble", json=body, headers=headers) as done:
                    assert done.ok, await done.text()

            await trouble("revoke_token")
            await ran.until_line("The bot left Discord: Discord does not accept")
            await trouble("clear")
            for number in range(2):
                await ran.until_lines("Assistant is on Discord.", 2 + number)
                if not number:
                    await trouble("revoke_token")
                    await trouble("clear")
        await ran.write("are you back?\n")
        assert await ran.ended() == 0, ran.errors
    assert "answered in" in ran.output
    assert "Traceback" not in ran.errors


async def test_serve_prints_its_url_answers_and_stops_on_sigterm(
    tmp_path: Path, model: ScriptedModel
) -> None:
    config = written_config(tmp_path, model)
    async with program("serve", "--config", config, "--port", "0") as ran:
        line = await ran.until_line("The Assistants API is at ")
        url = next(word for word in line.split() if word.startswith("http")).rstrip(".")
        async with aiohttp.ClientSession() as session:
            healthy = await session.get(url.removesuffix("/v1") + "/healthz")
            assert healthy.status == 200
        async with Client(url) as client:
            assistant = await client.create_assistant(CreateAssistant(model="x"))
            assert (await client.retrieve_assistant(assistant.id)) == assistant
        assert await ran.terminated() == 0


async def test_a_killed_server_goes_on_with_its_runs(tmp_path: Path, model: ScriptedModel) -> None:
    config = written_config(tmp_path, model)
    model.stall("half")
    async with program("serve", "--config", config, "--port", "0") as ran:
        url = (await ran.until_line("The Assistants API is at ")).split()[5].rstrip(".")
        async with Client(url) as client:
            assistant = await client.create_assistant(CreateAssistant(model="x"))
            thread = await client.create_thread(
                CreateThread(messages=(CreateMessage(role="user", content="hello"),))
            )
            run = await client.create_run(thread.id, CreateRun(assistant_id=assistant.id))
            await model.until_request(1)
        await ran.killed()
    model.say("whole")
    async with program("serve", "--config", config, "--port", "0") as ran:
        url = (await ran.until_line("The Assistants API is at ")).split()[5].rstrip(".")
        await (await model.until_request(2)).until_over()
        async with Client(url) as client:
            while (run := await client.retrieve_run(thread.id, run.id)).status != "completed":
                assert run.status in ("queued", "in_progress")
            newest = (await client.list_messages(thread.id)).data[0]
            assert text_of(newest) == "whole"


async def test_serve_without_keys_refuses_to_be_reached_from_elsewhere(
    tmp_path: Path, model: ScriptedModel
) -> None:
    config = written_config(tmp_path, model)
    async with program("serve", "--config", config, "--host", "0.0.0.0", "--port", "0") as ran:
        assert await ran.ended() == 2
    assert "keys" in _one_line(ran)


async def test_run_answers_and_what_sigterm_cut_goes_on_at_the_next_start(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = written_config(tmp_path, model, sandbox)
    token = {"DISCORD_TOKEN": sandbox.token}
    ada = sandbox.members[0]
    general = sandbox.guild.text_channel("general")
    model.stall("The beginning ")
    async with program("run", "--config", config, environment=token) as ran:
        await sandbox.bot_ready()
        await ada.say(general, "A long question", mention_bot=True)
        await sandbox.until(lambda: general.threads and general.threads[0].messages)
        await model.until_request(1)
        assert await ran.terminated() == 0, ran.errors
        assert sandbox.token not in ran.output + ran.errors
    for path in (tmp_path / "data").glob("*.db*"):
        assert path.stat().st_mode & 0o077 == 0, path
    model.say("The beginning and the end.")
    async with program("run", "--config", config, environment=token) as ran:
        await sandbox.until(
            lambda: "and the end." in general.threads[0].messages[-1].content, timeout=20
        )
        replies = [m for m in general.threads[0].messages if m.author is sandbox.bot_user]
        assert len(replies) == 1
        assert await ran.terminated() == 0


async def test_run_logs_one_line_for_each_turn_that_ended(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = written_config(tmp_path, model, sandbox)
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    async with program(
        "run", "--config", config, environment={"DISCORD_TOKEN": sandbox.token}
    ) as ran:
        await sandbox.bot_ready()
        before = len(ran.log)
        await ada.say(general, "one", mention_bot=True)
        await ran.until_line("Turn 1 ")
        model.fail(401, times=10)
        await ada.say(general, "two", mention_bot=True)
        await ran.until_line("Turn 2 ")
        assert await ran.terminated() == 0
    told = [line for line in ran.log[before:] if re.search("INFO|WARNING|ERROR", line)]
    answered, failed = (line for line in told if "turn_runner" in line)
    thread = sandbox.guild.threads[0].id
    wanted = rf"INFO .*: Turn 1 answered \(\d\.\d s, channel {thread}, run_\w+, \d+ tokens\)$"
    assert re.search(wanted, answered)
    assert re.search(r"ERROR .*: Turn 2 failed \(.*, run_\w+, .*model_key\): \w+: .*", failed)
    assert [line for line in told if "run_" in line] == [answered, failed]


async def test_serve_logs_why_a_run_failed(tmp_path: Path, model: ScriptedModel) -> None:
    model.fail(401, times=10)
    async with program("serve", "--config", written_config(tmp_path, model), "--port", "0") as ran:
        url = (await ran.until_line("The Assistants API is at ")).split()[5].rstrip(".")
        async with Client(url) as client:
            assistant = await client.create_assistant(CreateAssistant(model="x"))
            thread = await client.create_thread(CreateThread())
            await client.create_message(thread.id, CreateMessage(role="user", content="Hi"))
            run = await client.create_run(thread.id, CreateRun(assistant_id=assistant.id))
            await ran.until_line(f"ERROR   bot.engine.run.executor: {run.id} failed")
        assert await ran.terminated() == 0
    assert sum(run.id in line for line in ran.log) == 1


async def test_run_can_serve_the_api_beside_the_bot_with_keys(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = written_config(tmp_path, model, sandbox, "[server]\nenabled = true\nport = 0\n")
    environment = {"DISCORD_TOKEN": sandbox.token, "ASSISTANTS_API_KEYS": "team=sk-team-0123456789"}
    async with program("run", "--config", config, environment=environment) as ran:
        url = (await ran.until_line("The Assistants API is at ")).split()[5]
        await ran.until_line("is on Discord")
        async with Client(url, "sk-team-0123456789") as client:
            assert (
                await client.list_assistants()
            ).data == ()  # the bot's own are another project's
        async with Client(url, "sk-wrong") as client:
            with pytest.raises(APIError) as refused:
                await client.list_assistants()
        assert refused.value.status == 401
        assert await ran.terminated() == 0
    assert "sk-team" not in ran.output + ran.errors


async def test_the_bot_works_on_a_server_elsewhere(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    model.say("an answer from elsewhere", per_second=100)
    served = written_config(tmp_path, model)
    async with program("serve", "--config", served, "--port", "0") as server:
        url = (await server.until_line("The Assistants API is at ")).split()[5].rstrip(".")
        (tmp_path / "bot").mkdir()
        config = written_config(tmp_path / "bot", model, sandbox, f'[assistants]\nurl = "{url}"\n')
        token = {"DISCORD_TOKEN": sandbox.token}
        async with program("run", "--config", config, environment=token) as ran:
            await sandbox.bot_ready()
            general = sandbox.guild.text_channel("general")
            await sandbox.members[0].say(general, "Who is there?", mention_bot=True)
            await sandbox.until(
                lambda: (
                    general.threads and "from elsewhere" in general.threads[0].messages[-1].content
                )
            )
            assert await ran.terminated() == 0
        async with program("check", "--config", config, environment=token) as checked:
            assert await checked.ended() == 0, checked.output
        assert any(line.startswith("ok  assistants") for line in checked.lines)
        for named, code, told in (
            ("Assistant", 0, "ok  assistant   Assistant exists"),
            ("Nobody", 2, '!!  assistant   [assistants] assistant = "Nobody" does not exist.'),
        ):
            section = f'[assistants]\nurl = "{url}"\nassistant = "{named}"\n'
            config = written_config(tmp_path / "bot", model, sandbox, section)
            async with program("check", "--config", config, environment=token) as checked:
                assert await checked.ended() == code, checked.output
            assert any(line.startswith(told) for line in checked.lines), checked.output
        assert await server.terminated() == 0


async def test_a_bot_that_starts_before_its_server_elsewhere_waits_for_it(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    general, ada = sandbox.guild.text_channel("general"), sandbox.members[0]

    def answers(text: str) -> bool:
        said = [message for thread in general.threads for message in thread.messages]
        return any(text in message.content for message in said)

    served = written_config(tmp_path, model)
    async with program("serve", "--config", served, "--port", "0") as server:
        url = (await server.until_line("The Assistants API is at ")).split()[5].rstrip(".")
        assert await server.terminated() == 0
    at = ("--port", url.split(":")[2].split("/")[0])
    (tmp_path / "bot").mkdir()
    config = written_config(tmp_path / "bot", model, sandbox, f'[assistants]\nurl = "{url}"\n')
    token = {"DISCORD_TOKEN": sandbox.token}
    async with program("run", "--config", config, environment=token) as ran:
        # Who is to answer is not known yet, and nobody else can say.
        await ran.until_line("trying again")
        model.say("here now", per_second=100)
        async with program("serve", "--config", served, *at) as server:
            await sandbox.bot_ready()
            await ada.say(general, "Anybody?", mention_bot=True)
            await sandbox.until(lambda: answers("here now"))
            assert await server.terminated() == 0
        assert await ran.terminated() == 0
    async with program("run", "--config", config, environment=token) as ran:
        await sandbox.bot_ready()
        # Now it is known, and people are told that there is an answer to come.
        await ada.say(general, "And now?", mention_bot=True)
        await sandbox.until(lambda: answers("thinking…"))
        model.say("here again", per_second=100)
        async with program("serve", "--config", served, *at) as server:
            await sandbox.until(lambda: answers("here again"))
            assert await server.terminated() == 0
        assert await ran.terminated() == 0


async def test_ctrl_c_stops_in_order_and_a_second_signal_does_not_cut_that_short(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = written_config(tmp_path, model, sandbox)
    model.stall("half")
    token = {"DISCORD_TOKEN": sandbox.token}
    async with program("run", "--config", config, environment=token) as ran:
        await sandbox.bot_ready()
        general = sandbox.guild.text_channel("general")
        await sandbox.members[0].say(general, "A question", mention_bot=True)
        await model.until_request(1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            ran.process.send_signal(number)
        assert await ran.ended(5.0) == 0
        assert "go on" in general.threads[0].messages[-1].content
    assert "Traceback" not in ran.errors


async def test_a_port_that_is_taken_is_one_line(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    port = sandbox.url.rpartition(":")[2]
    config = written_config(tmp_path, model)
    for command in (("serve", "--port", port), ("demo", "--say", "x", "--port", port)):
        async with program(*command, "--config", config) as ran:
            assert await ran.ended() == 2
        assert "can't listen on" in _one_line(ran)


async def test_the_demo_answers_what_is_typed_while_more_may_come(
    tmp_path: Path, model: ScriptedModel
) -> None:
    async with program("demo", "--config", written_config(tmp_path, model)) as ran:
        assert ran.process.stdin is not None
        await ran.until_line("The sandbox Discord is at ")
        ran.process.stdin.write(b"/nonsense\n/quit\n")
        assert await ran.ended() == 0
    assert "no command 'nonsense'" in ran.output


async def test_run_without_a_token_says_what_to_do(tmp_path: Path, model: ScriptedModel) -> None:
    async with program("run", "--config", written_config(tmp_path, model)) as ran:
        assert await ran.ended() == 2
    assert "DISCORD_TOKEN is not set" in _one_line(ran)


async def test_run_with_a_token_that_discord_refuses_says_so(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = written_config(tmp_path, model, sandbox)
    async with program(
        "run", "--config", config, environment={"DISCORD_TOKEN": "not.the.one"}
    ) as ran:
        assert await ran.ended() == 2
    assert "refuses DISCORD_TOKEN" in _one_line(ran)
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
    assert "Message Content intent" in _one_line(ran)


async def test_a_token_revoked_later_ends_the_bot_with_a_line(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = written_config(tmp_path, model, sandbox)
    async with program(
        "run", "--config", config, environment={"DISCORD_TOKEN": sandbox.token}
    ) as ran:
        await sandbox.bot_ready()
        sandbox.revoke_token()
        assert await ran.ended() == 2
    assert "DISCORD_TOKEN" in ran.log[-1]
    assert "Traceback" not in ran.errors


async def test_a_wrong_configuration_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[discord]\nanswer_inn = "thread"\n')
    for command in ("run", "serve", "demo"):
        async with program(command, "--config", str(path)) as ran:
            assert await ran.ended() == 2
        assert "answer_inn is not a key: did you mean answer_in?" in _one_line(ran)


async def test_a_data_directory_held_by_another_process_is_one_line(
    tmp_path: Path, model: ScriptedModel
) -> None:
    config = written_config(tmp_path, model)
    async with program("serve", "--config", config, "--port", "0") as first:
        await first.until_line("The Assistants API is at ")
        async with program("serve", "--config", config, "--port", "0") as second:
            assert await second.ended() == 2
        assert f"held by another process (process {first.process.pid})" in _one_line(second)
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
    assert wanted in _one_line(ran)
    assert path.read_bytes() == before


async def test_a_data_directory_that_cannot_be_written_is_one_line(
    tmp_path: Path, model: ScriptedModel
) -> None:
    (tmp_path / "data").write_text("a file in the way")
    async with program("serve", "--config", written_config(tmp_path, model), "--port", "0") as ran:
        assert await ran.ended() == 2
    assert "can't be written" in _one_line(ran)


async def test_check_has_a_line_for_each_thing_and_what_to_do(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = written_config(tmp_path, model, sandbox)
    async with program(
        "check", "--config", config, environment={"DISCORD_TOKEN": sandbox.token}
    ) as ran:
        assert await ran.ended() == 0, ran.output
    for what in ("config", "data", "token", "intent", "invite", "model"):
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
        reason = _one_line(ran).removeprefix("assistants-bot: ")
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


async def test_a_backup_of_a_running_server_can_be_put_in_its_place(
    tmp_path: Path, model: ScriptedModel
) -> None:
    config = written_config(tmp_path, model)
    copy = tmp_path / "copy"
    async with program("serve", "--config", config, "--port", "0") as ran:
        url = (await ran.until_line("The Assistants API is at ")).split()[5].rstrip(".")
        async with Client(url) as client:
            kept = await client.create_assistant(CreateAssistant(model="x", name="kept"))
            async with program("backup", "--config", config, str(copy)) as backing:
                assert await backing.ended() == 0, backing.errors
            await client.create_assistant(CreateAssistant(model="x", name="later"))
        assert await ran.terminated() == 0
    async with program("backup", "--config", config, str(copy)) as again:
        assert await again.ended() == 2
    assert "is not empty" in _one_line(again)
    (tmp_path / "data").rename(tmp_path / "old")
    copy.rename(tmp_path / "data")
    async with program("serve", "--config", config, "--port", "0") as ran:
        url = (await ran.until_line("The Assistants API is at ")).split()[5].rstrip(".")
        async with Client(url) as client:
            assert (await client.list_assistants()).data == (kept,)
        assert await ran.terminated() == 0
