"""Whatever is sent, the answer is a success or an error in the API's shape, and never a 5xx."""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import aiohttp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from bot.assistants.schema.vector_stores import CreateFileBatch
from bot.server.routes import ROUTES
from tests.support.assistants import house
from tests.support.files import searchable

KINDS = ("application/json", "text/event-stream", "application/octet-stream")
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["user", "assistant", "auto", "\x00", "\ud800", "x" * 600, "text", "function"]),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(allow_nan=True, allow_infinity=True),
    TEXTS,
)
FIELDS = st.sampled_from(
    [
        "model", "name", "instructions", "tools", "tool_resources", "metadata", "temperature",
        "top_p", "response_format", "messages", "role", "content", "attachments", "assistant_id",
        "thread", "stream", "additional_messages", "truncation_strategy", "tool_choice",
        "tool_outputs", "tool_call_id", "output", "type", "text", "image_url", "function", "url",
        "max_prompt_tokens", "reasoning_effort", "parameters", "json_schema", "file_ids",
        "file_search", "code_interpreter", "vector_store_ids", "last_messages", "file_id",
        "expires_after", "anchor", "days", "chunking_strategy", "static", "max_chunk_size_tokens",
        "chunk_overlap_tokens", "attributes", "files", "max_num_results", "ranking_options",
        "score_threshold", "query",
    ]
)  # fmt: skip
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(FIELDS, TEXTS), inner, max_size=5)
    ),
    max_leaves=12,
)
BODIES = st.one_of(st.dictionaries(FIELDS, JSON, max_size=6), JSON).map(
    lambda value: json.dumps(value).encode()
)
IDS = st.one_of(
    st.sampled_from(
        [
            *("THREAD", "ASSISTANT", "RUN", "MESSAGE", "STEP", "FILE", "STORE", "BATCH"),
            *("..", "%00", "%ff", "a%2Fb"),
        ]
    ),
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8),
)
QUERIES = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "limit",
                "order",
                "after",
                "before",
                "run_id",
                "include[]",
                "filter",
                "purpose",
                "x%00",
            ]
        ),
        st.sampled_from(
            ["", "1", "0", "-1", "asc", "%ff", "%00", "9" * 30, "THREAD", "MESSAGE", "failed"]
        ),
    ),
    max_size=3,
).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))
REQUESTS = st.tuples(
    st.sampled_from([(method, path) for method, path, _ in ROUTES]),
    st.lists(IDS, min_size=3, max_size=3),
    st.one_of(st.just(""), st.just(""), QUERIES),
    st.one_of(BODIES, st.binary(max_size=30)),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(REQUESTS, min_size=20, max_size=40))
def test_no_request_is_answered_with_anything_but_the_api(requests: list[Any]) -> None:
    asyncio.run(_send_all(requests))


async def _send_all(requests: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with house(Path(directory), "client") as home:
            assert home.server is not None
            thread_id, assistant_id = await home.thread("hi"), await home.assistant()
            run = await home.until(await home.run(thread_id, assistant_id), "completed")
            store, files = await searchable(home.api, bees="Bees dance.")
            batch = await home.api.create_file_batch(
                store.id, CreateFileBatch(file_ids=(files["bees"],))
            )
            known = {
                "FILE": files["bees"],
                "STORE": store.id,
                "BATCH": batch.id,
                "THREAD": thread_id,
                "ASSISTANT": assistant_id,
                "RUN": run.id,
                "MESSAGE": (await home.api.list_messages(thread_id)).data[0].id,
                "STEP": (await home.api.list_steps(thread_id, run.id)).data[0].id,
            }
            headers = {"Authorization": "Bearer sk-default", "OpenAI-Beta": "assistants=v2"}
            base = home.server.url.removesuffix("/v1")
            async with aiohttp.ClientSession(headers=headers) as http:
                for (method, path), ids, query, body in requests:
                    url = base + _filled(path, [known.get(id_, id_) for id_ in ids])
                    for name, value in known.items():
                        query = query.replace(name, value)
                    await _send(http, method, f"{url}?{query}" if query else url, body)


def _filled(path: str, ids: list[str]) -> str:
    for id_ in ids:
        before, brace, after = path.partition("{")
        path = before + id_ + after.partition("}")[2] if brace else path
    return path


async def _send(http: aiohttp.ClientSession, method: str, url: str, body: bytes) -> None:
    data = body if method == "POST" else None
    async with http.request(method, URL(url, encoded=True), data=data) as response:
        answer = await response.read()
    told = f"{method} {url} {body!r}: {response.status} {answer!r}"
    assert response.status < 500, told
    if response.status == 200:
        assert response.content_type in KINDS, told
        return
    error = json.loads(answer)["error"]
    assert set(error) == {"message", "type", "param", "code"}, told
    assert error["message"], told
