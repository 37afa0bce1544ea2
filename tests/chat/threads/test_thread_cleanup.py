"""Chores on threads: done once, done again without harm, and never in the way of the others."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.assistants.errors import APIError
from bot.assistants.schema.files import FilePage
from bot.assistants.schema.requests import CreateMessage, CreateRun, CreateThread
from bot.assistants.schema.tools import FileSearchTool, NewAttachment
from bot.chat.threads.messages.message_builder import QUESTION_KEY
from bot.chat.threads.messages.upload_names import upload_name
from bot.chat.threads.thread_cleanup import ThreadCleanup
from bot.chat.threads.threads import AssistantThreads
from bot.store.ledger import Chore, ChoreKind, Ledger
from tests.support.assistants import House, house, text_of
from tests.support.fake_clock import FakeClock
from tests.support.files import upload
from tests.support.overridden_api import Operations, overridden
from tests.support.questions import NoReplies, one_assistant


class Cleanup:
    """A cleanup of an engine's threads; ``operations`` answer in the place of the engine's."""

    def __init__(self, home: House, ledger: Ledger) -> None:
        self.home = home
        self.operations: Operations = {}
        clock = FakeClock(skips=True)
        api = overridden(home.api, self.operations)
        threads = AssistantThreads(
            api, ledger, clock, one_assistant("asst_any", ledger), replies=NoReplies()
        )
        self._cleanup = ThreadCleanup(threads, ledger)

    async def do(self, kind: ChoreKind, thread_id: str, target: str = "") -> bool:
        """Do a chore on a thread; return whether it is done."""
        chore = Chore(channel_id=5, kind=kind, place=thread_id, target=target)
        return await self._cleanup.do(chore)

    def refuse(self, operation: str, status: int = 403) -> None:
        """Refuse an operation from now on."""

        async def refused(*args: Any, **values: Any) -> Any:
            raise APIError(status, f"{operation} is refused")

        self.operations[operation] = refused

    async def texts(self, thread_id: str) -> list[str]:
        """Return the texts of a thread's messages, newest first."""
        return [text_of(each) for each in (await self.home.api.list_messages(thread_id)).data]


@pytest.fixture
async def cleanup(tmp_path: Path) -> AsyncIterator[Cleanup]:
    async with house(tmp_path, "engine") as home:
        ledger = await Ledger.open(tmp_path / "bot.db", lambda: 1.0)
        yield Cleanup(home, ledger)
        await ledger.close()


@pytest.mark.parametrize("has_events", [True, False])
async def test_an_active_run_is_cancelled_before_its_messages_are_deleted(
    cleanup: Cleanup, has_events: bool
) -> None:
    home = cleanup.home
    if not has_events:
        cleanup.refuse("follow_run", 503)
    home.model.stall("Some words")
    thread_id = await home.thread("Why?")
    metadata = {"turn": "7", "attempt": "2"}
    request = CreateRun(assistant_id=await home.assistant(), metadata=metadata)
    run = await home.api.create_run(thread_id, request)
    await home.until(run, "in_progress")
    # No time passes on the cleanup's clock, so its first wait may end before the run does.
    while not await cleanup.do("attempt", thread_id, "7.2"):
        pass
    assert (await home.api.retrieve_run(thread_id, run.id)).status == "cancelled"
    assert await cleanup.texts(thread_id) == ["Why?"]


async def test_a_run_that_does_not_end_is_left_for_later(cleanup: Cleanup) -> None:
    home = cleanup.home
    home.model.stall("Some words")
    run = await home.run(await home.thread("Why?"))
    cleanup.refuse("cancel_run", 400)
    assert not await cleanup.do("run", run.thread_id, run.id)


async def test_the_messages_of_an_ended_run_are_deleted(cleanup: Cleanup) -> None:
    home = cleanup.home
    run = await home.until(await home.run(await home.thread("Why?")))
    assert len(await cleanup.texts(run.thread_id)) == 2
    assert await cleanup.do("run", run.thread_id, run.id)
    assert await cleanup.texts(run.thread_id) == ["Why?"]
    assert await cleanup.do("run", run.thread_id, run.id)


@pytest.mark.parametrize("kind", ["run", "attempt", "message", "question", "thread"])
async def test_a_chore_on_a_thread_that_is_gone_is_done(cleanup: Cleanup, kind: ChoreKind) -> None:
    target = {"run": "run_gone", "attempt": "1.1", "message": "msg_gone", "question": "77"}
    assert await cleanup.do(kind, "thread_gone", target.get(kind, ""))


async def test_a_message_on_a_thread_with_an_active_run_is_left_for_later(
    cleanup: Cleanup,
) -> None:
    thread_id = await cleanup.home.thread("Why?")
    (message,) = (await cleanup.home.api.list_messages(thread_id)).data

    async def locked(*args: Any) -> Any:
        raise APIError(400, f"Can't delete while a run run_1 on {thread_id} is active.")

    cleanup.operations["delete_message"] = cleanup.operations["delete_thread"] = locked
    assert not await cleanup.do("message", thread_id, message.id)
    assert not await cleanup.do("thread", thread_id)
    cleanup.operations.clear()
    assert await cleanup.do("message", thread_id, message.id)
    assert await cleanup.texts(thread_id) == []


@pytest.mark.parametrize(
    ("operation", "kind"), [("delete_message", "message"), ("delete_thread", "thread")]
)
async def test_a_deletion_that_the_server_refuses_counts_as_done_and_is_logged(
    cleanup: Cleanup, operation: str, kind: ChoreKind, caplog: pytest.LogCaptureFixture
) -> None:
    thread_id = await cleanup.home.thread("Why?")
    (message,) = (await cleanup.home.api.list_messages(thread_id)).data
    cleanup.refuse(operation)
    with caplog.at_level(logging.WARNING):
        assert await cleanup.do(kind, thread_id, message.id)
    assert "can't be deleted" in caplog.text


async def test_a_thread_is_deleted_with_the_files_of_its_messages(cleanup: Cleanup) -> None:
    api = cleanup.home.api
    file = await upload(api)
    attachment = NewAttachment(file_id=file.id, tools=(FileSearchTool(),))
    message = CreateMessage(role="user", content="Read this.", attachments=(attachment,))
    thread = await api.create_thread(CreateThread(messages=(message,)))
    assert (await api.list_files(FilePage())).data
    assert await cleanup.do("thread", thread.id)
    assert (await api.list_files(FilePage())).data == ()
    with pytest.raises(APIError):
        await api.retrieve_thread(thread.id)


async def test_a_deleted_question_leaves_with_its_message_and_its_uploads(
    cleanup: Cleanup,
) -> None:
    api = cleanup.home.api
    message = CreateMessage(role="user", content="Why?", metadata={QUESTION_KEY: "77"})
    thread = await api.create_thread(CreateThread(messages=(message,)))
    await upload(api, upload_name(77, 1, "a.txt", "txt"))
    other = await upload(api, upload_name(78, 1, "a.txt", "txt"))
    assert await cleanup.do("question", thread.id, "77")
    assert await cleanup.texts(thread.id) == []
    assert [file.id for file in (await api.list_files(FilePage())).data] == [other.id]


async def test_uploads_stay_where_a_server_lists_no_files(cleanup: Cleanup) -> None:
    api = cleanup.home.api
    thread_id = await cleanup.home.thread()
    await upload(api, upload_name(77, 1, "a.txt", "txt"))
    cleanup.refuse("list_files", 404)
    assert await cleanup.do("question", thread_id, "77")
    assert len((await api.list_files(FilePage())).data) == 1
