"""engine.db: transactions on typed tables; a run's status follows the allowed moves only."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import msgspec
from msgspec.json import Decoder
from msgspec.structs import replace

from bot.assistants.errors import not_found
from bot.assistants.schema.objects import (
    Assistant,
    LastError,
    Message,
    Run,
    RunStep,
    Thread,
    ToolCallsDetails,
)
from bot.assistants.states import ACTIVE, TERMINAL, RunStatus, sources
from bot.runtime.metrics import Metrics
from bot.runtime.quoted_text import without_quotes
from bot.store import queries
from bot.store.blobs import FileBox
from bot.store.database import Database, reading
from bot.store.engine.files import FileTables
from bot.store.engine.rows import Rows, Unreadable
from bot.store.engine.schema import MIGRATIONS
from bot.store.engine.summaries import Summaries
from bot.store.search_readers import Check

T = TypeVar("T")

_ASSISTANTS: Final = Decoder(Assistant)
_THREADS: Final = Decoder(Thread)
_MESSAGES: Final = Decoder(Message)
_RUNS: Final = Decoder(Run)
_STEPS: Final = Decoder(RunStep)
_ACTIVE: Final = ", ".join(f"'{status}'" for status in sorted(ACTIVE))
_SEARCH_READERS: Final = 3
"""Connections for searches; one project uses at most all but one of them."""


RESTART_SECONDS: Final = 60.0
"""Stops of the engine that are closer together, in seconds, count once against a run."""


class EngineStore:
    """The open engine.db; make one with ``EngineStore.open``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._unreadable = Unreadable()
        self.files = FileBox(database.path.parent / "files")

    @classmethod
    async def open(cls, path: Path, *, metrics: Metrics | None = None) -> Self:
        """Open or create engine.db; raises ``StoreError`` with a sentence for the operator."""
        # NORMAL: a power cut may lose the newest runs, but not damage the file. The bot then starts
        # those runs again, because its ledger is fully durable.
        return cls(
            await Database.open(
                path,
                MIGRATIONS,
                synchronous="NORMAL",
                search_readers=_SEARCH_READERS,
                metrics=metrics,
            )
        )

    async def probe(self) -> None:
        """Write to the disk and change nothing; raises ``StoreUnavailableError`` if it fails."""
        await self._database.probe()

    async def write(self, work: "Callable[[Tables], T]") -> T:
        """Run ``work`` in one transaction; an exception rolls the transaction back."""
        return await self._database.write(lambda db: work(Tables(db, self._unreadable)))

    async def read(self, work: "Callable[[Tables], T]") -> T:
        """Run ``work`` on one snapshot of the committed data."""
        return await self._database.read(lambda db: work(Tables(db, self._unreadable)))

    async def search(
        self, work: "Callable[[Tables, Check], T]", *, project: str, seconds: float
    ) -> T:
        """Run a search on one snapshot, beside all other reads; projects take turns.

        Raises ``SearchStoppedError`` if the search takes longer than ``seconds``. A cancelled
        caller stops its search. ``work`` gets a ``Check`` and must call it in loops outside of
        SQLite: the ``Check`` raises ``SearchStoppedError`` when the search must stop.
        """
        return await self._database.search(
            lambda db, check: work(Tables(db, self._unreadable), check),
            group=project,
            seconds=seconds,
        )

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()


def assistants_in(path: Path, project: str) -> frozenset[str]:
    """Return the ids and names of a project's assistants, also while a process holds the file.

    A missing file has no assistants. Raises ``StoreError`` for a file that can't be read.
    """
    if not path.exists():
        return frozenset()
    with reading(path, "The assistants") as db:
        query = "SELECT body FROM assistants WHERE project = ?"
        rows = db.execute(query, (project,)).fetchall()
    found: set[str | None] = set()
    for (body,) in rows:
        with suppress(msgspec.MsgspecError):  # a damaged row is no assistant that could answer
            assistant = _ASSISTANTS.decode(body)
            found |= {assistant.id, assistant.name}
    return frozenset(name for name in found if name)


