"""Images by their addresses: no request reaches another project's files or a private network."""

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.assistants.content import (
    Content,
    ContentInput,
    ImageFile,
    ImageFilePart,
    ImageUrl,
    ImageUrlInput,
    ImageUrlPart,
    TextInput,
    TextPart,
    TextValue,
    WebImage,
)
from bot.assistants.objects import (
    CodeInterpreterResources,
    FileSearchResources,
    Message,
    ToolResources,
)
from bot.assistants.requests import CreateMessage, CreateThread
from bot.assistants.tools import CodeInterpreterTool, FileSearchTool
from bot.assistants.vector_stores import CreateVectorStore
from bot.engine import EngineOptions
from bot.models.chat import ChatCompletions
from bot.models.image_fetcher import ImageFetcher, is_own_address, is_public_address
from bot.models.responses import Responses
from tests.contract.tooling import outputs, tool
from tests.support.assistants import PATIENCE, House, house
from tests.support.files import ended, upload
from tests.support.model_answers import Asked

PNG = b"\x89PNG\r\n\x1a\n" + b"rest of a picture"
DATA = "data:image/png;base64," + base64.b64encode(PNG).decode()
MINE, THEIRS = "sk-default", "sk-other"


def shown(asked: Asked) -> list[str]:
    """The addresses of all images in a request to the model."""
    return [
        part["image_url"]["url"]
        for message in asked.messages
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    ]


def told(asked: Asked) -> str:
    """All that a request to the model says, as text."""
    return str(asked.messages)


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, "client") as whole:
        yield whole


async def post(
    home: House, path: str, body: dict[str, Any], key: str = MINE
) -> tuple[int, dict[str, Any]]:
    """Send JSON as any program may; return status and answer."""
    assert home.server is not None
    headers = {"Authorization": f"Bearer {key}", "OpenAI-Beta": "assistants=v2"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{home.server.url}/{path}", json=body) as response,
    ):
        return response.status, await response.json()


def question(url: str) -> dict[str, Any]:
    """A message with an image, as JSON."""
    image = {"type": "image_url", "image_url": {"url": url}}
    return {"role": "user", "content": [{"type": "text", "text": "What is this?"}, image]}


async def keep(home: House, thread_id: str, *content: Content) -> Message:
    """Put a message on a thread as an earlier version stored one, unchecked."""
    message = Message(
        id=f"msg_old{len(content)}", created_at=1, thread_id=thread_id, role="user", content=content
    )
    await home.engine.store.write(lambda tables: tables.add_message(message))
    return message


@pytest.mark.parametrize("detail", ["auto", "high"])
async def test_no_request_names_an_image_by_the_engines_own_address(
    home: House, detail: str
) -> None:
    theirs = await upload(home.other, "secret.png", PNG, purpose="vision")
    assistant_id, thread_id = await home.assistant(), await home.thread("hi")
    asked = question(f"file-id:{theirs.id}")
    asked["content"][1]["image_url"]["detail"] = detail
    run = {"assistant_id": assistant_id}
    ways: list[tuple[str, dict[str, Any], str]] = [
        (f"threads/{thread_id}/messages", asked, ""),
        ("threads", {"messages": [asked]}, "messages[0]."),
        (
            f"threads/{thread_id}/runs",
            {**run, "additional_messages": [asked]},
            "additional_messages[0].",
        ),
        ("threads/runs", {**run, "thread": {"messages": [asked]}}, "thread.messages[0]."),
        (
            f"threads/{thread_id}/runs",
            {**run, "stream": True, "additional_messages": [asked]},
            "additional_messages[0].",
        ),
    ]
    for path, body, before in ways:
        param = f"{before}content[1].image_url.url"
        message = (
            f"Invalid '{param}'. Expected a valid URL, but got a value with an invalid format."
        )
        status, answer = await post(home, path, body)
        assert status == 400
        assert answer["error"] == {
            "message": message,
            "type": "invalid_request_error",
            "param": param,
            "code": "invalid_value",
        }
    assert (await home.api.list_runs(thread_id)).data == ()
    assert len((await home.api.list_messages(thread_id)).data) == 1


@pytest.mark.parametrize(
    "url",
    [
        *("", " ", "cat.png", "//example.com/a.png", "http:", "http:/a", "http://", "http:///a"),
        *(DATA, "file:///etc/passwd", "ftp://example.com/a", "javascript:alert(1)", "file-id:x"),
        *("https://exa mple.com/", " https://example.com/a.png", "https://example.com/a.png\n"),
        *("https://example.com/a\x00b", "https://example.com:port/", "https://[::1", "http://:80/"),
        *("httpss://example.com/", "xhttp://example.com/", "https://a\\b/", "https://?a=b"),
    ],
)
async def test_an_address_that_is_no_web_address_is_refused(home: House, url: str) -> None:
    thread_id = await home.thread()
    status, answer = await post(home, f"threads/{thread_id}/messages", question(url))
    assert status == 400
    assert answer["error"]["param"] == "content[1].image_url.url"
    assert "Expected a valid URL, but got a value with an invalid format." in str(answer)


