"""The one way in which tests wait for what sends no event."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which a test gives up waiting; far beyond what a busy machine needs."""
_LOOK_AGAIN_SECONDS = 0.005


@overload
async def eventually(
    look: Callable[[], Awaitable[T]], until: Callable[[T], object] = ..., seconds: float = ...
) -> T: ...
@overload
async def eventually(
    look: Callable[[], T], until: Callable[[T], object] = ..., seconds: float = ...
) -> T: ...
async def eventually(
    look: Callable[[], Any], until: Callable[[Any], object] = bool, seconds: float = PATIENCE
) -> Any:
    """Look again and again; return what ``look`` gives once ``until`` holds for it.

    ``look`` is a function or a coroutine function; what it raises is raised. Raises TimeoutError
    that names the last sight after so many ``seconds``.
    """
    sight: Any = "nothing"
    try:
        async with asyncio.timeout(seconds):
            while True:
                sight = look()
                if inspect.isawaitable(sight):
                    sight = await sight
                if until(sight):
                    return sight
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    except TimeoutError as error:
        raise TimeoutError(
            f"Did not come true within {seconds:g} s; last seen: {sight!r}"
        ) from error
