"""What is stored of the functions that were called for a member: handed out, and forgotten."""

import json
from pathlib import Path

from bot.chat.texts.fluent import localized
from bot.config.tools import ToolRule, ToolsSettings
from bot.tools.functions import Functions
from bot.tools.python_functions import tool_of
from tests.scenarios.access.test_privacy import SECRET, exported, forget, left, shown, traces
from tests.scenarios.community import community
from tests.scenarios.tools.test_function_calls import give_functions
from tests.support import model_turns as turns
from tests.support.eventually import eventually
from tests.support.model_turns import TokenUsage


async def look_up(word: str) -> str:
    """Look a word up."""
    return f"{word}: an instrument"


async def test_calls_and_usage_are_handed_out_and_leave_an_answer_to_several_members(
    tmp_path: Path,
) -> None:
    async with community(tmp_path, "channel", start=False) as whole:
        whole.functions = Functions(ToolsSettings(rules=(ToolRule(decision="allow"),)))
        await whole.start_engine()
        await whole.start_bot()
        await give_functions(whole, [tool_of(look_up)])
        gate = whole.model.gate()
        whole.model.say("first", first=gate)
        await whole.ask("one", whole.ben)
        await whole.in_state(1, "running")
        # Both questions wait for the first answer, and are answered together.
        await whole.ask("what is a harp?", whole.ben)
        await whole.ask(f"and a {SECRET}?")
        await whole.waiting(["what is a harp?", f"and a {SECRET}?"])
        whole.model.then(
            turns.call_tools(("look_up", {"word": SECRET}), usage=TokenUsage(40, 10)),
            turns.say("Both make music.", usage=TokenUsage(60, 5)),
        )
        gate.open()
        await whole.ended_turns(2)
        # The next answer is Ada's alone.
        whole.model.then(turns.call_tools(("look_up", {"word": "zither"})), turns.say("Too."))
        await whole.ask("and that other one?")
        await whole.ended_turns(3)
        assert "engine.db steps" in str(traces(whole.directory, "zither"))
        data = json.loads((await exported(whole, whole.ada)).read("data.json"))
        (used,) = data["usage_by_day"]
        shared, own = [await whole.ledger.spending.of_attempt(turn, 1) for turn in (2, 3)]
        assert shared is not None
        assert own is not None
        half = shared.tokens // 2
        assert used["tokens"] - own.tokens in (half, shared.tokens - half)
        call, _ = data["function_calls"]
        assert call["output"].endswith(f"{SECRET}: an instrument")
        others = json.loads((await exported(whole, whole.ben)).read("data.json"))
        assert "function_calls" not in others
        seen = await whole.ada.command(whole.general, "privacy show")
        assert localized("privacy-calls", count=2) in await shown(whole, seen)
        # The steps of the run stay at the server with the answer that others asked for.
        await forget(whole, whole.ada, whole.general)
        await eventually(
            lambda: all(each.startswith("engine.db steps") for each in left(whole)),
        )
        await eventually(lambda: traces(whole.directory, "zither") == [])
        await forget(whole, whole.ben, whole.general)
        await eventually(lambda: traces(whole.directory, SECRET) == [])
