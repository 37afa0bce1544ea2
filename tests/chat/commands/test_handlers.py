"""Handlers of buttons and slash commands on a real ledger; only the interaction is a fake."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.chat.commands.buttons.reply_buttons import ReplyButtonHandlers
from bot.chat.commands.handlers.runs import PAGE_SIZE, RunCommands
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.clock import SystemClock
from bot.store.ledger import Ledger, Link, NewQuestion, Turn
from tests.support.interactions import FakeInteraction

HERE, ADA, BEN = 100, 1, 2


def interaction(user_id: int, *, moderator: bool = False) -> Any:
    """An interaction of a member in the one channel of these tests."""
    return FakeInteraction(user_id, channel_id=HERE, moderator=moderator)


async def unknown(turn: Turn) -> str:
    """Know the cost of no turn."""
    return ""


def broken() -> str:
    """Stand for a part of the program with a defect."""
    raise RuntimeError("a defect")


class Handled:
    """Handlers with what they scheduled and cancelled."""

    def __init__(self, ledger: Ledger, health: Callable[[], str] = lambda: "-# busy") -> None:
        self.ledger = ledger
        self.scheduled: list[int] = []
        self.cancelled: list[int] = []
        clock = SystemClock()
        services: Any = SimpleNamespace(
            client=None,
            ledger=ledger,
            rest=RestRetry(clock),
            clock=clock,
            budgets=SimpleNamespace(cost_of=unknown),
            schedule=self.scheduled.append,
            cancel=self.cancelled.append,
            health=health,
        )
        unused: Any = None  # nothing is pressed under an answer here
        self.runs = RunCommands(services)
        commands: Any = SimpleNamespace(runs=self.runs)
        self.buttons = ReplyButtonHandlers(services, commands, answers=unused, form=unused)

    async def turn(self, number: int = 1) -> Turn:
        """Store a question of Ada and begin its turn."""
        question = NewQuestion(
            id=number,
            channel_id=HERE,
            guild_id=None,
            author_id=ADA,
            author_name="ada",
            content=f"question {number}",
        )
        link = Link(channel_id=HERE, guild_id=None, parent_id=HERE, listening=True)
        await self.ledger.questions.take(question, link)
        turn = await self.ledger.turns.next_in(HERE)
        assert turn is not None
        return turn

    async def failed(self, number: int = 1) -> Turn:
        """Begin a turn and let it fail."""
        turn = await self.turn(number)
        await self.ledger.turns.closing(turn.id, 1, "failed", error="internal")
        closed = await self.ledger.turns.closed(turn.id, 1)
        assert closed is not None
        return closed


@pytest.fixture
async def handled(tmp_path: Path) -> AsyncIterator[Handled]:
    ledger = await Ledger.open(tmp_path / "bot.db", SystemClock().now)
    yield Handled(ledger)
    await ledger.close()


async def test_cancel_by_the_asker_is_stored_and_passed_on(handled: Handled) -> None:
    turn = await handled.turn()
    pressed = interaction(ADA)
    await handled.buttons.cancel_pressed(pressed, turn.id, turn.attempt)
    stored = await handled.ledger.history.turn(turn.id)
    assert stored is not None
    assert stored.canceller is not None
    assert stored.canceller.id == ADA
    assert handled.cancelled == [turn.id]
    assert (pressed.acknowledged, pressed.notes) == (1, [])


@pytest.mark.parametrize(
    ("user_id", "moderator", "attempt", "note"),
    [
        (BEN, False, 1, localized("not-yours-to-cancel")),
        (BEN, True, 1, None),
        (ADA, False, 2, localized("too-late-to-cancel")),
    ],
)
async def test_cancel_is_refused_to_strangers_and_for_other_attempts(
    handled: Handled, user_id: int, moderator: bool, attempt: int, note: str | None
) -> None:
    turn = await handled.turn()
    pressed = interaction(user_id, moderator=moderator)
    await handled.buttons.cancel_pressed(pressed, turn.id, attempt)
    assert pressed.notes == ([] if note is None else [note])
    assert handled.cancelled == ([turn.id] if note is None else [])


async def test_retry_schedules_the_channel_once(handled: Handled) -> None:
    turn = await handled.failed()
    first = interaction(ADA)
    second = interaction(ADA)
    await handled.buttons.retry_pressed(first, turn.id, 1)
    await handled.buttons.retry_pressed(second, turn.id, 1)
    assert handled.scheduled == [HERE]
    assert (first.notes, second.notes) == ([], [localized("too-late-to-retry")])


async def test_retry_is_refused_to_a_stranger(handled: Handled) -> None:
    turn = await handled.failed()
    pressed = interaction(BEN)
    await handled.buttons.retry_pressed(pressed, turn.id, 1)
    assert (pressed.notes, handled.scheduled) == ([localized("not-yours-to-retry")], [])


async def test_a_page_of_runs_is_within_the_list_and_only_moderators_see_the_load(
    handled: Handled,
) -> None:
    for number in range(1, PAGE_SIZE + 2):
        await handled.failed(number)
    asked = interaction(ADA)
    await handled.runs.list_runs(asked, page=99)
    (text,) = asked.shown
    assert "**#1**" in text
    assert f"**#{PAGE_SIZE + 1}**" not in text
    assert "page 2 of 2" in text
    assert "busy" not in text
    moderator = interaction(BEN, moderator=True)
    await handled.runs.list_runs(moderator, page=1)
    assert "busy" in moderator.shown[0]


async def test_the_last_run_of_this_channel_is_cancelled_where_none_is_named(
    handled: Handled,
) -> None:
    asked = interaction(ADA)
    await handled.runs.cancel_run(asked, None)
    turn = await handled.turn()
    await handled.runs.cancel_run(asked, None)
    assert asked.shown == [
        localized("nothing-running"),
        localized("cancelling", number=str(turn.id)),
    ]
    assert handled.cancelled == [turn.id]


@pytest.mark.parametrize("name", ["7", "#7", "run_none", "²", "9" * 30])
async def test_a_run_that_does_not_exist_is_said_not_to(handled: Handled, name: str) -> None:
    asked = interaction(ADA)
    await handled.runs.show_run(asked, name)
    assert asked.shown == [sentences.no_such_run(name)]


async def test_choices_contain_what_was_typed(handled: Handled) -> None:
    for number in (1, 2):
        await handled.failed(number)
    asked = interaction(ADA)
    found = await handled.runs.any_run(asked, "QUESTION 2")
    assert [choice.value for choice in found] == ["2"]
    assert await handled.runs.active_run(asked, "") == []
    for number in range(3, 31):
        await handled.failed(number)
    # More runs than Discord shows: what is typed finds older ones.
    assert [each.value for each in await handled.runs.any_run(asked, "#2 ")] == ["2"]
    assert len(await handled.runs.any_run(asked, "question")) == 25


async def test_a_defect_is_answered_with_a_sentence(handled: Handled) -> None:
    await handled.failed()
    moderator = interaction(BEN, moderator=True)
    await Handled(handled.ledger, health=broken).runs.list_runs(moderator)
    assert moderator.notes == [localized("command-failed")]
