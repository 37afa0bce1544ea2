"""Files over the wire: multipart bodies right and wrong, and bytes on their way out."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.assistants.errors import not_found
from bot.assistants.schema.files import File, FileExpiration, UploadFile
from bot.server import Server
from bot.server.context import Limits
from tests.server.conftest import BETA
from tests.server.fakes import RecordingAPI
from tests.server.test_parsing import refused
from tests.support.eventually import PATIENCE

MADE = File(id="file-1", bytes=3, created_at=1, filename="a.txt", purpose="assistants")
B = "boundary"


class Kept(RecordingAPI):
    """Keeps what is uploaded, as an engine would: to the content's end, or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[tuple[UploadFile, bytes]] = []

    async def upload_file(self, request: UploadFile, content: AsyncIterator[bytes]) -> File:
        self.files.append((request, b"".join([piece async for piece in content])))
        return MADE


@pytest.fixture
def api() -> Kept:
    return Kept()


def part(name: str, value: bytes | str, *, filename: str | None = None, more: str = "") -> bytes:
    data = value.encode() if isinstance(value, str) else value
    named = "" if filename is None else f'; filename="{filename}"'
    head = f'--{B}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n{more}\r\n'
    return head.encode() + data + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{B}--\r\n".encode()


FILE = part("file", "abc", filename="a.txt")
PURPOSE = part("purpose", "assistants")


async def send(
    http: aiohttp.ClientSession, data: Any, kind: str = f"multipart/form-data; boundary={B}"
) -> aiohttp.ClientResponse:
    return await http.post("/v1/files", data=data, headers={"Content-Type": kind})


@pytest.mark.parametrize(
    "parts", [(PURPOSE, FILE), (FILE, PURPOSE)], ids=["purpose first", "file first"]
)
async def test_parts_come_in_any_order(
    api: Kept, http: aiohttp.ClientSession, parts: tuple[bytes, ...]
) -> None:
    async with await send(http, body(*parts)) as response:
        assert response.status == 200
        assert (await response.json())["id"] == "file-1"
    assert api.files == [(UploadFile(filename="a.txt", purpose="assistants"), b"abc")]


async def test_no_beta_header_is_asked_for_where_the_clients_send_none(
    api: Kept, server: Server
) -> None:
    async with aiohttp.ClientSession(server.url.removesuffix("/v1")) as http:
        async with await send(http, body(FILE, PURPOSE)) as response:
            assert response.status == 200
        async with http.get("/v1/assistants") as response:
            assert response.status == 400


@pytest.mark.parametrize(
    "parts",
    [
        (part("expires_after[anchor]", "created_at"), part("expires_after[seconds]", "3600")),
        (part("expires_after", '{"anchor": "created_at", "seconds": 3600}'),),
    ],
    ids=["side by side", "as json"],
)
async def test_an_expiration_is_read_in_each_spelling(
    api: Kept, http: aiohttp.ClientSession, parts: tuple[bytes, ...]
) -> None:
    async with await send(http, body(FILE, PURPOSE, *parts)) as response:
        assert response.status == 200
    after = FileExpiration(anchor="created_at", seconds=3600)
    assert api.files[0][0].expires_after == after


