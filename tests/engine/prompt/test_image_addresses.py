"""Images by their addresses: no request, and no stored row, shows another project's files."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.assistants.schema.content import (
    Content,
    ImageFile,
    ImageFilePart,
    ImageUrl,
    ImageUrlPart,
    TextPart,
    TextValue,
)
from bot.assistants.schema.objects import (
    CodeInterpreterResources,
    FileSearchResources,
    Message,
    ToolResources,
)
from bot.assistants.schema.tools import CodeInterpreterTool, FileSearchTool
from bot.assistants.schema.vector_stores import CreateVectorStore
from tests.support.assistants import House, house
from tests.support.files import ended, upload

PNG = b"\x89PNG\r\n\x1a\n" + b"rest of a picture"
DATA = "data:image/png;base64," + base64.b64encode(PNG).decode()
MINE = "sk-default"


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
        "https://example.com/" + "a" * 9_000,
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
    assert asked.images == [DATA, DATA]
    assert base64.b64encode(jpeg).decode()[:12] not in str(asked.messages)
    assert "/etc/passwd" not in str(asked.messages)
    assert str(asked.messages).count("can't be shown") == 7


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
            kept = table.get(id=id_, project="default")
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
    assert "1234" not in str(home.model.requests[-1].messages)


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
            for a in [*attached, {"file_id": file.id, "tools": []}]
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
