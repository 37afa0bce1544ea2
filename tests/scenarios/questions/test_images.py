"""Images in questions: on the thread by their bytes, once, and shown when their links are dead."""

import asyncio
import base64
import multiprocessing
import os
import signal
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.assistants.errors import APIError, UnreachableError
from bot.assistants.schema.content import ImageFilePart
from bot.assistants.schema.files import FilePage
from bot.assistants.schema.requests import Page
from bot.chat.threads.messages.upload_names import original_name
from bot.config import AccessSettings, DiscordSettings
from bot.engine.services.files import FileService
from tests.scenarios import bot_process
from tests.scenarios.community import Community, answer, community, is_final
from tests.support.eventually import PATIENCE, eventually

A_DAY = 25 * 3_600.0


def picture(shade: int = 0) -> bytes:
    """A PNG of one pixel."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixel = zlib.compress(bytes([0, shade]))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")
    )


CAT = picture()
LONG = ("long.txt", b"The harbour of Kap was closed in 1911. " * 600)


@pytest.fixture(params=["here", "elsewhere"])
async def whole(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Community]:
    """A community with its assistants in this process, and one with them on a server elsewhere."""
    async with community(tmp_path, "channel", remote=request.param == "elsewhere") as made:
        yield made


def data_url(image: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(image).decode()


async def show(whole: Community, text: str = "look", *files: tuple[str, bytes]) -> None:
    """Ask with files, a picture of a cat if none is named."""
    given = files or (("cat.png", CAT),)
    await whole.ada.say(whole.general, text, mention_bot=True, attachments=given)


async def uploads(whole: Community) -> list[str]:
    """The names of all images that were uploaded."""
    return [file.filename for file in (await whole.api.list_files(FilePage(purpose="vision"))).data]


async def test_an_image_is_shown_at_every_later_turn_also_when_its_link_has_expired(
    whole: Community,
) -> None:
    await show(whole)
    await whole.finished(whole.general)
    whole.sandbox.advance(A_DAY)
    await whole.ask("and now?")
    assert answer(await whole.finished(whole.general, 2)) == "and now?"
    for asked in whole.model.requests:
        assert asked.images == [data_url(CAT)]
    page = await whole.api.list_messages(await whole.thread_id(whole.general), Page(order="asc"))
    kept = [part for part in page.data[0].content if isinstance(part, ImageFilePart)]
    assert len(kept) == 1
    (name,) = await uploads(whole)
    assert original_name(name) == "cat.png"


async def test_images_keep_their_order_and_stand_behind_the_text(whole: Community) -> None:
    pictures = [picture(shade) for shade in (1, 2, 3)]
    await show(whole, "which?", *((f"{n}.png", data) for n, data in enumerate(pictures)))
    await whole.finished(whole.general)
    (asked,) = whole.model.requests
    assert asked.messages[-1]["content"][0] == {"type": "text", "text": "which?"}
    assert asked.images == [data_url(data) for data in pictures]


async def test_an_attachments_expired_address_is_looked_up_again(
    whole: Community,
) -> None:
    gate = whole.model.stall()
    await whole.ask("one")
    await whole.model.until_request()
    await show(whole, "two", ("cat.png", CAT), ("notes.txt", b"inside"))
    await whole.waiting(["two"])
    whole.sandbox.advance(A_DAY)
    gate.open()
    await whole.finished(whole.general, 2)
    asked = whole.model.requests[-1]
    assert asked.images == [data_url(CAT)]
    assert "[file notes.txt, 6 bytes]\n```txt\ninside\n```" in asked.question


async def test_an_image_that_is_gone_is_told_of_and_the_question_answered(
    whole: Community,
) -> None:
    gate = whole.model.stall()
    await whole.ask("one")
    await whole.model.until_request()
    await show(whole, "two")
    await whole.waiting(["two"])
    whole.sandbox.world.attachments.clear()
    gate.open()
    await whole.finished(whole.general, 2)
    asked = whole.model.requests[-1]
    assert asked.images == []
    told = f"[image cat.png, {len(CAT)} bytes] (could not be read: it is not on Discord any more)"
    assert asked.question == f"two\n\n{told}"


async def test_what_only_says_that_it_is_an_image_is_told_of_and_not_put_on_the_thread(
    whole: Community,
) -> None:
    await show(whole, "look", ("cat.png", b"<html>no cat</html>"), ("dog.png", CAT))
    await whole.finished(whole.general)
    (asked,) = whole.model.requests
    assert asked.images == [data_url(CAT)]
    assert "[image cat.png, 19 bytes] (could not be read: it is no PNG, JPEG" in asked.question
    assert len(await uploads(whole)) == 1


async def test_an_image_without_text_is_a_question(whole: Community) -> None:
    dm = await whole.ada.open_dm()
    await whole.ada.say(dm, attachments=[("cat.png", CAT)])
    await whole.finished(dm)
    assert whole.model.requests[0].images == [data_url(CAT)]


async def test_a_turn_interrupted_after_an_upload_finds_the_upload_again(whole: Community) -> None:
    posting = whole.model.gate()

    async def cut(*given: Any, **named: Any) -> Any:
        posting.open()
        await whole.model.gate().passed()

    whole.operations["create_message"] = cut
    await show(whole, "look", ("cat.png", CAT), LONG)
    await posting.passed()
    await whole.stop_bot()
    whole.operations.clear()
    before = (await whole.api.list_files()).data
    assert [original_name(one.filename) for one in before] == ["long.txt", "cat.png"]
    await whole.start_bot()
    await whole.settled(1)
    assert whole.model.requests[0].images == [data_url(CAT)]
    assert (await whole.api.list_files()).data == before


def die_behind_an_upload(
    directory: str, settings: DiscordSettings, access: AccessSettings, token: str, model_url: str
) -> None:
    """Run the bot in this process until it has uploaded a file."""
    upload = FileService.upload_file

    async def deadly(*given: Any) -> Any:
        await upload(*given)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(FileService, "upload_file", deadly)  # noqa: B010 - in a process of its own
    bot_process.run(directory, settings, access, token, model_url, "before close")


async def test_killed_behind_the_upload_it_is_found_and_shown_once(asleep: Community) -> None:
    process = multiprocessing.get_context("forkserver").Process(
        target=die_behind_an_upload,
        args=(
            str(asleep.directory),
            asleep.settings,
            asleep.access,
            asleep.sandbox.token,
            asleep.model.url,
        ),
    )
    process.start()
    try:
        await asleep.sandbox.bot_ready(timeout=PATIENCE)
        await show(asleep)
        await asyncio.to_thread(process.join, PATIENCE)
        assert process.exitcode == -signal.SIGKILL
        await asleep.until(lambda: asleep.sandbox.disconnected)
    finally:
        process.kill()
        process.join()
    asleep.sandbox.world.attachments.clear()
    await asleep.start_engine()
    assert len(await uploads(asleep)) == 1
    await asleep.start_bot()
    await asleep.settled(1)
    (asked,) = asleep.model.requests
    assert asked.images == [data_url(CAT)]
    assert len(await uploads(asleep)) == 1


async def test_a_retry_finds_the_upload_again(whole: Community) -> None:
    async def refused(*given: Any, **named: Any) -> Any:
        raise APIError(400, "not now")

    whole.operations["create_message"] = refused
    await show(whole)
    reply = await whole.finished(whole.general)
    whole.operations.clear()
    await whole.ada.click(reply, "Retry")
    await whole.until(lambda: is_final(reply) and answer(reply) == "look")
    assert whole.model.requests[0].images == [data_url(CAT)]
    assert len(await uploads(whole)) == 1


async def test_an_upload_whose_answer_was_lost_is_looked_up_and_not_made_twice(
    whole: Community,
) -> None:
    upload = whole.api.upload_file
    calls = 0

    async def lost(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        await upload(*given)
        raise UnreachableError("the answer was lost")

    whole.operations["upload_file"] = lost
    await show(whole, "look", ("cat.png", CAT), LONG, LONG)
    await whole.finished(whole.general)
    assert whole.model.requests[0].images == [data_url(CAT)]
    files = [one.filename for one in (await whole.api.list_files()).data]
    assert calls == 3
    assert [original_name(name) for name in files] == ["long.txt", "long.txt", "cat.png"]
    assert len(set(files)) == 3


async def test_the_image_of_a_deleted_question_leaves_and_another_question_keeps_its_own(
    whole: Community,
) -> None:
    said = await whole.ada.say(
        whole.general, "look", mention_bot=True, attachments=[("cat.png", CAT)]
    )
    await whole.finished(whole.general)
    await whole.ben.say(whole.general, "whose cat?", reply_to=said, mention_bot=True)
    await whole.finished(whole.general, 2)
    assert len(await uploads(whole)) == 2
    own = await whole.ben.say(
        whole.general, "mine", mention_bot=True, attachments=[("mine.png", picture(9))]
    )
    await whole.finished(whole.general, 3)
    await whole.ben.delete(own)
    await eventually(lambda: uploads(whole), lambda names: len(names) == 2)
    await whole.ask("and now?")
    await whole.finished(whole.general, 4)
    assert whole.model.requests[-1].images == [data_url(CAT)] * 2


async def test_what_a_question_uploaded_that_was_deleted_before_it_was_posted_leaves(
    whole: Community,
) -> None:
    posting = whole.model.gate()

    async def cut(*given: Any, **named: Any) -> Any:
        posting.open()
        await whole.model.gate().passed()

    whole.operations["create_message"] = cut
    said = await whole.ada.say(
        whole.general, "look", mention_bot=True, attachments=[("cat.png", CAT), LONG]
    )
    await posting.passed()
    assert len((await whole.api.list_files()).data) == 2
    await whole.ada.delete(said)
    await eventually(whole.api.list_files, lambda files: not files.data)


async def test_a_server_that_takes_no_images_is_asked_without_them(whole: Community) -> None:
    async def refused(*given: Any) -> Any:
        raise APIError(404, "No such path.")

    whole.operations["upload_file"] = refused
    await show(whole)
    await whole.finished(whole.general)
    (asked,) = whole.model.requests
    assert asked.images == []
    assert "(could not be read: the assistant's server did not take it)" in asked.question


async def test_an_image_whose_file_was_deleted_leaves_a_channel_that_answers(
    whole: Community,
) -> None:
    await show(whole)
    await whole.finished(whole.general)
    (file,) = (await whole.api.list_files()).data
    await whole.api.delete_file(file.id)
    await whole.ask("and now?")
    assert answer(await whole.finished(whole.general, 2)) == "and now?"
    assert whole.model.requests[1].images == []
    assert "can't be shown: it was deleted" in str(whole.model.requests[1].messages)


async def test_a_conversation_that_is_carried_over_says_where_an_image_was(
    whole: Community,
) -> None:
    await show(whole, "one", ("cat.png", CAT), ("song.mp3", b"\x00" * 2_000))
    await whole.finished(whole.general)
    await whole.api.delete_thread(await whole.thread_id(whole.general))
    await whole.ask("two")
    assert answer(await whole.finished(whole.general, 2)) == "two"
    first = (await whole.on_thread(whole.general))[0]
    image = f"[image cat.png, {len(CAT)} bytes] (not carried over)"
    assert first == ("user", f"one\n\n{image}\n\n[audio song.mp3, 2.0 kB] (not carried over)")
