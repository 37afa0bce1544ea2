"""Exports the votes of members on answers, also while the bot runs."""

import csv
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Final, Literal

from bot.config import Config
from bot.store.ledger.turns.votes import exported_votes

FeedbackFormat = Literal["jsonl", "csv"]

_FIELDS: Final = (
    "question",
    "answer",
    "vote",
    "reason",
    "voted_at",
    "member_id",
    "guild_id",
    "channel_id",
    "turn",
    "attempt",
    "thread_id",
    "run_id",
)


def feedback_lines(config: Config, form: FeedbackFormat) -> Iterator[str]:
    """Return one record for each vote, oldest first, without line ends; CSV begins with a header.

    ``answer`` is null, or empty in CSV, where its text was not stored before the run was deleted.
    Raises ``StoreError``.
    """
    votes = exported_votes(Path(config.storage.directory) / "bot.db")
    if form == "jsonl":
        for vote in votes:
            yield json.dumps({field: vote[field] for field in _FIELDS}, ensure_ascii=False)
        return
    yield ",".join(_FIELDS)
    for vote in votes:
        row = StringIO()
        csv.writer(row).writerow([vote[field] for field in _FIELDS])
        yield row.getvalue().removesuffix("\r\n")
