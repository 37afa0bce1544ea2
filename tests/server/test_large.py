"""Large bodies and large answers: bounded, off the event loop, and in pieces to the socket."""

import asyncio
import codecs
import io
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.assistants.schema.objects import ListPage
from bot.server import Server
from bot.server.context import Limits
from tests.server.conftest import BETA
from tests.server.fakes import RecordingAPI
from tests.support.eventually import PATIENCE
from tests.support.objects import run

MESSAGES = "/v1/threads/thread_1/messages"
LARGE = 1024 * 1024
EMPTY: ListPage[Any] = ListPage(data=())


def user(**fields: object) -> dict[str, object]:
    return {"role": "user", "content": "hi", **fields}


TOO_LONG = [
    (MESSAGES, user(attachments=[{}] * 501), "attachments", 500),
    (MESSAGES, user(attachments=[{"tools": [{}] * 17}]), "attachments[0].tools", 16),
    (MESSAGES, user(content=[{}] * 101), "content", 100),
    ("/v1/threads", {"messages": [{}] * 1001}, "messages", 1000),
    ("/v1/threads/t/runs", {"additional_messages": [{}] * 1001}, "additional_messages", 1000),
    ("/v1/threads/runs", {"thread": {"messages": [{}] * 1001}}, "thread.messages", 1000),
    ("/v1/threads/t/runs", {"tools": [{}] * 21}, "tools", 20),
    ("/v1/assistants", {"tools": [{}] * 129}, "tools", 128),
    (
        "/v1/threads/t/runs/r/submit_tool_outputs",
        {"tool_outputs": [{}] * 1025},
        "tool_outputs",
        1024,
    ),
    ("/v1/vector_stores", {"file_ids": [0] * 501}, "file_ids", 500),
    ("/v1/vector_stores/v/file_batches", {"files": [{}] * 2001}, "files", 2000),
]


@pytest.mark.parametrize(("path", "body", "param", "most"), TOO_LONG)
async def test_an_array_that_is_too_long_is_refused_before_its_elements_are_looked_at(
    api: RecordingAPI, http: aiohttp.ClientSession, path: str, body: object, param: str, most: int
) -> None:
    async with http.post(path, json=body) as response:
        assert response.status == 400
        error = (await response.json())["error"]
    assert error["param"] == param
    assert error["code"] == "array_above_max_length"
    assert f"maximum length {most}, but got an array with length {most + 1}" in error["message"]
    assert api.calls == []


async def test_the_longest_arrays_are_taken(api: RecordingAPI, http: aiohttp.ClientSession) -> None:
    api.answers["create_thread"] = EMPTY
    attached = [{"file_id": "file-1", "tools": [{"type": "file_search"}] * 16}] * 500
    parts = [{"type": "text", "text": "x"}] * 100
    messages = [user(content=parts, attachments=attached), *[user()] * 999]
    async with http.post("/v1/threads", json={"messages": messages}) as response:
        assert response.status == 200, await response.text()
    (asked,) = api.calls[0][1]
    assert (len(asked.messages), len(asked.messages[0].attachments)) == (1000, 500)


def many(unit: str, count: int) -> str:
    return unit + f",{unit}" * (count - 1)


@pytest.mark.parametrize(
    ("before", "values", "after", "param"),
    [
        ('{"role": "user", "attachments": [', many("{}", 2_600_000), "]}", "attachments"),
        ('{"metadata": {"a": [[', many("0", 3_000_000), "]]}}", "metadata.a[0]"),
        (
            '{"content": [{"type": "text"}, {"text": [',
            many('""', 2_000_000),
            "]}]}",
            "content[1].text",
        ),
        (
            '{"content": "x", "attachments": [',
            many('{"tools": [{}]}', 500_000),
            "]}",
            "attachments",
        ),
        ("[", many("[]", 2_600_000), "]", None),
        ("{", many('"n":0', 1_000_000), "}", None),
    ],
    ids=["attachments", "metadata", "content", "tools", "array", "fields"],
)
async def test_a_body_of_millions_of_values_is_refused_by_the_place_they_stand_in(
    api: RecordingAPI,
    http: aiohttp.ClientSession,
    before: str,
    values: str,
    after: str,
    param: str | None,
) -> None:
    body = (before + values + after).encode()
    async with http.post(MESSAGES, data=io.BytesIO(body)) as response:
        assert response.status == 400
        error = (await response.json())["error"]
    assert (error["code"], error["param"]) == ("too_many_values", param)
    assert "at most 100,000" in error["message"]
    assert api.calls == []


