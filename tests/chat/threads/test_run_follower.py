import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from bot.assistants.api import AssistantsAPI, EventStream
from bot.assistants.errors import APIError
from bot.assistants.events import MessageDelta, MessageDeltaBody, StreamEvent
from bot.assistants.schema.content import TextDelta, TextValueDelta
from bot.assistants.schema.objects import ListPage, Message, Run
from bot.assistants.schema.requests import CreateMessage, CreateRun, Page
from bot.chat.threads.api_errors import ThreadLostError, TurnError
from bot.chat.threads.messages.answer_text import AnswerText
from bot.chat.threads.messages.message_builder import QUESTION_KEY
from bot.chat.threads.threads import AssistantThreads
from bot.store.ledger import Ledger, Link, NewQuestion, Turn
from tests.contract.tooling import outputs, tool
from tests.support.assistants import House, house
from tests.support.eventually import eventually
from tests.support.fake_clock import FakeClock
from tests.support.functions import follower_of
from tests.support.questions import NoReferences, NoReplies, Shelf, one_assistant

T = TypeVar("T")


class Altered:
    """An API in which something is as a test wants it."""

    def __init__(self, api: AssistantsAPI) -> None:
        self._api = api

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)


class Stubborn(Altered):
    """An API on which a run can't be cancelled."""

    asked = 0

    async def cancel_run(self, thread_id: str, run_id: str) -> Run:
        self.asked += 1
        return await self._api.retrieve_run(thread_id, run_id)


class Misdated(Altered):
    """An API whose runs say that they expire when nobody lives any more."""

    async def list_runs(self, thread_id: str, page: Page) -> ListPage[Run]:
        runs = await self._api.list_runs(thread_id, page)
        return replace(runs, data=tuple(replace(run, expires_at=10**400) for run in runs.data))


class Down:
    """An API that nothing answers at."""

    def __getattr__(self, name: str) -> Any:
        async def unreachable(*args: object, **values: object) -> None:
            raise APIError(503, "nobody here")

        return unreachable


class Forgetful(Altered):
    """An API that keeps no message of a run that was stopped."""

    async def list_messages(
        self, thread_id: str, page: Page, *, run_id: str | None = None
    ) -> ListPage[Message]:
        messages = await self._api.list_messages(thread_id, page, run_id=run_id)
        kept = tuple(message for message in messages.data if message.role == "user")
        return replace(messages, data=kept)


@pytest.fixture
async def ours(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, "engine") as built:
        yield built


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    book = await Ledger.open(tmp_path / "bot.db", lambda: 1.0)
    yield book
    await book.close()


@pytest.fixture
async def turn(ledger: Ledger) -> Turn:
    link = Link(channel_id=5, guild_id=None, parent_id=5, listening=True)
    new = NewQuestion(
        id=1, channel_id=5, guild_id=None, author_id=1, author_name="Ada", content="Why?"
    )
    await ledger.questions.take(new, link)
    opened = await ledger.turns.next_in(5)
    assert opened is not None
    return opened


def threads(api: Any, ledger: Ledger, clock: FakeClock, assistant: str) -> AssistantThreads:
    return AssistantThreads(
        api, ledger, clock, one_assistant(assistant, ledger), replies=NoReplies()
    )


async def after_hours(clock: FakeClock, waiting: Coroutine[Any, Any, T]) -> T:
    """Let time pass until something that waits for it has come to its end."""
    task = asyncio.create_task(waiting)

    def done_a_little_later() -> bool:
        clock.advance(20)
        return task.done()

    await eventually(done_a_little_later)
    return task.result()


async def test_a_run_past_its_lifetime_is_cancelled_and_fails_as_expired(
    ours: House, ledger: Ledger
) -> None:
    ours.model.stall("Some words")
    clock = FakeClock(real_below=1.0)
    assistant = await ours.assistant()
    talk = threads(ours.api, ledger, clock, assistant)
    run = await ours.run(await ours.thread("Why?"), assistant)
    end = await after_hours(
        clock, follower_of(talk, clock, lambda said: None, asyncio.Event()).to_end(run, None)
    )
    assert (end.outcome, end.error) == ("failed", "expired")
    assert (await ours.until(run)).status == "cancelled"


async def test_an_absurd_lifetime_is_not_waited_for(ours: House, ledger: Ledger) -> None:
    assistant = await ours.assistant()
    created_at = int(ours.clock.now())
    for expires_at in (created_at * 1000, 10**400, 1, created_at):
        ours.model.stall("Some words")
        run = await ours.run(await ours.thread("Why?"), assistant)
        clock = FakeClock(real_below=1.0)
        talk = threads(ours.api, ledger, clock, assistant)
        told = replace(run, expires_at=expires_at)
        end = await after_hours(
            clock, follower_of(talk, clock, lambda said: None, asyncio.Event()).to_end(told, None)
        )
        assert (end.outcome, end.error) == ("failed", "expired")


