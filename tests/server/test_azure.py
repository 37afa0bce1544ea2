"""The paths, the version parameter and the key's header that clients of Azure OpenAI send."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.assistants.schema.objects import ListPage
from bot.server import Server
from tests.server.fakes import RecordingAPI
from tests.server.test_parsing import refused
from tests.support.objects import run


@pytest.fixture
async def azure(api: RecordingAPI) -> AsyncIterator[aiohttp.ClientSession]:
    """Sends a key as Azure's clients do, and no beta header."""
    api.answers["list_assistants"] = ListPage[Any](data=())
    api.answers["list_messages"] = ListPage[Any](data=())
    api.answers["create_run"] = run()
    server = Server(lambda _project: api.api, keys={"sk-one": "first"}, port=0)
    await server.start()
    base = server.url.removesuffix("/v1")
    async with aiohttp.ClientSession(base, headers={"api-key": "sk-one"}) as session:
        yield session
    await server.stop()


@pytest.mark.parametrize("prefix", ["/openai", "/openai/v1"])
@pytest.mark.parametrize("version", ["2024-05-01-preview", "preview", "v1", ""])
async def test_azures_paths_are_served_whatever_the_version(
    api: RecordingAPI, azure: aiohttp.ClientSession, prefix: str, version: str
) -> None:
    query = f"?api-version={version}"
    async with azure.get(f"{prefix}/assistants{query}&limit=3") as response:
        assert response.status == 200
    assert api.calls[-1][1][0].limit == 3
    async with azure.get(f"{prefix}/threads/t/messages{query}&run_id=r") as response:
        assert response.status == 200
    assert api.calls[-1][2] == {"run_id": "r"}
    body = {"assistant_id": "a"}
    async with azure.post(f"{prefix}/threads/t/runs{query}", json=body) as response:
        assert response.status == 200


async def test_other_parameters_are_still_refused(azure: aiohttp.ClientSession) -> None:
    async with azure.get("/openai/assistants?api-version=v1&colour=red") as response:
        assert (await refused(response))["param"] == "colour"


async def test_the_version_parameter_belongs_to_azures_paths(azure: aiohttp.ClientSession) -> None:
    beta = {"OpenAI-Beta": "assistants=v2"}
    async with azure.get("/v1/assistants?api-version=v1", headers=beta) as response:
        assert (await refused(response))["param"] == "api-version"
    async with azure.get("/v1/assistants") as response:
        assert (await refused(response))["code"] == "invalid_beta"


@pytest.mark.parametrize(
    "headers",
    [
        {"api-key": "wrong"},
        {"api-key": ""},
        {"api-key": "wrong", "Authorization": "Basic sk-one"},
        {"Authorization": "Bearer wrong"},
    ],
)
async def test_a_wrong_key_is_refused(
    api: RecordingAPI, azure: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    async with azure.get("/openai/assistants", headers=headers) as response:
        assert (await refused(response, 401))["code"] == "invalid_api_key"
    assert api.calls == []


async def test_a_token_may_take_the_keys_place(azure: aiohttp.ClientSession) -> None:
    headers = {"Authorization": "Bearer sk-one", "api-key": ""}
    async with azure.get("/openai/assistants", headers=headers) as response:
        assert response.status == 200
