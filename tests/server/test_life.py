"""Starting, answering whether it lives, failing openly, stopping."""

import asyncio

import aiohttp
import pytest

from bot.assistants.errors import APIError
from bot.assistants.schema.objects import ListPage
from bot.assistants.schema.vector_stores import SearchPage
from bot.server import Server, ServerError
from tests.server.conftest import BETA
from tests.server.fakes import RecordingAPI
from tests.support.eventually import PATIENCE


async def test_health_needs_no_key_and_no_header(server: Server) -> None:
    health = server.url.removesuffix("/v1") + "/healthz"
    async with aiohttp.ClientSession() as session, session.get(health) as response:
        assert response.status == 200
        assert await response.json() == {"status": "ok"}


async def test_a_taken_port_is_an_error_in_one_sentence(api: RecordingAPI, server: Server) -> None:
    port = int(server.url.rsplit(":", 1)[1].removesuffix("/v1"))
    second = Server(lambda _project: api.api, keys={}, port=port)
    with pytest.raises(ServerError, match=rf"can't listen on 127.0.0.1:{port} .*another host or"):
        await second.start()
    await second.stop()


async def test_a_stopped_server_is_gone_and_stopping_again_does_nothing(
    api: RecordingAPI,
) -> None:
    server = Server(lambda _project: api.api, keys={}, port=0)
    await server.start()
    url = server.url
    await server.stop()
    await server.stop()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)


async def test_stopping_lets_a_request_finish(api: RecordingAPI) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    class SlowAPI(RecordingAPI):
        async def list_assistants(self, **_: object) -> object:
            asked.set()
            await go_on.wait()
            return ListPage(data=())

    server = Server(lambda _project: SlowAPI().api, keys={}, port=0)
    await server.start()
    async with aiohttp.ClientSession(headers=BETA) as session:
        request = asyncio.create_task(session.get(f"{server.url}/assistants"))
        await asked.wait()
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        go_on.set()
        async with await request as response:
            assert response.status == 200
        await stopping


async def test_an_unexpected_exception_is_a_500_without_detail(
    api: RecordingAPI, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    api.answers["list_assistants"] = ValueError("secret detail")
    async with http.get("/v1/assistants") as response:
        assert response.status == 500
        error = (await response.json())["error"]
        request_id = response.headers["x-request-id"]
    assert error["type"] == "server_error"
    assert "secret detail" not in error["message"]
    assert request_id in error["message"]
    assert "secret detail" in caplog.text


async def test_who_refuses_may_say_when_to_come_again(
    api: RecordingAPI, http: aiohttp.ClientSession
) -> None:
    api.answers["list_assistants"] = APIError(429, "Slow down.", retry_after=1.2)
    async with http.get("/v1/assistants") as response:
        assert response.status == 429
        assert response.headers["Retry-After"] == "2"


async def test_a_search_is_cancelled_when_its_caller_goes(api: RecordingAPI) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    class SearchingAPI(RecordingAPI):
        async def search_vector_store(self, *_: object) -> object:
            begun.set()
            try:
                return await asyncio.get_running_loop().create_future()
            finally:
                ended.set()

    server = Server(lambda _project: SearchingAPI().api, keys={}, port=0)
    await server.start()
    async with aiohttp.ClientSession(headers=BETA) as session:
        url = f"{server.url}/vector_stores/vs_1/search"
        request = asyncio.create_task(session.post(url, json={"query": "q"}))
        await begun.wait()
        assert not ended.is_set()
        request.cancel()
        async with asyncio.timeout(PATIENCE):
            await ended.wait()
        async with session.get(server.url.removesuffix("/v1") + "/healthz") as response:
            assert response.status == 200
    await server.stop()


async def test_a_search_whose_caller_stays_is_answered_or_refused_as_ever(
    api: RecordingAPI, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    api.answers["search_vector_store"] = SearchPage(search_query=("q",), data=())
    for _ in range(2):
        async with http.post("/v1/vector_stores/vs_1/search", json={"query": "q"}) as response:
            assert (await response.json())["search_query"] == ["q"]
    api.answers["search_vector_store"] = APIError(404, "There is none.")
    async with http.post("/v1/vector_stores/vs_1/search", json={"query": "q"}) as response:
        assert response.status == 404
    assert not caplog.records