async def broken_off(run: Run, text: str) -> EventStream:
    """A stream that breaks in the middle of a message that its server never finishes."""
    piece = TextDelta(0, TextValueDelta(value=text))
    delta = MessageDelta(id="msg_given_up", delta=MessageDeltaBody(content=(piece,)))
    yield StreamEvent("thread.message.delta", delta)
    raise APIError(503, "the server was stopped")


async def test_a_message_that_a_stopped_server_gave_up_is_no_part_of_the_answer(
    ours: House, ledger: Ledger
) -> None:
    shown: list[str] = []
    assistant = await ours.assistant()
    run = await ours.run(await ours.thread("Why?"), assistant)
    await ours.until(run)
    talk = threads(ours.api, ledger, FakeClock(real_below=1.0), assistant)
    follower = follower_of(
        talk, FakeClock(real_below=1.0), lambda said: shown.append(said()), asyncio.Event()
    )
    end = await follower.to_end(run, broken_off(run, "these words are "))
    assert shown == ["these words are"]
    assert (end.outcome, end.text) == ("answered", "Why?")


async def test_the_whole_answer_is_read_when_a_run_ends_behind_a_broken_stream(
    ours: House, ledger: Ledger
) -> None:
    ours.model.call_tools(("f", {"x": 1}), text="Let me look. ")
    ours.model.say("Found it.")
    assistant = await ours.assistant(tools=(tool("f"),))
    run = await ours.until(await ours.run(await ours.thread("Why?"), assistant), "requires_action")
    await ours.api.submit_tool_outputs(run.thread_id, run.id, outputs(run))
    await ours.until(run)

    async def broken_behind_the_first_message() -> EventStream:
        first = (await ours.api.list_messages(run.thread_id, Page(order="asc"))).data[1]
        yield StreamEvent("thread.message.completed", first)
        raise APIError(503, "the server was stopped")

    clock = FakeClock(real_below=1.0)
    talk = threads(ours.api, ledger, clock, assistant)
    follower = follower_of(talk, clock, lambda said: None, asyncio.Event())
    end = await follower.to_end(run, broken_behind_the_first_message())
    assert (end.outcome, end.text) == ("answered", "Let me look.\n\nFound it.")


async def test_a_message_that_begins_without_text_is_not_shown(ours: House, ledger: Ledger) -> None:
    shown: list[str] = []
    assistant = await ours.assistant()
    run = await ours.until(await ours.run(await ours.thread("Why?"), assistant))

    async def broken_at_the_beginning() -> EventStream:
        begun = replace((await ours.api.list_messages(run.thread_id)).data[0], content=())
        yield StreamEvent("thread.message.created", begun)
        yield StreamEvent("thread.message.in_progress", begun)
        raise APIError(503, "the server was stopped")

    clock = FakeClock(real_below=1.0)
    talk = threads(ours.api, ledger, clock, assistant)
    follower = follower_of(talk, clock, lambda said: shown.append(said()), asyncio.Event())
    end = await follower.to_end(run, broken_at_the_beginning())
    assert (shown, end.text) == ([], "Why?")


async def test_a_message_told_again_keeps_the_text_that_follows_it(
    ours: House, ledger: Ledger
) -> None:
    assistant = await ours.assistant()
    run = await ours.until(await ours.run(await ours.thread("Why?"), assistant))
    (_, said) = (await ours.api.list_messages(run.thread_id, Page(order="asc"))).data
    answer = AnswerText()
    answer.put(said)
    async for event in broken_off(run, "and more"):
        assert isinstance(event.data, MessageDelta)
        answer.add(event.data)
        break
    answer.put(said)
    assert (answer.text, answer.is_complete) == ("Why?\n\nand more", False)


async def test_the_text_so_far_stays_where_a_server_stores_nothing_of_a_cancelled_run(
    ours: House, ledger: Ledger
) -> None:
    ours.model.stall("Some words")
    assistant = await ours.assistant()
    run = await ours.run(await ours.thread("Why?"), assistant)
    talk = threads(Forgetful(ours.api), ledger, FakeClock(real_below=1.0), assistant)
    follower = follower_of(talk, FakeClock(real_below=1.0), lambda said: None, asyncio.Event())
    await ours.api.cancel_run(run.thread_id, run.id)
    await ours.until(run)
    end = await follower.to_end(run, broken_off(run, "Some words"))
    assert (end.outcome, end.text) == ("cancelled", "Some words")


async def test_a_new_message_replaces_an_abandoned_one(
    ours: House,
) -> None:
    assistant = await ours.assistant()
    run = await ours.run(await ours.thread("Why?"), assistant)
    await ours.until(run)
    answer = AnswerText()
    async for event in broken_off(run, "these words are "):
        assert isinstance(event.data, MessageDelta)
        answer.add(event.data)
        break
    begun = answer.is_complete
    (asked, said) = (await ours.api.list_messages(run.thread_id, Page(order="asc"))).data
    answer.put(asked)
    assert answer.text == "these words are"
    answer.put(said)
    assert (begun, answer.is_complete) == (False, True)
    assert answer.text == "Why?"


