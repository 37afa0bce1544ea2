"""Decisions about function calls that come after the run: days and restarts later."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.chat.texts.fluent import localized
from bot.config.tools import ToolRule, ToolsSettings
from bot.store.ledger import ToolDecision
from tests.scenarios.commands.test_server_settings import used
from tests.scenarios.community import Community, community
from tests.scenarios.tools.test_approvals import (
    DENY,
    ONCE,
    REASON,
    Post,
    asks,
    call_send,
    decisions,
    noted,
    outputs,
    said,
    start,
)
from tests.support.eventually import eventually

DAY = 86_400.0


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
async def late(tmp_path: Path, post: Post) -> AsyncIterator[Community]:
    """A community where a run waits for no decision."""
    async with community(tmp_path, "channel", start=False) as made:
        await start(made, post, approval_seconds=0)
        yield made


async def test_a_decision_days_and_restarts_later_makes_that_call_and_begins_a_turn(
    late: Community, post: Post
) -> None:
    call_send(late)
    late.model.say("It waits for you.")
    await late.ask("send")
    await said(late, "It waits for you.")
    assert "waiting for approval" in outputs(late)[-1]
    message = await asks(late)
    # The conversation is not locked.
    late.model.say("Yes.")
    await late.ask("are you there?")
    await said(late, "Yes.")
    for _ in range(2):
        late.clock.later += 1.5 * DAY
        await late.restart_bot()
    late.model.say("It was sent.")
    pressed = await asyncio.gather(late.ada.click(message, ONCE), late.admin.click(message, ONCE))
    reply = await said(late, "It was sent.")
    await late.until(lambda: localized("after-approval") in reply.content)
    await late.until(lambda: sum(bool(each.responses) for each in pressed) == 1)
    assert post.sent == ["hello"]
    asked_last = str(late.model.requests[-1].messages[-1]["content"])
    assert "sent hello" in asked_last
    assert "data" in asked_last
    assert await decisions(late) == ["ask", "late", "once"]
    # The result is no message of Discord, and is not taken for a deleted one.
    await late.restart_bot()
    late.model.say("Three.")
    await late.ask("three")
    await said(late, "Three.")
    texts = [text for role, text in await late.on_thread(late.general) if role == "user"]
    assert len(texts) == 4


async def wait_for_decisions(late: Community, count: int) -> None:
    """Have so many runs end with a call that waits."""
    for number in range(1, count + 1):
        call_send(late, f"text {number}")
        late.model.say(f"It waits {number}.")
        await late.ask("send")
        await said(late, f"It waits {number}.")


async def test_a_late_denial_with_a_reason_begins_a_turn_and_one_without_is_told_in_the_next(
    late: Community, post: Post
) -> None:
    await wait_for_decisions(late, 3)
    await late.ada.click(await asks(late, 1), DENY)
    await late.admin.click(await asks(late, 2), DENY)
    await eventually(lambda: decisions(late), lambda found: found.count("denied") == 2)
    await late.restart_bot()
    late.model.say("I see.")
    pressed = await late.ada.click(await asks(late, 3), REASON)
    await late.ada.submit_modal(pressed, {"reason": "Not on Sundays."})
    reply = await said(late, "I see.")
    await late.until(lambda: localized("after-approval") in reply.content)
    # The turn that the reason began tells of the earlier denials, too, and no other turn does.
    told = [str(each["content"]) for each in late.model.requests[-1].messages[-3:]]
    for number, text in enumerate(told, 1):
        assert text.startswith("[The call of send that waited for approval, with")
        assert f"text {number}" in text
        assert "was denied by a person. It was not made." in text
    assert "Not on Sundays." in told[2]
    assert "Not on Sundays." not in told[0] + told[1]
    await late.ask("and now?")
    await late.finished(late.general, 8)
    assert len(await late.ended_turns(5)) == 5
    texts = [text for role, text in await late.on_thread(late.general) if role == "user"]
    assert len([text for text in texts if "was denied" in text]) == 3
    assert post.sent == []


async def test_a_late_denial_without_a_reason_is_told_together_with_the_next_question(
    late: Community,
) -> None:
    await wait_for_decisions(late, 1)
    await late.ada.click(await asks(late), DENY)
    await eventually(lambda: decisions(late), lambda found: "denied" in found)
    late.model.say("It was denied.")
    await late.ask("was it sent?")
    reply = await said(late, "It was denied.")
    assert localized("after-approval") not in reply.content
    denial, question = (str(each["content"]) for each in late.model.requests[-1].messages[-2:])
    assert "was denied by a person" in denial
    assert question.endswith("was it sent?")
    assert len(await late.ended_turns(2)) == 2


async def test_late_calls_count_in_the_limits(late: Community, post: Post) -> None:
    await wait_for_decisions(late, 2)
    settings = ToolsSettings(approval_seconds=0, calls_per_member_hour=1)
    late.functions = post.functions(settings)
    await late.restart_bot()
    late.model.say("One was sent.")
    await late.ada.click(await asks(late, 1), ONCE)
    await said(late, "One was sent.")
    late.model.say("The other was not.")
    await late.ada.click(await asks(late, 2), ONCE)
    await said(late, "The other was not.")
    assert post.sent == ["text 1"]
    assert "in an hour" in str(late.model.requests[-1].messages[-1]["content"])


async def test_a_press_after_too_many_days_does_nothing(late: Community, post: Post) -> None:
    call_send(late)
    late.model.say("It waits.")
    await late.ask("send")
    await said(late, "It waits.")
    late.clock.later += 31 * DAY
    text = await noted(late.ada, late, await asks(late), ONCE)
    assert text == localized("approval-too-old")
    assert post.sent == []


async def test_a_rule_that_denies_meanwhile_counts_for_a_late_call(
    late: Community, post: Post
) -> None:
    call_send(late)
    late.model.say("It waits.")
    await late.ask("send")
    await said(late, "It waits.")
    message = await asks(late)
    await late.stop_bot()
    late.functions = post.functions(ToolsSettings(rules=(ToolRule(decision="deny"),)))
    await late.start_bot()
    late.model.say("It is not allowed.")
    await late.ada.click(message, ONCE)
    await said(late, "It is not allowed.")
    assert post.sent == []


async def test_managers_see_who_decided_what_and_members_what_the_assistant_may_do(
    late: Community,
) -> None:
    assert await used(late, "tools log") == localized("no-tool-decisions")
    call_send(late)
    late.model.say("It waits.")
    await late.ask("send")
    await said(late, "It waits.")
    await late.ada.click(await asks(late), DENY)

    async def newest() -> ToolDecision:
        return (await late.ledger.approvals.decisions(late.sandbox.guild.id, most=1))[0]

    await eventually(newest, lambda found: found.decision == "denied")
    text = await used(late, "tools log")
    assert localized("tools-decision.denied", who=late.ada.mention) in text
    listed = await late.ada.command(late.general, "tools list")
    await late.until(lambda: listed.done)
    assert listed.original is not None
    assert listed.original.content.splitlines() == [
        localized("tools-may.ask-writes", name="send"),
        localized("tools-may.allow", name="read"),
    ]


async def test_a_forgotten_member_leaves_no_call_and_no_reason_in_shared_turns(
    late: Community, post: Post
) -> None:
    gate = late.model.stall(then="First.")
    await late.ask("one")
    await late.model.until_request()
    call_send(late, "secret")
    late.model.say("It waits.")
    await late.ask("two")
    await late.ask("three", late.ben)
    await late.waiting(["two", "three"])
    gate.open()
    await said(late, "It waits.")
    message = await asks(late)
    await late.ended_turns(2)
    await late.ledger.forgetting.forget_member(late.ben.id)
    approval = await late.ledger.approvals.get(1)
    assert approval is not None
    assert (approval.asker_id, approval.asker_name, approval.arguments) == (0, "", "")
    (call,) = await late.ledger.tool_calls.of_turn(2)
    assert (call.asker_id, call.arguments, call.output) == (0, "", "")
    text = await noted(late.ada, late, message, ONCE)
    assert text == localized("approval-too-old")
    # What a member wrote as a reason leaves with that member.
    await wait_for_decisions(late, 1)
    pressed = await late.admin.click(await asks(late, 2), REASON)
    await late.admin.submit_modal(pressed, {"reason": "Never."})
    await eventually(lambda: decisions(late), lambda found: "denied" in found)
    assert "Never." in await used(late, "tools log")
    await late.ledger.forgetting.forget_member(late.admin.id)
    assert "Never." not in await used(late, "tools log")
    approval = await late.ledger.approvals.get(2)
    assert approval is not None
    assert (approval.decider_name, approval.reason) == (None, None)
    assert post.sent == []
