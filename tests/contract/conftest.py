"""The house that every test of the contract runs in, once each way."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from bot.assistants.api import AssistantsAPI
from tests.support.assistants import House, Way, house
from tests.support.model_endpoint import ScriptedModel


@pytest.fixture(params=["engine", "client"])
def way(request: pytest.FixtureRequest) -> Way:
    return cast("Way", request.param)


@pytest.fixture
async def home(tmp_path: Path, way: Way) -> AsyncIterator[House]:
    async with house(tmp_path, way) as home:
        yield home


@pytest.fixture
def api(home: House) -> AssistantsAPI:
    return home.api


@pytest.fixture
def model(home: House) -> ScriptedModel:
    return home.model
