"""Waiting for a state that nothing announces, such as a row of a database."""

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE = 20.0


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until ``holds`` returns True; raises ``TimeoutError``."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(0.005)
