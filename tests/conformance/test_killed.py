"""A server that is killed, or finds its rows damaged, as a child process with real files."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from bot.assistants.schema.requests import (
    CreateAssistant,
    CreateMessage,
    CreateRun,
    CreateThread,
    CreateThreadAndRun,
)
from bot.assistants.schema.vector_stores import CreateVectorStore, SearchVectorStore
from bot.client import Client
from tests.support.assistants import collected, text_of
from tests.support.eventually import PATIENCE
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
            async with asyncio.timeout(PATIENCE):  # some are done, and some are not
                while not store.file_counts.completed:
                    store = await client.retrieve_vector_store(store.id)
            assert store.file_counts.in_progress
            await ran.killed()
        async with program(*serve) as again, Client(await _url(again)) as client:
            async with asyncio.timeout(PATIENCE):
                done = await settled(client, store.id)
            assert (done.file_counts.completed, done.file_counts.total) == (8, 8)
            for n, id_ in enumerate(ids):
                found = await client.search_vector_store(
                    store.id, SearchVectorStore(query=f"bees{n}", max_num_results=50)
                )
                assert {hit.file_id for hit in found.data} == {id_}
            assert await content(client, ids[0]) == b"bees0 " * 60_000
            assert await again.terminated() == 0


async def test_a_server_starts_and_answers_although_rows_of_every_kind_are_damaged(
    tmp_path: Path,
) -> None:
    async with ScriptedModel() as model:
        config = tmp_path / "config.toml"
        config.write_text(
            f'[models]\nendpoint = "chat"\nurl = "{model.url}"\nmodel = "scripted-model"\n'
            '[storage]\ndirectory = "data"\n'
        )
        model.stall()
        serve = ("serve", "--config", str(config), "--port", "0")
        async with program(*serve) as ran, Client(await _url(ran)) as client:
            file = await upload(client)
            await client.create_vector_store(CreateVectorStore(file_ids=(file.id,)))
            assistant = await client.create_assistant(CreateAssistant(model="default"))
            hello = CreateThread(messages=(CreateMessage(role="user", content="hello"),))
            request = CreateThreadAndRun(assistant_id=assistant.id, thread=hello)
            run = await client.create_thread_and_run(request)
            await model.until_request(1)
            await ran.killed()
        with closing(sqlite3.connect(tmp_path / "data" / "engine.db")) as db, db:
            for table in ("assistants", "messages", "runs", "files", "vector_stores"):
                assert db.execute(f"UPDATE {table} SET body = '{{'").rowcount
            db.execute("UPDATE store_files SET body = '{', status = 'in_progress'")
        async with program(*serve) as again, Client(await _url(again)) as client:
            assistant = await client.create_assistant(CreateAssistant(model="default"))
            message = CreateMessage(role="user", content="hello again")
            await client.create_message(run.thread_id, message)
            model.say("All is well.")
            await collected(
                await client.stream_run(run.thread_id, CreateRun(assistant_id=assistant.id))
            )
            newest, asked = (await client.list_messages(run.thread_id)).data
            assert (text_of(newest), text_of(asked)) == ("All is well.", "hello again")
            assert await again.terminated() == 0
            assert "Traceback" not in again.errors
            assert again.errors.count(run.id) == 1