@pytest.mark.parametrize(
    ("data", "param", "word"),
    [
        (body(PURPOSE), "file", "Missing required parameter: 'file'"),
        (body(FILE), "purpose", "Missing required parameter: 'purpose'"),
        (body(FILE, part("purpose", "fun")), "purpose", "Invalid"),
        (body(FILE, PURPOSE, part("colour", "red")), "colour", "Unknown parameter: 'colour'"),
        (body(FILE, FILE, PURPOSE), "file", "Duplicate parameter: 'file'"),
        (body(part("file", "abc"), PURPOSE), "file", "no filename"),
        (body(part("file", "a", filename="x" * 513), PURPOSE), "filename", "too long"),
        (body(FILE, part("purpose", "a" * 5000)), "purpose", "at most 4096 bytes"),
        (body(FILE, part("purpose", b"\xff")), "purpose", "not UTF-8"),
        (body(FILE, PURPOSE, part("expires_after", "soon")), "expires_after", "Invalid type"),
        (
            body(FILE, PURPOSE, part("expires_after[seconds]", "3600")),
            "expires_after.anchor",
            "Missing",
        ),
        (
            body(FILE, PURPOSE, part("expires_after[seconds]", "x" * 30)),
            "expires_after.anchor",
            "",
        ),
        (body(part("file", "a", filename="f", more="Content-Encoding: gzip\r\n"), PURPOSE), None,
         "encoded"),
        (body(part("a", "", more="Content-Type: multipart/mixed; boundary=x\r\n")), None,
         "multipart itself"),
        (body(part("", "x"), FILE), None, "no name"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
async def test_a_wrong_part_is_named(
    api: Kept, http: aiohttp.ClientSession, data: bytes, param: str | None, word: str
) -> None:
    async with await send(http, data) as response:
        error = await refused(response)
    assert word in error["message"]
    if word:
        assert error["param"] == param
    assert api.files == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        body(PURPOSE, FILE)[:-20],
        PURPOSE + FILE,
        f"--{B}\r\nno header\r\n\r\nx\r\n--{B}--\r\n".encode(),
        f"--{B}\r\n{'X-Many: y' + chr(13) + chr(10)}".encode() * 300,
        f"--{B}\r\nX-Long: {'y' * 20_000}\r\n\r\n--{B}--\r\n".encode(),
        body(part("_charset_", "x" * 50), FILE, PURPOSE),
        body(part("file", "x", filename="f", more="Content-Type: \xff/\r\n"), PURPOSE)[:-9],
        b"\r\n" * 5000,
    ],
    ids=lambda data: repr(data[:20]),
)
@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionHeader")
@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionParam")
async def test_a_body_that_is_no_multipart_is_refused(
    api: Kept, http: aiohttp.ClientSession, data: bytes
) -> None:
    async with await send(http, data) as response:
        await refused(response)
    assert api.files == []


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=other",
        f"multipart/form-data; boundary={'b' * 71}",
        "multipart/form-data; boundary=",
        f"multipart/mixed; boundary={B}",
        "application/json",
        "text/plain",
    ],
)
async def test_a_body_of_another_kind_or_boundary_is_refused(
    api: Kept, http: aiohttp.ClientSession, kind: str
) -> None:
    async with await send(http, body(FILE, PURPOSE), kind) as response:
        await refused(response)
    assert api.files == []


async def test_parameters_are_refused_beside_an_upload(
    api: Kept, http: aiohttp.ClientSession
) -> None:
    async with http.post("/v1/files?purpose=assistants", data=body(FILE, PURPOSE)) as response:
        assert (await refused(response))["message"] == "Unknown parameter: 'purpose'."


