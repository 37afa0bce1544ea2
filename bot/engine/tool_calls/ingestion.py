"""Ingestion: extracts a file's text, cuts it into chunks and indexes them; projects take turns.

A child process reads a file once for all vector stores that wait for it. Each project has a budget
of seconds for these processes; files beyond the budget wait until it has refilled.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from bot.assistants.schema.chunking import StaticChunking, StaticChunks
from bot.assistants.schema.files import File
from bot.assistants.schema.vector_stores import FileProblem, VectorStoreFile
from bot.hosted.extract import ExtractionError
from bot.hosted.search.chunk import Chunk, chunk
from bot.hosted.search.query import searchable
from bot.runtime.clock import Clock
from bot.runtime.fair_queue import FairSlots
from bot.runtime.tasks import BackgroundTasks
from bot.store.engine import EngineStore, Tables

_log: Final = logging.getLogger(__name__)

_AT_ONCE: Final = 3
"""Files that are read and indexed at once; one project leaves at least one slot to the others."""

_HOUR: Final = 3600.0


@dataclass
class _Budget:
    """A project's budget: ``left`` seconds of child processes at the monotonic time ``at``.

    Mutable: reading files spends it, time refills it.
    """

    left: float
    at: float
    next_in_line: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class _FileText:
    """The extracted text of a file, or the reason why there is none."""

    text: str = ""
    problem: FileProblem | None = None


class TextExtractor(Protocol):
    """Extracts the text of a file; raises ``ExtractionError``, or OSError if it is missing."""

    async def __call__(self, name: str, source: Path) -> str:
        """Return the text of the file ``name`` that is stored at ``source``."""


class Ingestion:
    """Indexes the files that are added to vector stores; ``extract`` reads their text.

    ``seconds_per_hour`` is each project's budget for the child processes that read its files.
    ``batch_characters`` of chunks, or one longer chunk, are written in one transaction.
    """

    def __init__(
        self,
        store: EngineStore,
        clock: Clock,
        *,
        extract: TextExtractor,
        seconds_per_hour: float,
        batch_characters: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._seconds_per_hour = seconds_per_hour
        self._extract = extract
        self._batch_characters = batch_characters
        self._slots = FairSlots(_AT_ONCE, _AT_ONCE - 1)
        self._budgets: dict[str, _Budget] = {}
        # The vector store files that wait for a text, by project and file id.
        self._waiting: dict[tuple[str, str], list[VectorStoreFile]] = {}
        self._background = BackgroundTasks()

    async def start(self) -> None:
        """Go on with the files that the last process left unfinished."""
        await self._store.write(lambda tables: tables.files.drop_unfinished_chunks())
        for project, file in await self._store.write(lambda tables: tables.files.unfinished()):
            self.submit(project, [file])

    async def stop(self) -> None:
        """Stop; unfinished files stay ``in_progress`` and go on at the next start."""
        await self._background.stop()

    def submit(self, project: str, files: Iterable[VectorStoreFile]) -> None:
        """Index a project's files when their turn comes."""
        for file in files:
            waiting = self._waiting.get((project, file.id))
            if waiting is not None:
                waiting.append(file)
                continue
            self._waiting[project, file.id] = [file]
            self._background.start(
                self._ingest(project, file.id), f"File {file.id} could not be indexed to its end"
            )

    async def _ingest(self, project: str, file_id: str) -> None:
        """Read a file and index it in each vector store that waits for it."""
        waiting = self._waiting[project, file_id]
        try:
            await self._wait_for_turn(project)
            try:
                read: _FileText | None = None
                while waiting:
                    read = await self._index(project, waiting[0], read)
                    del waiting[0]  # only now, so that a file submitted meanwhile shares this text
            finally:
                self._slots.release(project)
        finally:
            del self._waiting[project, file_id]

    async def _wait_for_turn(self, project: str) -> None:
        """Wait until the project has budget left, then for a slot."""
        budget = self._budget(project)
        async with budget.next_in_line:
            while (left := self._budget(project).left) <= 0:
                wait = (1 - left) * _HOUR / self._seconds_per_hour
                _log.info("Project %s has used its time to read files: %.0f s", project, wait)
                await self._clock.sleep(wait)
            await self._slots.acquire(project)

    def _budget(self, project: str) -> _Budget:
        """Return a project's present budget, which refills evenly, up to that of one hour."""
        now = self._clock.monotonic()
        budget = self._budgets.setdefault(project, _Budget(self._seconds_per_hour, now))
        refilled = budget.left + (now - budget.at) * self._seconds_per_hour / _HOUR
        budget.left, budget.at = min(self._seconds_per_hour, refilled), now
        return budget

    async def _index(
        self, project: str, store_file: VectorStoreFile, read: _FileText | None
    ) -> _FileText | None:
        """Index a file in one vector store; return its text, which the next vector store needs too.

        ``read`` is the text if it has been extracted already.
        """
        try:
            file = await self._store.read(
                lambda tables: tables.files.waiting_file(store_file.vector_store_id, store_file.id)
            )
            if file is None:  # deleted, cancelled, or damaged
                gone = FileProblem("server_error", "The file's record cannot be read.")
                await self._fail(store_file, gone)
                return read
            read = read or await self._read(project, file)
            if read.problem is not None:
                await self._fail(store_file, read.problem)
                return read
            strategy = store_file.chunking_strategy
            assert isinstance(strategy, StaticChunking), "the engine stores a static strategy"
            await self._store_chunks(store_file, read.text, strategy.static)
        except Exception:  # noqa: BLE001 - logged, and the file fails with a sentence
            _log.exception("File %s could not be indexed", store_file.id)
            problem = "The engine could not read this file; its log has the reason."
            await self._fail(store_file, FileProblem("server_error", problem))
        return read

    async def _read(self, project: str, file: File) -> _FileText:
        """Return a file's text or problem from a child process, and spend the project's budget."""
        # Real seconds of the child process, whatever clock the engine has.
        began = time.monotonic()
        try:
            return _FileText(await self._extract(file.filename, self._store.files.path(file)))
        except ExtractionError as error:
            return _FileText(problem=FileProblem(error.code, str(error)))
        except FileNotFoundError:
            # Most likely deleted since, and removed from its vector stores.
            return _FileText(problem=FileProblem("server_error", "The file's bytes are gone."))
        finally:
            self._budget(project).left -= time.monotonic() - began

    async def _store_chunks(
        self, store_file: VectorStoreFile, text: str, cut: StaticChunks
    ) -> None:
        """Index a text a few chunks at a time: transactions are short, few chunks are in memory."""
        where = (store_file.vector_store_id, store_file.id)
        await self._store.write(lambda tables: tables.files.drop_chunks(*where))
        pieces = chunk(text, max_tokens=cut.max_chunk_size_tokens, overlap=cut.chunk_overlap_tokens)
        used = 0
        while chunks := await asyncio.to_thread(_searchable_chunks, pieces, self._batch_characters):
            used += sum(len(piece.encode()) for piece, _ in chunks)
            if not await self._store.write(partial(_add_chunks, where, chunks)):
                break  # cancelled or removed meanwhile

        def end(tables: Tables) -> None:
            done = tables.files.move_store_file(*where, "completed", usage_bytes=used)
            if done is None:
                tables.files.drop_chunks(*where)

        await self._store.write(end)

    async def _fail(self, file: VectorStoreFile, problem: FileProblem) -> None:
        def work(tables: Tables) -> None:
            where = (file.vector_store_id, file.id)
            tables.files.move_store_file(*where, "failed", last_error=problem)
            tables.files.drop_chunks(*where)

        await self._store.write(work)


def _searchable_chunks(pieces: Iterator[Chunk], characters: int) -> list[tuple[str, str]]:
    """Return the next chunks with their searchable forms; runs on a worker thread."""
    chunks: list[tuple[str, str]] = []
    size = 0
    for piece in pieces:
        chunks.append((piece.text, searchable(piece.text)))
        size += len(piece.text)
        if size >= characters:
            break
    return chunks


def _add_chunks(where: tuple[str, str], chunks: list[tuple[str, str]], tables: Tables) -> bool:
    return tables.files.add_chunks(*where, chunks)
