"""Function calls that ask people: decided in time, late, twice at once, and across restarts."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.assistants.schema.requests import ModifyAssistant
from bot.assistants.validation import from_raw
from bot.chat.texts.fluent import localized, using
from bot.config.tools import ToolsSettings
from bot.sandbox import Channel, DiscordMessage, Permission, Person
from bot.tools.functions import Functions
from bot.tools.python_functions import tool, tool_of
from tests.scenarios.community import Community, answer, community, labels

ONCE, CONVERSATION, DENY, REASON = (
    "Allow once",
    "Allow for this conversation",
    "Deny",
    "Deny with a reason",
)
DAY = 86_400.0


class Post:
    """A function that writes, and one that reads."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def functions(self, settings: ToolsSettings) -> Functions:
        async def send(text: str) -> str:
            """Send a text."""
            self.sent.append(text)
            return f"sent {text}"

        @tool(read_only=True)
        async def read() -> str:
            """Read."""
            return "nothing new"

        made = Functions(settings)
        made.replace([tool_of(send), tool_of(read)])
        return made


@pytest.fixture
def post() -> Post:
    return Post()


async def start(whole: Community, post: Post, **settings: Any) -> None:
    """Start a bot whose assistant has the functions."""
    whole.functions = post.functions(ToolsSettings(**settings))
    await whole.start_engine()
    definitions = whole.functions.definitions(["*"])
    request = from_raw(ModifyAssistant, {"tools": definitions})
    await whole.api.modify_assistant(whole.assistant_id, request)
    await whole.start_bot()


@pytest.fixture(params=[False, True], ids=["own engine", "server elsewhere"])
async def whole(
    tmp_path: Path, request: pytest.FixtureRequest, post: Post
) -> AsyncIterator[Community]:
    """A community where a call that asks waits as long as the test."""
    async with community(tmp_path, "channel", remote=request.param, start=False) as made:
        await start(made, post, approval_seconds=300)
        yield made


def asked(whole: Community, channel: Channel | None = None) -> list[DiscordMessage]:
    """The messages that ask, oldest first."""
    return [m for m in whole.replies(channel or whole.general) if m.content.startswith("🔐")]


async def asks(whole: Community, number: int = 1, channel: Channel | None = None) -> DiscordMessage:
    """Wait for a message that asks."""
    await whole.until(lambda: len(asked(whole, channel)) >= number)
    return asked(whole, channel)[number - 1]


def outputs(whole: Community) -> list[str]:
    """What the model was told by functions in its newest request."""
    messages = whole.model.requests[-1].messages
    return [str(each["content"]) for each in messages if each["role"] == "tool"]


async def noted(who: Person, whole: Community, message: DiscordMessage, label: str) -> str:
    """What a press is answered with, privately."""
    pressed = await who.click(message, label)
    await whole.until(lambda: pressed.responses)
    return pressed.responses[-1].content


def call_send(whole: Community, text: str = "hello") -> None:
    whole.model.call_tools(("send", {"text": text}))


async def decisions(whole: Community) -> list[str]:
    found = await whole.ledger.approvals.decisions(whole.sandbox.guild.id, most=50)
    return [each.decision for each in reversed(found)]


async def said(whole: Community, text: str) -> DiscordMessage:
    """Wait for a reply with a text."""
    await whole.until(lambda: [m for m in whole.replies(whole.general) if answer(m) == text])
    return next(m for m in whole.replies(whole.general) if answer(m) == text)


async def test_a_call_that_only_reads_needs_no_approval(whole: Community) -> None:
    whole.model.call_tools(("read", {}))
    whole.model.say("Read.")
    await whole.ask("read")
    await said(whole, "Read.")
    assert asked(whole) == []
    assert await decisions(whole) == ["allow"]


async def test_a_call_that_was_allowed_once_is_made_and_the_next_one_asks_again(
    whole: Community, post: Post
) -> None:
    call_send(whole)
    whole.model.say("Done.")
    await whole.ask("send")
    message = await asks(whole)
    assert "**send**" in message.content
    assert '"text": "hello"' in message.content
    assert labels(message) == [ONCE, CONVERSATION, DENY, REASON]
    assert post.sent == []
    await whole.ada.click(message, ONCE)
    await said(whole, "Done.")
    assert post.sent == ["hello"]
    assert "sent hello" in outputs(whole)[-1]
    await whole.until(lambda: labels(message) == [localized("approval-decided")])
    assert localized("approval-ended.once", name="Ada") in message.content
    call_send(whole, "again")
    whole.model.say("Done again.")
    await whole.ask("again")
    await whole.ada.click(await asks(whole, 2), DENY)
    await said(whole, "Done again.")
    assert post.sent == ["hello"]
    assert "a person denied" in outputs(whole)[-1]
    assert await decisions(whole) == ["ask", "once", "ask", "denied"]