@asynccontextmanager
async def serving(api: RecordingAPI, **limits: Any) -> AsyncIterator[Server]:
    server = Server(lambda _project: api.api, keys={}, port=0, limits=Limits(**limits))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def test_a_file_over_the_bound_is_refused_however_it_comes(api: Kept) -> None:
    async def pieces(size: int) -> AsyncIterator[bytes]:
        yield PURPOSE + part("file", b"", filename="f")[:-2]
        for _ in range(size // 1000):
            yield b"x" * 1000
        yield b"x" * (size % 1000) + f"\r\n--{B}--\r\n".encode()

    async with (
        serving(api, upload=2_000_000) as server,
        aiohttp.ClientSession(server.url.removesuffix("/v1"), headers=BETA) as http,
    ):
        async with await send(http, pieces(2_000_000)) as response:
            assert response.status == 200
        async with await send(http, pieces(2_000_001)) as response:
            error = await refused(response, 413)
        assert error["param"] == "file"
        headers = {"Content-Type": f"multipart/form-data; boundary={B}"}
        promised = {**headers, "Content-Length": str(10**12), "Expect": "100-continue"}
        reader, writer = await asyncio.open_connection(*address(server))
        lines = "".join(f"{name}: {value}\r\n" for name, value in promised.items())
        writer.write(f"POST /v1/files HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
        told = await asyncio.wait_for(reader.readuntil(b'"code"'), PATIENCE)
        assert b" 413 " in told
        writer.close()
    assert [len(data) for _, data in api.files] == [2_000_000]


def address(server: Server) -> tuple[str, int]:
    host, _, port = server.url.removeprefix("http://").removesuffix("/v1").partition(":")
    return host, int(port)


async def test_a_large_upload_is_handed_on_in_pieces_and_leaves_nothing(
    api: Kept, tmp_path: Path
) -> None:
    seen: list[int] = []

    class Watching(RecordingAPI):
        async def upload_file(self, request: UploadFile, content: AsyncIterator[bytes]) -> File:
            seen.extend([len(piece) async for piece in content])
            return MADE

    spool = tmp_path / "spool"
    spool.mkdir()
    server = Server(lambda _project: Watching().api, keys={}, port=0, spool=spool)
    await server.start()
    try:
        async with aiohttp.ClientSession(server.url.removesuffix("/v1")) as http:
            data = body(part("file", bytes(8_000_000), filename="f"), PURPOSE)
            async with await send(http, io.BytesIO(data)) as response:
                assert response.status == 200
    finally:
        await server.stop()
    assert sum(seen) == 8_000_000
    assert max(seen) <= 256 * 1024
    assert list(spool.iterdir()) == []


async def test_an_upload_that_falls_silent_is_refused_with_408(api: Kept) -> None:
    async with serving(api, silence_seconds=0.05) as server:
        reader, writer = await asyncio.open_connection(*address(server))
        writer.write(
            b"POST /v1/files HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: multipart/form-data; boundary=boundary\r\nContent-Length: 9999\r\n\r\n"
            + PURPOSE
        )
        told = await asyncio.wait_for(reader.readuntil(b"request_timeout"), PATIENCE)
        assert b" 408 " in told
        writer.close()
    assert api.files == []


async def test_a_cut_upload_keeps_nothing(api: Kept, server: Server) -> None:
    _, writer = await asyncio.open_connection(*address(server))
    writer.write(
        b"POST /v1/files HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: multipart/form-data; boundary=boundary\r\nContent-Length: 9999\r\n\r\n"
        + PURPOSE
        + FILE[:-5]
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/nothing") as response:
        assert response.status == 404
    assert api.files == []


class Content:
    """A file's bytes, or what goes wrong with them."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = pieces
        self.closed = asyncio.Event()

    async def __aenter__(self) -> AsyncIterator[bytes]:
        return self._each()

    async def __aexit__(self, *_: object) -> None:
        self.closed.set()

    async def _each(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.txt", 'attachment; filename="a.txt"'),
        ('a"b\\.txt', "attachment; filename=\"a_b_.txt\"; filename*=UTF-8''a%22b%5C.txt"),
        ("日.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%E6%97%A5.txt"),
        ("a\r\nX: y", "attachment; filename=\"a__X: y\"; filename*=UTF-8''a%0D%0AX%3A%20y"),
    ],
)
async def test_content_is_bytes_to_save_under_their_name(
    api: Kept, http: aiohttp.ClientSession, name: str, header: str
) -> None:
    content = Content(b"a", b"bc")
    api.answers["retrieve_file"] = File(
        id="file-1", bytes=3, created_at=1, filename=name, purpose="assistants"
    )
    api.answers["file_content"] = content
    async with http.get("/v1/files/file-1/content") as response:
        assert response.status == 200
        assert await response.read() == b"abc"
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert response.headers["Content-Disposition"] == header
        assert response.headers["Content-Length"] == "3"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["x-request-id"].startswith("req_")
    assert content.closed.is_set()


async def test_the_content_of_a_missing_file_is_an_error_of_the_api(
    api: Kept, http: aiohttp.ClientSession
) -> None:
    api.answers["retrieve_file"] = not_found("file", "file-x")
    async with http.get("/v1/files/file-x/content") as response:
        await refused(response, 404)


async def test_content_that_fails_midway_is_cut_and_not_passed_for_whole(
    api: Kept, http: aiohttp.ClientSession
) -> None:
    content = Content(b"a", OSError("the disk is gone"))
    api.answers["retrieve_file"] = MADE
    api.answers["file_content"] = content
    with pytest.raises(aiohttp.ClientError):
        async with http.get("/v1/files/file-1/content") as response:
            await response.read()
    assert content.closed.is_set()


async def test_a_reader_that_does_not_read_is_let_go(api: Kept) -> None:
    pieces = [bytes(1 << 20)] * 64
    content = Content(*pieces)
    api.answers["retrieve_file"] = File(
        id="file-1", bytes=64 << 20, created_at=1, filename="f", purpose="assistants"
    )
    api.answers["file_content"] = content
    async with serving(api, silence_seconds=0.05) as server:
        _, writer = await asyncio.open_connection(*address(server), limit=1024)
        writer.write(b"GET /v1/files/file-1/content HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            await content.closed.wait()
        writer.close()
