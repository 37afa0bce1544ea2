"""The program on the command line: its output, its exit codes, and its stop."""

import json
import re
import signal
from pathlib import Path

import aiohttp
import pytest

from bot.assistants.errors import APIError
from bot.assistants.schema.requests import CreateAssistant, CreateMessage, CreateRun, CreateThread
from bot.client import Client
from bot.sandbox import Sandbox
from tests.app.programs import one_line, written_config
from tests.support.assistants import text_of
from tests.support.eventually import PATIENCE
from tests.support.model_endpoint import ScriptedModel
from tests.support.program import measured_program as program


async def test_help_names_every_command() -> None:
    async with program("--help") as ran:
        assert await ran.ended() == 0
        for command in ("run", "serve", "demo", "check", "backup", "feedback"):
            assert f"\n  {command} " in ran.output


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


async def test_run_answers_and_what_sigterm_cut_goes_on_at_the_next_start(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    config = written_config(tmp_path, model, sandbox)
    token = {"DISCORD_TOKEN": sandbox.token}
    ada = sandbox.members[0]
    general = sandbox.guild.text_channel("general")
    model.stall("The beginning ")
    async with program("run", "--config", config, environment=token) as ran:
        await sandbox.bot_ready(timeout=PATIENCE)
        await ada.say(general, "A long question", mention_bot=True)
        await sandbox.until(lambda: general.threads and general.threads[0].messages)
        await model.until_request(1)
        assert await ran.terminated() == 0, ran.errors
        assert sandbox.token not in ran.output + ran.errors
    for path in (tmp_path / "data").glob("*.db*"):
        assert path.stat().st_mode & 0o077 == 0, path
    model.say("The beginning and the end.")
    async with program("run", "--config", config, environment=token) as ran:
        await sandbox.until(lambda: "and the end." in general.threads[0].messages[-1].content)
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
        await sandbox.bot_ready(timeout=PATIENCE)
        before = len(ran.log)
        await ada.say(general, "one", mention_bot=True)
        await ran.until_line("Turn 1 ")
        model.fail(401, times=10)
        await ada.say(general, "two", mention_bot=True)
        await ran.until_line("Turn 2 ")
        assert await ran.terminated() == 0
    told = [line for line in ran.log[before:] if re.search("INFO|WARNING|ERROR", line)]
    answered, failed = (line for line in told if ": Turn " in line)
    thread = sandbox.guild.threads[0].id
    facts = rf"\d+\.\d s, channel {thread}, run_\w+, \d+ tokens"
    wanted = rf"INFO .*: Turn 1 answered \({facts}\) \[{general.messages[0].id}\]$"
    assert re.search(wanted, answered)
    assert re.search(r"ERROR .*: Turn 2 failed \(.*, run_\w+, .*model_key\): .+", failed), failed
    assert [line for line in told if "run_" in line] == [answered, failed]


async def test_serve_logs_why_a_run_failed_as_json_without_a_terminal(
    tmp_path: Path, model: ScriptedModel
) -> None:
    model.fail(401, times=10)
    arguments = ("serve", "--config", written_config(tmp_path, model), "--port", "0")
    async with program(*arguments, environment={"LOG_FORMAT": "auto"}) as ran:
        url = (await ran.until_line("The Assistants API is at ")).split()[5].rstrip(".")
        async with Client(url) as client:
            assistant = await client.create_assistant(CreateAssistant(model="x"))
            thread = await client.create_thread(CreateThread())
            await client.create_message(thread.id, CreateMessage(role="user", content="Hi"))
            run = await client.create_run(thread.id, CreateRun(assistant_id=assistant.id))
            told = json.loads(await ran.until_line(f"{run.id} failed"))
            assert (told["level"], told["logger"]) == ("ERROR", "bot.engine.run.executor")
            assert told["id"].startswith("req_")
        assert await ran.terminated() == 0
    assert sum(run.id in line for line in ran.log) == 1


async def test_run_can_serve_the_api_beside_the_bot_with_keys(
    tmp_path: Path, model: ScriptedModel, sandbox: Sandbox
) -> None:
    server = "[server]\nenabled = true\nport = 0\nmetrics = true\n"
    config = written_config(tmp_path, model, sandbox, server)
    environment = {
        "DISCORD_TOKEN": sandbox.token,
        "ASSISTANTS_API_KEYS": "team=sk-team-0123456789",
        "METRICS_KEY": "mk-0123456789abcdef",
    }
    async with program("run", "--config", config, environment=environment) as ran:
        url = (await ran.until_line("The Assistants API is at ")).split()[5]
        metrics = (await ran.until_line("The metrics are at ")).split()[4]
        await ran.until_line("is on Discord")
        async with aiohttp.ClientSession() as session:
            assert (await session.get(metrics)).status == 401
            admitted = {"Authorization": "Bearer mk-0123456789abcdef"}
            shown = await (await session.get(metrics, headers=admitted)).text()
            assert "assistants_bot_gateway_connected 1.0" in shown
            ready = await session.get(url.removesuffix("/v1") + "/readyz")
            assert await ready.json() == {"status": "ready"}
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
            await sandbox.bot_ready(timeout=PATIENCE)
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
            await sandbox.bot_ready(timeout=PATIENCE)
            await ada.say(general, "Anybody?", mention_bot=True)
            await sandbox.until(lambda: answers("here now"))
            assert await server.terminated() == 0
        assert await ran.terminated() == 0
    async with program("run", "--config", config, environment=token) as ran:
        await sandbox.bot_ready(timeout=PATIENCE)
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
        await sandbox.bot_ready(timeout=PATIENCE)
        general = sandbox.guild.text_channel("general")
        await sandbox.members[0].say(general, "A question", mention_bot=True)
        await model.until_request(1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            ran.process.send_signal(number)
        assert await ran.ended() == 0
        assert "go on" in general.threads[0].messages[-1].content
    assert "Traceback" not in ran.errors


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
    assert "is not empty" in one_line(again)
    (tmp_path / "data").rename(tmp_path / "old")
    copy.rename(tmp_path / "data")
    async with program("serve", "--config", config, "--port", "0") as ran:
        url = (await ran.until_line("The Assistants API is at ")).split()[5].rstrip(".")
        async with Client(url) as client:
            assert (await client.list_assistants()).data == (kept,)
        assert await ran.terminated() == 0
