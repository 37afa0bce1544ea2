"""Killed between any two states of an approval, the bot makes no call twice and loses none."""

from typing import Any

import pytest

from bot.config.tools import ToolsSettings
from bot.tools.functions import Functions
from tests.scenarios.bot_process import killed
from tests.scenarios.community import Community, answer
from tests.scenarios.restarts.test_killed_calls import calls_then_says, functions_in
from tests.scenarios.tools.test_approvals import DENY, ONCE, asks
from tests.support.eventually import eventually
from tests.support.model_turns import say

IN_TIME = {
    "after approvals.ask": ["once x"],
    "after approvals.shown": ["once x"],
    "after approvals.decide": ["once x"],
    "after tool_calls.started": [],
}

LATE = {
    "after approvals.give_up": ["once x"],
    "after approvals.decide": ["once x"],
    "after approvals.started": [],
    "before approvals.finished": ["once x"],
    "after approvals.finished": ["once x"],
}


@pytest.mark.parametrize(
    ("point", "is_late", "lines"),
    [(point, False, lines) for point, lines in IN_TIME.items()]
    + [(point, True, lines) for point, lines in LATE.items()],
)
async def test_a_call_that_needs_approval_is_made_once_wherever_the_process_was_killed(
    asleep: Community, point: str, is_late: bool, lines: list[str]
) -> None:
    settings, written = functions_in(asleep)
    settings = ToolsSettings(directory=settings.directory, approval_seconds=0.1 if is_late else 300)
    asleep.model.otherwise = calls_then_says("once")

    async def allow() -> None:
        thread = await asleep.thread_of(await asleep.ask("one"))
        if "ask" in point or "shown" in point or "give_up" in point:
            return
        message = await asks(asleep, channel=thread)
        if is_late:
            await asleep.until(
                lambda: [m for m in asleep.replies(thread) if "waiting for approval" in answer(m)]
            )
        await asleep.ada.click(message, ONCE, wait=False)

    await killed(asleep, point, allow, tools=settings)
    asleep.sandbox.advance(600)
    asleep.functions = Functions(settings)
    await asleep.functions.reload()
    await asleep.start_engine()
    await asleep.start_bot()
    (thread,) = asleep.sandbox.guild.threads
    open_states = ("asked", "late")
    message = await asks(asleep, channel=thread)

    async def approval() -> Any:
        return await asleep.ledger.approvals.get(1)

    if is_late:
        known = await eventually(approval, lambda found: found.state != "asked")
        await asleep.settled(1)
    else:
        known = await approval()
    if known.state in open_states:
        await asleep.ada.click(message, ONCE)
    if is_late:
        await eventually(approval, lambda found: found.state == "finished")
        await asleep.settled(2)
    else:
        await asleep.settled(1)
    assert written.read_text().splitlines() == lines


async def test_a_late_denial_is_told_once_after_a_kill(asleep: Community) -> None:
    settings, written = functions_in(asleep)
    settings = ToolsSettings(directory=settings.directory, approval_seconds=0)
    asleep.model.otherwise = calls_then_says("once")

    async def deny() -> None:
        thread = await asleep.thread_of(await asleep.ask("one"))
        message = await asks(asleep, channel=thread)
        await asleep.until(
            lambda: [m for m in asleep.replies(thread) if "waiting for approval" in answer(m)]
        )
        await asleep.ada.click(message, DENY, wait=False)

    await killed(asleep, "after approvals.decide", deny, tools=settings)
    asleep.sandbox.advance(600)
    asleep.model.otherwise = lambda asked: say("ok")
    await asleep.start_engine()
    await asleep.start_bot()
    (thread,) = asleep.sandbox.guild.threads
    for number in (1, 2):
        await asleep.ada.say(thread, f"and now {number}?")
        await asleep.settled(1 + number)
    told = [text for _, text in await asleep.on_thread(thread) if "was denied by" in text]
    assert len(told) == 1
    assert written.read_text() == ""
