"""A sandbox for Python, after the workers of earlier tests have gone."""

from collections.abc import AsyncIterator

import pytest

from bot.hosted.python.sandbox import PythonSandbox, SandboxLimits
from tests.hosted.python.processes import workers
from tests.support.eventually import eventually

PATIENT = SandboxLimits(seconds=60, wall_seconds=120, picture_seconds=60)


@pytest.fixture(autouse=True)
async def _no_worker_of_an_earlier_test() -> None:
    await eventually(lambda: not workers())


@pytest.fixture
async def sandbox() -> AsyncIterator[PythonSandbox]:
    async with PythonSandbox(PATIENT) as running:
        yield running
