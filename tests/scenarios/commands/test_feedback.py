"""The votes of members, exported by a process beside the running bot."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Literal

import pytest

from bot.app.feedback import feedback_lines
from bot.config import load
from bot.runtime.clock import SystemClock
from bot.store.database import StoreError
from bot.store.ledger import Ledger
from tests.scenarios.community import Community, community
from tests.support.eventually import eventually
from tests.support.program import program


def config_of(directory: Path) -> str:
    config = directory / "config.toml"
    config.write_text(f'[storage]\ndirectory = "{directory}"\n')
    return str(config)


async def voted(whole: Community) -> None:
    """Vote on two answers, one of them in two ways."""
    for number, (question, text) in enumerate((("Wie?", "So.\n\n- a"), ("多少?", "ü")), 1):
        whole.model.say(text)
        await whole.ask(question)
        reply = await whole.finished(whole.general, number)
        await whole.ended_turns(number)
        await whole.ada.click(reply, "👍")
        pressed = await whole.ben.click(reply, "👎")
        submitted = await whole.ben.submit_modal(pressed, {"reason": 'No, "never"\n'})
        await whole.until(lambda: submitted.responses)  # noqa: B023 - awaited in the loop
    await eventually(whole.ledger.votes.unreported, lambda left: not left)


async def test_the_export_beside_a_running_bot_has_question_answer_vote_and_reason(
    tmp_path: Path,
) -> None:
    async with community(tmp_path, "channel") as channels:
        await voted(channels)
        config = config_of(tmp_path)
        async with program("feedback", "--config", config, "--format", "jsonl") as ran:
            assert await ran.ended() == 0, ran.errors
        records = [json.loads(line) for line in ran.output.splitlines()]
        assert [
            tuple(record[key] for key in ("question", "answer", "vote", "reason"))
            for record in records
        ] == [
            ("Wie?", "So.\n\n- a", "up", None),
            ("Wie?", "So.\n\n- a", "down", 'No, "never"'),
            ("多少?", "ü", "up", None),
            ("多少?", "ü", "down", 'No, "never"'),
        ]
        run = (await channels.runs_on(channels.general))[0]
        assert records[-1]["run_id"] == run.id
        assert records[-1]["member_id"] == str(channels.ben.id)
        table = feedback_lines(load(Path(config)), "csv")
        rows = list(csv.DictReader(StringIO("\n".join(table))))
        assert [row["reason"] for row in rows] == ["", 'No, "never"'] * 2
        # And the bot goes on.
        await channels.ask("three")
        await channels.finished(channels.general, 3)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_without_a_ledger_the_export_says_where_it_looked(
    tmp_path: Path, form: Literal["jsonl", "csv"]
) -> None:
    with pytest.raises(StoreError, match=f"no ledger at {tmp_path / 'bot.db'}"):
        list(feedback_lines(load(Path(config_of(tmp_path))), form))


async def test_a_ledger_without_votes_exports_nothing(tmp_path: Path) -> None:
    ledger = await Ledger.open(tmp_path / "bot.db", SystemClock().now)
    await ledger.close()
    assert list(feedback_lines(load(Path(config_of(tmp_path))), "jsonl")) == []


def test_a_damaged_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / "bot.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(StoreError, match="can't be read"):
        list(feedback_lines(load(Path(config_of(tmp_path))), "jsonl"))
