"""The script of the showcase: each prepared question has its answer."""

import pytest

from bot.app.demo.script import CHIPS, SCENES, scene_for
from bot.app.demo.tour import TOUR

PREPARED = sorted(
    {text for chip in CHIPS for text in chip.text}
    | {text for step in TOUR for button in step.buttons for text in button.text if text}
)


@pytest.mark.parametrize("question", PREPARED)
def test_each_prepared_question_has_exactly_one_scene_in_one_language(question: str) -> None:
    matching = [(scene, at) for scene in SCENES for at in (0, 1) if scene.matches(question, at)]
    assert matching == [scene_for(question)]


def test_each_scene_is_asked_for_by_a_prepared_question_in_each_language() -> None:
    asked = [scene_for(question) for question in PREPARED]
    assert [scene.title[at] for scene in SCENES for at in (0, 1) if (scene, at) not in asked] == []


def test_nothing_is_prepared_for_other_questions() -> None:
    assert scene_for("How high is Mount Fuji?") is None
