"""Function calls in the ledger: started, then finished with an output, then submitted.

A call is stored as started before it is made, and with its output before that is submitted. A call
that a stopped process left as started may have been made.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import asdict

from bot.store.ledger import rows
from bot.store.ledger.states import CallState
from bot.store.ledger.transactions import LedgerPart, reads, writes

CallOutcome = Literal[
    "done",
    "failed",
    "invalid",  # the function is unknown, or its arguments do not fit: it was not made
    "timed_out",
    "cancelled",
    "interrupted",  # the process stopped while it was made
    "limited",  # a limit was reached: it was not made
    "denied",  # it was not allowed: it was not made
    "waiting",  # it waits for a person's approval: its run went on without it
]
"""How a call ended."""

CallLimit = Literal["run", "minute", "member"]
"""Which of the ``CallLimits`` is reached."""

MINUTE: Final = 60.0
HOUR: Final = 3600.0

_FIELDS: Final = """
    run_id, call_id, round, turn_id, channel_id, guild_id, asker_id, name, arguments, state,
    outcome, output, started_at, ended_at
"""


class CallLimits(Struct, frozen=True, kw_only=True):
    """The most calls of a run, of a server (or a DM) in a minute, and of a member in an hour."""

    per_run: int
    per_minute: int
    per_member_hour: int


class NewCall(Struct, frozen=True, kw_only=True):
    """A function call of a run; ``name`` and ``arguments`` are as the model wrote them."""

    run_id: str
    call_id: str
    turn_id: int
    channel_id: int
    guild_id: int | None
    asker_id: int
    name: str
    arguments: str


class CallFile(Struct, frozen=True):
    """A file that a call returned for the reply."""

    name: str
    data: bytes


class StoredCall(NewCall, frozen=True, kw_only=True):
    """A call in the ledger.

    Some models use an id again later in the run; ``round`` counts the calls with the same id.
    ``outcome``, ``output`` and ``ended_at`` are None until the call has ended.
    """

    round: int
    state: CallState
    outcome: CallOutcome | None
    output: str | None
    started_at: float
    ended_at: float | None


class ToolCallStore(LedgerPart):
    """The function calls of the ledger; each method is one transaction."""

    @reads
    def unsubmitted(self, db: sqlite3.Connection, run_id: str) -> dict[str, StoredCall]:
        """Return the calls of a run whose outputs were not submitted, by their ids."""
        calls = _calls(db, "WHERE run_id = ? AND state <> 'submitted'", run_id)
        return {call.call_id: call for call in calls}

    @writes
    def started(
        self, db: sqlite3.Connection, call: NewCall, limits: CallLimits
    ) -> StoredCall | CallLimit:
        """Store a call as started, or return the limit that forbids the call."""
        return begin_call(db, call, limits, self._now())

    @writes
    def not_made(
        self, db: sqlite3.Connection, call: NewCall, outcome: CallOutcome, output: str
    ) -> None:
        """Store a call that is answered without being made."""
        _insert(db, call, self._now(), "finished", outcome, output)

    @writes
    def finished(
        self,
        db: sqlite3.Connection,
        call: StoredCall,
        outcome: CallOutcome,
        output: str,
        files: Sequence[CallFile] = (),
    ) -> None:
        """Move a started call to ``finished``, with its output and its files for the reply."""
        end_call(db, call, call.round, outcome, output, files, self._now())

    @writes
    def submitted(self, db: sqlite3.Connection, run_id: str, call_ids: Iterable[str]) -> None:
        """Move finished calls of a run to ``submitted``: the run has their outputs."""
        db.execute(
            """
            UPDATE tool_calls SET state = 'submitted'
            WHERE run_id = ? AND state = 'finished'
              AND call_id IN (SELECT value FROM json_each(?))
            """,
            (run_id, json.dumps(list(call_ids))),
        )

    @writes
    def settled(self, db: sqlite3.Connection, run_id: str) -> None:
        """Settle the calls of a run that, when looked up, waits for no output.

        Finished calls were submitted. Started ones were interrupted, and nobody needs them.
        """
        db.execute(
            "UPDATE tool_calls SET state = 'submitted' WHERE run_id = ? AND state = 'finished'",
            (run_id,),
        )
        _abandon(db, run_id, "interrupted", self._now())

    @writes
    def looked_up(self, db: sqlite3.Connection, run_id: str, answered: Mapping[str, int]) -> None:
        """Settle the calls whose outputs the run has: ``answered`` counts its outputs by call id.

        Of the calls with one id, the first ones are settled.
        """
        now = self._now()
        db.executemany(
            """
            UPDATE tool_calls SET state = 'submitted', ended_at = coalesce(ended_at, ?),
                                  outcome = coalesce(outcome, 'interrupted')
            WHERE run_id = ? AND call_id = ? AND round < ? AND state <> 'submitted'
            """,
            [(now, run_id, call_id, count) for call_id, count in answered.items()],
        )

    @writes
    def cancelled(self, db: sqlite3.Connection, run_id: str) -> None:
        """Finish the started calls of a run that were cancelled with the run."""
        _abandon(db, run_id, "cancelled", self._now())

    @reads
    def of_turn(self, db: sqlite3.Connection, turn_id: int) -> tuple[StoredCall, ...]:
        """Return the calls of all attempts of a turn, oldest first."""
        return _calls(db, "WHERE turn_id = ? ORDER BY id", turn_id)

    @reads
    def files(self, db: sqlite3.Connection, run_id: str) -> tuple[CallFile, ...]:
        """Return the files that a run's calls returned, oldest first."""
        statement = "SELECT name, data FROM call_files WHERE run_id = ? ORDER BY id"
        return rows.records(db, CallFile, statement, (run_id,))


