"""A server that is killed while it makes files searchable, as a child process with real files."""

import asyncio
from pathlib import Path

from bot.assistants.vector_stores import CreateVectorStore, SearchVectorStore
from bot.client import Client
from tests.support.files import content, settled, upload
from tests.support.model_endpoint import ScriptedModel
from tests.support.program import Program, program


async def _url(ran: Program) -> str:
    line = await ran.until_line("The Assistants API is at ")
    return next(word for word in line.split() if word.startswith("http")).rstrip(".")


async def test_a_killed_ingestion_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with ScriptedModel() as model:
        config = tmp_path / "config.toml"
        config.write_text(
            f'[models]\nendpoint = "chat"\nurl = "{model.url}"\nmodel = "scripted-model"\n'
            '[storage]\ndirectory = "data"\n'
        )
        serve = ("serve", "--config", str(config), "--port", "0")
        async with program(*serve) as ran, Client(await _url(ran)) as client:
            ids = tuple(
                [(await upload(client, f"{n}.txt", f"bees{n} " * 60_000)).id for n in range(8)]
            )
            store = await client.create_vector_store(CreateVectorStore(file_ids=ids))
            async with asyncio.timeout(30):  # some are done, and some are not
                while not store.file_counts.completed:
                    store = await client.retrieve_vector_store(store.id)
            assert store.file_counts.in_progress
            await ran.killed()
        async with program(*serve) as again, Client(await _url(again)) as client:
            async with asyncio.timeout(60):
                done = await settled(client, store.id)
            assert (done.file_counts.completed, done.file_counts.total) == (8, 8)
            for n, id_ in enumerate(ids):
                found = await client.search_vector_store(
                    store.id, SearchVectorStore(query=f"bees{n}", max_num_results=50)
                )
                assert {hit.file_id for hit in found.data} == {id_}
            assert await content(client, ids[0]) == b"bees0 " * 60_000
            assert await again.terminated() == 0
