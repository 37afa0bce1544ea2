"""The import: an extension that stores objects of another server with their ids."""

from typing import Any

from msgspec import structs

from bot.assistants.schema.content import TextPart, TextValue
from bot.assistants.schema.imports import ImportObjects, RefusedObject
from bot.assistants.schema.objects import (
    Assistant,
    CreatedMessage,
    Message,
    MessageCreationDetails,
    Run,
    RunStep,
    Thread,
)
from bot.assistants.schema.requests import CreateRun, Page
from tests.contract.refusals import refused
from tests.support.assistants import House, text_of

OLD = Assistant(id="asst_old", created_at=1, model="gpt-4o", name="Old")
THREAD = Thread(id="thread_old", created_at=2, metadata={"k": "v"})


def message(id_: str, text: str = "hello", **more: Any) -> Message:
    given = {"role": "user", "content": (TextPart(TextValue(text)),), "thread_id": THREAD.id}
    return Message(id=id_, created_at=3, **{**given, **more})


def run(id_: str, **more: Any) -> Run:
    given = {"thread_id": THREAD.id, "assistant_id": OLD.id, "status": "completed", "model": "m"}
    return Run(id=id_, created_at=4, **{**given, **more})


STEP = RunStep(
    id="step_old",
    created_at=5,
    assistant_id=OLD.id,
    thread_id=THREAD.id,
    run_id="run_old",
    type="message_creation",
    status="completed",
    step_details=MessageCreationDetails(CreatedMessage("msg_old")),
)
WHOLE = ImportObjects(
    assistants=(OLD,),
    threads=(THREAD,),
    messages=(message("msg_old"), message("msg_new", "again", run_id="run_old")),
    runs=(run("run_old"),),
    steps=(STEP,),
)
COUNTS = {"assistants": 1, "threads": 1, "messages": 2, "runs": 1, "steps": 1}


async def test_what_was_imported_is_as_it_was_and_goes_on(home: House) -> None:
    report = await home.api.import_objects(WHOLE)
    assert (report.stored, report.present, report.refused) == (COUNTS, {}, ())
    assert await home.api.retrieve_assistant(OLD.id) == OLD
    assert await home.api.retrieve_thread(THREAD.id) == THREAD
    listed = await home.api.list_messages(THREAD.id, Page(order="asc"))
    assert listed.data == WHOLE.messages
    assert (await home.api.list_messages(THREAD.id, run_id="run_old")).data == WHOLE.messages[1:]
    assert (await home.api.list_runs(THREAD.id)).data == WHOLE.runs
    assert (await home.api.list_steps(THREAD.id, "run_old")).data == (STEP,)
    home.model.say("and on")
    made = await home.api.create_run(THREAD.id, CreateRun(assistant_id=OLD.id))
    await home.until(made)
    newest = (await home.api.list_messages(THREAD.id)).data[0]
    assert text_of(newest) == "and on"
    assert [each["content"] for each in home.model.requests[-1].messages] == ["hello", "again"]


async def test_an_import_is_repeated_without_effect(home: House) -> None:
    await home.api.import_objects(WHOLE)
    changed = structs.replace(OLD, name="Changed elsewhere")
    again = await home.api.import_objects(structs.replace(WHOLE, assistants=(changed,)))
    assert (again.stored, again.present) == ({}, COUNTS)
    assert await home.api.retrieve_assistant(OLD.id) == OLD
    assert len((await home.api.list_messages(THREAD.id)).data) == 2


async def test_an_id_of_another_project_is_refused_and_the_rest_comes(home: House) -> None:
    await home.api.import_objects(WHOLE)
    own = Thread(id="thread_own", created_at=1)
    more = structs.replace(
        WHOLE, threads=(THREAD, own), messages=(message("msg_old", thread_id=own.id),)
    )
    report = await home.other.import_objects(more)
    assert report.stored == {"threads": 1}
    taken = "another project has an object of this id"
    missing = "its thread thread_old is not in this project"
    assert report.refused == (
        RefusedObject("asst_old", taken),
        RefusedObject("thread_old", taken),
        RefusedObject("msg_old", taken),
        RefusedObject("run_old", missing),
        RefusedObject("step_old", "its run run_old is not in this project"),
    )
    assert (await home.other.list_assistants()).data == ()


async def test_objects_without_an_owner_or_an_id_are_refused(home: House) -> None:
    await home.api.import_objects(ImportObjects(threads=(THREAD,)))
    report = await home.api.import_objects(
        ImportObjects(
            assistants=(structs.replace(OLD, id="../etc"),),
            messages=(message("m1", thread_id="thread_none"), message("")),
            steps=(structs.replace(STEP, run_id="run_none"),),
        )
    )
    assert report.stored == {}
    assert [each.id for each in report.refused] == ["../etc", "m1", "", "step_old"]


async def test_unfinished_runs_end_expired_and_lock_nothing(home: House) -> None:
    unfinished = tuple(
        run(f"run_{status}", status=status)
        for status in ("queued", "in_progress", "requires_action", "cancelling")
    )
    step = structs.replace(STEP, run_id="run_queued", status="in_progress")
    await home.api.import_objects(ImportObjects(assistants=(OLD,), threads=(THREAD,)))
    report = await home.api.import_objects(ImportObjects(runs=unfinished, steps=(step,)))
    assert set(report.expired) == {each.id for each in unfinished}
    assert {each.status for each in (await home.api.list_runs(THREAD.id)).data} == {"expired"}
    assert (await home.api.list_steps(THREAD.id, "run_queued")).data[0].status == "expired"
    await home.until(await home.api.create_run(THREAD.id, CreateRun(assistant_id=OLD.id)))


async def test_a_thread_with_an_unfinished_run_takes_no_old_messages(home: House) -> None:
    await home.api.import_objects(WHOLE)
    gate = home.model.stall()
    going = await home.api.create_run(THREAD.id, CreateRun(assistant_id=OLD.id))
    late = ImportObjects(messages=(message("msg_late"),))
    (told,) = (await home.api.import_objects(late)).refused
    assert "has an unfinished run" in told.reason
    gate.open()
    await home.until(going)
    assert (await home.api.import_objects(late)).stored == {"messages": 1}


async def test_more_objects_than_a_request_may_have_are_refused(home: House) -> None:
    many = ImportObjects(messages=tuple(message(f"m{at}") for at in range(1001)))
    await refused(home.api.import_objects(many), 400)
