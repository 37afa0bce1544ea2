"""The undocumented names of discord.py: all in one module, and missed aloud."""

import ast
import inspect
import re
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import discord
import pytest

import bot.chat
from bot.chat.bot import ChatBot
from bot.chat.dependencies import ChatDependencies
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
    nothing: Any = None
    bot = ChatBot(
        ChatDependencies(
            settings=DiscordSettings(),
            api=nothing,
            ledger=ledger,
            assistant_id="asst_1",
            clock=SystemClock(),
            readers=nothing,
        )
    )
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


DOCUMENTED_MODULES = {"abc", "app_commands", "ui", "utils"}
UNDOCUMENTED = {"DEFAULT_GATEWAY", "MISSING", "dispatch", "from_client", "poll_event", "ws"}


def undocumented(source: str) -> Iterator[str]:
    """Each undocumented name of discord.py that a module's source touches.

    A name with a leading underscore is a module's own if the module sets it on ``self`` or ``cls``.
    """
    nodes = list(ast.walk(ast.parse(source)))
    own = {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self", "cls")
    }
    for node in nodes:
        match node:
            case ast.ImportFrom(module=str(module)) if module.startswith("discord."):
                if module.split(".")[1] not in DOCUMENTED_MODULES:
                    yield module
            case ast.Attribute(value=ast.Name(id="discord"), attr=module):
                is_module = inspect.ismodule(getattr(discord, module, None))
                if is_module and module not in DOCUMENTED_MODULES:
                    yield f"discord.{module}"
            case ast.Attribute(value=of, attr=name):
                client = ast.unparse(of).rpartition(".")[2] in ("client", "_client", "bot")
                private = re.match("_[a-z]", name) is not None and name not in own
                if private or name in UNDOCUMENTED or (client and name == "http"):
                    yield ast.unparse(node)
            case ast.Call(func=ast.Name(id=function), args=[_, ast.Constant(value=str(name)), *_]):
                if function in ("getattr", "setattr", "hasattr") and name.startswith("_"):
                    yield ast.unparse(node)


@pytest.mark.parametrize(
    "source",
    [
        "from discord.http import Route",
        "discord.gateway.DiscordWebSocket",
        "discord.utils.MISSING",
        "message._state",
        "getattr(message, '_state', None)",
        "self._client.http.close()",
        "client.ws",
        "super().dispatch('message')",
    ],
)
def test_an_undocumented_name_is_found(source: str) -> None:
    assert list(undocumented(source))


def test_documented_names_and_a_modules_own_are_allowed() -> None:
    source = """
from discord.app_commands import Choice
discord.utils.snowflake_time(discord.ui.View)
context.http.get(url)
self._client.user
response._acknowledged = self._acknowledged
"""
    assert list(undocumented(source)) == []


def test_no_other_module_touches_an_undocumented_name() -> None:
    package = Path(bot.chat.__file__).parent
    found = {
        str(path.relative_to(package)): names
        for path in sorted(package.rglob("*.py"))
        if path.name != "dpy_internals.py"
        and (names := list(undocumented(path.read_text("utf-8"))))
    }
    assert found == {}
