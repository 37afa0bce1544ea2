"""Fixtures of the program's tests: a scripted model and a sandbox Discord."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox import Sandbox
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
