"""Models' code: its files expire, and neither these nor its processes take all of anything."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.files import File, FilePage
from bot.assistants.schema.objects import Run
from bot.assistants.schema.requests import CreateAssistant, CreateMessage, CreateRun, CreateThread
from bot.assistants.schema.tools import CodeInterpreterTool
from bot.assistants.states import TERMINAL
from bot.engine import CodeQuotas, EngineOptions
from bot.store.engine import EngineStore
from bot.store.engine.schema import MIGRATIONS
from tests.support.assistants import House, house
from tests.support.eventually import eventually
from tests.support.files import content

QUOTAS = EngineOptions(
    code=CodeQuotas(file_bytes_per_thread=2 * 2**20, file_bytes_per_project=3 * 2**20)
)


async def thread(api: AssistantsAPI) -> str:
    return (await api.create_thread(CreateThread(messages=(QUESTION,)))).id


QUESTION = CreateMessage(role="user", content="Make a file.")


async def told(home: House, api: AssistantsAPI, thread_id: str, code: str) -> str:
    """Have the model run code on a thread; return what it was told of the outcome."""
    home.model.call_tools(("code_interpreter", {"code": code}))
    home.model.say("Done.")
    assistant = await api.create_assistant(
        CreateAssistant(model="scripted-model", tools=(CodeInterpreterTool(),))
    )
    run = await api.create_run(thread_id, CreateRun(assistant_id=assistant.id))
    run = await eventually(
        lambda: api.retrieve_run(thread_id, run.id), lambda run: run.status in TERMINAL
    )
    assert run.status == "completed"
    said: str = home.model.requests[-1].messages[-1]["content"]
    return said


async def made(api: AssistantsAPI) -> list[File]:
    return list((await api.list_files(FilePage(purpose="assistants_output"))).data)


def writing(name: str, size: int) -> str:
    return f"f = open({name!r}, 'wb')\nf.write(b'a' * {size})\nf.close()\nprint('written')"


async def has_step(home: House, run: Run) -> None:
    """Wait until a run has a step."""
    await eventually(lambda: home.api.list_steps(run.thread_id, run.id), lambda page: page.data)


async def test_a_made_file_expires_and_says_when(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        await told(home, home.api, await thread(home.api), writing("a.txt", 3))
        (file,) = await made(home.api)
        assert file.expires_at == file.created_at + 30 * 86_400
        assert await content(home.api, file.id) == b"aaa"
        home.clock.advance(30 * 86_400 + 3600)
        await eventually(lambda: made(home.api), lambda files: not files)
        await eventually(lambda: not list((tmp_path / "files").iterdir()))


async def test_a_thread_over_its_quota_keeps_no_more_and_the_model_is_told(tmp_path: Path) -> None:
    async with house(tmp_path, "engine", options=QUOTAS) as home:
        first = await thread(home.api)
        said = await told(home, home.api, first, writing("a.bin", 2_000_000))
        assert "written" in said
        assert "downloaded" not in said
        said = await told(home, home.api, first, writing("b.bin", 200_000))
        assert "written" in said
        assert "(b.bin can't be downloaded: the files that code made in this conversation" in said
        assert "2 MiB" in said
        assert [file.filename for file in await made(home.api)] == ["a.bin"]
        assert len(list((tmp_path / "files").iterdir())) == 1
        # Deleting makes room again.
        (kept,) = await made(home.api)
        await home.api.delete_file(kept.id)
        await told(home, home.api, first, writing("c.bin", 200_000))
        assert [file.filename for file in await made(home.api)] == ["c.bin"]


async def test_a_project_over_its_quota_takes_nothing_from_another(tmp_path: Path) -> None:
    async with house(tmp_path, "engine", options=QUOTAS) as home:
        await told(home, home.api, await thread(home.api), writing("a.bin", 2_000_000))
        said = await told(home, home.api, await thread(home.api), writing("b.bin", 2_000_000))
        assert "(b.bin can't be downloaded: the files that code made in this project" in said
        said = await told(home, home.other, await thread(home.other), writing("c.bin", 2_000_000))
        assert "downloaded" not in said
        assert [file.filename for file in await made(home.other)] == ["c.bin"]


async def test_many_small_files_count_as_what_they_take_of_the_disk(tmp_path: Path) -> None:
    code = "for n in range(150):\n    f = open(f'{n}', 'w')\n    f.write('a')\n    f.close()"
    options = EngineOptions(code=CodeQuotas(file_bytes_per_thread=100 * 4096))
    async with house(tmp_path, "engine", options=options) as home:
        await told(home, home.api, await thread(home.api), code)
        page = await home.api.list_files(FilePage(limit=1000, purpose="assistants_output"))
        assert len(page.data) == 100


async def test_one_projects_code_leaves_a_process_to_another_project(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        assistant = await home.assistant(tools=(CodeInterpreterTool(),))
        # All at once, so that none has used its seconds when the other project's code has run.
        for _ in range(5):
            home.model.call_tools(("code_interpreter", {"code": "while True:\n    pass"}))
        busy = [await home.run(await thread(home.api), assistant) for _ in range(5)]
        for run in busy:
            await has_step(home, run)
        said = await told(home, home.other, await thread(home.other), "print(6 * 7)")
        assert said.strip() == "42"
        for run in busy:
            assert (await home.api.retrieve_run(run.thread_id, run.id)).status == "in_progress"


async def test_files_made_before_files_expired_expire_and_count_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / "engine.db"
    with closing(sqlite3.connect(path)) as db:
        for migration in MIGRATIONS[:4]:
            migration(db)
        for file_id, body in (
            ("file-old", json.dumps({**OLD, "id": "file-old"})),
            ("file-broken", "{"),
        ):
            db.execute(
                "INSERT INTO files (id, project, purpose, body, run_id) VALUES (?, ?, ?, ?, ?)",
                (file_id, "default", "assistants_output", body.encode(), "run_1"),
            )
        db.execute("PRAGMA user_version = 4")
        db.commit()
    async with await EngineStore.open(path) as store:
        file = await store.read(
            lambda tables: tables.files.files.get(id="file-old", project="default")
        )
        assert isinstance(file.expires_at, int)
        assert abs(file.expires_at - (time.time() + 30 * 86_400)) < 3600
        used = await store.read(lambda tables: tables.files.generated_bytes("default", ""))
        assert used == (5000, 5000)
        gone = await store.write(
            lambda tables: tables.files.drop_expired_files(int(time.time()) + 31 * 86_400)
        )
        assert gone == ("file-old",)


OLD = {
    "object": "file",
    "bytes": 5000,
    "created_at": 1_700_000_000,
    "filename": "old.bin",
    "purpose": "assistants_output",
}
