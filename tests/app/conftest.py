"""Fixtures of the program's tests: a scripted model, a sandbox Discord, an engine and a ledger."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.runtime.clock import SystemClock
from bot.sandbox import Sandbox
from bot.store.ledger import Ledger
from tests.support.assistants import House, house
from tests.support.model_endpoint import ScriptedModel


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel() as model:
        yield model


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox
        assert sandbox.unknown_routes == []


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path / "engine", "engine") as home:
        yield home


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(tmp_path / "bot.db", SystemClock().now)
    yield ledger
    await ledger.close()