def begin_call(
    db: sqlite3.Connection, call: NewCall, limits: CallLimits, now: float
) -> StoredCall | CallLimit:
    """Store a call as started, or return the limit that forbids the call."""
    reached = _reached(db, call, limits, now)
    if reached is not None:
        return reached
    return _insert(db, call, now, "started", None, None)


def end_call(
    db: sqlite3.Connection,
    call: NewCall,
    round_: int,
    outcome: CallOutcome,
    output: str,
    files: Sequence[CallFile],
    now: float,
) -> None:
    """Move a started call to ``finished``, with its output and its files for the reply."""
    ended = db.execute(
        """
        UPDATE tool_calls SET state = 'finished', outcome = ?, output = ?, ended_at = ?
        WHERE run_id = ? AND call_id = ? AND round = ? AND state = 'started' RETURNING 1
        """,
        (outcome, output, now, call.run_id, call.call_id, round_),
    ).fetchone()
    if ended is not None:
        db.executemany(
            "INSERT INTO call_files (turn_id, run_id, name, data) VALUES (?, ?, ?, ?)",
            [(call.turn_id, call.run_id, file.name, file.data) for file in files],
        )


def drop_files(db: sqlite3.Connection, turn_id: int) -> None:
    """Delete the files of a turn's calls: the reply has them, or never will."""
    db.execute("DELETE FROM call_files WHERE turn_id = ?", (turn_id,))


_EMPTY: Final = "arguments = '', output = iif(output IS NULL, NULL, '')"

_FORGET: Final = f"UPDATE tool_calls SET {_EMPTY}, asker_id = 0"


def forget_calls(db: sqlite3.Connection, turn_id: int) -> None:
    """Forget the contents of a turn's calls, their files, and for whom they were made."""
    drop_files(db, turn_id)
    db.execute(f"{_FORGET} WHERE turn_id = ?", (turn_id,))


def forget_contents(db: sqlite3.Connection, turn_id: int) -> None:
    """Forget the contents of a turn's calls, but not for whom they were made."""
    db.execute(f"UPDATE tool_calls SET {_EMPTY} WHERE turn_id = ?", (turn_id,))


def forget_calls_of(db: sqlite3.Connection, member_id: int) -> None:
    """Forget the contents of a member's calls, also where others asked in the same turn."""
    db.execute(f"{_FORGET} WHERE asker_id = ?", (member_id,))


def forget_late_outputs(db: sqlite3.Connection) -> None:
    """Forget the outputs of calls that ended after their member was forgotten."""
    db.execute(
        f"""
        {_FORGET} WHERE asker_id = 0 AND output <> ''
          AND turn_id IN (SELECT id FROM turns WHERE ended_at IS NOT NULL)
        """
    )


def _abandon(db: sqlite3.Connection, run_id: str, outcome: CallOutcome, now: float) -> None:
    db.execute(
        """
        UPDATE tool_calls SET state = 'finished', outcome = ?, ended_at = ?
        WHERE run_id = ? AND state = 'started'
        """,
        (outcome, now, run_id),
    )


def _insert(
    db: sqlite3.Connection,
    call: NewCall,
    now: float,
    state: CallState,
    outcome: CallOutcome | None,
    output: str | None,
) -> StoredCall:
    statement = f"""
        INSERT INTO tool_calls ({_FIELDS})
        SELECT :run_id, :call_id, count(*), :turn_id, :channel_id, :guild_id, :asker_id, :name,
               :arguments, :state, :outcome, :output, :now, iif(:outcome IS NULL, NULL, :now)
        FROM tool_calls WHERE run_id = :run_id AND call_id = :call_id
        RETURNING {_FIELDS}
    """
    values = {**asdict(call), "state": state, "outcome": outcome, "output": output, "now": now}
    (stored,) = rows.records(db, StoredCall, statement, values)
    return stored


def _reached(
    db: sqlite3.Connection, call: NewCall, limits: CallLimits, now: float
) -> CallLimit | None:
    """Return the limit that one more call would exceed; calls that were not made do not count."""
    place = "guild_id = :guild_id"
    if call.guild_id is None:
        place = "guild_id IS NULL AND channel_id = :channel_id"
    values = {**asdict(call), "minute_ago": now - MINUTE, "hour_ago": now - HOUR}
    counts: tuple[tuple[CallLimit, int, str], ...] = (
        ("run", limits.per_run, "run_id = :run_id"),
        ("minute", limits.per_minute, f"started_at > :minute_ago AND {place}"),
        ("member", limits.per_member_hour, "started_at > :hour_ago AND asker_id = :asker_id"),
    )
    for limit, most, condition in counts:
        (count,) = db.execute(
            f"""
            SELECT count(*) FROM tool_calls
            WHERE {condition}
              AND (outcome IS NULL OR outcome NOT IN ('invalid', 'limited', 'denied', 'waiting'))
            """,
            values,
        ).fetchone()
        if count >= most:
            return limit
    return None


def _calls(db: sqlite3.Connection, where: str, value: object) -> tuple[StoredCall, ...]:
    return rows.records(db, StoredCall, f"SELECT {_FIELDS} FROM tool_calls {where}", (value,))
