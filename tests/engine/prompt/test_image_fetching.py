"""Images that the engine fetches for endpoints on this machine: nothing private is reached."""

import asyncio
import base64
import gzip
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.assistants.schema.content import WEB_URL, ContentInput, ImageUrlInput, TextInput, WebImage
from bot.assistants.schema.requests import CreateMessage, CreateThread
from bot.assistants.schema.tools import CodeInterpreterTool
from bot.engine import EngineOptions
from bot.models.chat_completions.model import ChatCompletions
from bot.models.http.image_fetcher import FetchError, ImageFetcher
from bot.models.responses.model import Responses
from bot.wire.public_http import is_own_address, is_public_address
from tests.contract.tooling import outputs, tool
from tests.support.assistants import House, house
from tests.support.eventually import PATIENCE, eventually
from tests.support.fake_clock import pass_loop_time
from tests.support.model_answers import Asked

PNG = b"\x89PNG\r\n\x1a\n" + b"rest of a picture"
DATA = "data:image/png;base64," + base64.b64encode(PNG).decode()


class Web:
    """Servers of images on loopback; ``hits`` has the hosts and paths that were asked for."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        self.answer: Callable[[web.Request], web.StreamResponse] = lambda _: web.Response(body=PNG)
        self.gate = asyncio.Event()
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.hits.append(f"{request.host.partition(':')[0]}{request.path}")
        if request.path == "/hang":
            await self.gate.wait()
        if request.path == "/endless":
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(PNG + b"x" * 1_000_000)
        return self.answer(request)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """An address of one of the servers."""
        return f"http://{host}:{self.port}{path}"


@pytest.fixture
async def site() -> AsyncIterator[Web]:
    """One server at 127.0.0.1, which tests take for public, and one at 127.0.0.2, which not."""
    made = Web()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    await web.TCPSite(runner, "127.0.0.2", made.port).start()
    yield made
    made.gate.set()
    await runner.cleanup()


@asynccontextmanager
async def fetching(
    directory: Path,
    *,
    seconds: float = PATIENCE,
    public: bool = False,
    options: EngineOptions | None = None,
) -> AsyncIterator[House]:
    """A house whose engine takes 127.0.0.1, and nothing else, for a public address."""
    fetcher = ImageFetcher(permitted=lambda address: address == "127.0.0.1", seconds=seconds)
    async with house(directory, "client", fetcher=fetcher, public=public, options=options) as home:
        yield home


async def ask(home: House, *urls: str) -> Asked:
    """Ask about images and return what the model was asked."""
    parts = [ImageUrlInput(WebImage(url)) for url in urls]
    content: tuple[ContentInput, ...] = (TextInput("What is this?"), *parts)
    message = CreateMessage(role="user", content=content)
    thread_id = (await home.api.create_thread(CreateThread(messages=(message,)))).id
    await home.until(await home.run(thread_id), "completed")
    return home.model.requests[-1]


async def test_a_model_on_this_machine_is_shown_the_bytes_and_no_address(
    tmp_path: Path, site: Web
) -> None:
    async with fetching(tmp_path) as home:
        asked = await ask(home, site.url("/cat.png"))
    assert asked.images == [DATA]
    assert site.url("/cat.png") not in str(asked.messages)
    assert site.hits == ["127.0.0.1/cat.png"]


async def test_a_model_elsewhere_is_given_the_address_and_nothing_is_fetched(
    tmp_path: Path, site: Web
) -> None:
    async with fetching(tmp_path, public=True) as home:
        asked = await ask(home, site.url("/cat.png"))
    assert asked.images == [site.url("/cat.png")]
    assert site.hits == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "127.1", "0x7f000001"]
)
async def test_nothing_of_this_machine_is_fetched_however_it_is_spelled(
    tmp_path: Path, site: Web, host: str
) -> None:
    async with house(tmp_path, "client") as home:
        asked = await ask(home, site.url("/admin", host))
    assert site.hits == []
    assert asked.images == []
    assert "can't be shown" in str(asked.messages)
    assert "/admin" not in str(asked.messages)


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "192.168.1.1", "[fd00::1]"])
async def test_nothing_of_a_private_network_is_fetched(tmp_path: Path, host: str) -> None:
    async with house(tmp_path, "client") as home:
        asked = await ask(home, f"http://{host}/latest/meta-data")
    assert asked.images == []
    assert "not on the public network" in str(asked.messages)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_to_a_permitted_address_only(
    tmp_path: Path, site: Web, status: int
) -> None:
    def answer(request: web.Request) -> web.Response:
        goals = {"/far": site.url("/secret", "127.0.0.2"), "/near": site.url("/cat.png")}
        if request.path in goals:
            return web.Response(status=status, headers={"Location": goals[request.path]})
        return web.Response(body=PNG)

    site.answer = answer
    async with fetching(tmp_path) as home:
        asked = await ask(home, site.url("/far"), site.url("/near"))
    assert asked.images == [DATA]
    assert "not on the public network" in str(asked.messages)
    assert site.hits == ["127.0.0.1/far", "127.0.0.1/near", "127.0.0.1/cat.png"]


@pytest.mark.parametrize("goal", ["/loop", "file:///etc/passwd", "data:image/png;base64,AA", "//"])
async def test_a_notice_replaces_an_image_behind_a_redirect_to_nowhere(
    tmp_path: Path, site: Web, goal: str
) -> None:
    site.answer = lambda _: web.Response(status=302, headers={"Location": goal})
    async with fetching(tmp_path) as home:
        asked = await ask(home, site.url("/loop"))
    assert asked.images == []
    assert "could not be read" in str(asked.messages)
    assert len(site.hits) < 10


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda: web.Response(text="<html>no picture</html>"), "no PNG, JPEG, GIF or WebP"),
        (lambda: web.Response(body=PNG, status=404), "answered with status 404"),
        (lambda: web.Response(body=PNG, status=206), "answered with status 206"),
        (
            lambda: web.Response(
                body=gzip.compress(PNG + bytes(1_000_000)), headers={"Content-Encoding": "gzip"}
            ),
            "no PNG, JPEG, GIF or WebP",
        ),
        (lambda: web.Response(body=PNG, headers={"Content-Encoding": "br"}), None),
        (lambda: web.Response(body=PNG + bytes(21 * 1024 * 1024)), "too large"),
    ],
)
async def test_a_notice_replaces_an_image_that_models_do_not_accept(
    tmp_path: Path, site: Web, answer: Callable[[], web.Response], why: str | None
) -> None:
    site.answer = lambda _: answer()
    async with fetching(tmp_path) as home:
        asked = await ask(home, site.url("/cat.png"))
    if why is None:  # its header is wrong, its bytes are an image's
        assert asked.images == [DATA]
    else:
        assert asked.images == []
        assert why in str(asked.messages)


async def test_a_body_without_an_end_is_cut_at_the_largest_size(tmp_path: Path, site: Web) -> None:
    async with fetching(tmp_path) as home:
        asked = await ask(home, site.url("/endless"))
    assert asked.images == []
    assert "too large" in str(asked.messages)


async def test_an_address_that_does_not_answer_holds_no_run(tmp_path: Path, site: Web) -> None:
    async with fetching(tmp_path, seconds=30) as home:
        asking = asyncio.create_task(ask(home, site.url("/hang"), site.url("/cat.png")))
        await eventually(lambda: site.hits)
        await pass_loop_time(31)
        asked = await asking
    assert asked.images == [DATA]
    assert "did not answer in time" in str(asked.messages)


async def test_a_run_that_waits_for_an_image_can_be_cancelled(tmp_path: Path, site: Web) -> None:
    async with fetching(tmp_path, seconds=600) as home:
        image = ImageUrlInput(WebImage(site.url("/hang")))
        message = CreateMessage(role="user", content=(image,))
        thread_id = (await home.api.create_thread(CreateThread(messages=(message,)))).id
        run = await home.run(thread_id)
        await eventually(lambda: site.hits)
        await home.api.cancel_run(thread_id, run.id)
        await home.until(run, "cancelled")
        assert home.model.requests == []


async def test_names_that_are_never_looked_up_hold_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered, asked = threading.Event(), threading.Semaphore(0)

    def lookup(*_: object, **__: object) -> list[Any]:
        asked.release()
        answered.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    fetcher = ImageFetcher(seconds=600)
    fetches = [
        asyncio.create_task(fetcher.fetch(f"http://{number}.slow.example/", 1))
        for number in range(50)
    ]
    try:
        for _ in range(8):  # as many as are looked up at once
            await eventually(lambda: asked.acquire(blocking=False))
        async with asyncio.timeout(PATIENCE):
            assert await asyncio.to_thread(lambda: "at once") == "at once"
    finally:
        answered.set()
        ends = await asyncio.gather(*fetches, return_exceptions=True)
    assert all(isinstance(end, FetchError) for end in ends)


@given(st.from_regex(WEB_URL))
def test_any_web_address_is_fetched_or_refused_with_a_reason(url: str) -> None:
    async def whole() -> None:
        with pytest.raises(FetchError):
            await ImageFetcher(permitted=lambda _: False).fetch(url, 1)

    with pytest.MonkeyPatch.context() as patch:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))]
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        asyncio.run(whole())


async def test_an_address_is_fetched_once_in_a_run(tmp_path: Path, site: Web) -> None:
    async with fetching(tmp_path) as home:
        urls = [site.url("/cat.png"), site.url("/cat.png"), site.url("/gone.png")]
        site.answer = lambda request: (
            web.Response(body=PNG) if request.path == "/cat.png" else web.Response(status=404)
        )
        parts = tuple(ImageUrlInput(WebImage(url)) for url in urls)
        message = CreateMessage(role="user", content=parts)
        thread_id = (await home.api.create_thread(CreateThread(messages=(message,)))).id
        home.model.call_tools(("code_interpreter", {"code": "print(1)"}))
        home.model.call_tools(("look", {}))
        home.model.say("A cat.")
        run = await home.run(thread_id, tools=(CodeInterpreterTool(), tool("look")))
        waiting = await home.until(run, "requires_action")
        assert site.hits == ["127.0.0.1/cat.png", "127.0.0.1/gone.png"]
        await home.api.submit_tool_outputs(thread_id, run.id, outputs(waiting))
        await home.until(run, "completed")
        assert [asked.images for asked in home.model.requests] == [[DATA, DATA]] * 3


async def test_a_thread_of_many_addresses_fetches_a_bounded_number_the_newest(
    tmp_path: Path, site: Web
) -> None:
    async with fetching(tmp_path, options=EngineOptions(context_window=200_000)) as home:
        urls = [site.url(f"/{number}.png") for number in range(30)]
        messages = tuple(
            CreateMessage(role="user", content=(ImageUrlInput(WebImage(url)),)) for url in urls
        )
        thread_id = (await home.api.create_thread(CreateThread(messages=messages))).id
        await home.until(await home.run(thread_id), "completed")
    assert site.hits == [f"127.0.0.1/{number}.png" for number in range(29, 9, -1)]
    assert str(home.model.requests[0].messages).count("only the newest 20 are fetched") == 10


def test_a_public_address_of_this_machine_is_its_own() -> None:
    # Loopback addresses stand for public ones: to the system they are its own like any other.
    assert is_own_address("127.0.0.1")
    assert not is_own_address("192.0.2.1")
    assert not is_public_address("127.0.0.1")
    assert is_public_address("8.8.8.8")


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("http://127.0.0.1:8000/v1", False),
        ("http://localhost:11434/v1", False),
        ("http://[::1]:8000/v1", False),
        ("http://10.1.2.3:8000/v1", False),
        ("http://192.168.0.7/v1", False),
        ("http://[fd00::7]:8000/v1", False),
        ("https://8.8.8.8/v1", True),
        # Names without an address are judged by their spelling.
        ("http://no-such-container:8000/v1", False),
        ("http://no-such-gpu.internal/v1", False),
        ("https://no-such-model.invalid/v1", True),
    ],
)
async def test_an_endpoint_fetches_images_itself_where_it_is_on_the_worlds_network(
    url: str, public: bool
) -> None:
    for kind in (ChatCompletions, Responses):
        model = kind(url)
        assert await model.fetches_images() is public
        await model.close()


async def test_an_endpoints_name_with_a_private_address_is_in_a_private_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {"mixed.example": ["8.8.8.8", "10.0.0.4"], "far.example": ["8.8.8.8"]}

    async def lookup(host: str, port: int, **_: Any) -> list[Any]:
        return [(2, 1, 6, "", (address, port)) for address in found[host]]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    assert not await ChatCompletions("https://mixed.example/v1").fetches_images()
    assert await ChatCompletions("https://far.example/v1").fetches_images()
