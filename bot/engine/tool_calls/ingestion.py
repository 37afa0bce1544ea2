"""Makes files searchable, a few at a time: text, chunks of it, an index of those."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from bot.assistants.schema.chunking import StaticChunking
from bot.assistants.schema.vector_stores import FileProblem, VectorStoreFile
from bot.hosted.extract import ExtractionError, extract_text
from bot.hosted.search.chunk import chunk
from bot.hosted.search.query import searchable
from bot.store.engine import EngineStore, Tables

_log: Final = logging.getLogger(__name__)

_AT_ONCE: Final = 2


class Ingestion:
    """The work on files that were added to vector stores."""

    def __init__(self, store: EngineStore) -> None:
        self._store = store
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def start(self) -> None:
        """Go on with what the last process did not finish."""
        self.submit(await self._store.write(lambda tables: tables.library.unfinished()))

    async def stop(self) -> None:
        """Stop; what is not finished stays ``in_progress`` and goes on at the next start."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def submit(self, files: Iterable[VectorStoreFile]) -> None:
        """Make these files searchable, as soon as their turn comes."""
        if self._stopping:
            return
        for file in files:
            task = asyncio.create_task(self._ingest(file))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ingest(self, file: VectorStoreFile) -> None:
        async with self._free:
            try:
                await self._index(file)
            except ExtractionError as error:
                await self._fail(file, FileProblem(error.code, str(error)))
            except FileNotFoundError:
                # Most likely deleted meanwhile, and with it its place in the vector store.
                await self._fail(file, FileProblem("server_error", "The file's bytes are gone."))
            except Exception:  # noqa: BLE001 - logged and told in the file, which must end
                _log.exception("%s could not be made searchable", file.id)
                problem = "The engine could not read this file; its log has the reason."
                await self._fail(file, FileProblem("server_error", problem))

    async def _index(self, file: VectorStoreFile) -> None:
        facts = await self._store.read(
            lambda tables: tables.library.file_in_store(file.vector_store_id, file.id)
        )
        if facts is None:  # deleted, and with it its place in the vector store; or damaged
            problem = FileProblem("server_error", "The file's record cannot be read.")
            await self._fail(file, problem)
            return
        text = await extract_text(facts.filename, self._store.files.path(facts))
        pairs = await asyncio.to_thread(self._pieces, text, file)
        used = sum(len(piece.encode()) for piece, _ in pairs)

        def work(tables: Tables) -> None:
            done = tables.library.move_store_file(
                file.vector_store_id, file.id, "completed", usage_bytes=used
            )
            if done is not None:  # not cancelled, nor taken out, meanwhile
                tables.library.add_chunks(file.vector_store_id, file.id, pairs)

        await self._store.write(work)

    async def _fail(self, file: VectorStoreFile, problem: FileProblem) -> None:
        await self._store.write(
            lambda tables: tables.library.move_store_file(
                file.vector_store_id, file.id, "failed", last_error=problem
            )
        )

    def _pieces(self, text: str, file: VectorStoreFile) -> list[tuple[str, str]]:
        """Return a text's chunks, each with its searchable form; runs on a thread of its own."""
        strategy = file.chunking_strategy
        assert isinstance(strategy, StaticChunking), "the engine writes how it cuts"
        size = strategy.static.max_chunk_size_tokens
        overlap = strategy.static.chunk_overlap_tokens
        pairs: list[tuple[str, str]] = []
        for piece in chunk(text, max_tokens=size, overlap=overlap):
            if self._stopping:  # nobody waits for this any more, but the process does
                break
            pairs.append((piece.text, searchable(piece.text)))
        return pairs
