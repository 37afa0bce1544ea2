"""Function calls in the ledger: started, then finished with an output, then submitted.

A call is stored as started before it is made, and with its output before that is submitted. A call
that a stopped process left as started may have been made.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from bot.store.ledger.session import LedgerSession
from bot.store.ledger.states import CallState

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
"""A limit of the number of calls."""

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


class ToolCallStore:
    """The function calls of the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def unsubmitted(self, run_id: str) -> dict[str, StoredCall]:
        """Return the calls of a run whose outputs were not submitted, by their ids."""

        def work(db: sqlite3.Connection) -> dict[str, StoredCall]:
            rows = db.execute(
                f"SELECT {_FIELDS} FROM tool_calls WHERE run_id = ? AND state <> 'submitted'",
                (run_id,),
            )
            return {call.call_id: call for call in map(_call, rows)}

        return await self._database.read(work)

    async def started(self, call: NewCall, limits: CallLimits) -> StoredCall | CallLimit:
        """Store a call as started, or return the limit that forbids the call."""
        now = self._now()

        return await self._database.write(lambda db: begin_call(db, call, limits, now))

    async def not_made(self, call: NewCall, outcome: CallOutcome, output: str) -> None:
        """Store a call that is answered without being made."""
        now = self._now()

        def work(db: sqlite3.Connection) -> None:
            _insert(db, call, now, "finished", outcome, output)

        await self._database.write(work)

    async def finished(
        self,
        call: StoredCall,
        outcome: CallOutcome,
        output: str,
        files: Sequence[CallFile] = (),
    ) -> None:
        """Move a started call to ``finished``, with its output and its files for the reply."""
        now = self._now()

        await self._database.write(
            lambda db: end_call(db, call, call.round, outcome, output, files, now)
        )

    async def submitted(self, run_id: str, call_ids: Iterable[str]) -> None:
        """Move finished calls of a run to ``submitted``: the run has their outputs."""
        ids = json.dumps(list(call_ids))
        await self._database.write(
            lambda db: db.execute(
                """
                UPDATE tool_calls SET state = 'submitted'
                WHERE run_id = ? AND state = 'finished'
                  AND call_id IN (SELECT value FROM json_each(?))
                """,
                (run_id, ids),
            ).close()
        )

    async def settled(self, run_id: str) -> None:
        """Settle the calls of a run that waits for no output, as looked up on the run.

        Finished calls were submitted. Started ones were interrupted, and nobody needs them.
        """
        now = self._now()

        def work(db: sqlite3.Connection) -> None:
            db.execute(
                "UPDATE tool_calls SET state = 'submitted' WHERE run_id = ? AND state = 'finished'",
                (run_id,),
            )
            _abandon(db, run_id, "interrupted", now)

        await self._database.write(work)

    async def looked_up(self, run_id: str, answered: Mapping[str, int]) -> None:
        """Settle the first calls of each id, as many as have their outputs on the run."""
        now = self._now()

        def work(db: sqlite3.Connection) -> None:
            for call_id, count in answered.items():
                db.execute(
                    """
                    UPDATE tool_calls SET state = 'submitted', ended_at = coalesce(ended_at, ?),
                                          outcome = coalesce(outcome, 'interrupted')
                    WHERE run_id = ? AND call_id = ? AND round < ? AND state <> 'submitted'
                    """,
                    (now, run_id, call_id, count),
                )

        await self._database.write(work)

    async def cancelled(self, run_id: str) -> None:
        """Finish the started calls of a run that were cancelled with the run."""
        now = self._now()
        await self._database.write(lambda db: _abandon(db, run_id, "cancelled", now))

    async def of_turn(self, turn_id: int) -> tuple[StoredCall, ...]:
        """Return the calls of all attempts of a turn, oldest first."""

        def work(db: sqlite3.Connection) -> tuple[StoredCall, ...]:
            rows = db.execute(
                f"SELECT {_FIELDS} FROM tool_calls WHERE turn_id = ? ORDER BY id", (turn_id,)
            )
            return tuple(map(_call, rows))

        return await self._database.read(work)

    async def files(self, run_id: str) -> tuple[CallFile, ...]:
        """Return the files that a run's calls returned, oldest first."""
        return await self._database.read(
            lambda db: tuple(
                CallFile(*row)
                for row in db.execute(
                    "SELECT name, data FROM call_files WHERE run_id = ? ORDER BY id", (run_id,)
                )
            )
        )


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


_FORGET: Final = """
    UPDATE tool_calls SET arguments = '', asker_id = 0,
                          output = CASE WHEN output IS NULL THEN NULL ELSE '' END
"""


def forget_calls(db: sqlite3.Connection, turn_id: int) -> None:
    """Forget what the calls of a turn were about, and their files."""
    drop_files(db, turn_id)
    db.execute(f"{_FORGET} WHERE turn_id = ?", (turn_id,))


def forget_calls_beside(db: sqlite3.Connection, turn_id: int) -> None:
    """Forget what the calls of a turn were about, of which another member's question stays."""
    db.execute(
        """
        UPDATE tool_calls SET arguments = '',
                              output = CASE WHEN output IS NULL THEN NULL ELSE '' END
        WHERE turn_id = ?
        """,
        (turn_id,),
    )


def forget_calls_of(db: sqlite3.Connection, member_id: int) -> None:
    """Forget what the calls for a member were about, also where others asked in the same turn."""
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
    row = db.execute(
        f"""
        INSERT INTO tool_calls ({_FIELDS})
        SELECT :run, :call, count(*), :turn, :channel, :guild, :asker, :name, :arguments, :state,
               :outcome, :output, :now, CASE WHEN :outcome IS NULL THEN NULL ELSE :now END
        FROM tool_calls WHERE run_id = :run AND call_id = :call
        RETURNING {_FIELDS}
        """,
        {
            "run": call.run_id,
            "call": call.call_id,
            "turn": call.turn_id,
            "channel": call.channel_id,
            "guild": call.guild_id,
            "asker": call.asker_id,
            "name": call.name,
            "arguments": call.arguments,
            "state": state,
            "outcome": outcome,
            "output": output,
            "now": now,
        },
    ).fetchone()
    return _call(row)


def _reached(
    db: sqlite3.Connection, call: NewCall, limits: CallLimits, now: float
) -> CallLimit | None:
    """Return the limit that one more call would exceed; calls that were not made do not count."""
    place = "guild_id = ?" if call.guild_id is not None else "guild_id IS NULL AND channel_id = ?"
    counts: tuple[tuple[CallLimit, int, str, tuple[object, ...]], ...] = (
        ("run", limits.per_run, "run_id = ?", (call.run_id,)),
        (
            "minute",
            limits.per_minute,
            f"started_at > ? AND {place}",
            (now - MINUTE, call.guild_id or call.channel_id),
        ),
        (
            "member",
            limits.per_member_hour,
            "started_at > ? AND asker_id = ?",
            (now - HOUR, call.asker_id),
        ),
    )
    for limit, most, condition, values in counts:
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


def _call(row: tuple[Any, ...]) -> StoredCall:
    return StoredCall(**dict(zip(map(str.strip, _FIELDS.split(",")), row, strict=True)))