async def test_marks_within_text_are_no_values(
    api: RecordingAPI, http: aiohttp.ClientSession
) -> None:
    api.answers["create_message"] = EMPTY
    text = ('[{,"\\' * 50_000)[:256_000]
    async with http.post(MESSAGES, json=user(content=text)) as response:
        assert response.status == 200, await response.text()
    assert api.calls[0][1][1].content == text


FAULTS: list[tuple[str, dict[str, object]]] = [
    (MESSAGES, user(role="nobody")),
    (MESSAGES, user(colour="red")),
    (MESSAGES, {"content": "x"}),
    (MESSAGES, user(content=[])),
    (MESSAGES, user(content=7)),
    (MESSAGES, user(content="x" * 256_001)),
    (MESSAGES, user(attachments=[{}] * 501)),
    (MESSAGES, user(metadata={"k" * 65: "v"})),
    (MESSAGES, user(metadata={str(n): "v" for n in range(17)})),
    ("/v1/threads/t/runs", {"assistant_id": "a", "stream": "yes"}),
    ("/v1/threads/t/runs", {"assistant_id": "a", "temperature": 3}),
]


@pytest.mark.parametrize(("path", "body"), FAULTS)
async def test_a_large_body_is_refused_as_a_small_one_is(
    http: aiohttp.ClientSession, path: str, body: dict[str, object]
) -> None:
    told = []
    for padding in (0, LARGE):
        whole = json.dumps(body).encode() + b" " * padding
        async with http.post(path, data=io.BytesIO(whole)) as response:
            assert response.status == 400
            told.append(await response.json())
    assert told[0] == told[1]


@pytest.mark.parametrize("damage", [b"", b"]", b"\xff", b'"', b"[" * 200])
async def test_a_large_body_that_is_no_json_is_refused(
    http: aiohttp.ClientSession, damage: bytes
) -> None:
    body = json.dumps(user(content="x" * LARGE)).encode()[:-1] + damage
    async with http.post(MESSAGES, data=io.BytesIO(body)) as response:
        assert response.status == 400
        assert (await response.json())["error"]["code"] == "invalid_json"


class CountingExecutor(ThreadPoolExecutor):
    """Counts the calls that it runs on its threads."""

    calls = 0

    def submit(self, *args: Any, **options: Any) -> Any:
        self.calls += 1
        return super().submit(*args, **options)


async def test_only_a_large_body_is_parsed_beside_the_event_loop(
    api: RecordingAPI, http: aiohttp.ClientSession
) -> None:
    api.answers["create_message"] = api.answers["create_run"] = run()
    threads = CountingExecutor()
    asyncio.get_running_loop().set_default_executor(threads)
    beside = []
    for padding in (b"", b" " * LARGE):
        message = io.BytesIO(json.dumps(user()).encode() + padding)
        async with http.post(MESSAGES, data=message) as response:
            assert response.status == 200
        beside.append(threads.calls)
        asked = io.BytesIO(b'{"assistant_id": "a"}' + padding)
        async with http.post("/v1/threads/t/runs", data=asked) as response:
            assert response.status == 200
        beside.append(threads.calls)
    assert beside == [0, 0, 1, 2]


Values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=40,
)


def counted(value: object) -> tuple[int, int]:
    """How many commas and containers the JSON of a value has, and how many levels."""
    if not isinstance(value, dict | list):
        return 0, 0
    within = [counted(each) for each in (value.values() if isinstance(value, dict) else value)]
    marks = 1 + max(0, len(value) - 1) + sum(count for count, _ in within)
    return marks, 1 + max((depth for _, depth in within), default=0)


async def answered(bodies: list[bytes], **limits: int) -> list[tuple[int, str | None]]:
    """Send bodies to a server with these limits; return the answers' statuses and error codes."""
    api = RecordingAPI()
    api.answers["create_thread"] = EMPTY
    answers = []
    async with serving(api, **limits) as server, of("a") as http:
        for body in bodies:
            async with http.post(f"{server.url}/threads", data=io.BytesIO(body)) as response:
                answer = await response.json()
            answers.append((response.status, answer.get("error", {}).get("code")))
    return answers


@settings(max_examples=20)
@given(st.lists(st.lists(Values, min_size=2, max_size=6), min_size=4, max_size=4))
def test_values_and_levels_are_counted_as_the_decoder_would_find_them(parts: list[object]) -> None:
    bodies = [{"unknown": part} for part in parts]
    sent = [json.dumps(body).encode() for body in bodies]
    # The limits are at the edge for one of the bodies.
    count, depth = counted(bodies[0])
    for values, nesting in ((count, depth), (count - 1, depth), (count, depth - 1)):
        answers = asyncio.run(answered(sent, values=values, nesting=nesting))
        for body, (status, code) in zip(bodies, answers, strict=True):
            size, levels = counted(body)
            causes = {"too_many_values": size > values, "invalid_json": levels > nesting}
            broken = {name for name, true in causes.items() if true}
            assert status == 400
            assert code in (broken or {"unknown_parameter"}), body


