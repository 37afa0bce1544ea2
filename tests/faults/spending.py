"""Checks of spending in the end: each charge is settled by the usage of its run."""

import json
import sqlite3
from contextlib import closing

from tests.faults.world import World
from tests.support.eventually import eventually

_SECONDS = 120.0


async def spending_wrongs(world: World) -> list[str]:
    """Return a sentence for each wrong charge, once all charges can be settled."""
    try:
        await eventually(lambda: _unsettled(world), lambda left: not left, _SECONDS)
    except TimeoutError:
        return [f"the charges of {_unsettled(world)} are not settled"]
    found = unbalanced(world)
    with closing(_open(world, "bot")) as db:
        charged = dict(
            db.execute(
                "SELECT run_id, sum(tokens) FROM charges WHERE run_id IS NOT NULL GROUP BY run_id"
            )
        )
        attempts = set(db.execute("SELECT DISTINCT turn_id, attempt FROM charges"))
    with closing(_open(world, "engine")) as db:
        runs = [json.loads(row[0]) for row in db.execute("SELECT body FROM runs")]
    for run in runs:
        usage, metadata = run.get("usage"), run.get("metadata") or {}
        if usage is None or "turn" not in metadata:
            continue
        attempt = int(metadata["turn"]), int(metadata["attempt"])
        if run["id"] in charged and charged[run["id"]] != usage["total_tokens"]:
            found.append(f"{run['id']} used {usage}, but {charged[run['id']]} is charged")
        if attempt not in attempts and usage["total_tokens"]:
            found.append(f"turn {attempt} used {usage}, but nothing is charged")
    return found


def unbalanced(world: World) -> list[str]:
    """Return a sentence for each wrong sum; the sums are right at every moment."""
    columns = "sum(tokens), sum(cost), sum(reserved_tokens), sum(reserved_cost)"
    with closing(_open(world, "bot")) as db:
        db.execute("BEGIN")
        charges = db.execute(
            """
            SELECT sum(iif(settled, tokens, 0)), sum(iif(settled, cost, 0)),
                   sum(iif(settled, 0, tokens)), sum(iif(settled, 0, cost)) FROM charges
            """
        ).fetchone()
        sums = db.execute(f"SELECT scope, {columns} FROM spending GROUP BY scope").fetchall()
    return [
        f"the {scope} sums are {found}, the charges are {charges}"
        for scope, *found in sums
        if tuple(found) != charges
    ]


def _unsettled(world: World) -> list[tuple[int, int]]:
    with closing(_open(world, "bot")) as db:
        return db.execute(
            "SELECT DISTINCT turn_id, attempt FROM charges WHERE NOT settled"
        ).fetchall()


def _open(world: World, name: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{world.database(name)}?mode=ro", uri=True, timeout=30)
