"""Other programs that read the ledger's file lose nothing of it."""

import subprocess
import sys
from pathlib import Path

from bot.store.ledger import Ledger

LOOK = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
db.execute("ROLLBACK")
db.close()
"""


async def test_a_program_that_opens_and_closes_the_file_loses_no_later_write(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bot.db"
    ledger = await Ledger.open(path, lambda: 1.0)
    try:
        await ledger.set_fact("written", "before")
        subprocess.run([sys.executable, "-c", LOOK, str(path)], check=True)  # noqa: ASYNC221 - nothing else is to happen meanwhile
        # Nobody but who closes last may take the log away, or all that follows is lost with us.
        await ledger.set_fact("written", "after")
        seen = subprocess.run(  # noqa: ASYNC221 - as above
            [
                sys.executable,
                "-c",
                "import sqlite3, sys; print(sqlite3.connect(sys.argv[1])"
                ".execute('SELECT value FROM facts WHERE key = ?', ('written',)).fetchone()[0])",
                str(path),
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        assert seen.stdout.strip() == "after"
    finally:
        await ledger.close()
