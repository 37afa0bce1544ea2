"""Killed before or after it stores a due question, the bot asks the question once."""

import pytest

from bot.runtime.clock import SystemClock
from bot.store.ledger import Ledger, NewSchedule
from tests.scenarios.bot_process import killed
from tests.scenarios.community import Community, answer


async def nothing() -> None:
    """Ask nothing: the schedule does."""


@pytest.mark.parametrize("point", ["before schedules.ask", "after schedules.ask"])
async def test_a_due_question_is_asked_once_wherever_the_process_was_killed(
    asleep: Community, point: str
) -> None:
    clock = SystemClock()
    ledger = await Ledger.open(asleep.directory / "bot.db", clock.now)
    new = NewSchedule(
        guild_id=asleep.sandbox.guild.id,
        channel_id=asleep.general.id,
        creator_id=asleep.ada.id,
        creator_name="Ada",
        content="news?",
        rule='{"repeat":"daily","time":0}',
        zone="UTC",
        due_at=clock.now() - 1.0,
    )
    schedule = await ledger.schedules.add(new, most=1)
    await ledger.close()
    await killed(asleep, point, nothing)
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(1)
    (reply,) = asleep.replies(asleep.general)
    assert answer(reply) == "news?"
    known = await asleep.ledger.schedules.get(schedule.id)
    assert known is not None
    assert (known.due_at or 0.0) > clock.now()
