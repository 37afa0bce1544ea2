"""The undocumented names of discord.py: all in one module, and missed aloud."""

import re
from operator import attrgetter
from pathlib import Path

import discord
import pytest

import bot.chat
from bot.chat.bot import ChatBot
from bot.chat.transport import dpy_internals
from bot.chat.transport.login import LoginError, login_errors
from bot.chat.transport.setup_session import SetupSession
from bot.config import DiscordSettings
from bot.runtime.clock import SystemClock
from bot.store.ledger import Ledger

ON_CLASSES = {
    "discord.gateway.DiscordWebSocket.from_client": discord.gateway.DiscordWebSocket,
    "discord.gateway.DiscordWebSocket.poll_event": discord.gateway.DiscordWebSocket,
    "discord.gateway.ReconnectWebSocket": discord.gateway,
    "discord.http.Route.BASE": discord.http.Route,
    "discord.Client().http.logs_from": discord.http.HTTPClient,
    "discord.Client().http.start_thread_with_message": discord.http.HTTPClient,
    "discord.utils.MISSING": discord.utils,
}


@pytest.fixture
def client() -> discord.Client:
    return discord.Client(intents=discord.Intents.none())


async def test_the_installed_library_has_every_name(client: discord.Client) -> None:
    dpy_internals.check(client)


async def test_only_the_edits_of_persons_are_parsed(
    client: discord.Client,
) -> None:
    parsers = client._connection.parsers  # noqa: SLF001 - where discord.py hands its events in
    parsed: list[object] = []
    parsers["MESSAGE_UPDATE"] = parsed.append
    dpy_internals.guard_events(client, parsed.append)
    persons: list[object] = [{"author": {"bot": False}}, {"author": {}}]
    for edit in [*persons, {"author": {"bot": True}}, {"author": None}, {}, None]:
        parsers["MESSAGE_UPDATE"](edit)
    assert parsed == persons


@pytest.mark.parametrize("name", ON_CLASSES)
async def test_a_name_that_is_gone_is_named_to_the_operator(
    name: str, client: discord.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(ON_CLASSES[name], name.rsplit(".", 1)[1])
    with pytest.raises(dpy_internals.IncompatibleLibraryError) as caught:
        dpy_internals.check(client)
    assert f"lacks {name}. Install" in str(caught.value)
    assert discord.__version__ in str(caught.value)


@pytest.mark.parametrize("name", ["http._global_over", "http.http_trace", "http.connector", "ws"])
async def test_an_attribute_that_is_gone_from_the_client_is_named_to_the_operator(
    name: str, client: discord.Client
) -> None:
    *path, last = name.split(".")
    delattr(attrgetter(path[0])(client) if path else client, last)
    with pytest.raises(dpy_internals.IncompatibleLibraryError, match=re.escape(f"Client().{name}")):
        dpy_internals.check(client)


async def test_a_bot_whose_library_does_not_fit_says_so_and_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(discord.gateway, "ReconnectWebSocket")
    ledger = await Ledger.open(tmp_path / "bot.db", SystemClock().now)
    # The assistants API is not reached: the start ends before the login.
    bot = ChatBot(DiscordSettings(), None, ledger, "asst_1", SystemClock(), None)  # type: ignore[arg-type]  # see above
    with (
        pytest.raises(LoginError, match=r"discord\.gateway\.ReconnectWebSocket"),
        login_errors("http://127.0.0.1:1"),
    ):
        await bot.start("token")
    await bot.close()
    await ledger.close()


async def test_a_check_of_the_setup_names_a_library_that_does_not_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(discord.gateway.DiscordWebSocket, "poll_event")
    with pytest.raises(LoginError, match=r"discord\.gateway\.DiscordWebSocket\.poll_event"):
        async with SetupSession.open("token", "http://127.0.0.1:1"):
            pass


def test_no_other_module_touches_an_undocumented_name() -> None:
    touches = re.compile(
        r"\.http\._|client\.http\b|self\.http\b|discord\.http\b|discord\.gateway import"
        r"|discord\.gateway\.ReconnectWebSocket|\._get_channel|\._state\b|\._connection"
        r"|utils\.MISSING|DEFAULT_GATEWAY|\.ws\b"
    )
    package = Path(bot.chat.__file__).parent
    found = [
        f"{path.relative_to(package)}: {line.strip()}"
        for path in sorted(package.rglob("*.py"))
        if path.name != "dpy_internals.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if touches.search(line)
    ]
    assert found == []
