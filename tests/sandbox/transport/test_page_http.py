"""The page serves the person at this machine and refuses other sites' pages."""

import json
from typing import Any

import aiohttp
import pytest

from bot.sandbox import Sandbox
from tests.sandbox.client import Bot


async def ask(sandbox: Sandbox, path: str, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(sandbox.url + path, headers=headers) as response,
    ):
        return response.status, await response.text()


async def test_the_page_and_its_files_are_served(sandbox: Sandbox) -> None:
    for path in ("/", "/page/app.js", "/page/style.css", "/page/icon.svg"):
        assert (await ask(sandbox, path))[0] == 200
    assert (await ask(sandbox, "/page/nothing.js"))[0] == 404
    assert (await ask(sandbox, "/page/..%2fsandbox.py"))[0] == 404


@pytest.mark.parametrize("path", ["/", "/page/welcome.json", "/api/v10/gateway", "/gateway"])
async def test_other_origins_and_hosts_are_refused(sandbox: Sandbox, path: str) -> None:
    port = sandbox.url.rsplit(":", 1)[1]
    refused: list[dict[str, str]] = [
        {"Host": f"evil.example:{port}"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://["},
        {"Origin": f"http://127.0.0.1:{port}#"},
        {"Origin": f"https://127.0.0.1:{port}"},
        {"Origin": f"http://127.0.0.1:{port}@evil.example"},
        {"Host": f"127.0.0.1:{port}#evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ]
    for headers in refused:
        status, text = await ask(sandbox, path, **headers)
        assert status == 403, headers
        assert sandbox.members[0].token not in text


async def test_the_page_is_told_who_there_is_and_what_to_say_first(sandbox: Sandbox) -> None:
    sandbox.page.text = "**A small model** answers."
    async with (
        aiohttp.ClientSession() as session,
        session.get(sandbox.url + "/page/welcome.json") as response,
    ):
        welcome: dict[str, Any] = await response.json()
    assert welcome["text"] == "**A small model** answers."
    assert [person["name"] for person in welcome["people"]] == ["Mira", "Ada", "Ben"]
    assert sandbox.token not in str(welcome)


async def test_what_a_person_may_not_do_the_page_may_not_do_either(sandbox: Sandbox) -> None:
    ada = sandbox.members[0]
    general = sandbox.guild.text_channel("general")
    said = await sandbox.admin.say(general, "mine")
    async with aiohttp.ClientSession(headers={"Authorization": ada.token}) as session:
        path = f"{sandbox.api_url}/channels/{general.id}/messages/{said.id}"
        async with session.delete(path) as response:
            assert (response.status, (await response.json())["code"]) == (403, 50013)
        async with session.post(
            sandbox.url + "/page/act/command", json={"channel_id": str(general.id), "path": "none"}
        ) as response:
            assert response.status == 400
            assert "no command" in (await response.json())["message"]
    async with (
        aiohttp.ClientSession(headers={"Authorization": "wrong"}) as session,
        session.post(sandbox.url + "/page/act/trouble", json={"name": "clear"}) as response,
    ):
        assert response.status == 401


ACTS = (
    "command", "commands", "autocomplete", "click", "select", "modal", "trouble",
    "menus", "menu", "vote",
)  # fmt: skip
RUBBISH: list[Any] = [
    *(None, True, 1, -1, 1.5, 1e300, 10**30, [], {}, [1], {"a": 1}, [None], [[]], [{}], {"a": {}}),
    *("", "x", "\u0663", "1\n", " 1", "-1", "9" * 5000, "\u0000", {"value": "v", "focused": "f"}),
]


@pytest.mark.parametrize("act", ACTS)
async def test_wrong_types_are_refused_by_every_act(
    sandbox: Sandbox, bot: Bot, caplog: pytest.LogCaptureFixture, act: str
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    said = await sandbox.admin.say(general, "hi")
    right = {
        "channel_id": str(general.id),
        "message_id": str(said.id),
        "interaction_id": "1",
        "path": "runs cancel",
        "values": {"run": "ab"},
        "focused": "run",
        "value": "a",
        "custom_id": "c",
        "name": "clear",
        "number": 1,
        "answers": [1],
    }
    bodies = [
        json.dumps(body).encode()
        for name in right
        for body in (
            *({**right, name: value} for value in RUBBISH),
            {other: value for other, value in right.items() if other != name},
        )
    ]
    bodies += [b"", b"[]", b"null", b"3", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000]
    bodies += [json.dumps({**right, "values": {"run": value}}).encode() for value in RUBBISH]
    async with aiohttp.ClientSession(headers={"Authorization": ada.token}) as session:
        for body in bodies:
            async with session.post(f"{sandbox.url}/page/act/{act}", data=body) as response:
                assert response.status < 500, body[:300]
                if response.status >= 400:
                    assert (await response.json())["message"], body[:300]
    faults = [record for record in caplog.records if record.name == "aiohttp.server"]
    assert faults == []


async def test_an_act_with_the_right_types_is_done(sandbox: Sandbox, bot: Bot) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    channel = {"channel_id": str(general.id)}
    async with aiohttp.ClientSession(headers={"Authorization": ada.token}) as session:

        async def act(act: str, /, **body: Any) -> Any:
            url = f"{sandbox.url}/page/act/{act}"
            async with session.post(url, json={**channel, **body}) as response:
                assert response.status == 200
                return await response.json()

        assert "runs cancel" in [leaf["path"] for leaf in await act("commands")]
        typed = {"path": "runs cancel", "values": {"run": "a"}, "focused": "run", "value": "ab"}
        assert await act("autocomplete", **typed)
        assert (await act("command", path="runs cancel", values={"run": "abc"}))["id"]
        assert await act("trouble", name="clear", number=None) == {}
