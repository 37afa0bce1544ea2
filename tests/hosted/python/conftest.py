"""A sandbox for Python with short limits."""

from collections.abc import AsyncIterator

import pytest

from bot.hosted.python.sandbox import PythonSandbox, SandboxLimits

QUICK = SandboxLimits(seconds=0.3, wall_seconds=5.0)


@pytest.fixture
async def sandbox() -> AsyncIterator[PythonSandbox]:
    async with PythonSandbox(QUICK) as running:
        yield running
