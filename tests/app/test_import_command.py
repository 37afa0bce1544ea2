"""The command import: objects come with their ids, and the report names those that do not."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from bot.assistants.schema.objects import FileSearchResources
from bot.assistants.schema.requests import CreateRun, Page
from bot.client import Client
from tests.app.programs import written_config
from tests.support.assistants import collected
from tests.support.eventually import eventually
from tests.support.model_endpoint import ScriptedModel
from tests.support.program import measured_program as program


def assistant(id_: str = "asst_old") -> dict[str, Any]:
    return {
        "id": id_,
        "object": "assistant",
        "created_at": 1,
        "name": "Old",
        "model": "gpt-4o",
        "instructions": None,
        "tools": [{"type": "file_search"}, {"type": "retired_tool"}],
        "tool_resources": {"file_search": {"vector_store_ids": ["vs_gone"]}},
        "metadata": {},
        "retired_field": 1,
    }


def message(id_: str, thread: str, at: int, text: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "object": "thread.message",
        "created_at": at,
        "thread_id": thread,
        "role": "user",
        "content": [{"type": "text", "text": {"value": text, "annotations": []}}],
        "attachments": [],
        "metadata": {},
        **more,
    }


def run(id_: str, thread: str, status: str = "completed", **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "object": "thread.run",
        "created_at": 5,
        "thread_id": thread,
        "assistant_id": "asst_old",
        "status": status,
        "model": "gpt-4o",
        "instructions": None,
        "expires_at": None,
        "tools": [],
        **more,
    }


def step(id_: str, run_id: str, thread: str) -> dict[str, Any]:
    return {
        "id": id_,
        "object": "thread.run.step",
        "created_at": 6,
        "assistant_id": "asst_old",
        "thread_id": thread,
        "run_id": run_id,
        "type": "message_creation",
        "status": "completed",
        "step_details": {"type": "message_creation", "message_creation": {"message_id": "msg_2"}},
    }


def exported(folder: Path, messages: int = 3) -> Path:
    """Write an export as the exporter does, of one thread."""
    (folder / "threads").mkdir(parents=True)
    manifest = {"export_schema": "assistants-export-manifest/v1", "counts": {}, "notes": []}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "assistants.json").write_text(json.dumps([assistant()]))
    thread = {
        "export_schema": "assistants-thread-export/v1",
        "thread_id": "thread_a",
        "exported_at": "2026-08-20T00:00:00Z",
        "thread": {"id": "thread_a", "object": "thread", "created_at": 2, "metadata": {"k": "v"}},
        "messages": [
            message(f"msg_{number}", "thread_a", 3, f"text {number}") for number in range(messages)
        ],
        "runs": [
            {**run("run_a", "thread_a"), "steps": [step("step_a", "run_a", "thread_a")]},
            run("run_open", "thread_a", "requires_action"),
        ],
        "files": {"file-lost": {"id": "file-lost", "filename": "a.pdf"}},
        "errors": [{"object": "run", "id": "run_x", "error": "NotFound", "detail": "gone"}],
    }
    (folder / "threads" / "thread_a.json").write_text(json.dumps(thread))
    return folder


async def test_an_export_comes_whole_keeps_its_ids_and_comes_once(
    tmp_path: Path, model: ScriptedModel
) -> None:
    config = written_config(tmp_path, model)
    export = exported(tmp_path / "export", messages=450)
    async with program("import", "--config", config, str(export)) as ran:
        assert await ran.ended() == 1, ran.errors  # the exporter itself had lost a run
    assert "messages    450 imported" in ran.lines
    for part in ("run_open", "file-lost, named by thread_a", "vs_gone", "run_x (NotFound)"):
        assert part in ran.output
    async with program("import", "--config", config, str(export)) as ran:
        assert await ran.ended() == 1
    for line in ("messages    0 imported, 450 were there before", "assistants  0 imported, 1 were"):
        assert line in ran.output

    async with program("serve", "--config", config, "--port", "0") as serving:
        url = (await serving.until_line("The Assistants API is at ")).split()[5].rstrip(".")
        async with Client(url) as client:
            made = await client.retrieve_assistant("asst_old")
            assert (made.name, made.instructions, len(made.tools)) == ("Old", None, 1)
            assert made.tool_resources is not None
            assert made.tool_resources.file_search == FileSearchResources(("vs_gone",))
            assert [each.id for each in (await client.list_threads()).data] == ["thread_a"]
            listed = await client.list_messages("thread_a", Page(limit=100, order="asc"))
            assert [each.id for each in listed.data] == [f"msg_{at}" for at in range(100)]
            runs = {each.id: each for each in (await client.list_runs("thread_a")).data}
            assert (runs["run_a"].status, runs["run_open"].status) == ("completed", "expired")
            steps = await client.list_steps("thread_a", "run_a")
            assert [each.id for each in steps.data] == ["step_a"]
            # A conversation that came goes on, though its vector store did not come.
            going_on = CreateRun(assistant_id="asst_old")
            events = await collected(await client.stream_run("thread_a", going_on))
            assert events[-1].event == "thread.run.completed"


async def test_a_killed_import_is_completed_by_another_one(
    tmp_path: Path, model: ScriptedModel
) -> None:
    config = written_config(tmp_path, model)
    export = exported(tmp_path / "export", messages=5000)
    database = tmp_path / "data" / "engine.db-wal"
    async with program("import", "--config", config, str(export)) as ran:
        await eventually(lambda: database.exists() and database.stat().st_size > 1_000_000)
        await ran.killed()
    async with program("import", "--config", config, str(export)) as ran:
        assert await ran.ended() == 1, ran.errors
    with closing(sqlite3.connect(tmp_path / "data" / "engine.db")) as db:
        ids = [id_ for (id_,) in db.execute("SELECT id FROM messages ORDER BY seq")]
        counted = db.execute("SELECT messages FROM threads").fetchall()
    assert ids == [f"msg_{number}" for number in range(5000)]
    assert counted == [(5000,)]


async def test_raw_objects_in_any_files_are_put_together_in_their_order(
    tmp_path: Path, model: ScriptedModel
) -> None:
    config = written_config(tmp_path, model)
    export = tmp_path / "raw"
    (export / "deep").mkdir(parents=True)
    newest_first = [message(f"m{at}", "t1", 10 + at, str(at)) for at in (2, 1, 0)]
    page = {"object": "list", "data": newest_first, "has_more": False}
    (export / "messages.json").write_text(json.dumps(page))
    lines = [assistant("a1"), run("r1", "t1"), step("s1", "r1", "t1")]
    (export / "deep" / "rest.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    (export / "broken.json").write_text("{not json")
    (export / "notes.json").write_text('{"hello": 1}')
    (export / "odd.json").write_text(json.dumps([{"object": "thread", "id": 7}]))
    async with program("import", "--config", config, str(export)) as ran:
        assert await ran.ended() == 1, ran.errors
    assert ran.lines[:5] == [
        "assistants  1 imported",
        "threads     1 imported",
        "messages    3 imported",
        "runs        1 imported",
        "steps       1 imported",
    ]
    for file in ("broken.json", "notes.json", "odd.json"):
        assert file in ran.output
    async with program("serve", "--config", config, "--port", "0") as serving:
        url = (await serving.until_line("The Assistants API is at ")).split()[5].rstrip(".")
        async with Client(url) as client:
            listed = await client.list_messages("t1", Page(order="asc"))
            assert [each.id for each in listed.data] == ["m0", "m1", "m2"]


async def test_a_running_server_takes_the_import_and_another_projects_ids_are_refused(
    tmp_path: Path, model: ScriptedModel
) -> None:
    more = "[server]\nport = 0\n"
    config = written_config(tmp_path, model, more=more)
    export = exported(tmp_path / "export")
    keys = {"ASSISTANTS_API_KEYS": "default=0123456789abcdef,other=fedcba9876543210"}
    async with program("serve", "--config", config, "--port", "0", environment=keys) as serving:
        url = (await serving.until_line("The Assistants API is at ")).split()[5].rstrip(".")
        port = url.split(":")[2].split("/")[0]
        text = (tmp_path / "config.toml").read_text().replace("port = 0", f"port = {port}")
        (tmp_path / "config.toml").write_text(text)
        command = ("import", "--config", config, str(export))
        async with program(*command, environment=keys) as ran:
            assert await ran.ended() == 1, ran.errors
        assert "messages    3 imported" in ran.lines
        async with program(*command, "--project", "other", environment=keys) as ran:
            assert await ran.ended() == 1
        assert "messages    0 imported" in ran.lines
        assert "thread_a: another project has an object of this id" in ran.output
        assert "msg_0: its thread thread_a is not in this project" in ran.output
        async with program(*command, "--project", "none", environment=keys) as ran:
            assert await ran.ended() == 2
        assert "no key of the project none" in ran.errors
        async with Client(url, "fedcba9876543210") as client:
            assert (await client.list_threads()).data == ()


async def test_a_data_directory_that_is_held_without_a_server_is_explained(
    tmp_path: Path, model: ScriptedModel
) -> None:
    config = written_config(tmp_path, model, more="[server]\nport = 9\n")
    async with program("serve", "--config", config, "--port", "0") as serving:
        await serving.until_line("The Assistants API is at ")
        async with program("import", "--config", config, str(exported(tmp_path / "e"))) as ran:
            assert await ran.ended() == 2
    assert "is held by another process" in ran.errors
    assert "[server] enabled" in ran.errors


async def test_a_directory_without_objects_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[storage]\ndirectory = "data"\n')
    (tmp_path / "empty").mkdir()
    config = str(tmp_path / "config.toml")
    async with program("import", "--config", config, str(tmp_path / "empty")) as ran:
        assert await ran.ended() == 2
    assert "has no assistants or threads" in ran.errors