@settings(max_examples=10)
@given(
    st.lists(
        st.binary(max_size=80) | st.text('[]{},:"\\ u0', max_size=80).map(str.encode),
        min_size=20,
        max_size=20,
    )
)
def test_a_body_of_any_bytes_is_counted_to_its_end(bodies: list[bytes]) -> None:
    answers = asyncio.run(answered(bodies, nesting=0, values=0))
    for body, (status, _code) in zip(bodies, answers, strict=True):
        blank = not body.removeprefix(codecs.BOM_UTF8).strip()
        assert status == (200 if blank else 400), body


async def test_a_large_answer_arrives_whole(api: RecordingAPI, http: aiohttp.ClientSession) -> None:
    api.answers["create_run"] = made = run(instructions="é" * (3 * LARGE))
    for _ in range(2):  # the connection is used again
        async with http.post("/v1/threads/t/runs", json={"assistant_id": "a"}) as response:
            assert response.status == 200
            assert response.content_type == "application/json"
            assert response.headers["x-request-id"].startswith("req_")
            body = await response.read()
        assert body == msgspec.json.encode(made)
        assert response.content_length == len(body)


@asynccontextmanager
async def serving(api: RecordingAPI, **limits: Any) -> AsyncIterator[Server]:
    """A server of the projects a and b, whose keys are their names."""
    projects = {"key-of-a": "a", "key-of-b": "b"}
    server = Server(lambda _project: api.api, keys=projects, port=0, limits=Limits(**limits))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def begin(
    server: Server, head: str, body: bytes = b""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request of project a by hand."""
    host, port = server.url.removeprefix("http://").removesuffix("/v1").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    lines = (
        head,
        "Host: localhost",
        "OpenAI-Beta: assistants=v2",
        "Authorization: Bearer key-of-a",
    )
    writer.write("\r\n".join(lines).encode() + b"\r\n" + body)
    return reader, writer


def of(project: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(headers={**BETA, "Authorization": f"Bearer key-of-{project}"})


async def test_a_project_whose_large_bodies_do_not_arrive_keeps_no_other_project_waiting(
    api: RecordingAPI,
) -> None:
    api.answers["create_thread"] = EMPTY
    large = b"{}" + b" " * LARGE
    async with serving(api, large_bodies=1) as server, of("a") as a, of("b") as b:
        threads = f"{server.url}/threads"
        head = "POST /v1/threads HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9999999"
        reader, writer = await begin(server, head, b"\r\n")
        await reader.readuntil(b"100 Continue")  # the body is read from now on
        waiting = asyncio.create_task(a.post(threads, data=io.BytesIO(large)))
        for session, body in ((b, large), (a, b"{}"), (b, large)):
            async with session.post(threads, data=io.BytesIO(body)) as response:
                assert response.status == 200
        assert not waiting.done()
        writer.close()
        async with asyncio.timeout(PATIENCE):
            response = await waiting
        assert response.status == 200
        response.close()


async def test_a_project_that_reads_none_of_its_answers_keeps_no_other_project_waiting(
    api: RecordingAPI,
) -> None:
    whole = run(status="completed", instructions="x" * (64 * LARGE))
    api.answers["retrieve_run"] = whole
    async with serving(api, answers=1) as server, of("a") as a, of("b") as b:
        _, writer = await begin(server, "GET /v1/threads/t/runs/r HTTP/1.1", b"\r\n")
        await api.asked.wait()
        path = f"{server.url}/threads/t/runs/r"
        waiting = asyncio.create_task(a.get(path))
        async with b.get(path) as response:
            assert len(await response.read()) > 64 * LARGE
        assert not waiting.done()
        writer.close()
        async with asyncio.timeout(PATIENCE):
            response = await waiting
        assert response.status == 200
        response.close()


async def test_a_reader_that_takes_nothing_of_a_large_answer_is_cut_off(api: RecordingAPI) -> None:
    api.answers["retrieve_run"] = run(status="completed", instructions="x" * (64 * LARGE))
    async with serving(api, silence_seconds=0.05, connections=1) as server:
        _, writer = await begin(server, "GET /v1/threads/t/runs/r HTTP/1.1", b"\r\n")
        await api.asked.wait()
        # The one connection that the server takes is free again.
        health = server.url.removesuffix("/v1") + "/healthz"
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as http:
            while True:
                async with http.get(health, headers={"Connection": "close"}) as response:
                    if response.status == 200:
                        break
        writer.close()
