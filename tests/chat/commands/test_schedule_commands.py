"""Commands about schedules on a real ledger, in direct messages."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.chat.commands.handlers.schedules import ScheduleCommands
from bot.chat.texts.fluent import localized
from bot.chat.transport.rest_retry import RestRetry
from bot.config import SchedulesSettings
from bot.store.ledger import Ledger
from tests.support.databases import execute
from tests.support.fake_clock import FakeClock
from tests.support.interactions import FakeInteraction

HERE, ADA, BEN = 100, 1, 2


class DueQuestions:
    """Schedules whose time never comes; ``problem`` is why none may be asked."""

    problem: str | None = None

    async def zone(self, guild_id: int | None) -> tuple[ZoneInfo, str]:
        return ZoneInfo("UTC"), "UTC"

    async def refused(self, user_id: int, channel_id: int, guild_id: int | None) -> str | None:
        return self.problem

    async def ask_now(self, *_: object) -> str | None:
        return self.problem


class Scene:
    """The commands, and what they need."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.due_questions = DueQuestions()
        clock = FakeClock(skips=True)
        services: Any = SimpleNamespace(
            client=None,
            ledger=ledger,
            rest=RestRetry(clock),
            clock=clock,
            schedules=SchedulesSettings(),
            due_questions=self.due_questions,
        )
        self.commands = ScheduleCommands(services)

    async def use(self, name: str, *args: Any, who: int = ADA, **options: Any) -> str:
        """Use a command; return its answer."""
        interaction: Any = FakeInteraction(who, channel_id=HERE)
        await getattr(self.commands, name)(interaction, *args, **options)
        (shown,) = interaction.shown
        return str(shown)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    ledger = await Ledger.open(tmp_path / "bot.db", FakeClock().now)
    yield Scene(ledger)
    await ledger.close()


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"repeat": "weekly", "weekday": "monday"}, "every Monday at 09:00"),
        ({"repeat": "monthly", "day": 31}, "on the last day of each month at 09:00"),
    ],
)
async def test_a_schedule_is_shown_by_its_rule(
    scene: Scene, options: dict[str, Any], rule: str
) -> None:
    assert f"**#1** {rule} in <#{HERE}>" in await scene.use("add", "News?", time="9:00", **options)


async def test_a_schedule_that_may_not_ask_is_refused_with_the_reason(scene: Scene) -> None:
    daily: dict[str, Any] = {"repeat": "daily", "time": "9:00"}
    await scene.use("add", "News?", **daily)
    scene.due_questions.problem = "refused-member"
    assert await scene.use("add", "News?", **daily) == localized("refused-member")
    assert await scene.use("run", "1") == localized("refused-member")
    scene.due_questions.problem = "queue-full"
    assert await scene.use("run", "1") == localized("schedule-problem.queue-full")


async def test_a_paused_schedule_that_can_not_be_read_says_so_and_can_be_deleted(
    scene: Scene, tmp_path: Path
) -> None:
    await scene.use("add", "News?", repeat="daily", time="9:00")
    await scene.use("pause", "1")
    # A later version may have stored such a rule.
    await execute(tmp_path / "bot.db", 'UPDATE schedules SET rule = \'{"repeat":"hourly"}\'')
    broken = localized("schedule-problem.broken")
    assert await scene.use("pause", "1") == broken
    assert broken in await scene.use("list_schedules")
    assert await scene.use("delete", "#1") == localized("schedule-deleted", number="1")


async def test_nobody_manages_the_schedules_of_others(scene: Scene) -> None:
    await scene.use("add", "News?", repeat="daily", time="9:00")
    for name in ("run", "pause", "delete"):
        refusal = localized("no-such-schedule", number="1")
        assert await scene.use(name, "1", who=BEN) == refusal