class Tables:
    """All tables, valid within one transaction."""

    def __init__(self, db: sqlite3.Connection, unreadable: Unreadable) -> None:
        self._db = db
        self.assistants = Rows(
            db, "assistants", _ASSISTANTS, "assistant", unreadable, owner="project"
        )
        self.threads = Rows(db, "threads", _THREADS, "thread", unreadable, owner="project")
        self.messages = Rows(db, "messages", _MESSAGES, "message", unreadable, owner="thread_id")
        self.runs = Rows(db, "runs", _RUNS, "run", unreadable, owner="project")
        self.steps = Rows(db, "steps", _STEPS, "run step", unreadable, owner="run_id")
        self.files = FileTables(db, unreadable)
        self.summaries = Summaries(db)

    def owner_of(self, table: str, id_: str) -> str | None:
        """Return the owner of an object in any project; None if no object has this id."""
        owner = {"messages": "thread_id", "steps": "run_id"}.get(table, "project")
        query = f"SELECT {owner} FROM {table} WHERE id = ?"
        return queries.value(self._db, query, (id_,))

    def require_thread(self, project: str, thread_id: str) -> None:
        """Raise ``APIError`` 404 unless the project has that thread; its body is not read."""
        query = "SELECT 1 FROM threads WHERE id = ? AND project = ?"
        if queries.value(self._db, query, (thread_id, project)) is None:
            raise not_found("thread", thread_id)

    def active_run(self, thread_id: str) -> str | None:
        """Return the id of the unfinished run that locks the thread."""
        query = f"SELECT id FROM runs WHERE thread_id = ? AND status IN ({_ACTIVE})"
        return queries.value(self._db, query, (thread_id,))

    def count_active_runs(self, project: str) -> int:
        """Return the number of unfinished runs of a project."""
        query = f"SELECT count(*) FROM runs WHERE project = ? AND status IN ({_ACTIVE})"
        (count,) = self._db.execute(query, (project,)).fetchone()
        return int(count)

    def add_message(self, message: Message) -> None:
        """Add a message at the end of its thread."""
        self.messages.insert(
            message, id=message.id, thread_id=message.thread_id, run_id=message.run_id
        )
        self._count(message.thread_id, 1)

    def remove_message(self, thread_id: str, message_id: str) -> bool:
        """Delete a message and the summaries with it; return whether the thread had it.

        With the last message of an answer, the tool calls of its run are emptied.
        """
        self.summaries.forget_message(thread_id, message_id)
        row = self._db.execute(
            "DELETE FROM messages WHERE id = ? AND thread_id = ? RETURNING run_id",
            (message_id, thread_id),
        ).fetchone()
        if row is None:
            return False
        self._count(thread_id, -1)
        if row[0] is not None:
            self._redact_steps(row[0])
        return True

    def _redact_steps(self, run_id: str) -> None:
        """Empty the tool calls of an ended run whose messages were all deleted."""
        is_needed = f"""
            SELECT EXISTS (SELECT 1 FROM messages WHERE run_id = :run)
                OR EXISTS (SELECT 1 FROM runs WHERE id = :run AND status IN ({_ACTIVE}))
        """
        if queries.value(self._db, is_needed, {"run": run_id}):
            return
        self._db.execute("UPDATE steps SET continuation = NULL WHERE run_id = ?", (run_id,))
        for step in self.steps.all(run_id=run_id):
            if isinstance(step.step_details, ToolCallsDetails):
                emptied = replace(step, step_details=ToolCallsDetails(tool_calls=()))
                self.steps.write(emptied, id=step.id, run_id=run_id)

    def redact_errors(self, project: str, thread_id: str) -> None:
        """Remove words that may stem from a deleted message from the errors of a thread's runs.

        An endpoint's error may quote the request.
        """
        where = {"project": project, "thread_id": thread_id, "status": "failed"}
        for run in self.runs.all(**where):
            if (error := _redacted(run.last_error)) is not None:
                self.runs.write(replace(run, last_error=error), id=run.id, project=project)
                for step in self.steps.all(run_id=run.id):
                    if (error := _redacted(step.last_error)) is not None:
                        self.steps.write(replace(step, last_error=error), id=step.id, run_id=run.id)

    def count_messages(self, thread_id: str) -> int:
        """Return the number of messages on a thread."""
        query = "SELECT messages FROM threads WHERE id = ?"
        return queries.value(self._db, query, (thread_id,)) or 0

    def add_run(self, project: str, run: Run) -> None:
        """Add a run; raises ``sqlite3.IntegrityError`` if its thread has an unfinished one."""
        self.runs.insert(
            run,
            id=run.id,
            project=project,
            thread_id=run.thread_id,
            status=run.status,
            expires_at=run.expires_at or 0,  # an ended run may have none
        )

    def move_run(self, project: str, run_id: str, target: RunStatus, **changes: Any) -> Run | None:
        """Move a project's run to ``target`` with ``changes``; None if its status forbids the move.

        Returns None as well for a run whose row cannot be read. If that run was to end, its status
        becomes ``failed``.
        """
        run = self.runs.readable(id=run_id, project=project)
        if run is None:
            if target in TERMINAL:
                self._fail_unreadable(project, run_id)
            return None
        moved = msgspec.structs.replace(run, status=target, **changes)
        origins = sources(target)
        row = self._db.execute(
            "UPDATE runs SET status = ?, body = ? "
            f"WHERE id = ? AND status IN ({', '.join('?' * len(origins))}) RETURNING id",
            (target, self.runs.encoded(moved), run_id, *origins),
        ).fetchone()
        return moved if row else None

    def set_response(self, run_id: str, response_id: str | None) -> None:
        """Store which response of the model's endpoint a run reads; None if it reads none."""
        self._db.execute(
            "UPDATE runs SET response = ? WHERE id = ? AND response IS NOT ?",
            (response_id, run_id, response_id),
        )

    def response_of(self, run_id: str) -> str | None:
        """Return the id of the response that a run reads from the model's endpoint."""
        return queries.value(self._db, "SELECT response FROM runs WHERE id = ?", (run_id,))

    def steps_of_response(self, run_id: str, response_id: str) -> set[str]:
        """Return the ids of a run's steps that came from a response of the model's endpoint."""
        query = "SELECT id FROM steps WHERE run_id = ? AND response = ?"
        return set(queries.column(self._db, query, (run_id, response_id)))

    def set_continuation(self, step_id: str, data: str) -> None:
        """Store the model's continuation data, to be sent with the outputs of a step's calls."""
        self._db.execute("UPDATE steps SET continuation = ? WHERE id = ?", (data, step_id))

    def continuations(self, run_id: str) -> dict[str, str]:
        """Return the model's continuation data of a run, by step id."""
        query = "SELECT id, continuation FROM steps WHERE run_id = ? AND continuation IS NOT NULL"
        return dict(self._db.execute(query, (run_id,)))

    def count_stop(self, run_id: str, now: float) -> int:
        """Count that the engine was stopped while it executed a run; return the count.

        Stops within ``RESTART_SECONDS`` of a counted stop are not counted again.
        """
        self._db.execute(
            """
            UPDATE runs SET tries = tries + 1, tried_at = :now
            WHERE id = :id
              AND (tried_at IS NULL OR :now - tried_at NOT BETWEEN 0 AND :together)
            """,
            {"id": run_id, "now": now, "together": RESTART_SECONDS},
        )
        return queries.value(self._db, "SELECT tries FROM runs WHERE id = ?", (run_id,)) or 0

    def discount_stop(self) -> None:
        """Exempt this stop from the count: the engine stops in order, no run made it crash."""
        self._db.execute("UPDATE runs SET tries = max(tries - 1, -1) WHERE status = 'in_progress'")

    def active_runs(self) -> list[tuple[str, Run]]:
        """Return the unfinished runs of all projects, oldest first.

        A run whose row cannot be read becomes ``failed``, because it can never go on.
        """
        rows = self._db.execute(
            f"SELECT project, id, body FROM runs WHERE status IN ({_ACTIVE}) ORDER BY seq"
        ).fetchall()
        runs: list[tuple[str, Run]] = []
        for project, run_id, body in rows:
            run = self.runs.decoded(run_id, body)
            if run is not None:
                runs.append((project, run))
            else:
                self._fail_unreadable(project, run_id)
        return runs

    def _fail_unreadable(self, project: str, run_id: str) -> None:
        """Fail an unfinished run whatever its status, so that it no longer locks its thread.

        The damaged body stays, for whoever examines the damage.
        """
        self._db.execute(
            "UPDATE runs SET status = 'failed' "
            f"WHERE id = ? AND project = ? AND status IN ({_ACTIVE})",
            (run_id, project),
        )

    def _count(self, thread_id: str, change: int) -> None:
        self._db.execute(
            "UPDATE threads SET messages = messages + ? WHERE id = ?", (change, thread_id)
        )


def _redacted(error: LastError | None) -> LastError | None:
    """Return an error without the words that it may quote; None if it quotes none."""
    message = "" if error is None else without_quotes(error.message)
    return None if error is None or message == error.message else replace(error, message=message)
