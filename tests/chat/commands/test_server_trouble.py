"""Commands whose answer needs the assistants' server, while it does not give what they ask for."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.assistants.errors import not_found
from bot.assistants.schema.content import Content, RefusalPart, TextPart, TextValue
from bot.assistants.schema.objects import Assistant, ListPage, Message, Thread
from bot.chat.commands.forms.modals import ModalEntries
from bot.chat.commands.handlers.assistants import AssistantCommands
from bot.chat.commands.handlers.conversations import MOST_BYTES, ConversationCommands
from bot.chat.commands.handlers.tools import ToolCommands
from bot.chat.commands.interaction_handler import no_models
from bot.chat.places.assistant_choice import AssistantChoice
from bot.chat.texts import overviews
from bot.chat.texts.fluent import localized
from bot.chat.threads.api_errors import TurnError
from bot.chat.threads.assistant_editor import AssistantGoneError, EditRefusedError
from bot.chat.threads.messages.message_builder import UnreadableError
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import AssistantDraft, Ledger, Link, NewQuestion
from tests.support.fake_clock import FakeClock
from tests.support.interactions import FakeInteraction

HERE, GUILD, ADA = 100, 7, 1
UNREACHABLE = TurnError("unreachable", "no answer")
GONE = not_found("assistant", "asst_own")
ENTRIES = ModalEntries({"instructions": "Be brief."}, {}, {})


class FakeServer:
    """An Assistants API and an editor of assistants that fail, or give what a test wants."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.messages: tuple[Message, ...] = ()

    async def retrieve_assistant(self, assistant_id: str) -> Assistant:
        self._fail()
        return Assistant(id=assistant_id, created_at=0, model="small", name="Own")

    async def retrieve_thread(self, thread_id: str) -> Thread:
        self._fail()
        return Thread(id=thread_id, created_at=0)

    async def list_messages(self, thread_id: str, page: object) -> ListPage[Message]:
        return ListPage(data=self.messages[::-1])

    async def carry_out(self, draft: AssistantDraft) -> None:
        self._fail()

    async def delete(self, assistant: object) -> None:
        self._fail()

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


