"""Killed between any two states of a function call, the bot makes no call twice."""

from pathlib import Path
from typing import Any

import pytest

from bot.config.tools import ToolRule, ToolsSettings
from bot.tools.functions import Functions
from tests.scenarios.bot_process import killed
from tests.scenarios.community import Community, answer
from tests.support.model_turns import Turn, call_tools, say

FILE = '''
from pathlib import Path
from bot.tools import tool


async def once(text: str) -> str:
    """Write a line."""
    with Path({path!r}).open("a") as file:
        file.write(f"once {{text}}\\n")
    return "written"


@tool(idempotent=True)
async def again(text: str) -> str:
    """Write a line, which may be written twice."""
    with Path({path!r}).open("a") as file:
        file.write(f"again {{text}}\\n")
    return "written"
'''

POINTS = {
    # Nothing is known of the call: it is made.
    "before tool_calls.started": (["once x"], "written"),
    # The call may have been made: it is not made again.
    "after tool_calls.started": ([], "restarted while"),
    "before tool_calls.finished": (["once x"], "restarted while"),
    # The output is known, and is submitted.
    "after tool_calls.finished": (["once x"], "written"),
    "before tool_calls.submitted": (["once x"], "written"),
    "after tool_calls.submitted": (["once x"], "written"),
}


def functions_in(whole: Community) -> tuple[ToolsSettings, Path]:
    """Write the operator's file; return the settings, and the file that the functions write."""
    written = whole.directory / "written.txt"
    written.touch()
    directory = whole.directory / "tools"
    directory.mkdir()
    (directory / "lines.py").write_text(FILE.format(path=str(written)))
    rules = (ToolRule(decision="allow"),)
    return ToolsSettings(directory=str(directory), rules=rules), written


def calls_then_says(name: str) -> Any:
    def respond(asked: Any) -> Turn:
        outputs = [each for each in asked.messages if each["role"] == "tool"]
        return say(str(outputs[-1]["content"])) if outputs else call_tools((name, {"text": "x"}))

    return respond


async def continued(whole: Community, settings: ToolsSettings) -> str:
    """Start everything again; return the reply's text."""
    whole.sandbox.advance(600)
    whole.functions = Functions(settings)
    await whole.functions.reload()
    await whole.start_engine()
    await whole.start_bot()
    await whole.settled(1)
    (thread,) = whole.sandbox.guild.threads
    (reply,) = whole.replies(thread)
    return answer(reply)


@pytest.mark.parametrize("point", POINTS)
async def test_a_call_is_made_once_wherever_the_process_was_killed(
    asleep: Community, point: str
) -> None:
    settings, written = functions_in(asleep)
    asleep.model.otherwise = calls_then_says("once")
    await killed(asleep, point, tools=settings)
    said = await continued(asleep, settings)
    lines, expected = POINTS[point]
    assert written.read_text().splitlines() == lines
    assert expected in said
    (call,) = await asleep.ledger.tool_calls.of_turn(1)
    assert call.state == "submitted"
    assert call.outcome == ("done" if expected == "written" else "interrupted")


async def test_an_idempotent_call_is_repeated_after_a_kill(asleep: Community) -> None:
    settings, written = functions_in(asleep)
    asleep.model.otherwise = calls_then_says("again")
    await killed(asleep, "before tool_calls.finished", tools=settings)
    said = await continued(asleep, settings)
    assert written.read_text().splitlines() == ["again x", "again x"]
    assert said.endswith("written")
