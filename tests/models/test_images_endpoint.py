"""Pictures drawn at an endpoint with OpenAI's images form, by the function make_image."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from bot.app.functions import build_functions
from bot.config import Config, ImagesSettings, ModelsSettings
from bot.models.images import DrawingError, ImagesEndpoint
from bot.tools.tool import ToolError
from tests.support.fake_clock import FakeClock
from tests.support.loopback import Loopback
from tests.tools.contexts import context_of_ada

PNG = bytes.fromhex("89504e470d0a1a0a") + b"rest of a picture"


class Studio(Loopback):
    """An endpoint that answers what a test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answer: Any = {"data": [{"b64_json": base64.b64encode(PNG).decode()}]}
        self.status = 200

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/v1/images/generations", self._draw)
        router.add_get("/files/cat.png", self._file)

    async def _draw(self, request: web.Request) -> web.Response:
        self.asked.append((request.headers.get("Authorization", ""), await request.json()))
        return web.json_response(self.answer, status=self.status)

    async def _file(self, request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers
        return web.Response(body=PNG, content_type="image/png")


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    async with Studio() as made:
        yield made


def endpoint(studio: Studio) -> ImagesEndpoint:
    clock = FakeClock(skips=True)
    return ImagesEndpoint(studio.url, "painter", size="512x512", api_key="sk-1", clock=clock)


async def test_a_picture_is_drawn_from_its_description(studio: Studio) -> None:
    made = endpoint(studio)
    assert await made.draw("a cat") == PNG
    wanted = {"model": "painter", "prompt": "a cat", "n": 1, "size": "512x512"}
    assert studio.asked == [("Bearer sk-1", wanted)]
    # Some endpoints answer with an address of their own.
    studio.answer = {"data": [{"url": f"http://127.0.0.1:{studio.port}/files/cat.png"}]}
    assert await made.draw("a cat") == PNG
    await made.close()


@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        (400, {"error": {"message": "Your prompt was blocked."}}, "Your prompt was blocked."),
        (401, {"error": {"message": "bad key sk-1"}}, "refused the request"),
        (500, {"error": {"message": "oops"}}, "refused the request"),
        (200, {"data": []}, "no usable answer"),
        (200, {"data": [{"b64_json": "%%"}]}, "no usable answer"),
        (200, {"data": [{}]}, "no usable answer"),
        (200, {"data": [{"url": "http://127.0.0.2/x.png"}]}, "no usable answer"),
        (200, "text", "no usable answer"),
    ],
)
async def test_an_error_shows_no_secret_and_no_picture_is_paid_twice(
    studio: Studio, status: int, answer: Any, told: str
) -> None:
    made = endpoint(studio)
    studio.status, studio.answer = status, answer
    with pytest.raises(DrawingError, match=told):
        await made.draw("a cat")
    assert len(studio.asked) == 1
    await made.close()


async def test_make_image_puts_the_picture_into_the_reply(studio: Studio) -> None:
    images = ImagesSettings(url=studio.url, api_key_env="IMAGES_KEY")
    config = Config(models=ModelsSettings(images=images))
    closers: list[Any] = []
    functions = build_functions(config, {"IMAGES_KEY": "sk-1"}, FakeClock(), closers.append)
    await functions.reload()
    tool = functions.get("make_image")
    assert tool is not None
    result = await tool.prepare('{"description": "a cat"}')(context_of_ada())
    assert [(file.name, file.data) for file in result.files] == [("picture.png", PNG)]
    studio.status = 403
    with pytest.raises(ToolError):
        await tool.prepare('{"description": "a cat"}')(context_of_ada())
    for close in closers:
        await close()
