"""The tools of runs in channels with documents."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.assistants.schema.tools import FileSearchTool, FunctionDefinition, FunctionTool
from bot.chat.threads.messages.document_tools import MOST_RUN_TOOLS, DocumentTools


@pytest.mark.parametrize("count", [0, MOST_RUN_TOOLS - 1, MOST_RUN_TOOLS, MOST_RUN_TOOLS + 5])
async def test_an_assistant_with_as_many_tools_as_a_run_may_have_keeps_its_own(count: int) -> None:
    own = tuple(FunctionTool(FunctionDefinition(name=f"f{number}")) for number in range(count))

    async def have_documents(channel_id: int) -> bool:
        return True

    async def retrieve_assistant(assistant_id: str) -> Any:
        return SimpleNamespace(tools=own)

    api = cast("Any", SimpleNamespace(retrieve_assistant=retrieve_assistant))
    questions = SimpleNamespace(have_documents=have_documents)
    tools = DocumentTools(api, cast("Any", SimpleNamespace(questions=questions)))
    expected = (*own, FileSearchTool()) if count < MOST_RUN_TOOLS else None
    assert await tools.tools(1, "asst_1") == expected
