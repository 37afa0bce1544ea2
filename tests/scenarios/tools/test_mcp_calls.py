"""An MCP server that dies in the middle of a call of the bot's run."""

import sys
from pathlib import Path

import pytest

from bot.assistants.schema.requests import ModifyAssistant
from bot.assistants.validation import from_raw
from bot.config.tools import McpSettings, ToolRule, ToolsSettings
from bot.runtime.clock import SystemClock
from bot.tools.functions import Functions
from bot.tools.mcp_servers import McpServer
from tests.scenarios.community import answer, community
from tests.support import mcp_server


@pytest.mark.parametrize("remote", [False, True], ids=["own engine", "server elsewhere"])
async def test_a_server_that_dies_during_a_call_is_told_and_serves_the_next_one(
    tmp_path: Path, remote: bool
) -> None:
    settings = McpSettings(command=(sys.executable, mcp_server.__file__))
    server = McpServer("tiny", settings, SystemClock(), headers={}, variables={})
    rules = (ToolRule(decision="allow", tools=("mcp.tiny.*",)),)
    async with community(tmp_path, "channel", remote=remote, start=False) as whole:
        whole.functions = Functions(ToolsSettings(rules=rules), servers=[server])
        await whole.functions.reload()
        await whole.start_engine()
        tools = whole.functions.definitions(["mcp.tiny.*"])
        request = from_raw(ModifyAssistant, {"tools": tools})
        await whole.api.modify_assistant(whole.assistant_id, request)
        await whole.start_bot()
        calls = tmp_path / "calls"
        whole.model.call_tools(("mcp_tiny_die", {"path": str(calls)}))
        whole.model.call_tools(("mcp_tiny_picture", {}))
        whole.model.say("It died, and drew.")
        await whole.ask("draw")
        reply = await whole.finished(whole.general)
        assert answer(reply) == "It died, and drew."
        assert [(file.filename, file.data) for file in reply.files] == [
            ("picture-1.png", mcp_server.PNG)
        ]
        assert calls.read_text() == "called\n"
        stored = await whole.ledger.tool_calls.of_turn(1)
        assert [call.outcome for call in stored] == ["failed", "done"]
        assert "ended during the call" in (stored[0].output or "")
        await whole.functions.close()
