"""The official Node SDK's typical program, against a real server."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

from tests.support.assistants import House
from tests.support.npm import npm_packages, skip_without_npm

PROGRAM = Path(__file__).with_name("node") / "program.mjs"
PACKAGE = PROGRAM.with_name("package.json")


async def _run(*command: str, cwd: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, f"{command[0]}: {out.decode()}{errors.decode()}"
    return out.decode()


async def test_the_typical_program_runs_with_only_its_base_url_changed(
    home: House, url: str, tmp_path: Path
) -> None:
    skip_without_npm()
    place = await asyncio.to_thread(npm_packages, PACKAGE, "conformance-node")
    shutil.copy(PROGRAM, place)
    for name, data in (("bees.txt", "Bees dance."), ("ants.txt", "Ants march."), ("empty.txt", "")):
        (tmp_path / name).write_text(data)
    model = home.model
    model.call_tools(("weather", {"place": "Rome"}), ("weather", {"place": "Oslo"}))
    model.say("Warm and cold.")
    model.say("one two three")
    model.call_tools(("weather", {"place": "Bonn"}), pieces=4)
    model.say("Cold.")
    model.call_tools(("file_search", {"queries": ["bees"]}))
    model.call_tools(("code_interpreter", {"code": "print(6 * 7)"}), pieces=3)
    model.say("They dance【0:0†bees.txt】.")
    out = await _run("node", "program.mjs", url, "sk-default", str(tmp_path), cwd=place)
    told: dict[str, Any] = dict(json.loads(line) for line in out.splitlines())
    assert told["waits"] == "requires_action"
    assert told["ended"] == "completed"
    assert told["said"] == ["user: Weather?", "assistant: Warm and cold."]
    assert told["streamed run"] == "completed"
    assert told["final messages"] == ["one two three"]
    heard = told["heard"]
    assert heard["deltas"] == "one two three"
    assert heard["texts"] == ["created", "one two three"]
    assert (heard["messages"], heard["runSteps"], heard["ended"]) == (1, 1, True)
    assert heard["names"][0] == "thread.run.created"
    assert heard["names"][-1] == "thread.run.completed"
    assert told["calls"] == [["function", "weather", '{"place": "Bonn"}']]
    assert told["resumed"] == ["thread.run.step.completed", "thread.run.queued"]
    assert told["resumed run"] == "completed"
    assert told["file"] == ["bees.txt", 11, "assistants", 3600]
    assert told["content"] == "Bees dance."
    assert told["processed"] == "processed"
    assert told["files"] == ["bees.txt"]
    assert told["added"] == told["uploaded"] == "completed"
    assert told["batch"] == ["completed", 1, 2]
    assert told["found"] == [["bees.txt", "Bees dance."]]
    assert told["studied"] == [["file_search", "code_interpreter"], "print(6 * 7)", "42\n"]
    assert told["quoted"] == ["file_citation", "【0:0†bees.txt】", True]
    kinds = ["tool_calls", "tool_calls", "message_creation"]
    assert told["steps"] == [[kind, "completed"] for kind in kinds]
    assert told["unknown"] == [
        "NotFoundError", 404, None, None, "No thread found with id 'thread_none'."
    ]  # fmt: skip
    assert told["wrong"][:4] == ["BadRequestError", 400, "decimal_above_max_value", "temperature"]
    assert told["unknown field"][:4] == ["BadRequestError", 400, "unknown_parameter", "colour"]
    assert told["stranger"][:3] == ["AuthenticationError", 401, "invalid_api_key"]
    assert told["failing stream"][1] == 404
    assert told["gone"] == [True, True, True, True]
