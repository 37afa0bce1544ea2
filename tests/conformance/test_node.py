"""The official Node SDK's typical program, against a real server."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.assistants import House

PROGRAM = Path(__file__).with_name("node") / "program.mjs"
PACKAGE = PROGRAM.with_name("package.json")

WITHOUT_NODE = "node and npm are not installed (Debian: apt-get install nodejs npm, 18 or newer)"


async def _run(*command: str, cwd: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, f"{command[0]}: {out.decode()}{errors.decode()}"
    return out.decode()


def _installed() -> Path:
    """A directory with the SDK's pinned version in it, kept from one test run to the next."""
    version = hashlib.sha256(PACKAGE.read_bytes()).hexdigest()[:16]
    base = os.environ.get("XDG_CACHE_HOME") or tempfile.gettempdir()
    place = Path(base) / f"conformance-node-{os.getuid()}-{version}"
    if not (place / "node_modules" / "openai" / "package.json").exists():
        fresh = Path(tempfile.mkdtemp(prefix="conformance-node-"))
        shutil.copy(PACKAGE, fresh)
        flags = ("--no-audit", "--no-fund", "--ignore-scripts", "--silent")
        done = subprocess.run(
            ("npm", "install", *flags), cwd=fresh, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"npm: {done.stdout}{done.stderr}"
        try:
            fresh.rename(place)
        except OSError:  # another test run was faster
            shutil.rmtree(fresh)
    return place


async def test_the_typical_program_runs_with_only_its_base_url_changed(
    home: House, url: str, tmp_path: Path
) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        assert "CI" not in os.environ, WITHOUT_NODE
        pytest.skip(WITHOUT_NODE)
    place = await asyncio.to_thread(_installed)
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
