import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.assistants.schema.requests import (
    ModifyAssistant,
    NewFileSearchResources,
    NewToolResources,
)
from bot.assistants.schema.tools import (
    CodeInterpreterTool,
    FileSearchTool,
    FunctionDefinition,
    FunctionTool,
)
from bot.chat.internal_limits import ChatLimits
from tests.scenarios.community import Community, answer, community
from tests.support.files import searchable
from tests.support.gate import Gate
from tests.support.model_turns import Turn, call_tools, say


@pytest.mark.parametrize(
    ("footer", "line"),
    [
        ((), r"\AYes\.\Z"),
        (("time",), r"\AYes\.\n-# \d+\.\d s\Z"),
        (("tokens", "time"), r"\AYes\.\n-# \d+ tokens · \d+\.\d s\Z"),
        (("model",), r"\AYes\.\n-# scripted\\-model\Z"),
    ],
)
async def test_the_footer_of_an_answer_has_the_facts_that_the_operator_chose(
    tmp_path: Path, footer: tuple[str, ...], line: str
) -> None:
    async with community(tmp_path, "channel", footer=footer) as channels:
        channels.model.say("Yes.")
        await channels.ask("Is it?")
        assert re.match(line, (await channels.finished(channels.general)).content)


@asynccontextmanager
async def with_tools(directory: Path) -> AsyncIterator[Community]:
    """A community whose assistant runs code, calls functions and searches three files."""
    async with community(directory, "channel", start=False) as channels:
        channels.limits = ChatLimits(edit_seconds=0.05)
        await channels.start_engine()
        await channels.start_bot()
        store, _ = await searchable(channels.api, bees="Bees hum.", ants="Ants dig.", owls="Hu.")
        search = NewFileSearchResources(vector_store_ids=(store.id,))
        functions = [FunctionTool(FunctionDefinition(name)) for name in ("weather", "get_news")]
        changed = ModifyAssistant(
            tools=(CodeInterpreterTool(), FileSearchTool(), *functions),
            tool_resources=NewToolResources(file_search=search),
        )
        await channels.api.modify_assistant(channels.assistant_id, changed)
        yield channels


def calling(*calls: tuple[str, dict[str, Any]], before_end: Gate, text: str = "") -> Turn:
    """Call tools, and wait before the last chunks until the gate opens."""
    turn = call_tools(*calls, text=text)
    return Turn([*turn.steps[:-3], before_end, *turn.steps[-3:]])


async def test_a_reply_lists_what_the_run_does_until_its_text_grows(tmp_path: Path) -> None:
    async with with_tools(tmp_path) as channels:
        model = channels.model
        search, code, functions, text = (model.gate() for _ in range(4))
        model.then(
            calling(("file_search", {"queries": ["bees"]}), before_end=search),
            calling(("code_interpreter", {"code": "1 + 1"}), before_end=code),
            calling(("weather", {"city": "Oslo"}), ("get_news", {}), before_end=functions),
            say("Bees hum. It rains.", gate=text),
        )
        await channels.ask("What do bees do?")
        reply = await channels.reply(channels.general)

        async def shows(*lines: str) -> None:
            await channels.until(lambda: reply.content == "\n".join(["thinking…", *lines]))

        await shows("-# ▸ searching 3 files")
        search.open()
        await shows("-# ✓ searched 3 files", "-# ▸ running code")
        code.open()
        await shows(
            "-# ✓ searched 3 files",
            "-# ✓ ran code",
            "-# ▸ calling weather (1 of 2)",
            "-# ▸ calling get\\_news (2 of 2)",
        )
        functions.open()
        # Nobody has configured these functions, so both calls fail.
        await shows(
            "-# ✓ searched 3 files",
            "-# ✓ ran code",
            "-# ✗ calling weather (1 of 2)",
            "-# ✗ calling get\\_news (2 of 2)",
        )
        text.let(2)
        await channels.until(lambda: reply.content == "Bees hum.")
        text.open()
        await channels.finished(channels.general)
        assert re.fullmatch(r"Bees hum\. It rains\.\n-# \d+\.\d s · \d+ tokens", reply.content)


async def test_text_before_a_tool_call_stays_above_the_list(tmp_path: Path) -> None:
    async with with_tools(tmp_path) as channels:
        gate = channels.model.gate()
        run_code = ("code_interpreter", {"code": "1 + 1"})
        channels.model.then(calling(run_code, before_end=gate, text="Let me see."))
        channels.model.say("It is 2.")
        await channels.ask("1 + 1?")
        reply = await channels.reply(channels.general)
        await channels.until(lambda: reply.content == "Let me see.\n-# ▸ running code")
        gate.open()
        assert answer(await channels.finished(channels.general)) == "Let me see.\n\nIt is 2."


async def test_text_that_turns_out_to_be_reasoning_gives_way_to_thinking(tmp_path: Path) -> None:
    async with community(tmp_path, "channel", start=False) as channels:
        channels.limits = ChatLimits(edit_seconds=0.05)
        await channels.start_engine()
        await channels.start_bot()
        gate = channels.model.gate()
        channels.model.say("", tokens=["Be rude?", " No.", "</think>", "Hello."], gate=gate)
        await channels.ask("hi")
        reply = await channels.reply(channels.general)
        gate.let(2)
        await channels.until(lambda: reply.content == "Be rude? No.")
        gate.let(1)
        await channels.until(lambda: reply.content == "thinking…")
        gate.open()
        assert answer(await channels.finished(channels.general)) == "Hello."


async def test_after_a_restart_a_reply_lists_what_its_run_did_meanwhile(tmp_path: Path) -> None:
    async with with_tools(tmp_path) as channels:
        gate = channels.model.gate()
        channels.model.call_tools(("code_interpreter", {"code": "1 + 1"}))
        channels.model.say("It is 2.", first=gate)
        await channels.ask("1 + 1?")
        reply = await channels.reply(channels.general)
        await channels.until(lambda: "ran code" in reply.content)
        await channels.restart_bot()
        await channels.until(lambda: reply.content == "thinking…\n-# ✓ ran code")
        gate.open()
        assert answer(await channels.finished(channels.general)) == "It is 2."
