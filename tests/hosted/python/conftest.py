"""A sandbox for Python with short limits."""

from collections.abc import AsyncIterator

import pytest

from bot.hosted.python.sandbox import PythonSandbox, SandboxLimits
from tests.hosted.python.processes import workers
from tests.support.eventually import eventually

QUICK = SandboxLimits(seconds=0.3, wall_seconds=5.0)


@pytest.fixture(autouse=True)
async def _no_worker_of_an_earlier_test() -> None:
    await eventually(lambda: not workers())


@pytest.fixture
async def sandbox() -> AsyncIterator[PythonSandbox]:
    async with PythonSandbox(QUICK) as running:
        yield running
