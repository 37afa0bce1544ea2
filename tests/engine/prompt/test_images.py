"""Images on a thread, which every later run is shown: none of them may fail a run for ever."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.assistants.schema.content import (
    ImageFile,
    ImageFilePart,
    ImageUrlInput,
    TextInput,
    WebImage,
)
from bot.assistants.schema.files import UploadFile
from bot.assistants.schema.requests import CreateMessage
from bot.engine import Engine
from bot.models.responses.model import Responses
from bot.store.engine import EngineStore
from tests.contract.tooling import outputs, tool
from tests.support.assistants import IMPATIENT, House, house, text_of
from tests.support.fake_clock import FakeClock
from tests.support.model_endpoint import ScriptedModel
from tests.support.model_turns import Turn, call_tools, fail, say
from tests.support.responses_endpoint import ScriptedResponses
from tests.support.responses_turns import failed

PNG = b"\x89PNG\r\n\x1a\n" + b"rest of a picture"
LINK = "https://example.com/gone.png"
NOT_SAVED = "(An image that belongs here can't be shown: the endpoint of this model does not take"


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, "engine", public=True) as whole:
        yield whole


async def _content(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _upload(home: House, data: bytes, name: str = "cat.png") -> str:
    request = UploadFile(filename=name, purpose="vision")
    return (await home.api.upload_file(request, _content(data))).id


async def _ask(home: House, thread_id: str, text: str, *images: str) -> None:
    """Post a question with images, by their file ids or addresses."""
    parts = [
        ImageUrlInput(WebImage(image)) if ":" in image else ImageFilePart(ImageFile(image))
        for image in images
    ]
    content = (TextInput(text), *parts)
    await home.api.create_message(thread_id, CreateMessage(role="user", content=content))


class PublicResponses(Responses):
    """The scripted endpoint as it would be with a public address."""

    async def fetches_images(self) -> bool:
        return True


def shown(messages: list[dict[str, Any]]) -> list[str]:
    """The addresses of all images in a request."""
    return [
        part["image_url"]["url"]
        for message in messages
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    ]


def refuses_link(model: ScriptedModel) -> None:
    """Let the model's endpoint refuse whatever has ``LINK`` in it, as OpenAI's does."""

    def judge(asked: Any) -> Turn:
        if LINK in shown(asked.messages):
            return fail(400, message=f"Error while downloading {LINK}.")
        return say("Answered.")

    model.otherwise = judge


async def test_an_image_by_an_address_that_works_no_more_does_not_fail_later_runs(
    home: House,
) -> None:
    thread_id = await home.thread()
    await _ask(home, thread_id, "What is this?", LINK)
    home.model.say("A cat.")
    await home.until(await home.run(thread_id), "completed")
    refuses_link(home.model)
    cat = await _upload(home, PNG)
    await _ask(home, thread_id, "And this?", cat)
    run = await home.until(await home.run(thread_id), "completed")
    answered = await home.api.list_messages(thread_id, run_id=run.id)
    assert text_of(answered.data[0]) == "Answered."
    first, refused, taken = home.model.requests
    data = "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert shown(first.messages) == [LINK]
    assert shown(refused.messages) == [LINK, data]
    # What is asked about now is still shown.
    assert shown(taken.messages) == [data]
    assert NOT_SAVED in str(taken.messages[0]["content"])


async def test_a_notice_replaces_an_image_that_the_endpoint_refuses(
    home: House,
) -> None:
    thread_id = await home.thread()
    refuses_link(home.model)
    await _ask(home, thread_id, "What is this?", LINK)
    await home.until(await home.run(thread_id), "completed")
    refused, taken = home.model.requests
    assert shown(refused.messages) == [LINK]
    assert shown(taken.messages) == []
    assert "What is this?" in taken.question
    assert NOT_SAVED in taken.question


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "messages[0]: unknown variant `image_url`, expected `text`"),
        (404, "No endpoints found that support image input"),
        (500, "image input is not supported - hint: you may need to provide the mmproj"),
    ],
)
async def test_a_model_that_takes_no_images_is_told_of_them_and_answers(
    home: House, status: int, message: str
) -> None:
    def blind(asked: Any) -> Turn:
        return fail(status, message=message) if shown(asked.messages) else say("I can't see it.")

    home.model.otherwise = blind
    thread_id = await home.thread()
    for number in (1, 2):
        await _ask(home, thread_id, "What is this?", await _upload(home, PNG))
        await home.until(await home.run(thread_id), "completed")
        assert home.model.requests[-1].question.count(NOT_SAVED) == 1
        assert len((await home.api.list_messages(thread_id)).data) == number * 2


@pytest.mark.parametrize(
    ("loss", "reason"), [("deleted", "it was deleted"), ("lost", "it is lost")]
)
async def test_a_notice_replaces_an_image_whose_file_is_gone(
    home: House, tmp_path: Path, loss: str, reason: str
) -> None:
    file_id, thread_id = await _upload(home, PNG), await home.thread()
    await _ask(home, thread_id, "What is this?", file_id)
    if loss == "deleted":
        await home.api.delete_file(file_id)
    else:
        (tmp_path / "files" / file_id).unlink()
    await home.until(await home.run(thread_id), "completed")
    assert f"can't be shown: {reason}" in home.model.requests[-1].question


async def test_a_request_that_is_refused_without_images_too_fails_the_run(
    home: House,
) -> None:
    home.model.otherwise = lambda asked: fail(400, message="No such thing.")
    thread_id = await home.thread()
    await _ask(home, thread_id, "What is this?", LINK)
    run = await home.until(await home.run(thread_id), "failed")
    assert run.last_error is not None
    assert "No such thing." in run.last_error.message
    assert len(home.model.requests) == 2


async def test_a_failure_that_is_not_about_the_request_is_not_retried_without_images(
    home: House,
) -> None:
    home.model.otherwise = lambda asked: fail(401, message="No key.")
    thread_id = await home.thread()
    await _ask(home, thread_id, "What is this?", LINK)
    await home.until(await home.run(thread_id), "failed")
    assert len(home.model.requests) == 1


async def test_the_image_of_the_question_is_shown_also_after_the_run_called_a_tool(
    home: House,
) -> None:
    thread_id = await home.thread()
    await _ask(home, thread_id, "What is this?", LINK)
    await home.until(await home.run(thread_id), "completed")
    await _ask(home, thread_id, "And this?", await _upload(home, PNG))
    home.model.then(call_tools(("look", {})))
    run = await home.run(thread_id, tools=(tool("look"),))
    waiting = await home.until(run, "requires_action")
    refuses_link(home.model)
    await home.api.submit_tool_outputs(thread_id, run.id, outputs(waiting))
    await home.until(run, "completed")
    assert len(shown(home.model.requests[-1].messages)) == 1


async def test_a_response_that_failed_over_an_image_is_asked_for_anew_and_not_read_again(
    tmp_path: Path,
) -> None:
    store = await EngineStore.open(tmp_path / "engine.db")
    async with ScriptedResponses() as endpoint:
        model = PublicResponses(endpoint.url, background=True, retries=IMPATIENT, poll=0.01)
        engine = Engine(store, model, clock=FakeClock(real_below=1.0))
        await engine.start()
        try:
            endpoint.then(failed(code="invalid_image_url", message="Can't download it."))
            endpoint.say("I can't see it.")
            home = House(
                engine,
                ScriptedModel(),
                FakeClock(real_below=1.0),
                engine.for_project("default"),
                engine.for_project("other"),
            )
            thread_id = await home.thread()
            await _ask(home, thread_id, "What is this?", LINK)
            await home.until(await home.run(thread_id), "completed")
            refused, taken = [asked.body["input"] for asked in endpoint.requests if asked.body]
        finally:
            await engine.stop()
            await model.close()
            await store.close()
    assert LINK in str(refused)
    assert LINK not in str(taken)
    assert NOT_SAVED in str(taken)


async def test_a_notice_replaces_a_file_that_is_no_image(home: House) -> None:
    thread_id = await home.thread()
    await _ask(home, thread_id, "What is this?", await _upload(home, b"just words", "notes.txt"))
    await home.until(await home.run(thread_id), "completed")
    (asked,) = home.model.requests
    assert shown(asked.messages) == []
    assert "no PNG, JPEG, GIF or WebP" in asked.question


@pytest.mark.parametrize(
    ("begins", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
    ],
)
async def test_an_image_is_what_its_bytes_are_and_not_its_name(
    home: House, begins: bytes, kind: str
) -> None:
    thread_id = await home.thread()
    await _ask(home, thread_id, "What is this?", await _upload(home, begins + b"rest", "cat.png"))
    await home.until(await home.run(thread_id), "completed")
    (url,) = shown(home.model.requests[0].messages)
    assert url.startswith(f"data:{kind};base64,")
