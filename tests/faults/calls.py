"""Checks of calls and reminders in the end: none was made twice, and none was lost."""

import json
import sqlite3
from collections import Counter
from contextlib import closing
from typing import Literal

from tests.faults.world import World

Wrong = tuple[Literal["lost", "doubled", "wrong"], str]
"""What is not as it must be: the kind, and a sentence."""


def call_wrongs(world: World) -> list[Wrong]:
    """Compare what the ledger has of calls and of approvals with the calls that were made."""
    made = Counter(world.notes.read_text().split()) if world.notes.exists() else Counter()
    found: list[Wrong] = [
        ("doubled", f"the call {serial} was made {times} times")
        for serial, times in made.items()
        if times > 1
    ]
    with closing(_open(world)) as db:
        calls = db.execute(
            "SELECT arguments, outcome FROM tool_calls WHERE name <> 'remind_me'"
        ).fetchall()
        approvals = db.execute(
            "SELECT id, arguments, state, run_id, call_id, round FROM approvals"
        ).fetchall()
        answered = Counter(
            row[0] for row in db.execute("SELECT cause FROM questions WHERE cause IS NOT NULL")
        )
        in_runs = {
            tuple(row) for row in db.execute("SELECT run_id, call_id, round FROM tool_calls")
        }
    known = {_serial(said) for said, _ in calls} | {_serial(row[1]) for row in approvals}
    for said, outcome in calls:
        if said and outcome == "done" and not made[_serial(said)]:
            found.append(("lost", f"the call {_serial(said)} has an output, but was not made"))
    # The ledger keeps no arguments of a call that was forgotten, so no serial number.
    lost_names = sum(not said for said, _ in calls) + sum(not row[1] for row in approvals)
    unknown = sorted(made.keys() - known)
    if len(unknown) > lost_names:
        found.append(("wrong", f"the calls {unknown} were made, but the ledger knows none of them"))
    for number, said, state, *call in approvals:
        name = f"approval {number} (call {_serial(said)})"
        if state in ("granted", "started") or (state == "allowed" and tuple(call) not in in_runs):
            found.append(("lost", f"{name} is {state}: its call was not made to its end"))
        if state == "finished" and said and answered[f"approval:{number}"] != 1:
            found.append(("lost", f"{name} is finished, but nobody was told"))
        if state in ("denied", "withdrawn", "late") and said and made[_serial(said)]:
            found.append(("wrong", f"{name} is {state}, but was made"))
    return found


def reminder_wrongs(world: World) -> list[Wrong]:
    """Compare the calls that set reminders with the reminders that were given."""
    with closing(_open(world)) as db:
        calls = db.execute(
            "SELECT arguments, outcome FROM tool_calls "
            # A member who was forgotten has no reminders any more.
            "WHERE name = 'remind_me' AND arguments <> '' AND asker_id <> 0"
        ).fetchall()
        given = Counter(
            row[0]
            for row in db.execute("SELECT content FROM questions WHERE cause LIKE 'reminder:%'")
        )
        left = [row[0] for row in db.execute("SELECT content FROM schedules")]
    found: list[Wrong] = [("lost", f"{text!r} was never given") for text in left]
    for said, outcome in calls:
        text = json.loads(said)["text"]
        if given[text] > 1:
            found.append(("doubled", f"{text!r} was given {given[text]} times"))
        if outcome == "done" and not given[text]:
            found.append(("lost", f"{text!r} was set, but never given"))
    return found


def _serial(arguments: str) -> str:
    return str(json.loads(arguments)["serial"]) if arguments else ""


def _open(world: World) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{world.database('bot')}?mode=ro", uri=True, timeout=30)