async def test_a_retry_finds_the_messages_of_the_attempt_before(
    ours: House, ledger: Ledger, turn: Turn
) -> None:
    questions = await ledger.questions.of_turn(turn.id)
    thread_id = await ours.thread()
    await ledger.set_thread(turn.channel_id, thread_id, instead_of=None)
    # Posted, without its answer having come back; then others were asked and answered.
    await ours.api.create_message(
        thread_id,
        CreateMessage(role="user", content="Why?", metadata={QUESTION_KEY: str(questions[0].id)}),
    )
    for number in range(60):
        ours.clock.advance(1)
        later = CreateMessage(role="user", content=f"later {number}")
        await ours.api.create_message(thread_id, later)
    talk = threads(ours.api, ledger, FakeClock(real_below=1.0), "asst_any")
    again = replace(turn, attempt=2)
    assert await talk.post(again, questions, Shelf(), NoReferences(), unsure=True) == thread_id
    page = await ours.api.list_messages(thread_id, Page(limit=100, order="asc"))
    assert len(page.data) == 61


async def test_a_run_that_does_not_end_after_its_cancellation_is_abandoned(
    ours: House, ledger: Ledger
) -> None:
    ours.model.stall("Some words")
    clock = FakeClock(real_below=1.0)
    stubborn = Stubborn(ours.api)
    assistant = await ours.assistant()
    run = await ours.run(await ours.thread("Why?"), assistant)
    talk = threads(stubborn, ledger, clock, assistant)
    cancel_requested = asyncio.Event()
    cancel_requested.set()
    follower = follower_of(talk, clock, lambda said: None, cancel_requested)
    end = await after_hours(clock, follower.to_end(run, None))
    assert end.outcome == "cancelled"
    assert stubborn.asked == 1


async def test_a_run_left_active_by_somebody_else_is_cancelled_after_its_expiry(
    ours: House, ledger: Ledger, turn: Turn
) -> None:
    ours.model.stall()
    clock = FakeClock(real_below=1.0)
    assistant = await ours.assistant()
    thread_id = await ours.thread("Why?")
    theirs = await ours.run(thread_id, assistant)
    talk = threads(ours.api, ledger, clock, assistant)
    started = await after_hours(clock, talk.start_run(thread_id, turn))
    assert not isinstance(started, Run)
    await started.aclose()
    assert (await ours.until(theirs)).status == "cancelled"


async def test_a_run_that_expires_never_is_given_the_time_of_any_run(
    ours: House, ledger: Ledger, turn: Turn
) -> None:
    ours.model.stall()
    clock = FakeClock(real_below=1.0)
    assistant = await ours.assistant()
    thread_id = await ours.thread("Why?")
    theirs = await ours.run(thread_id, assistant)
    talk = threads(Misdated(ours.api), ledger, clock, assistant)
    started = await after_hours(clock, talk.start_run(thread_id, turn))
    assert not isinstance(started, Run)
    await started.aclose()
    assert (await ours.until(theirs)).status == "cancelled"


async def test_a_thread_that_stays_locked_is_given_up(
    ours: House, ledger: Ledger, turn: Turn
) -> None:
    ours.model.stall()
    clock = FakeClock(real_below=1.0)
    assistant = await ours.assistant()
    thread_id = await ours.thread("Why?")
    await ours.run(thread_id, assistant)
    talk = threads(Stubborn(ours.api), ledger, clock, assistant)
    with pytest.raises(ThreadLostError):
        await after_hours(clock, talk.start_run(thread_id, turn))


async def test_an_active_run_of_the_same_attempt_is_followed(
    ours: House, ledger: Ledger, turn: Turn
) -> None:
    ours.model.stall()
    assistant = await ours.assistant()
    thread_id = await ours.thread("Why?")
    request = CreateRun(assistant_id=assistant, metadata={"turn": str(turn.id), "attempt": "1"})
    run = await ours.api.create_run(thread_id, request)
    talk = threads(ours.api, ledger, FakeClock(real_below=1.0), assistant)
    adopted = await talk.start_run(thread_id, turn)
    assert isinstance(adopted, Run)
    assert adopted.id == run.id


async def test_an_unresponsive_server_is_given_up_in_the_end(ledger: Ledger, turn: Turn) -> None:
    clock = FakeClock(real_below=1.0)
    talk = threads(Down(), ledger, clock, "asst_1")
    with pytest.raises(TurnError) as caught:
        await after_hours(clock, talk.start_run("thread_1", turn))
    assert caught.value.kind == "unreachable"
