"""Functions that read Discord read only what each reader of the answer may read."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.assistants.schema.requests import ModifyAssistant
from bot.assistants.validation import from_raw
from bot.config.tools import ToolsSettings
from bot.sandbox import Permission
from bot.tools.functions import Functions
from tests.scenarios.community import Community, community
from tests.scenarios.trouble.test_broken_objects import change_guilds, without_a_position


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Community]:
    async with community(tmp_path, "channel", start=False) as made:
        # Where the sleeps of the clock are 50 times as short, a busy machine has 12 s for a call.
        made.functions = Functions(ToolsSettings(seconds=600))
        await made.functions.reload()
        await made.start_engine()
        tools = made.functions.definitions(["*_messages"])
        request = from_raw(ModifyAssistant, {"tools": tools})
        await made.api.modify_assistant(made.assistant_id, request)
        open_channel = made.sandbox.guild.add_text_channel("news")
        secret = made.sandbox.guild.add_text_channel("secret")
        secret.deny(made.ben.user, Permission.VIEW_CHANNEL)
        for place in (open_channel, secret):
            await made.ada.say(place, f"The harbour opens in {place.name}")
        await made.start_bot()
        yield made


async def told(whole: Community, name: str, **arguments: Any) -> str:
    """Have the model call a function; return what the model was told."""
    whole.model.call_tools((name, arguments))
    whole.model.say("Done.")
    await whole.ask("harbour?")
    await whole.finished(whole.general)
    (output,) = (each for each in whole.model.requests[-1].messages if each["role"] == "tool")
    return str(output["content"])


async def test_an_open_channel_is_read(whole: Community) -> None:
    text = await told(whole, "recent_messages", channel="#news")
    assert "The harbour opens in news" in text
    assert "#news, Ada" in text


async def test_a_channel_is_found_beside_a_broken_one(
    whole: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_guilds(monkeypatch, without_a_position)
    await whole.restart_bot()
    assert "opens in news" in await told(whole, "recent_messages", channel="#news")


async def test_a_channel_that_not_everybody_here_reads_is_not_read(whole: Community) -> None:
    text = await told(whole, "recent_messages", channel="secret")
    assert "opens in secret" not in text
    assert "There is no channel 'secret' that everybody here may read" in text


async def test_the_answering_channel_is_read(whole: Community) -> None:
    await whole.ada.say(whole.general, "Only said here")
    assert "Only said here" in await told(whole, "recent_messages")


async def test_a_search_finds_what_everybody_here_may_read(whole: Community) -> None:
    text = await told(whole, "search_messages", text="HARBOUR opens")
    assert "opens in news" in text
    assert "opens in secret" not in text


async def test_a_search_waits_for_discords_index_and_gives_up_in_words(whole: Community) -> None:
    route = "/guilds/{guild_id}/messages/search"
    whole.clock.sleep_speed = 50
    whole.sandbox.faults.fail_next("GET", route, status=202, code=110000, times=1)
    assert "opens in news" in await told(whole, "search_messages", text="harbour opens")


async def test_an_index_that_is_never_built_is_told(whole: Community) -> None:
    route = "/guilds/{guild_id}/messages/search"
    whole.clock.sleep_speed = 50
    whole.sandbox.faults.fail_next("GET", route, status=202, code=110000, times=None)
    text = await told(whole, "search_messages", text="harbour", channel="news")
    assert "still building its index" in text
