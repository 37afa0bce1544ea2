"""What tests do to a database behind its owner's back: look into tables, and change rows."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.eventually import PATIENCE


async def execute(path: Path, sql: str) -> Any:
    """Execute one statement on a new connection to a database file; return its first row."""

    def work() -> Any:
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as db, db:
            return db.execute(sql).fetchone()

    return await asyncio.to_thread(work)
