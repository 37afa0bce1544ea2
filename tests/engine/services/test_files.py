"""Uploaded files on a disk that fails, or that loses their bytes."""

from pathlib import Path

import pytest

from bot.assistants.errors import APIError
from tests.support.assistants import House, house
from tests.support.files import upload
from tests.support.troubled_database import troubled_store


async def refuses_upload(home: House) -> None:
    with pytest.raises(APIError) as refused:
        await upload(home.api)
    assert refused.value.status == 503
    assert (await home.api.list_files()).data == ()


async def test_an_upload_that_the_database_refuses_leaves_no_bytes(tmp_path: Path) -> None:
    store, database = await troubled_store(tmp_path / "engine.db")
    async with house(tmp_path, "engine", store=store) as home:
        await home.thread()  # the engine's first look at files that expire is a write, too
        database.failing_writes = 1
        await refuses_upload(home)
        assert list((tmp_path / "files").iterdir()) == []


async def test_an_upload_that_the_disk_refuses_says_so(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        (tmp_path / "files").write_text("no directory")
        await refuses_upload(home)


async def test_a_file_whose_bytes_are_lost_has_no_content(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        file = await upload(home.api)
        (tmp_path / "files" / file.id).unlink()
        with pytest.raises(APIError) as refused:
            await home.api.file_content(file.id)
        assert refused.value.status == 404