async def test_an_address_longer_than_any_is_refused(home: House) -> None:
    thread_id = await home.thread()
    url = "https://example.com/" + "a" * 9_000
    status, answer = await post(home, f"threads/{thread_id}/messages", question(url))
    assert (status, answer["error"]["code"]) == (400, "string_above_max_length")
    assert answer["error"]["param"] == "content[1].image_url.url"


@pytest.mark.parametrize(
    "url",
    [
        *("https://example.com/a.png", "HTTP://EXAMPLE.com", "http://example.com:8080/a?b=c#d"),
        *("https://bücher.example/katze.png", "https://user:word@example.com/a", "http://[::1]/a"),
        "https://example.com/a%20b/~c/(d)[e]{f}|g?url=http://other.example/x",
    ],
)
async def test_a_web_address_is_kept_as_it_was_sent(home: House, url: str) -> None:
    thread_id = await home.thread()
    status, answer = await post(home, f"threads/{thread_id}/messages", question(url))
    assert status == 200
    assert answer["content"][1] == {
        "type": "image_url",
        "image_url": {"url": url, "detail": "auto"},
    }


async def test_messages_of_earlier_versions_are_read_and_stay_in_their_project(
    home: House,
) -> None:
    jpeg = b"\xff\xd8\xff\xe0 theirs"
    mine = await upload(home.api, "cat.png", PNG, purpose="vision")
    theirs = await upload(home.other, "secret.jpg", jpeg, purpose="vision")
    thread_id = await home.thread()
    urls = [
        DATA,
        f"file-id:{mine.id}",
        f"file-id:{theirs.id}",
        "file-id:../engine.db",
        "data:text/html;base64,PGI+",
        "data:image/png;base64,!!",
        "file:///etc/passwd",
    ]
    parts = [ImageUrlPart(ImageUrl(url)) for url in urls]
    message = await keep(
        home,
        thread_id,
        TextPart(TextValue("What are these?")),
        *parts,
        ImageFilePart(ImageFile(theirs.id)),
    )
    assert (await home.api.list_messages(thread_id)).data == (message,)
    await home.until(await home.run(thread_id), "completed")
    (asked,) = home.model.requests
    assert shown(asked) == [DATA, DATA]
    assert base64.b64encode(jpeg).decode()[:12] not in told(asked)
    assert "/etc/passwd" not in told(asked)
    assert told(asked).count("can't be shown") == 6


async def test_stored_tool_resources_of_another_project_give_a_run_nothing(home: House) -> None:
    secret = "the vault opens with 1234"
    file = await upload(home.other, "secret.txt", secret)
    store = await home.other.create_vector_store(CreateVectorStore(file_ids=(file.id,)))
    await ended(home.other, store.id, file.id)
    resources = ToolResources(
        code_interpreter=CodeInterpreterResources((file.id,)),
        file_search=FileSearchResources((store.id,)),
    )
    assistant_id = await home.assistant(tools=(CodeInterpreterTool(), FileSearchTool()))
    thread_id = await home.thread("What is in the vault?")

    def work(tables: Any) -> None:
        # As a defect elsewhere might leave the rows.
        for table, id_ in ((tables.assistants, assistant_id), (tables.threads, thread_id)):
            kept = table.one(id=id_, project="default")
            changed = type(kept)(
                **{name: getattr(kept, name) for name in kept.__struct_fields__}
                | {"tool_resources": resources}
            )
            table.write(changed, id=id_, project="default")

    await home.engine.store.write(work)
    read = "from pathlib import Path\nprint(Path('/mnt/data/secret.txt').read_text())"
    home.model.call_tools(("code_interpreter", {"code": read}))
    home.model.call_tools(("file_search", {"queries": ["vault"]}))
    home.model.say("I can't tell.")
    await home.until(await home.run(thread_id, assistant_id), "completed")
    assert len(home.model.requests) == 3
    assert "1234" not in told(home.model.requests[-1])


