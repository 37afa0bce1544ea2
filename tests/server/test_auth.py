"""Who may ask, and what the others are told."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.assistants.schema.objects import ListPage
from bot.server import Server, ServerError
from tests.server.conftest import BETA
from tests.server.fakes import RecordingAPI

EMPTY: ListPage[Any] = ListPage(data=())


@pytest.fixture
def asked() -> list[str]:
    """The projects that requests belonged to."""
    return []


@pytest.fixture
async def keyed(api: RecordingAPI, asked: list[str]) -> AsyncIterator[aiohttp.ClientSession]:
    def project(name: str) -> Any:
        asked.append(name)
        return api.api

    api.answers["list_assistants"] = EMPTY
    server = Server(project, keys={"sk-one": "first", "sk-two": "second"}, port=0)
    await server.start()
    async with aiohttp.ClientSession(server.url.removesuffix("/v1"), headers=BETA) as session:
        yield session
    await server.stop()


async def refusal(
    session: aiohttp.ClientSession, headers: dict[str, str], path: str = "/v1/assistants"
) -> tuple[int, dict[str, Any]]:
    async with session.get(path, headers=headers) as response:
        body = await response.json()
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "param", "code"}
        return response.status, body["error"]


async def test_each_key_opens_its_own_project(
    keyed: aiohttp.ClientSession, asked: list[str]
) -> None:
    for key in ("sk-one", "sk-two"):
        async with keyed.get("/v1/assistants", headers={"Authorization": f"Bearer {key}"}) as got:
            assert got.status == 200
    assert asked == ["first", "second"]


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic sk-one", "sk-one"])
async def test_the_refusal_of_a_request_without_a_key_says_how_to_send_one(
    keyed: aiohttp.ClientSession, asked: list[str], authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    status, error = await refusal(keyed, headers)
    assert status == 401
    assert error["code"] == "invalid_api_key"
    assert "You didn't provide an API key" in error["message"]
    assert asked == []


@pytest.mark.parametrize("key", ["sk-on", "sk-one2", "SK-ONE", "sk-öne", "sk-one sk-two"])
async def test_a_wrong_key_is_refused_and_not_repeated(
    keyed: aiohttp.ClientSession, asked: list[str], key: str
) -> None:
    status, error = await refusal(keyed, {"Authorization": f"Bearer {key}"})
    assert (status, error["code"]) == (401, "invalid_api_key")
    assert error["message"].startswith("Incorrect API key provided")
    assert key not in error["message"]
    assert asked == []


async def test_the_key_stands_before_the_version_header(keyed: aiohttp.ClientSession) -> None:
    status, error = await refusal(keyed, {"OpenAI-Beta": "", "Authorization": "Bearer no"})
    assert (status, error["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize("version", ["", "assistants", "assistants=v3", "assistants=v20"])
async def test_the_refusal_of_a_request_without_the_version_header_names_the_header(
    server: Server, http: aiohttp.ClientSession, version: str
) -> None:
    status, error = await refusal(http, {"OpenAI-Beta": version})
    assert status == 400
    assert error == {
        "message": "You must provide the 'OpenAI-Beta' header to access the Assistants API. "
        "Please try again by setting the header 'OpenAI-Beta: assistants=v2'.",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_beta",
    }


@pytest.mark.parametrize("version", ["assistants=v1", "realtime=v1, assistants=v1"])
async def test_the_refusal_of_version_1_says_that_it_ended(
    server: Server, http: aiohttp.ClientSession, version: str
) -> None:
    status, error = await refusal(http, {"OpenAI-Beta": version})
    assert status == 400
    assert error["code"] == "invalid_beta"
    assert error["message"].startswith("The v1 Assistants API has been deprecated.")


async def test_the_version_may_stand_among_others(
    api: RecordingAPI, http: aiohttp.ClientSession
) -> None:
    api.answers["list_assistants"] = EMPTY
    for value in ("realtime=v1, assistants=v2", "assistants=v1,assistants=v2"):
        async with http.get("/v1/assistants", headers={"OpenAI-Beta": value}) as response:
            assert response.status == 200


@pytest.mark.parametrize("key", [None, "Bearer anything", "nonsense"])
async def test_without_keys_any_authorization_is_taken(
    api: RecordingAPI, http: aiohttp.ClientSession, key: str | None
) -> None:
    api.answers["list_assistants"] = EMPTY
    headers = {} if key is None else {"Authorization": key}
    async with http.get("/v1/assistants", headers=headers) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Host": "localhost@evil.example"},
        {"Host": "[::1"},
        {"Host": "localhost#.evil.example"},
        {"Host": "127.0.0.1#@evil.example:80"},
        {"Host": "localhost/evil.example"},
        {"Host": "localhost?.evil.example"},
        {"Host": "localhost\\.evil.example"},
        {"Host": "evil.example@localhost"},
        {"Host": "localhost, evil.example"},
        {"Host": "localhost evil.example"},
        {"Host": "localhost:80:80"},
        {"Host": "localhost:http"},
        {"Host": ""},
        {"Host": "2130706433"},
        {"Origin": "http://localhost#.evil.example"},
        {"Origin": "http://evil.example#@localhost"},
        {"Origin": "localhost"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
    ],
)
async def test_without_keys_pages_from_elsewhere_are_refused(
    api: RecordingAPI, http: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    status, error = await refusal(http, headers)
    assert status == 403
    assert "configure keys" in error["message"]
    assert api.calls == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost"},
        {"Host": "[::1]:8765"},
        {"Host": "127.1.2.3:1"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://127.0.0.1"},
    ],
)
async def test_without_keys_this_machine_is_served_by_any_of_its_names(
    api: RecordingAPI, http: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    api.answers["list_assistants"] = EMPTY
    async with http.get("/v1/assistants", headers=headers) as response:
        assert response.status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.1", "example.com"])
async def test_without_keys_no_other_address_is_listened_on(api: RecordingAPI, host: str) -> None:
    server = Server(lambda _project: api.api, keys={}, host=host, port=0)
    with pytest.raises(ServerError, match=r"Configure keys, or listen on 127\.0\.0\.1"):
        await server.start()


async def test_with_keys_every_address_can_be_listened_on(api: RecordingAPI) -> None:
    server = Server(lambda _project: api.api, keys={"sk-one": "first"}, host="0.0.0.0", port=0)
    await server.start()
    try:
        assert server.url.startswith("http://127.0.0.1:")
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{server.url}/assistants") as response,
        ):
            assert response.status == 401
    finally:
        await server.stop()


async def test_an_empty_key_is_no_key(api: RecordingAPI) -> None:
    server = Server(lambda _project: api.api, keys={" ": "first"}, port=0)
    with pytest.raises(ServerError, match="API key is empty"):
        await server.start()
