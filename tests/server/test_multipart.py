"""Uploads of any name and any bytes, sound and spoilt."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.assistants.schema.files import UploadFile
from bot.client import Client
from bot.server import Server
from tests.server.test_uploads import FILE, PURPOSE, B, Kept, body, part

NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60
).filter(lambda name: "%22" not in name)
DATA = st.lists(
    st.one_of(
        st.binary(max_size=2000),
        st.sampled_from([b"\r\n", b"--", b"\r\n--boundary", b"\r\n--boundary--\r\n", b"\n", b"\r"]),
        st.integers(60_000, 70_000).map(lambda size: b"z" * size),
    ),
    max_size=6,
)
SLOW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


async def _pieces(data: list[bytes]) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


@SLOW
@given(st.lists(st.tuples(NAMES, DATA), min_size=1, max_size=8))
@example([("\\", []), ('"', [b""]), ("a;b=c\\", [b"\r\n"]), ("\\\\\"\\'", [b"--"])])
def test_name_and_bytes_arrive_as_they_were_sent(uploads: list[tuple[str, list[bytes]]]) -> None:
    async def send() -> Kept:
        api = Kept()
        server = Server(lambda _project: api.api, keys={}, port=0)
        await server.start()
        try:
            async with Client(server.url) as client:
                for name, data in uploads:
                    asked = UploadFile(filename=name, purpose="assistants")
                    await client.upload_file(asked, _pieces(data))
        finally:
            await server.stop()
        return api

    kept = asyncio.run(send()).files
    assert [(asked.filename, data) for asked, data in kept] == [
        (name, b"".join(data)) for name, data in uploads
    ]


WHOLE = body(PURPOSE, FILE, part("expires_after[anchor]", "created_at"))
SPOILT = st.tuples(
    st.integers(0, len(WHOLE)),
    st.integers(0, 40),
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [b"\r\n", b"--boundary\r\n", b"\x00", b'"', b"\xff", b"; name=", b"\r\n\r\n"]
        ),
    ),
)


@SLOW
@given(st.lists(st.lists(SPOILT, min_size=1, max_size=3), min_size=20, max_size=40))
@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionHeader")
@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionParam")
def test_a_spoilt_body_is_taken_or_refused_and_nothing_else(
    spoilings: list[list[tuple[int, int, bytes]]],
) -> None:
    async def send() -> None:
        server = Server(lambda _project: Kept().api, keys={}, port=0)
        await server.start()
        headers = {"Content-Type": f"multipart/form-data; boundary={B}"}
        try:
            async with aiohttp.ClientSession(headers=headers) as http:
                for spoiling in spoilings:
                    data = WHOLE
                    for at, gone, instead in spoiling:
                        data = data[:at] + instead + data[at + gone :]
                    async with http.post(f"{server.url}/files", data=data) as response:
                        answer = await response.read()
                    told = f"{data!r}: {response.status} {answer!r}"
                    if response.status != 200:
                        assert response.status == 400, told
                        assert json.loads(answer)["error"]["message"], told
        finally:
            await server.stop()

    asyncio.run(send())
