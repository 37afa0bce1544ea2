"""The engine's tables: a lookup must name the owner of the row."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.assistants.errors import APIError
from bot.assistants.schema.files import File
from bot.assistants.schema.requests import Page
from bot.store.engine import EngineStore, Tables

FILE = File(id="file-a", bytes=1, created_at=1, filename="a.txt", purpose="assistants")

LOOKUPS: list[Callable[[Any], object]] = [
    lambda rows: rows.get(id="x"),
    lambda rows: rows.readable(id="x"),
    lambda rows: rows.all(id="x"),
    lambda rows: rows.each(id="x"),
    lambda rows: rows.delete(id="x"),
    lambda rows: rows.write(FILE, id="x"),
    lambda rows: rows.page(Page()),
]


def _tables(tables: Tables) -> list[Any]:
    files = tables.files
    return [
        *(tables.assistants, tables.threads, tables.messages, tables.runs, tables.steps),
        *(files.files, files.stores, files.store_files, files.batches),
    ]


@pytest.mark.parametrize("number", range(9))
@pytest.mark.parametrize("lookup", LOOKUPS)
async def test_a_lookup_that_names_no_owner_is_refused(
    tmp_path: Path, number: int, lookup: Callable[[Any], object]
) -> None:
    async with await EngineStore.open(tmp_path / "engine.db") as store:
        with pytest.raises(TypeError, match="must name its"):
            await store.write(lambda tables: lookup(_tables(tables)[number]))


async def test_a_file_is_found_and_deleted_in_its_own_project_only(tmp_path: Path) -> None:
    async with await EngineStore.open(tmp_path / "engine.db") as store:
        await store.write(lambda tables: tables.files.add_file("theirs", FILE))

        def work(tables: Tables) -> None:
            files = tables.files.files
            with pytest.raises(APIError, match="No file found with id 'file-a'"):
                files.get(id="file-a", project="mine")
            assert not files.delete(id="file-a", project="mine")
            assert files.get(id="file-a", project="theirs") == FILE

        await store.write(work)