async def test_another_projects_files_are_not_found_by_any_request(home: House) -> None:
    file = await upload(home.other, "secret.txt", "secret")
    store = await home.other.create_vector_store(CreateVectorStore(file_ids=(file.id,)))
    assistant_id, thread_id = await home.assistant(), await home.thread("hi")
    image = {"type": "image_file", "image_file": {"file_id": file.id}}
    attached = [
        {"file_id": file.id, "tools": [{"type": kind}]}
        for kind in ("code_interpreter", "file_search")
    ]
    code = {"code_interpreter": {"file_ids": [file.id]}}
    search = {"file_search": {"vector_store_ids": [store.id]}}
    new_store = {"file_search": {"vector_stores": [{"file_ids": [file.id]}]}}
    mine = (await home.api.create_vector_store(CreateVectorStore())).id
    ways: list[tuple[str, dict[str, Any]]] = [
        (f"threads/{thread_id}/messages", {"role": "user", "content": [image]}),
        ("threads", {"messages": [{"role": "user", "content": [image]}]}),
        *[
            (f"threads/{thread_id}/messages", {"role": "user", "content": "a", "attachments": [a]})
            for a in [*attached, {"file_id": file.id}]
        ],
        *[
            (path, {**body, "tool_resources": resources})
            for resources in (code, search, new_store)
            for path, body in (
                ("assistants", {"model": "m"}),
                (f"assistants/{assistant_id}", {}),
                ("threads", {}),
                (f"threads/{thread_id}", {}),
                ("threads/runs", {"assistant_id": assistant_id}),
            )
        ],
        ("vector_stores", {"file_ids": [file.id]}),
        (f"vector_stores/{mine}/files", {"file_id": file.id}),
        (f"vector_stores/{mine}/file_batches", {"file_ids": [file.id]}),
        (f"vector_stores/{store.id}/search", {"query": "secret"}),
        (f"vector_stores/{store.id}/files", {"file_id": file.id}),
    ]
    for path, body in ways:
        status, answer = await post(home, path, body)
        assert status == 404, (path, body, answer)
        assert "found with id" in answer["error"]["message"]


# The engine fetches for endpoints on this machine.


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
    assert shown(asked) == [DATA]
    assert site.url("/cat.png") not in told(asked)
    assert site.hits == ["127.0.0.1/cat.png"]


async def test_a_model_elsewhere_is_given_the_address_and_nothing_is_fetched(
    tmp_path: Path, site: Web
) -> None:
    async with fetching(tmp_path, public=True) as home:
        asked = await ask(home, site.url("/cat.png"))
    assert shown(asked) == [site.url("/cat.png")]
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
    assert shown(asked) == []
    assert "can't be shown" in told(asked)
    assert "/admin" not in told(asked)


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "192.168.1.1", "[fd00::1]"])
async def test_nothing_of_a_private_network_is_fetched(tmp_path: Path, host: str) -> None:
    async with house(tmp_path, "client") as home:
        asked = await ask(home, f"http://{host}/latest/meta-data")
    assert shown(asked) == []
    assert "not on the public network" in told(asked)


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
    assert shown(asked) == [DATA]
    assert "not on the public network" in told(asked)
    assert site.hits == ["127.0.0.1/far", "127.0.0.1/near", "127.0.0.1/cat.png"]


@pytest.mark.parametrize("goal", ["/loop", "file:///etc/passwd", "data:image/png;base64,AA", "//"])
async def test_a_redirect_to_nowhere_is_told_in_words(tmp_path: Path, site: Web, goal: str) -> None:
    site.answer = lambda _: web.Response(status=302, headers={"Location": goal})
    async with fetching(tmp_path) as home:
        asked = await ask(home, site.url("/loop"))
    assert shown(asked) == []
    assert "could not be read" in told(asked)
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
async def test_what_is_no_image_of_the_size_that_models_take_is_told_in_words(
    tmp_path: Path, site: Web, answer: Callable[[], web.Response], why: str | None
) -> None:
    site.answer = lambda _: answer()
    async with fetching(tmp_path) as home:
        asked = await ask(home, site.url("/cat.png"))
    if why is None:  # its header is wrong, its bytes are an image's
        assert shown(asked) == [DATA]
    else:
        assert shown(asked) == []
        assert why in told(asked)


async def test_a_body_without_an_end_is_cut_at_the_largest_size(tmp_path: Path, site: Web) -> None:
    async with fetching(tmp_path) as home:
        asked = await ask(home, site.url("/endless"))
    assert shown(asked) == []
    assert "too large" in told(asked)


async def test_an_address_that_does_not_answer_holds_no_run(tmp_path: Path, site: Web) -> None:
    async with fetching(tmp_path, seconds=0.1) as home:
        asked = await ask(home, site.url("/hang"), site.url("/cat.png"))
    assert shown(asked) == [DATA]
    assert "did not answer in time" in told(asked)


async def test_a_run_that_waits_for_an_image_can_be_cancelled(tmp_path: Path, site: Web) -> None:
    async with fetching(tmp_path, seconds=600) as home:
        image = ImageUrlInput(WebImage(site.url("/hang")))
        message = CreateMessage(role="user", content=(image,))
        thread_id = (await home.api.create_thread(CreateThread(messages=(message,)))).id
        run = await home.run(thread_id)
        async with asyncio.timeout(PATIENCE):
            while not site.hits:
                await asyncio.sleep(0.005)
        await home.api.cancel_run(thread_id, run.id)
        await home.until(run, "cancelled")
        assert home.model.requests == []


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
        assert [shown(asked) for asked in home.model.requests] == [[DATA, DATA]] * 3


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
    assert told(home.model.requests[0]).count("only the newest 20 are fetched") == 10


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
