"""Bystanders' messages on a thread: each once, and none that was deleted meanwhile."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from bot.assistants.schema.objects import Message
from bot.assistants.schema.requests import CreateMessage, CreateThread, Page
from bot.chat.threads.messages.bystander_poster import Bystander, BystanderPoster
from bot.store.ledger import Ledger, Link, NewQuestion
from tests.scenarios.community import text_of
from tests.support.assistants import house
from tests.support.fake_clock import FakeClock

HOME = Link(channel_id=1, guild_id=2, parent_id=1, listening=False)
QUESTION = NewQuestion(
    id=70, channel_id=1, guild_id=2, author_id=3, author_name="Ada", content="who?"
)


async def test_a_message_deleted_while_it_is_posted_leaves_the_thread(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        ledger = await Ledger.open(tmp_path / "bot.db", FakeClock().now)
        try:
            await ledger.questions.take(QUESTION, HOME)
            (question,) = await ledger.questions.waiting(1)
            thread = await home.api.create_thread(CreateThread())

            async def post_once(
                thread_id: str,
                request: CreateMessage,
                find: Callable[[], Awaitable[str | None]],
            ) -> str:
                assert await find() is None
                posted = await home.api.create_message(thread_id, request)
                assert await find() == posted.id
                if request.content == "deleted":
                    await ledger.deletions.messages_deleted((50,))
                return posted.id

            async def newest(thread_id: str) -> tuple[Message, ...]:
                return (await home.api.list_messages(thread_id, Page())).data

            poster = BystanderPoster(home.api, ledger, post_once=post_once, newest=newest)
            said = (Bystander(50, 7, "deleted"), Bystander(51, 7, "stays"))
            await poster.post(thread.id, question, said)
            await poster.post(thread.id, question, said[1:])
            left = await newest(thread.id)
            assert [text_of(message) for message in left] == ["stays"]
        finally:
            await ledger.close()
