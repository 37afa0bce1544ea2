"""docs/privacy.md names every table and column in which anything is stored, and no other."""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from bot.config import DiscordSettings
from bot.store.database import Migration
from bot.store.engine.schema import MIGRATIONS as ENGINE
from bot.store.ledger.schema.migrations import MIGRATIONS as LEDGER

PAGE = (Path(__file__).parents[1] / "docs" / "privacy.md").read_text("utf-8")


def stored(migrations: Sequence[Migration]) -> dict[str, list[str]]:
    """The columns of each table of a new database, without SQLite's own tables."""
    with closing(sqlite3.connect(":memory:")) as db:
        for migrate in migrations:
            migrate(db)
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        tables = [row[0] for row in db.execute(query)]
        return {
            table: [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            for table in tables
            if not re.match(r"sqlite_|chunk_index_", table)
        }


def told(heading: str) -> dict[str, list[str]]:
    """The columns of each table that a section of the page names."""
    section = PAGE.split(f"## {heading}")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([`\w ]+) \| \S.+ \|$", section, flags=re.MULTILINE)
    return {table: re.findall(r"`(\w+)`", columns) for table, columns in rows}


@pytest.mark.parametrize(
    ("heading", "migrations"), [("bot.db", LEDGER), ("engine.db and files/", ENGINE)]
)
def test_the_page_names_every_table_with_its_columns(
    heading: str, migrations: Sequence[Migration]
) -> None:
    assert told(heading) == stored(migrations)


def test_the_text_for_discord_names_the_delivered_days() -> None:
    days = DiscordSettings().forget_after_removal_days
    assert f"{days} days\n> after the server removed the app" in PAGE
