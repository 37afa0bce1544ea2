"""The permissions that the invite link asks for: enough for everything, and none for nothing."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.assistants.schema.requests import ModifyAssistant
from bot.assistants.validation import from_raw
from bot.chat.reply.waiting_reactions import WAITING
from bot.chat.transport.login import invite_url
from bot.config import DiscordSettings
from bot.sandbox import Permission
from bot.tools.functions import Functions
from bot.tools.shipped import picture_tool
from tests.scenarios.community import Community, community, deny
from tests.support.mcp_server import PNG


def asked_for(settings: DiscordSettings) -> Permission:
    """The permissions of the invite link."""
    given = parse_qs(urlsplit(invite_url(1, settings)).query)
    assert given["scope"] == ["bot applications.commands"]
    return Permission(int(given["permissions"][0]))


async def use_everything(whole: Community) -> None:
    """Have a channel thread opened, a question marked, a picture drawn, and messages read."""
    gate = whole.model.stall(then="")
    whole.model.call_tools(("make_image", {"description": "a cat"}), ("recent_messages", {}))
    whole.model.say("Here.")
    home = await whole.thread_of(await whole.ask("draw"))
    await whole.model.until_request()
    waiting = await whole.ask("and then?", channel=home)
    await whole.until(lambda: any(each.emoji_name == WAITING for each in waiting.reactions))
    gate.open()
    reply = await whole.finished(home, 2)
    await whole.ended_turns(2)
    assert reply.files
    assert "There are no such messages" not in str(whole.model.requests[-1].messages)


async def draw(description: str) -> bytes:
    return PNG


async def test_everything_works_with_just_the_permissions_of_the_link(tmp_path: Path) -> None:
    async with community(tmp_path, "thread", start=False) as whole:
        whole.functions = Functions(tools=[picture_tool(draw)])
        await whole.functions.reload()
        await whole.start_engine()
        request = from_raw(ModifyAssistant, {"tools": whole.functions.definitions(["*"])})
        await whole.api.modify_assistant(whole.assistant_id, request)
        allowed = asked_for(whole.settings)
        deny(whole.sandbox, ~allowed)
        whole.sandbox.guild.set_bot_permissions(allowed)
        await whole.start_bot()
        await use_everything(whole)
        refused = [each for each in whole.sandbox.requests if each.status == 403]
        assert refused == []


@pytest.mark.parametrize("answer_in", ["thread", "channel"])
def test_the_link_asks_for_no_permission_that_nothing_needs(answer_in: str) -> None:
    settings = DiscordSettings(answer_in="thread" if answer_in == "thread" else "channel")
    needed = (
        Permission.VIEW_CHANNEL
        | Permission.SEND_MESSAGES
        | Permission.SEND_MESSAGES_IN_THREADS
        | Permission.READ_MESSAGE_HISTORY
        | Permission.ADD_REACTIONS
        | Permission.ATTACH_FILES
    )
    if answer_in == "thread":
        needed |= Permission.CREATE_PUBLIC_THREADS
    assert asked_for(settings) == needed
