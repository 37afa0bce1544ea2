"""Tasks that last as long as a block of code, whatever ends it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def cancelling(*tasks: "asyncio.Future[Any]") -> AsyncIterator[None]:
    """At the end of the block, cancel those that are still under way and wait until they ended.

    What they raise is for whoever asks for their results.
    """
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
