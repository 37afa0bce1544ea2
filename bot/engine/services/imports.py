"""Imports objects that another server created; the objects keep their ids."""

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

from msgspec import structs

from bot.assistants.schema.imports import ImportObjects, ImportReport, RefusedObject
from bot.assistants.schema.objects import Message, Run, RunStep
from bot.assistants.states import TERMINAL
from bot.assistants.validation import checked
from bot.engine.context import ProjectContext
from bot.store.engine import Tables

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ELSEWHERE: Final = "another project has an object of this id"


class ImportService:
    """The import into one project; ``AssistantsAPI`` describes it."""

    def __init__(self, project: ProjectContext) -> None:
        self._project = project

    async def import_objects(self, request: ImportObjects) -> ImportReport:
        """Store objects of another server under their ids."""
        request = checked(request)
        limit = self._project.engine.options.max_thread_messages
        name = self._project.name
        return await self._project.write(
            lambda tables: store_objects(tables, name, request, most_messages=limit)
        )


def store_objects(
    tables: Tables, project: str, request: ImportObjects, *, most_messages: int
) -> ImportReport:
    """Store objects within one transaction; a thread holds at most ``most_messages``."""
    return _Import(tables, project, most_messages).run(request)


class _Import:
    """One import, within one transaction."""

    def __init__(self, tables: Tables, project: str, most_messages: int) -> None:
        self._tables = tables
        self._project = project
        self._most_messages = most_messages
        self._stored: Counter[str] = Counter()
        self._present: Counter[str] = Counter()
        self._refused: list[RefusedObject] = []
        self._expired: list[str] = []

    def run(self, request: ImportObjects) -> ImportReport:
        tables, project = self._tables, self._project
        for assistant in request.assistants:
            insert = partial(tables.assistants.insert, assistant, id=assistant.id, project=project)
            self._take("assistants", assistant.id, project, insert)
        for thread in request.threads:
            insert = partial(tables.threads.insert, thread, id=thread.id, project=project)
            self._take("threads", thread.id, project, insert)
        for message in request.messages:
            self._message(message)
        for run in request.runs:
            self._run(run)
        for step in request.steps:
            self._step(step)
        return ImportReport(
            stored=dict(self._stored),
            present=dict(self._present),
            refused=tuple(self._refused),
            expired=tuple(self._expired),
        )

    def _take(self, table: str, id_: str, owner: str, insert: Callable[[], None]) -> bool:
        """Store an object unless its id is taken; return whether it was stored.

        ``owner`` is what the object belongs to: the id of its thread or run, or the project.
        """
        if not _ID.fullmatch(id_):
            self._refuse(id_, "this is no id")
            return False
        found = self._tables.owner_of(table, id_)
        if found is None:
            insert()
            self._stored[table] += 1
            return True
        if found == owner:
            self._present[table] += 1
        else:
            self._refuse(id_, _ELSEWHERE)
        return False

    def _message(self, message: Message) -> None:
        tables, thread_id = self._tables, message.thread_id
        if not self._accepts(message.id, thread_id):
            return
        if (
            tables.owner_of("messages", message.id) is None
            and tables.count_messages(thread_id) >= self._most_messages
        ):
            self._refuse(message.id, f"its thread has {self._most_messages} messages already")
            return
        self._take("messages", message.id, thread_id, lambda: tables.add_message(message))

    def _run(self, run: Run) -> None:
        if not self._accepts(run.id, run.thread_id):
            return
        unfinished = run.status not in TERMINAL
        if unfinished:
            # Nobody executes it any more: its model's answer was with the other server.
            run = structs.replace(run, status="expired", required_action=None)
        stored = self._take(
            "runs", run.id, self._project, lambda: self._tables.add_run(self._project, run)
        )
        if stored and unfinished:
            self._expired.append(run.id)

    def _step(self, step: RunStep) -> None:
        if self._tables.owner_of("runs", step.run_id) != self._project:
            self._refuse(step.id, f"its run {step.run_id} is not in this project")
            return
        if step.status == "in_progress":
            step = structs.replace(step, status="expired")
        self._take(
            "steps",
            step.id,
            step.run_id,
            lambda: self._tables.steps.insert(step, id=step.id, run_id=step.run_id),
        )

    def _accepts(self, id_: str, thread_id: str) -> bool:
        """Return whether the thread may get imported objects; if not, refuse the object ``id_``."""
        if self._tables.owner_of("threads", thread_id) != self._project:
            self._refuse(id_, f"its thread {thread_id} is not in this project")
        elif self._tables.active_run(thread_id) is not None:
            self._refuse(id_, f"its thread {thread_id} has an unfinished run; try again later")
        else:
            return True
        return False

    def _refuse(self, id_: str, reason: str) -> None:
        self._refused.append(RefusedObject(id_, reason))
