"""One id leads through the whole path of a question: question, turn, run and model."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.runtime.log_context import LOG_ID
from tests.scenarios.community import Community, community
from tests.support.eventually import eventually


@pytest.fixture
def ids() -> Iterator[dict[str, set[str]]]:
    """The ids under which each part of the program logs, by the name of its logger."""
    found: dict[str, set[str]] = {}

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.setdefault(record.name, set()).add(LOG_ID.get())

    logger, handler = logging.getLogger("bot"), Noting()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield found
    logger.removeHandler(handler)
    logger.setLevel(level)


async def test_the_log_of_turn_run_and_model_has_the_questions_id(
    channels: Community, ids: dict[str, set[str]]
) -> None:
    channels.model.fail(503)
    channels.model.fail(401)
    question = await channels.ask("one")
    await channels.finished(channels.general)
    # The end of a turn is logged after the ledger has stored this end.
    await eventually(lambda: "bot.chat.turns.turn_context" in ids)
    for part in (
        "bot.chat.turns.turn_context",
        "bot.engine.run.executor",
        "bot.models.http.endpoint",
    ):
        assert ids[part] == {str(question.id)}, part


async def test_a_server_elsewhere_logs_under_the_id_of_the_bots_question(
    tmp_path: Path, ids: dict[str, set[str]]
) -> None:
    async with community(tmp_path, "channel", remote=True) as whole:
        whole.model.fail(401)
        question = await whole.ask("one")
        await whole.finished(whole.general)
        await eventually(lambda: "bot.engine.run.executor" in ids)
        assert ids["bot.engine.run.executor"] == {str(question.id)}
