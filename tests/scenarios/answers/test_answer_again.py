"""Edits of questions, and another answer to the newest one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.chat.texts.fluent import localized
from bot.chat.threads.messages.upload_names import original_name
from bot.sandbox import DiscordMessage, Person
from tests.scenarios.community import Community, answer, community, is_final, labels
from tests.support.eventually import eventually

AGAIN = localized("again-button")


@pytest.fixture
async def channels(tmp_path: Path) -> AsyncIterator[Community]:
    """A community whose bot offers another answer only where a question was edited."""
    async with community(tmp_path, "channel", buttons=("continue", "steps", "votes")) as whole:
        yield whole


async def edited(whole: Community, question: DiscordMessage, text: str) -> None:
    await whole.ada.edit(question, f"{whole.sandbox.bot_user.mention} {text}")


async def offered(whole: Community, reply: DiscordMessage) -> None:
    """Wait until another answer is offered below a reply."""
    await whole.until(lambda: AGAIN in labels(reply))


async def test_an_edit_of_the_newest_question_offers_another_answer(channels: Community) -> None:
    question = await channels.ask("waht?")
    reply = await channels.finished(channels.general)
    await channels.ended_turns(1)
    await edited(channels, question, "what?")
    await offered(channels, reply)
    assert answer(reply) == "waht?"
    await channels.ada.click(reply, AGAIN)
    await channels.until(lambda: answer(reply) == "what?" and is_final(reply))
    await channels.ended_turns(1)
    assert AGAIN not in labels(reply)
    assert channels.replies(channels.general) == [reply]
    assert await channels.on_thread(channels.general) == [
        ("user", "what?"),
        ("assistant", "what?"),
    ]
    assert len(await channels.runs_on(channels.general)) == 2


async def test_an_edit_during_the_run_offers_another_answer_at_its_end(
    channels: Community,
) -> None:
    gate = channels.model.stall(then="To the old wording.")
    question = await channels.ask("waht?")
    await channels.model.until_request()
    await edited(channels, question, "what?")
    await eventually(
        lambda: channels.ledger.questions.question(question.id),
        lambda known: known is not None and known.revision == 1,
    )
    gate.open()
    reply = await channels.finished(channels.general)
    assert answer(reply) == "To the old wording."
    await offered(channels, reply)


async def test_an_edit_back_and_forth_in_which_nothing_changes_offers_nothing(
    channels: Community,
) -> None:
    question = await channels.ask("one")
    reply = await channels.finished(channels.general)
    await edited(channels, question, "one")
    await channels.ask("two")
    await channels.finished(channels.general, 2)
    assert AGAIN not in labels(reply)


async def test_retry_sends_the_newest_wording(channels: Community) -> None:
    channels.model.fail(400)
    question = await channels.ask("waht?")
    reply = await channels.finished(channels.general)
    await channels.ended_turns(1)
    await edited(channels, question, "what?")
    await eventually(
        lambda: channels.ledger.questions.question(question.id),
        lambda known: known is not None and known.revision == 1,
    )
    await channels.ada.click(reply, "Retry")
    await channels.until(lambda: answer(reply) == "what?" and is_final(reply))
    assert await channels.on_thread(channels.general) == [
        ("user", "what?"),
        ("assistant", "what?"),
    ]


async def test_an_edit_of_one_of_several_questions_keeps_their_order(channels: Community) -> None:
    gate = channels.model.stall(then="first")
    await channels.ask("one")
    await channels.model.until_request()
    two = await channels.ask("tow")
    await channels.ask("three")
    await channels.waiting(["tow", "three"])
    gate.open()
    reply = await channels.finished(channels.general, 2)
    await channels.ended_turns(2)
    await edited(channels, two, "two")
    await offered(channels, reply)
    await channels.ada.click(reply, AGAIN)
    await channels.until(lambda: AGAIN not in labels(reply))
    await channels.ended_turns(2)
    await channels.until(lambda: is_final(reply))
    asked = [text for role, text in await channels.on_thread(channels.general) if role == "user"]
    assert asked == ["one", "two", "three"]


async def test_a_question_edited_while_it_is_posted_is_answered_in_its_newest_wording(
    channels: Community,
) -> None:
    await channels.ask("one")
    await channels.finished(channels.general)
    post = channels.api.create_message

    async def edited_meanwhile(*args: object, **options: object) -> object:
        created = await post(*args, **options)  # type: ignore[arg-type]  # handed on unread
        channels.api.create_message = post  # type: ignore[method-assign]  # as before
        await edited(channels, question, "two")
        await eventually(
            lambda: channels.ledger.questions.question(question.id),
            lambda known: known is not None and known.revision == 1,
        )
        return created

    channels.api.create_message = edited_meanwhile  # type: ignore[method-assign,assignment]  # slowed
    question = await channels.ask("tow")
    assert answer(await channels.finished(channels.general, 2)) == "two"
    asked = [text for role, text in await channels.on_thread(channels.general) if role == "user"]
    assert asked == ["one", "two"]


async def refused(whole: Community, who: Person, reply: DiscordMessage) -> str:
    """Press the button below a reply, and return what the member is told."""
    pressed = await who.click(reply, AGAIN)
    await whole.until(lambda: pressed.responses)
    (told,) = pressed.responses
    assert pressed.ephemeral
    return str(told.content)


async def test_a_press_on_an_older_answer_or_by_a_stranger_says_why_nothing_happens(
    channels: Community,
) -> None:
    question = await channels.ask("waht?")
    reply = await channels.finished(channels.general)
    await channels.ended_turns(1)
    await edited(channels, question, "what?")
    await offered(channels, reply)
    refusal = await refused(channels, channels.ben, reply)
    assert refusal == localized("not-yours-to-answer-again")
    await channels.ask("two")
    await channels.finished(channels.general, 2)
    refusal = await refused(channels, channels.ada, reply)
    assert refusal == localized("too-late-to-answer-again")
    assert answer(reply) == "waht?"


async def test_two_presses_at_once_give_one_more_answer(channels: Community) -> None:
    question = await channels.ask("waht?")
    reply = await channels.finished(channels.general)
    await channels.ended_turns(1)
    await edited(channels, question, "what?")
    await offered(channels, reply)
    gate = channels.model.stall(then="Once.")
    async with asyncio.TaskGroup() as both:
        for who in (channels.ada, channels.admin):
            both.create_task(who.click(reply, AGAIN))
    gate.open()
    await channels.until(lambda: answer(reply) == "Once." and is_final(reply))
    assert len(await channels.runs_on(channels.general)) == 2


async def test_another_answer_to_an_edited_question_with_a_long_document_searches_it(
    channels: Community,
) -> None:
    home = await channels.ada.open_dm()
    document = ("history.txt", b"The harbour of Kap closed in 1931. " * 800)
    question = await channels.ada.say(home, "waht?", attachments=[document])
    reply = await channels.finished(home)
    await channels.ended_turns(1)
    await channels.ada.edit(question, "when?")
    await channels.until(lambda: AGAIN in labels(reply))
    channels.model.call_tools(("file_search", {"queries": ["harbour"]}))
    channels.model.say("In 1931.")
    await channels.ada.click(reply, AGAIN)
    await channels.until(lambda: answer(reply) == "In 1931." and is_final(reply))
    assert "The harbour of Kap" in str(channels.model.requests[-1].messages[-1])
    (file,) = (await channels.api.list_files()).data
    assert original_name(file.filename) == "history.txt"
