"""The buttons under an answer and the form of a question, where something is missing or fails."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.assistants.errors import APIError, not_found
from bot.chat.commands.buttons.answer_buttons import AnswerButtonHandlers
from bot.chat.commands.buttons.reply_buttons import ReplyButtonHandlers
from bot.chat.commands.forms.modals import ModalEntries, Modals
from bot.chat.commands.forms.question_form import QuestionForm
from bot.chat.texts.fluent import localized
from bot.chat.threads.api_errors import TurnError
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.metrics import Metrics
from bot.store.ledger import Ledger, Link, NewQuestion, Turn
from tests.support.fake_clock import FakeClock
from tests.support.interactions import FakeInteraction
from tests.support.troubled_database import TroubledDatabase, troubled_ledger

HERE, ADA = 100, 1
ENTRIES = ModalEntries({"question": "Why?", "reason": "Too long."}, {}, {})


@dataclass
class Scene:
    """An answered turn on a ledger that may fail, and the handlers of its buttons."""

    ledger: Ledger
    database: TroubledDatabase
    turn: Turn
    scheduled: list[int] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)
    failure: Exception = field(default_factory=lambda: not_found("run", "run_1"))

    def __post_init__(self) -> None:
        clock = FakeClock(skips=True)
        services: Any = SimpleNamespace(
            client=None,
            ledger=self.ledger,
            rest=RestRetry(clock),
            clock=clock,
            threads=SimpleNamespace(api=SimpleNamespace(retrieve_run=self._fail)),
            settings=SimpleNamespace(show_thoughts=False),
            metrics=Metrics(),
            most_waiting=1,
            schedule=self.scheduled.append,
            report_votes=lambda: self.reported.append("a vote"),
        )
        unused: Any = None
        self.answers = AnswerButtonHandlers(services)
        self.form = QuestionForm(services)
        self.replies = ReplyButtonHandlers(services, unused, self.answers, self.form)

    async def _fail(self, *_: str) -> None:
        raise self.failure


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    ledger, database = await troubled_ledger(tmp_path / "bot.db", FakeClock().now)
    question = NewQuestion(
        id=1, channel_id=HERE, guild_id=None, author_id=ADA, author_name="ada", content="Why?"
    )
    link = Link(channel_id=HERE, guild_id=None, parent_id=HERE, listening=True)
    await ledger.questions.take(question, link)
    turn = await ledger.turns.next_in(HERE)
    assert turn is not None
    await ledger.turns.placed(turn.id, 1, 3)
    await ledger.turns.posted(turn.id, 1, "thread_1")
    await ledger.turns.run_created(turn.id, 1, "run_1")
    await ledger.turns.closing(turn.id, 1, "answered", error="incomplete")
    closed = await ledger.turns.closed(turn.id, 1)
    assert closed is not None
    yield Scene(ledger, database, closed)
    await ledger.close()


def press() -> Any:
    """A press of a button by Ada."""
    return FakeInteraction(ADA, channel_id=HERE)


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (not_found("run", "run_1"), "steps-gone"),
        (TurnError("unreachable", "no answer"), "steps-unreachable"),
    ],
)
async def test_steps_that_can_not_be_read_are_said_to_be_gone_or_out_of_reach(
    scene: Scene, failure: APIError | TurnError, sentence: str
) -> None:
    scene.failure = failure
    pressed, outdated = press(), press()
    await scene.answers.steps_pressed(pressed, scene.turn.id, 1)
    await scene.answers.steps_pressed(outdated, scene.turn.id, 2)
    assert pressed.shown == [localized(sentence)]
    assert outdated.shown == [localized("steps-gone")]


async def test_an_answer_is_continued_once_and_not_while_people_answer(scene: Scene) -> None:
    unknown, silent, first, second = press(), press(), press(), press()
    await scene.answers.continue_pressed(unknown, 99, 1)
    assert unknown.notes == [localized("too-late-to-continue")]
    await scene.ledger.handovers.begin(HERE, 7, ADA, role_id=None, tag=False)
    await scene.answers.continue_pressed(silent, scene.turn.id, 1)
    assert (silent.notes, scene.scheduled) == ([localized("help-ask-people")], [])
    await scene.ledger.handovers.end(HERE, ADA)
    first.id, second.id = 11, 12
    for each in (first, second):
        await scene.answers.continue_pressed(each, scene.turn.id, 1)
    assert (first.notes, second.notes) == ([], [localized("too-late-to-continue")])
    assert scene.scheduled == [HERE]


async def test_a_vote_on_an_unknown_answer_is_not_stored(scene: Scene) -> None:
    up, down, reason, garbled = press(), press(), press(), press()
    await scene.answers.upvote_pressed(up, 99, 1)
    await scene.answers.downvote_pressed(down, 99, 1)
    await scene.answers.reason_sent(reason, "99.1", ENTRIES)
    await scene.answers.reason_sent(garbled, "99", ENTRIES)
    unknown = [localized("vote-on-unknown-answer")]
    assert (up.notes, down.responses, reason.notes) == (unknown, unknown, unknown)
    assert (garbled.acknowledged, scene.reported) == (0, [])


Pressed = Callable[[Scene, Any], Any]


@pytest.mark.parametrize(
    "pressed",
    [
        lambda scene, press: scene.answers.continue_pressed(press, scene.turn.id, 1),
        lambda scene, press: scene.answers.upvote_pressed(press, scene.turn.id, 1),
        lambda scene, press: scene.answers.downvote_pressed(press, scene.turn.id, 1),
        lambda scene, press: scene.replies.again_pressed(press, scene.turn.id, 1),
    ],
    ids=["continue", "up", "down", "again"],
)
async def test_a_press_during_a_failure_of_the_ledger_is_answered(
    scene: Scene, pressed: Pressed
) -> None:
    scene.database.failing_reads = scene.database.failing_writes = 9
    interaction = press()
    await pressed(scene, interaction)
    assert [*interaction.notes, *interaction.responses] == [localized("command-failed")]
    assert (scene.scheduled, scene.reported) == ([], [])


async def test_a_question_that_can_not_be_stored_goes_back_to_its_author(scene: Scene) -> None:
    scene.database.failing_reads = scene.database.failing_writes = 9
    pressed, sent = press(), press()
    await scene.form.pressed(pressed, scene.turn.id, 1)
    assert len(pressed.forms) == 1  # the form, once sent, says what is wrong
    await scene.form.sent(sent, str(scene.turn.id), ENTRIES)
    assert sent.notes == [localized("not-saved"), localized("form-given-back")]
    assert b"Why?" in [file.fp.read() for file in sent.files]
    assert scene.scheduled == []


async def test_the_form_of_a_program_that_knew_another_kind_is_only_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    unused: Any = None
    sent = press()
    sent.data = {"custom_id": "poll:1", "components": []}
    await Modals(unused, unused, {}).submitted(sent)
    assert "unknown kind was sent: poll" in caplog.text
    assert not sent.is_done()
