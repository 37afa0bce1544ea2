"""Messages: text and images, changed, deleted, listed by run."""

from typing import Any

import pytest

from bot.assistants.schema.content import (
    ImageUrl,
    ImageUrlInput,
    ImageUrlPart,
    TextInput,
    TextPart,
    TextValue,
    WebImage,
)
from bot.assistants.schema.objects import Deleted, Message
from bot.assistants.schema.requests import CreateMessage, ModifyMessage, Page
from tests.contract.refusals import refused
from tests.support.assistants import House, text_of


async def test_a_message_keeps_every_field_it_was_made_with(home: House) -> None:
    thread_id = await home.thread()
    image = ImageUrlInput(WebImage("https://example.com/a.png", "low"))
    made = await home.api.create_message(
        thread_id,
        CreateMessage(
            role="user", content=(TextInput("What is this?"), image), metadata={"k": "v"}
        ),
    )
    assert made == Message(
        id=made.id,
        created_at=int(home.clock.now()),
        thread_id=thread_id,
        status=made.status,
        role="user",
        content=(
            TextPart(TextValue("What is this?")),
            ImageUrlPart(ImageUrl("https://example.com/a.png", "low")),
        ),
        attachments=made.attachments,
        metadata={"k": "v"},
    )
    assert made.id.startswith("msg_")
    assert made.attachments == ()
    assert await home.api.retrieve_message(thread_id, made.id) == made


async def test_bare_text_becomes_one_text_part(home: House) -> None:
    thread_id = await home.thread()
    made = await home.api.create_message(
        thread_id, CreateMessage(role="user", content="Grüße, 世界 👋🏽\n\tend")
    )
    assert made.content == (TextPart(TextValue("Grüße, 世界 👋🏽\n\tend")),)


async def test_a_messages_metadata_is_changed(home: House) -> None:
    thread_id = await home.thread("hi")
    (message,) = (await home.api.list_messages(thread_id)).data
    changed = await home.api.modify_message(
        thread_id, message.id, ModifyMessage(metadata={"seen": "yes"})
    )
    assert changed.metadata == {"seen": "yes"}
    assert changed.content == message.content
    assert await home.api.retrieve_message(thread_id, message.id) == changed


async def test_a_deleted_message_is_gone_and_the_others_stay(home: House) -> None:
    thread_id = await home.thread("one", "two", "three")
    messages = (await home.api.list_messages(thread_id, Page(order="asc"))).data
    gone = messages[1].id
    assert await home.api.delete_message(thread_id, gone) == Deleted(gone, "thread.message.deleted")
    for request in (
        home.api.retrieve_message(thread_id, gone),
        home.api.modify_message(thread_id, gone, ModifyMessage(metadata={})),
        home.api.delete_message(thread_id, gone),
    ):
        error = await refused(request, 404)
        assert error.message == f"No message found with id '{gone}'."
    left = (await home.api.list_messages(thread_id, Page(order="asc"))).data
    assert [text_of(message) for message in left] == ["one", "three"]


async def test_a_message_is_found_only_on_its_own_thread(home: House) -> None:
    thread_id, elsewhere = await home.thread("hi"), await home.thread("ho")
    (message,) = (await home.api.list_messages(thread_id)).data
    error = await refused(home.api.retrieve_message(elsewhere, message.id), 404)
    assert error.message == f"No message found with id '{message.id}'."


async def test_messages_are_listed_by_the_run_that_made_them(home: House) -> None:
    thread_id = await home.thread("one")
    first = await home.until(await home.run(thread_id), "completed")
    await home.api.create_message(thread_id, CreateMessage(role="user", content="two"))
    second = await home.until(await home.run(thread_id), "completed")
    for run, text in ((first, "one"), (second, "two")):
        (message,) = (await home.api.list_messages(thread_id, run_id=run.id)).data
        assert text_of(message) == text
        assert (message.run_id, message.assistant_id) == (run.id, run.assistant_id)
        assert message.role == "assistant"
    assert (await home.api.list_messages(thread_id, run_id="run_none")).data == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "x" * 256_001,
            "Invalid 'content': string too long. Expected a string with maximum length 256000",
        ),
        ((), "Invalid 'content'"),
        ((TextInput("x" * 256_001),), "Invalid 'content[0].text': string too long."),
    ],
    ids=["text", "no parts", "part"],
)
async def test_content_over_the_limits_is_refused(home: House, content: Any, message: str) -> None:
    thread_id = await home.thread()
    error = await refused(
        home.api.create_message(thread_id, CreateMessage(role="user", content=content))
    )
    assert error.message.startswith(message)
    assert (await home.api.list_messages(thread_id)).data == ()


async def test_the_longest_text_is_taken_whole(home: House) -> None:
    thread_id = await home.thread("ü" * 256_000)
    (message,) = (await home.api.list_messages(thread_id)).data
    assert text_of(message) == "ü" * 256_000
