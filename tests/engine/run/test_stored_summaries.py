"""Stored summaries: they outlive kills, and go with the messages and threads they summarize."""

from collections.abc import Sequence
from pathlib import Path

from bot.assistants.schema.requests import (
    CreateMessage,
    Page,
)
from tests.engine.run.test_summarizer import (
    ASKED,
    FILLER,
    SMALL,
    asks_for_notes,
    completed,
    long_thread,
    notes_of_topics,
    notes_requests,
    summaries,
    topics,
)
from tests.support import model_turns as turns
from tests.support.assistants import house, text_of
from tests.support.eventually import eventually
from tests.support.gate import Gate
from tests.support.model_endpoint import ScriptedModel, Turn


async def test_a_deleted_message_leaves_the_summary(tmp_path: Path) -> None:
    async with house(tmp_path, "engine", options=SMALL) as home:
        home.model.otherwise = notes_of_topics
        thread = await home.thread(*long_thread(8), f"topic-secret {FILLER}", *long_thread(12))
        await completed(home, thread)
        assert "topic-secret" in str(await summaries(tmp_path))
        page = await home.api.list_messages(thread, Page(limit=100))
        (secret,) = [each for each in page.data if "topic-secret" in text_of(each)]
        await home.api.delete_message(thread, secret.id)
        assert "topic-secret" not in str(await summaries(tmp_path))
        before = len(home.model.requests)
        await completed(home, thread)
        later = home.model.requests[before:]
        assert "topic-secret" not in str([each.messages for each in later])
        assert "topic-0" in str(later[-1].messages)  # the summary was made anew


async def test_a_deletion_keeps_the_summaries_of_what_was_said_before(tmp_path: Path) -> None:
    async with house(tmp_path, "engine", options=SMALL) as home:
        home.model.otherwise = notes_of_topics
        thread = await home.thread()
        for text in long_thread(20):
            await home.api.create_message(thread, CreateMessage(role="user", content=text))
            await completed(home, thread)
        before = await summaries(tmp_path)
        page = await home.api.list_messages(thread, Page(limit=100))
        late = topics(before[-1][1])[-1]
        (message,) = [each for each in page.data if f"{late} " in text_of(each)]
        await home.api.delete_message(thread, message.id)
        after = await summaries(tmp_path)
        assert after == [each for each in before if late not in topics(each[1])]
        assert after


async def test_a_message_deleted_while_it_is_summarized_is_in_no_summary(tmp_path: Path) -> None:
    async with house(tmp_path, "engine", options=SMALL) as home:
        gate = Gate()
        home.model.then(turns.say("about topic-0", first=gate))
        home.model.otherwise = notes_of_topics
        thread = await home.thread(*long_thread(20))
        run = await home.run(thread, metadata=ASKED)
        await home.model.until_request(1)
        oldest = (await home.api.list_messages(thread, Page(order="asc"))).data[0]
        await home.api.delete_message(thread, oldest.id)
        gate.open()
        await home.until(run, "completed")
        assert len(notes_requests(home.model)) > 1
        assert "topic-0" not in topics(str(await summaries(tmp_path)))
        assert "topic-0" not in topics(str(home.model.requests[-1].messages))


async def test_a_summary_goes_with_its_thread(tmp_path: Path) -> None:
    async with house(tmp_path, "engine", options=SMALL) as home:
        home.model.otherwise = notes_of_topics
        kept, gone = await home.thread(*long_thread(20)), await home.thread(*long_thread(20))
        for thread in (kept, gone):
            await completed(home, thread)
        await home.api.delete_thread(gone)
        assert {thread for thread, _ in await summaries(tmp_path)} == {kept}


async def test_a_killed_run_does_not_repeat_a_stored_summary_nor_forget_its_tokens(
    tmp_path: Path,
) -> None:
    model = ScriptedModel()
    stalled: Sequence[Turn] = [turns.stall("half an", Gate())]
    model.otherwise = lambda asked: (
        notes_of_topics(asked) if asks_for_notes(asked) or not stalled else stalled[0]
    )
    async with house(tmp_path, "engine", model=model, options=SMALL) as before:
        run = await before.run(await before.thread(*long_thread(20)), metadata=ASKED)
        await eventually(lambda: any(not asks_for_notes(each) for each in model.requests))
        stored = await summaries(tmp_path)
        calls = len(notes_requests(model))
    stalled = []
    async with house(tmp_path, "engine", model=model, options=SMALL) as after:
        ended = await after.until(run, "completed")
        assert len(notes_requests(model)) == calls
        assert await summaries(tmp_path) == stored
        assert ended.usage is not None
        assert ended.usage.prompt_tokens == 100 * calls + 50


async def test_a_run_killed_in_a_summary_makes_it_again(tmp_path: Path) -> None:
    model = ScriptedModel()
    model.stall("half of the notes")
    async with house(tmp_path, "engine", model=model, options=SMALL) as before:
        run = await before.run(await before.thread(*long_thread(20)), metadata=ASKED)
        await model.until_request(1)
        await before.until(run, "in_progress")
    model.otherwise = notes_of_topics
    async with house(tmp_path, "engine", model=model, options=SMALL) as after:
        await after.until(run, "completed")
        assert "topic-0" in topics(str(model.requests[-1].messages))
        assert "half of the notes" not in str(await summaries(tmp_path))
