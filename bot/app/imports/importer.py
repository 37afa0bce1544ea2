"""Brings exported objects into a project, through the running server or into the data directory."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from bot.app import StartError
from bot.app.imports.export_reader import Conversation, ExportReader
from bot.app.keys import BOT_PROJECT, secret, server_keys
from bot.assistants.errors import APIError, UnreachableError
from bot.assistants.schema.imports import ImportObjects, ImportReport
from bot.assistants.schema.objects import Thread
from bot.assistants.validation import checked
from bot.client import Client
from bot.config import Config
from bot.engine import EngineOptions
from bot.engine.services.imports import store_objects
from bot.store.database import HeldError
from bot.store.engine import EngineStore

_KINDS: Final = ("assistants", "threads", "messages", "runs", "steps")
_MOST_OBJECTS: Final = 200
_MOST_BYTES: Final = 2 * 1024 * 1024


class _Target(Protocol):
    """Stores objects in one project."""

    async def __call__(self, request: ImportObjects) -> ImportReport: ...


async def run_import(
    config: Config,
    environment: Mapping[str, str],
    directory: Path,
    *,
    project: str,
    say: Callable[[str], None],
) -> bool:
    """Import a directory, print a report with ``say``, and return whether nothing was refused.

    Raises ``StartError`` for a directory without objects; ``APIError`` or ``StoreError`` where the
    engine or the server fails.
    """
    reader = ExportReader(directory)
    report = _Report()
    async with _target(config, environment, project) as store:
        for conversation in reader.conversations():
            for batch in _batches(_parts(conversation)):
                await report.store(store, batch)
        for batch in _batches([("assistants", each) for each in reader.assistants]):
            await report.store(store, batch)
    if not report.seen and not reader.problems:
        raise StartError(f"{directory} has no assistants or threads in .json or .jsonl files.")
    return report.tell(reader, say)


class _Report:
    """Adds up the reports of all batches."""

    def __init__(self) -> None:
        self.seen = 0
        self._stored: Counter[str] = Counter()
        self._present: Counter[str] = Counter()
        self._refused: list[str] = []
        self._expired: list[str] = []

    async def store(self, target: _Target, batch: ImportObjects) -> None:
        """Store a batch; if it is refused as a whole, store its objects one by one."""
        self.seen += sum(len(getattr(batch, kind)) for kind in _KINDS)
        try:
            self._add(await target(batch))
        except APIError as error:
            if error.status != 400:
                raise
            for kind in _KINDS:
                for each in getattr(batch, kind):
                    await self._store_alone(target, {kind: (each,)})

    async def _store_alone(self, target: _Target, alone: dict[str, tuple[Any]]) -> None:
        try:
            self._add(await target(ImportObjects(**alone)))
        except APIError as error:
            if error.status != 400:
                raise
            self._refused += [f"{each.id}: {error.message}" for (each,) in alone.values()]

    def _add(self, report: ImportReport) -> None:
        self._stored.update(report.stored)
        self._present.update(report.present)
        self._refused += [f"{each.id}: {each.reason}" for each in report.refused]
        self._expired += report.expired

    def tell(self, reader: ExportReader, say: Callable[[str], None]) -> bool:
        """Print the report; return whether nothing was refused."""
        for kind in _KINDS:
            present = f", {self._present[kind]} were there before" if self._present[kind] else ""
            say(f"{kind:<11} {self._stored[kind]} imported{present}")
        problems = [*self._refused, *reader.problems]
        for heading, lines in (
            ("Unfinished runs, stored as expired:", self._expired),
            (
                "Files and vector stores, which an export does not contain. Upload them again:",
                [f"{file_id}, named by {by}" for file_id, by in sorted(reader.files.items())],
            ),
            ("Not imported:", problems),
        ):
            if lines:
                say(heading)
            for line in lines:
                say(f"  {line}")
        return not problems


def _parts(conversation: Conversation) -> Iterator[tuple[str, Any]]:
    """Yield a conversation's objects, each before those that refer to it."""
    thread = conversation.thread
    if thread is None:
        times = [each.created_at for each in conversation.messages]
        times += [each.created_at for each in conversation.runs]
        thread = Thread(id=conversation.thread_id, created_at=min(times, default=0))
    yield "threads", thread
    for message in conversation.messages:
        yield "messages", message
    for run in conversation.runs:
        yield "runs", run
    for step in conversation.steps:
        yield "steps", step


def _batches(parts: Iterable[tuple[str, Any]]) -> Iterator[ImportObjects]:
    """Yield requests of a bounded size, which together hold all objects."""
    batch: dict[str, list[Any]] = {}
    count = size = 0
    for kind, each in parts:
        length = len(msgspec.json.encode(each))
        if count and (count == _MOST_OBJECTS or size + length > _MOST_BYTES):
            yield ImportObjects(**{name: tuple(found) for name, found in batch.items()})
            batch, count, size = {}, 0, 0
        batch.setdefault(kind, []).append(each)
        count, size = count + 1, size + length
    if count:
        yield ImportObjects(**{name: tuple(found) for name, found in batch.items()})


@asynccontextmanager
async def _target(
    config: Config, environment: Mapping[str, str], project: str
) -> AsyncIterator[_Target]:
    """Open the data directory, or connect to the server that holds it."""
    settings = config.assistants
    if settings.url != "embedded":
        key = secret(environment, "assistants", settings.api_key_env)
        async with _through(settings.url, key) as target:
            yield target
        return
    path = Path(config.storage.directory) / "engine.db"
    try:
        opened = await EngineStore.open(path)
    except HeldError as held:
        server = config.server
        url = f"http://{server.host}:{server.port}/v1"
        async with _through(url, _key(environment, project), held) as target:
            yield target
        return
    limit = EngineOptions().max_thread_messages
    async with opened as store:

        async def into_store(request: ImportObjects) -> ImportReport:
            request = checked(request)
            return await store.write(
                lambda tables: store_objects(tables, project, request, most_messages=limit)
            )

        yield into_store


@asynccontextmanager
async def _through(
    url: str, key: str | None, held: HeldError | None = None
) -> AsyncIterator[_Target]:
    """Import through a server; ``held`` is why the data directory can't be used instead."""
    async with Client(url, key) as client:

        async def through_server(request: ImportObjects) -> ImportReport:
            try:
                return await client.import_objects(request)
            except UnreachableError as error:
                if held is None:
                    raise
                raise StartError(
                    f"{held} Or let it serve its API: [server] enabled, or run --serve. No server "
                    f"answers at {url}."
                ) from error

        yield through_server


def _key(environment: Mapping[str, str], project: str) -> str | None:
    """Return an API key of a project; None if the server wants none."""
    keys = server_keys(environment)
    found = next((key for key, of in keys.items() if of == project), None)
    if found is None and (keys or project != BOT_PROJECT):
        raise StartError(
            f"ASSISTANTS_API_KEYS has no key of the project {project}, through which a running "
            "server could be used. Add one, or stop the server."
        )
    return found
