"""Tools of a real MCP server, which dies and starts again."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config import parse
from bot.config.tools import McpSettings, ToolsSettings
from bot.runtime.clock import SystemClock
from bot.tools.functions import Functions
from bot.tools.mcp_servers import McpServer
from bot.tools.tool import ArgumentsError, FunctionResult, Tool, ToolError
from tests.support.mcp_server import PNG
from tests.tools.contexts import context_of_ada

pytest.importorskip("mcp", reason="the extra mcp is not installed")

PROGRAM = str(Path(__file__).parents[1] / "support" / "mcp_server.py")


@pytest.fixture
async def functions(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Functions]:
    monkeypatch.setenv("DISCORD_TOKEN", "a secret of the bot")
    settings = McpSettings(command=(sys.executable, PROGRAM))
    server = McpServer("tiny", settings, SystemClock(), headers={}, variables={"OWN": "its own"})
    made = Functions(servers=[server])
    await made.reload()
    yield made
    await made.close()


def found(functions: Functions, name: str) -> Tool:
    tool = functions.get(f"mcp_tiny_{name}")
    assert tool is not None
    return tool


async def called(functions: Functions, name: str, arguments: str = "{}") -> FunctionResult:
    result = await found(functions, name).prepare(arguments)(context_of_ada())
    assert isinstance(result, FunctionResult)
    return result


async def test_a_server_is_listed_called_killed_during_a_call_and_started_again(
    functions: Functions, tmp_path: Path
) -> None:
    add = found(functions, "add")
    assert (add.name, add.read_only, found(functions, "die").read_only) == (
        "mcp.tiny.add",
        True,
        False,
    )
    assert add.definition()["function"]["description"] == "Add two numbers."
    assert (await called(functions, "add", '{"first": 1, "second": 2}')).text == "3"
    told = (await called(functions, "variables")).text
    assert "OWN=its own" in told
    assert "a secret of the bot" not in told
    shown = await called(functions, "picture")
    assert [(file.name, file.data) for file in shown.files] == [("picture-1.png", PNG)]
    shown = await called(functions, "table")
    assert [(file.name, file.data) for file in shown.files] == [("first.csv", b"a,b")]
    assert shown.text == "[The file first.csv is shown below the answer.]"
    mixed = await called(functions, "mixture")
    assert mixed.files == ()
    assert mixed.text.split("\n") == [
        "first",
        "Docs: https://docs.example/",
        "a note",
        "[A file of the result can't be read.]",
    ]
    assert (await called(functions, "structured")).text == '{"city": "Zürich"}'
    with pytest.raises(ToolError, match="The MCP server says that the call failed"):
        await called(functions, "refuse")
    for text in ("{", "[1]"):
        with pytest.raises(ArgumentsError, match="the arguments are not"):
            add.prepare(text)
    with pytest.raises(ArgumentsError, match="'one' is not of type 'integer'"):
        add.prepare('{"first": "one", "second": 2}')
    path = tmp_path / "calls"
    with pytest.raises(ToolError, match="ended during the call"):
        await called(functions, "die", f'{{"path": "{path}"}}')
    assert path.read_text() == "called\n"
    both = await asyncio.gather(
        *(called(functions, "add", f'{{"first": {number}, "second": 2}}') for number in (1, 2))
    )
    assert [each.text for each in both] == ["3", "4"]


async def test_a_server_over_http_is_called_and_its_end_is_reported_to_the_model(
    unused_tcp_port: int,
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, PROGRAM, str(unused_tcp_port), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    async for line in process.stderr:
        if b"running on" in line:
            break
    settings = McpSettings(url=f"http://127.0.0.1:{unused_tcp_port}/mcp")
    server = McpServer("tiny", settings, SystemClock(), headers={}, variables={})
    functions = Functions(servers=[server])
    try:
        await functions.reload()
        assert (await called(functions, "add", '{"first": 1, "second": 2}')).text == "3"
        process.kill()
        await process.wait()
        with pytest.raises(ToolError, match="The MCP server tiny can't be reached now"):
            await called(functions, "add", '{"first": 1, "second": 2}')
    finally:
        await functions.close()
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_server_that_can_not_be_started_leaves_the_others_working(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = McpSettings(command=(os.devnull,))
    server = McpServer("broken", settings, SystemClock(), headers={}, variables={})
    functions = Functions(servers=[server])
    await functions.reload()
    assert functions.get("roll_dice") is not None
    assert "The MCP server broken can't be used: " in caplog.text
    assert "Permission denied" in caplog.text
    assert "TaskGroup" not in caplog.text
    await functions.close()


@pytest.mark.parametrize("offered", [("roll_*",), ("mcp.unused.*",)])
async def test_an_mcp_server_that_no_pattern_names_is_not_started(
    caplog: pytest.LogCaptureFixture, offered: tuple[str, ...]
) -> None:
    settings = McpSettings(command=(os.devnull,))
    server = McpServer("unused", settings, SystemClock(), headers={}, variables={})
    functions = Functions(ToolsSettings(offered=offered), servers=[server])
    await functions.reload(["roll_*", "mcp.other.*"])
    assert functions.definitions(["mcp.unused.*"]) == []
    assert ("The MCP server unused can't be used" in caplog.text) is (offered == ("mcp.unused.*",))
    await functions.close()


def test_the_example_of_the_documentation_is_a_valid_configuration() -> None:
    page = (Path(__file__).parents[2] / "docs" / "tools.md").read_text("utf-8")
    section = page.partition("## An MCP server in three lines")[2]
    text = section.partition("```toml\n")[2].partition("```")[0]
    (settings,) = parse(text, "tools.md").tools.mcp.values()
    assert settings == McpSettings(command=("python", "my_server.py"), seconds=30)
