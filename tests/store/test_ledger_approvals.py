"""Calls that wait for an approval: one decision, one call, one question with its result."""

import pytest
from msgspec.structs import replace

from bot.store.ledger import Approval, CallLimits, Ledger, NewApproval, NewQuestion
from tests.store.turns import brought_to

LIMITS = CallLimits(per_run=5, per_minute=5, per_member_hour=5)
RESULT = NewQuestion(
    id=0, channel_id=500, guild_id=9, author_id=1, author_name="Ada", content="It is done."
)


@pytest.fixture
async def asked(ledger: Ledger) -> Approval:
    turn = await brought_to(ledger, "running")
    return await ledger.approvals.ask(
        NewApproval(
            run_id="run_1",
            call_id="call_1",
            turn_id=turn.id,
            channel_id=500,
            guild_id=9,
            asker_id=1,
            name="delete_everything",
            arguments="{}",
            asker_name="Ada",
            thread_id="thread_1",
            assistant_id="asst_1",
        )
    )


async def decide(ledger: Ledger, approval: Approval, *, allow: bool, by: int) -> Approval | None:
    return await ledger.approvals.decide(
        approval.id, allow=allow, run_waits=False, decider_id=by, decider_name="Bo", denial=RESULT
    )


async def test_of_two_decisions_the_first_counts(ledger: Ledger, asked: Approval) -> None:
    allowed = await decide(ledger, asked, allow=True, by=2)
    assert allowed is not None
    assert await decide(ledger, asked, allow=False, by=3) is None
    assert await ledger.approvals.get(asked.id) == allowed


async def test_an_allowed_call_is_made_once_and_its_result_asked_once(
    ledger: Ledger, asked: Approval
) -> None:
    assert await ledger.approvals.started(asked, LIMITS) == "taken"
    await decide(ledger, asked, allow=True, by=2)
    assert await ledger.approvals.unfinished() == (await ledger.approvals.get(asked.id),)
    assert await ledger.approvals.started(asked, LIMITS) == "started"
    assert await ledger.approvals.started(asked, LIMITS) == "taken"
    assert await ledger.approvals.finished(asked, RESULT, "done", "42")
    assert not await ledger.approvals.finished(asked, RESULT, "done", "42")
    assert [each.content for each in await ledger.questions.waiting(500)] == ["It is done."]


async def test_a_call_beyond_a_limit_is_not_started(ledger: Ledger, asked: Approval) -> None:
    await decide(ledger, asked, allow=True, by=2)
    none = CallLimits(per_run=5, per_minute=0, per_member_hour=5)
    assert await ledger.approvals.started(asked, none) == "minute"
    assert await ledger.approvals.started(asked, LIMITS) == "started"


async def test_a_result_that_was_asked_already_asks_nothing(
    ledger: Ledger, asked: Approval
) -> None:
    await decide(ledger, asked, allow=True, by=2)
    result = replace(RESULT, cause=asked.cause)
    assert await ledger.questions.take(replace(result, id=7))
    assert await ledger.approvals.started(asked, LIMITS) == "started"
    assert not await ledger.approvals.finished(asked, result, "done", "42")
