"""The command demo: questions typed or given, and what the terminal shows."""

import asyncio
import re
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.app.programs import one_line, written_config
from tests.support.eventually import PATIENCE
from tests.support.model_endpoint import ScriptedModel
from tests.support.program import PROJECT
from tests.support.program import measured_program as program


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
    assert "no question after --say" in one_line(ran)


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


async def test_the_demo_answers_what_is_typed_while_more_may_come(
    tmp_path: Path, model: ScriptedModel
) -> None:
    async with program("demo", "--config", written_config(tmp_path, model)) as ran:
        assert ran.process.stdin is not None
        await ran.until_line("The sandbox Discord is at ")
        ran.process.stdin.write(b"/nonsense\n/quit\n")
        assert await ran.ended() == 0
    assert "no command 'nonsense'" in ran.output