async def test_a_conversation_that_was_allowed_asks_no_more_until_a_new_one_begins(
    whole: Community, post: Post
) -> None:
    call_send(whole, "one")
    whole.model.say("First.")
    await whole.ask("send")
    await whole.ada.click(await asks(whole), CONVERSATION)
    await said(whole, "First.")
    call_send(whole, "two")
    whole.model.say("Second.")
    await whole.ask("send more")
    await said(whole, "Second.")
    assert post.sent == ["one", "two"]
    assert len(asked(whole)) == 1
    assert await decisions(whole) == ["ask", "conversation", "allowed_before"]


async def test_the_model_is_told_the_reason_of_a_denial(whole: Community, post: Post) -> None:
    call_send(whole)
    whole.model.say("I see.")
    await whole.ask("send")
    message = await asks(whole)
    pressed = await whole.ada.click(message, REASON)
    await whole.ada.submit_modal(pressed, {"reason": "Not on Sundays."})
    await said(whole, "I see.")
    assert post.sent == []
    assert "Not on Sundays." in outputs(whole)[-1]
    await whole.until(lambda: "Not on Sundays" in message.content)


async def test_two_presses_at_once_decide_once(whole: Community, post: Post) -> None:
    call_send(whole)
    whole.model.say("Done.")
    await whole.ask("send")
    message = await asks(whole)
    pressed = await asyncio.gather(whole.ada.click(message, ONCE), whole.admin.click(message, ONCE))
    await said(whole, "Done.")
    await whole.until(lambda: sum(bool(each.responses) for each in pressed) == 1)
    assert post.sent == ["hello"]
    assert await decisions(whole) == ["ask", "once"]


async def test_whoever_may_not_decide_is_told_so(whole: Community, post: Post) -> None:
    call_send(whole)
    whole.model.say("Done.")
    await whole.ask("send")
    message = await asks(whole)
    for label in (ONCE, DENY, REASON):
        assert await noted(whole.ben, whole, message, label) == localized("approval-not-yours")
    await whole.admin.click(message, ONCE)
    await said(whole, "Done.")
    text = await noted(whole.ada, whole, message_with_buttons(message), ONCE)
    assert text == localized("approval-decided-before", name=whole.admin.user.name)


def message_with_buttons(message: DiscordMessage) -> DiscordMessage:
    """The message as somebody still sees it whose Discord is slow."""
    number = message.components[0]["components"][0]["custom_id"].rpartition(":")[2]
    message.components[0]["components"][0].update(
        custom_id=f"tools:once:{number}", label=ONCE, disabled=False
    )
    return message


async def test_roles_of_the_operator_may_decide(tmp_path: Path, post: Post) -> None:
    async with community(tmp_path, "channel", start=False) as whole:
        guilds, guild = whole.sandbox.backend.guilds, whole.sandbox.guild.state
        role = guilds.add_role(guild, "Deciders", Permission(0))
        guilds.give_role(guild, whole.ben.user, role)
        await start(whole, post, approvers=(), approver_roles=(role.id,))
        call_send(whole)
        whole.model.say("Done.")
        await whole.ask("send")
        message = await asks(whole)
        assert await noted(whole.ada, whole, message, ONCE) == localized("approval-not-yours")
        await whole.ben.click(message, ONCE)
        await said(whole, "Done.")
        assert post.sent == ["hello"]


async def test_long_arguments_are_shown_in_a_file(whole: Community) -> None:
    text = "```\n" + "x" * 3_000
    call_send(whole, text)
    whole.model.say("Done.")
    await whole.ask("send")
    message = await asks(whole)
    assert localized("approval-in-file") in message.content
    assert b"x" * 3_000 in message.attachments[0].data
    await whole.ada.click(message, DENY)
    await said(whole, "Done.")
    await whole.until(lambda: "Denied" in message.content)
    assert message.attachments


async def test_a_cancelled_run_withdraws_what_it_asked(whole: Community, post: Post) -> None:
    call_send(whole)
    await whole.ask("send")
    message = await asks(whole)
    reply = next(m for m in whole.replies(whole.general) if "Cancel" in labels(m))
    await whole.ada.click(reply, "Cancel")
    await whole.until(lambda: localized("approval-ended.withdrawn") in message.content)
    await whole.ended_turns(1)
    text = await noted(whole.ada, whole, message_with_buttons(message), ONCE)
    assert text == localized("approval-too-old")
    assert post.sent == []


async def test_calls_ask_for_approval_in_japanese(whole: Community) -> None:
    whole.sandbox.guild.make_community("ja")
    call_send(whole)
    whole.model.say("完了。")
    await whole.ask("send")
    message = await asks(whole)
    with using("ja"):
        assert localized("approval-asks", name="send", asker="Ada") in message.content
        label = localized("approval-button.once")
    await whole.ada.click(message, label)
    await said(whole, "完了。")
