"""Killed before or after it stores a due question or a reminder, the bot asks it once."""

import pytest

from bot.chat.internal_limits import ChatLimits
from bot.runtime.clock import SystemClock
from bot.store.ledger import Ledger, NewSchedule
from tests.scenarios.bot_process import killed
from tests.scenarios.community import Community, answer


async def nothing() -> None:
    """Ask nothing: the schedule does."""


@pytest.mark.parametrize(
    ("point", "once"),
    [
        ("before schedules.ask", False),
        ("after schedules.ask", False),
        ("after schedules.ask", True),
    ],
)
async def test_a_due_question_is_asked_once_wherever_the_process_was_killed(
    asleep: Community, point: str, once: bool
) -> None:
    clock = SystemClock()
    ledger = await Ledger.open(asleep.directory / "bot.db", clock.now)
    new = NewSchedule(
        guild_id=asleep.sandbox.guild.id,
        channel_id=asleep.general.id,
        creator_id=asleep.ada.id,
        creator_name="Ada",
        content="news?",
        rule='{"repeat":"once"}' if once else '{"repeat":"daily","time":0}',
        zone="UTC",
        due_at=clock.now() - 1.0,
        once=once,
    )
    schedule = await ledger.schedules.add(new, most=1)
    await ledger.close()
    await killed(asleep, point, nothing)
    await asleep.start_engine()
    asleep.limits = ChatLimits(look_seconds=0.02)
    await asleep.start_bot()
    await asleep.settled(1)
    (reply,) = asleep.replies(asleep.general)
    assert answer(reply).endswith("news?")
    known = await asleep.ledger.schedules.get(schedule.id)
    if once:
        assert known is None
        assert asleep.ada.mention in reply.content
        return
    assert known is not None
    assert (known.due_at or 0.0) > clock.now()
