"""Threads on a real engine and ledger: messages and runs are made once, whatever gets lost."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.assistants.errors import APIError
from bot.assistants.schema.content import TextPart
from bot.assistants.schema.objects import Run
from bot.assistants.schema.requests import CreateMessage, CreateRun, Page
from bot.chat.threads.api_errors import TurnError
from bot.chat.threads.threads import AssistantThreads
from bot.store.ledger import Turn
from tests.support.discord_rest import RestBot
from tests.support.fake_clock import FakeClock
from tests.support.questions import NoReferences, NoReplies, Shelf, one_assistant


class LossyAPI:
    """The engine behind a network that loses an operation before or after its effect."""

    def __init__(self, api: Any) -> None:
        self._api = api
        self.lost_after: list[str] = []
        self.lost_before: list[str] = []
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*args: Any, **values: Any) -> Any:
            self.calls.append(name)
            if name in self.lost_before:
                self.lost_before.remove(name)
                raise APIError(503, "the connection was refused")
            result = await getattr(self._api, name)(*args, **values)
            if name in self.lost_after:
                self.lost_after.remove(name)
                raise APIError(502, "the connection was cut")
            return result

        return call


class Begun:
    """A turn with one question, and threads behind a lossy network."""

    def __init__(self, bot: RestBot, turn: Turn) -> None:
        self.bot = bot
        self.turn = turn
        self.api = LossyAPI(bot.api)
        self.threads = AssistantThreads(
            self.api,
            bot.ledger,
            FakeClock(skips=True),
            one_assistant(bot.assistant_id, bot.ledger),
            replies=NoReplies(),
        )

    async def post(self, *, unsure: bool = False, lost: str | None = None) -> str:
        questions = await self.bot.ledger.questions.of_turn(self.turn.id)
        return await self.threads.post(
            self.turn, questions, Shelf(), NoReferences(), unsure=unsure, lost=lost
        )

    async def texts(self, thread_id: str) -> list[str]:
        page = await self.bot.api.list_messages(thread_id, Page(limit=100, order="asc"))
        return [
            "".join(p.text.value for p in message.content if isinstance(p, TextPart))
            for message in page.data
        ]


@pytest.fixture
async def begun(bot: RestBot) -> Begun:
    await bot.stored("one")
    turn = await bot.ledger.turns.next_in(bot.general.id)
    assert turn is not None
    return Begun(bot, turn)


async def test_a_message_whose_response_was_lost_is_not_posted_again(begun: Begun) -> None:
    begun.api.lost_after = ["create_message"]
    thread_id = await begun.post()
    assert await begun.texts(thread_id) == ["one"]
    assert begun.api.calls.count("create_message") == 1


async def test_a_message_that_never_arrived_is_posted_again(begun: Begun) -> None:
    begun.api.lost_before = ["create_message"]
    thread_id = await begun.post()
    assert await begun.texts(thread_id) == ["one"]
    assert begun.api.calls.count("create_message") == 2


async def test_an_unsure_turn_finds_the_message_that_the_ledger_does_not_know(
    begun: Begun,
) -> None:
    thread_id = await begun.post()
    (question,) = await begun.bot.ledger.questions.of_turn(begun.turn.id)
    forgetful = Begun(begun.bot, begun.turn)
    unknown = type(question)(
        **{
            name: getattr(question, name)
            for name in question.__struct_fields__
            if name not in ("message_id", "thread_id")
        },
        message_id=None,
        thread_id=None,
    )
    again = await forgetful.threads.post(
        forgetful.turn, [unknown], Shelf(), NoReferences(), unsure=True
    )
    assert again == thread_id
    assert await begun.texts(thread_id) == ["one"]
    assert "create_message" not in forgetful.api.calls


async def test_a_duplicate_that_a_server_stored_late_is_deleted(begun: Begun) -> None:
    thread_id = await begun.post()
    (question,) = await begun.bot.ledger.questions.of_turn(begun.turn.id)
    await begun.bot.api.create_message(
        thread_id,
        CreateMessage(role="user", content="one", metadata={"question": str(question.id)}),
    )
    assert await begun.texts(thread_id) == ["one", "one"]
    await begun.post(unsure=True)
    (message,) = (await begun.bot.api.list_messages(thread_id, Page())).data
    (stored,) = await begun.bot.ledger.questions.of_turn(begun.turn.id)
    assert message.id == stored.message_id


async def test_a_lost_thread_is_replaced_and_the_question_posted_to_the_new_one(
    begun: Begun,
) -> None:
    first = await begun.post()
    await begun.bot.api.delete_thread(first)
    second = await begun.post(lost=first)
    assert second != first
    assert await begun.texts(second) == ["one"]
    link = await begun.bot.ledger.link(begun.bot.general.id)
    assert link is not None
    assert link.thread_id == second


async def test_a_run_whose_response_was_lost_is_found_and_not_started_again(begun: Begun) -> None:
    thread_id = await begun.post()
    gate = begun.bot.model.stall("Begun")
    request = CreateRun(
        assistant_id=begun.bot.assistant_id,
        metadata={"turn": str(begun.turn.id), "attempt": str(begun.turn.attempt)},
    )
    run = await begun.bot.api.create_run(thread_id, request)
    begun.api.lost_before = ["stream_run"]
    started = await begun.threads.start_run(thread_id, begun.turn)
    assert isinstance(started, Run)
    assert started.id == run.id
    assert len((await begun.bot.api.list_runs(thread_id, Page())).data) == 1
    gate.open()


async def test_a_missing_assistant_is_named_as_the_reason(begun: Begun) -> None:
    thread_id = await begun.post()
    await begun.bot.api.delete_assistant(begun.bot.assistant_id)
    with pytest.raises(TurnError) as caught:
        await begun.threads.start_run(thread_id, begun.turn)
    assert caught.value.kind == "assistant_gone"
