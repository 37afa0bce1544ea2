"""The official SDK's typical program, as a program of its own against a real server."""

import asyncio
import sys
from pathlib import Path

from tests.support import model_turns as turns
from tests.support.assistants import House
from tests.support.model_endpoint import Asked

PROGRAM = Path(__file__).with_name("typical_program.py")


async def test_the_typical_program_runs_with_only_its_base_url_changed(
    home: House, url: str
) -> None:
    held = home.model.gate()

    def answer(asked: Asked) -> turns.Turn:
        if asked.question == "Please fail.":
            return turns.fail(400, message="No such model.")
        if asked.question == "Please take long.":
            return turns.stall("Once upon ", held)
        if asked.question == "Please expire.":
            home.clock.advance(600)
            return turns.stall("", held)
        return turns.say("Sleep, sleep, sleep.", usage=turns.TokenUsage(10, 5))

    home.model.otherwise = answer
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore::DeprecationWarning", str(PROGRAM)),
        *(url, "sk-default", "0.05"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await program.communicate()
    assert program.returncode == 0, errors.decode()
    lines = out.decode().splitlines()
    seen = {line.removeprefix("status: ") for line in lines if line.startswith("status: ")}
    assert seen <= {
        "queued", "in_progress", "cancelling", "completed", "failed", "cancelled", "expired"
    }  # fmt: skip
    assert [line for line in lines if not line.startswith("status: ")] == [
        "ended: completed, tokens: 15",
        "user: Give me three tips for better sleep.",
        "assistant: Sleep, sleep, sleep.",
        "ended: failed, invalid_prompt",
        "told to stop: cancelling",
        "ended: cancelled",
        "ended: expired",
        "another thread: True",
        "ended: completed, tokens: 15",
        "listed: expired None usage",
        "listed: cancelled None usage",
        "listed: failed invalid_prompt usage",
        "listed: completed None usage",
        "metadata: True",
        "refused: 400 metadata",
        "refused: 400 metadata",
        "refused: 400 metadata",
        "metadata kept: True",
    ]
