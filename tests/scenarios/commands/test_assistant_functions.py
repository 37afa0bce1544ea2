"""The functions that managers give to an assistant of their server."""

from pathlib import Path
from typing import Any

from bot.app.functions import read_document
from bot.assistants.schema.objects import Assistant
from bot.assistants.schema.tools import FunctionTool
from bot.chat.texts.fluent import localized
from bot.config.tools import FREE, ToolsSettings
from bot.tools.functions import Functions
from bot.tools.python_functions import tool_of
from bot.tools.shipped import picture_tool
from bot.tools.web import web_page_tool
from tests.scenarios.commands.test_assistants import told
from tests.scenarios.commands.test_invite import draw
from tests.scenarios.community import Community, answer, community


async def stored(whole: Community) -> Assistant:
    (own,) = await whole.ledger.assistants.of_guild(whole.sandbox.guild.id)
    return await whole.api.retrieve_assistant(own.id)


async def functions_of(whole: Community) -> list[str]:
    tools = (await stored(whole)).tools
    return [each.function.name for each in tools if isinstance(each, FunctionTool)]


async def edited(whole: Community, command: str, **values: Any) -> None:
    """Send the form of a command as it stands."""
    asked = await whole.admin.command(whole.general, f"assistant {command}", **values)
    sent = await whole.admin.submit_modal(asked, {"instructions": "Play."})
    await whole.until(lambda: sent.original is not None and sent.original.content)


async def test_an_assistant_of_a_server_gets_the_functions_that_its_manager_names(
    tmp_path: Path,
) -> None:
    async def secret() -> str:
        """Return what the operator offers to no server."""
        return "secret"

    async with community(tmp_path, "channel", start=False) as whole:
        whole.functions = Functions(ToolsSettings(), tools=[tool_of(secret)])
        await whole.functions.reload()
        await whole.start_engine()
        await whole.start_bot()
        given = {"name": "Games", "model": "scripted-model", "functions": "roll_dice, remind_*"}
        await edited(whole, "create", **given)
        assert await functions_of(whole) == ["roll_dice", "remind_me"]
        shown = await told(whole, whole.admin, whole.general, "assistant show", assistant="Games")
        assert "`roll\\_dice`" in shown

        await told(whole, whole.admin, whole.general, "assistant use", assistant="Games")
        whole.model.call_tools(("roll_dice", {"dice": "1d1"}))
        whole.model.say("One.")
        await whole.ask("roll")
        assert answer(await whole.finished(whole.general)) == "One."
        assert "= 1" in str(whole.model.requests[-1].messages[-1]["content"])

        # Without the option the functions stay; another one replaces them, "none" takes them.
        await edited(whole, "edit", assistant="Games")
        assert await functions_of(whole) == ["roll_dice", "remind_me"]
        await edited(whole, "edit", assistant="Games", functions="calculate")
        assert await functions_of(whole) == ["calculate"]
        await edited(whole, "edit", assistant="Games", functions="none")
        assert await functions_of(whole) == []

        # What the operator does not offer, nobody can give.
        refused = await told(
            whole,
            whole.admin,
            whole.general,
            "assistant edit",
            assistant="Games",
            functions="calculate secret",
        )
        assert refused == localized("assistant-no-such-function", names="secret")
        path, typed = "assistant edit", "calculate roll"
        found = await whole.admin.autocomplete(
            whole.general, path, focused="functions", value=typed
        )
        assert [each["value"] for each in found] == ["calculate roll_dice"]
        found = await whole.admin.autocomplete(
            whole.general, path, focused="functions", value="secret"
        )
        assert found == []


async def test_the_functions_that_cost_the_operator_nothing_are_offered() -> None:
    functions = Functions(tools=[web_page_tool(read_document), picture_tool(draw)])
    await functions.reload()
    assert {each.name for each in functions.offered()} == set(FREE)
    await functions.close()