class Scene:
    """A server with an assistant of its own, a conversation in its channel, and the handlers."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.server: Any = FakeServer()
        clock = FakeClock(skips=True)
        client: Any = SimpleNamespace(get_channel=lambda channel_id: None)
        services: Any = SimpleNamespace(
            client=client,
            ledger=ledger,
            rest=RestRetry(clock),
            clock=clock,
            choice=AssistantChoice(client, ledger, "asst_default", {"house": "asst_default"}),
            threads=SimpleNamespace(api=self.server),
            editor=self.server,
            functions=None,
            models=no_models,
        )
        self.assistants = AssistantCommands(services)
        self.conversations = ConversationCommands(services)
        self.tools = ToolCommands(services)

    async def form(self, number: int, assistant_id: str | None = None) -> str:
        """Begin a form, and return its name."""
        draft = AssistantDraft(
            id=number,
            guild_id=GUILD,
            creator_id=ADA,
            assistant_id=assistant_id,
            name=f"Name {number}",
            model="small",
        )
        await self.ledger.assistants.begin(draft)
        return str(number)

    async def set_up(self) -> None:
        """Make the assistant and the conversation."""
        await self.form(1)
        draft = await self.ledger.assistants.submit(1, "{}")
        assert draft is not None
        await self.ledger.assistants.carried_out(draft, "asst_own")
        question = NewQuestion(
            id=1, channel_id=HERE, guild_id=GUILD, author_id=ADA, author_name="ada", content="Why?"
        )
        link = Link(channel_id=HERE, guild_id=GUILD, parent_id=HERE, listening=True)
        await self.ledger.questions.take(question, link)
        await self.ledger.turns.next_in(HERE)
        await self.ledger.set_thread(HERE, "thread_1", instead_of=None)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    ledger = await Ledger.open(tmp_path / "bot.db", FakeClock().now)
    made = Scene(ledger)
    await made.set_up()
    yield made
    await ledger.close()


def used() -> Any:
    """A command of Ada in a channel of the server."""
    interaction: Any = FakeInteraction(ADA, channel_id=HERE, guild_id=GUILD, moderator=True)
    interaction.permissions.read_message_history = True
    return interaction


@pytest.mark.parametrize(
    ("failure", "sentence"), [(UNREACHABLE, "assistant-api-failed"), (GONE, "assistant-gone")]
)
async def test_an_assistant_that_can_not_be_read_is_neither_shown_nor_edited(
    scene: Scene, failure: Exception, sentence: str
) -> None:
    scene.server.failure = failure
    shown, edited = used(), used()
    await scene.assistants.show(shown, "Name 1")
    await scene.assistants.edit(edited, "Name 1")
    assert shown.shown == [localized(sentence)]
    assert (edited.responses, edited.forms) == ([localized(sentence)], [])


async def test_an_assistant_is_deleted_once_and_the_server_may_follow_later(scene: Scene) -> None:
    scene.server.failure = UNREACHABLE
    first, second, configured = used(), used(), used()
    await scene.assistants.delete(configured, "house")
    await scene.assistants.delete(first, "Name 1")
    await scene.assistants.delete(second, "Name 1")
    assert configured.shown == [localized("assistant-configured", name="house")]
    assert first.shown == [localized("assistant-deleted-later", name="Name 1")]
    assert second.shown == [overviews.no_such_assistant("Name 1")]


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (UnreadableError("too_much", "long"), localized("assistant-instructions-unreadable")),
        (AssistantGoneError("gone"), localized("assistant-gone")),
        (EditRefusedError("400"), localized("assistant-refused", model="small")),
        (UNREACHABLE, localized("assistant-api-failed")),
    ],
)
async def test_a_form_says_why_nothing_was_changed(
    scene: Scene, failure: Exception, sentence: str
) -> None:
    scene.server.failure = failure
    sent = used()
    await scene.assistants.form_sent(sent, await scene.form(2, "asst_own"), ENTRIES)
    assert sent.shown == [sentence]


async def test_a_blank_model_is_no_model(scene: Scene) -> None:
    created = used()
    await scene.assistants.create(created, "New", " ")
    assert (created.responses, created.forms) == ([localized("assistant-no-model")], [])


async def test_an_export_says_whether_the_server_or_the_conversation_is_missing(
    scene: Scene,
) -> None:
    unreachable, gone = used(), used()
    scene.server.failure = UNREACHABLE
    await scene.conversations.export(unreachable)
    scene.server.failure = not_found("thread", "thread_1")
    await scene.conversations.export(gone)
    assert unreachable.shown == [localized("assistant-api-failed")]
    assert gone.shown == [localized("conversation-none")]


async def test_an_export_that_would_be_too_large_leaves_the_oldest_messages_out(
    scene: Scene,
) -> None:
    half = "x" * (MOST_BYTES // 2)
    refusal = RefusalPart("I can't help with that.")
    contents: tuple[Content, ...] = (
        TextPart(TextValue(f"oldest {half}")),
        TextPart(TextValue(half)),
        refusal,
    )
    scene.server.messages = tuple(
        Message(id=f"msg_{at}", created_at=at, thread_id="thread_1", role="user", content=(part,))
        for at, part in enumerate(contents)
    )
    exported = used()
    await scene.conversations.export(exported)
    (text,) = exported.shown
    assert text.endswith(localized("conversation-cut"))
    written, objects = (file.fp.read().decode() for file in exported.files)
    for each in (written, objects):
        assert len(each) <= MOST_BYTES
        assert "oldest" not in each
        assert "I can't help with that." in each


async def test_facts_and_tools_are_shown_as_far_as_they_are_known(scene: Scene) -> None:
    scene.server.failure = UNREACHABLE
    facts, tools = used(), used()
    await scene.conversations.info(facts)
    await scene.tools.list_tools(tools)
    assert "asst\\_default answers" in facts.shown[0]
    assert tools.shown == [localized("tools-unreachable")]
