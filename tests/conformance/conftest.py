"""A server over real sockets, an engine on a real file, and the official SDK pointed at it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest
from openai import AsyncOpenAI, OpenAI

from tests.support.assistants import House, house

P = ParamSpec("P")
T = TypeVar("T")


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, "client") as home:
        yield home


@pytest.fixture
def url(home: House) -> str:
    assert home.server is not None
    return home.server.url


@pytest.fixture
async def sdk(url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=url, api_key="sk-default", max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def blocking(url: str) -> Iterator[OpenAI]:
    """The SDK that waits where it stands: use it by `elsewhere`."""
    with OpenAI(base_url=url, api_key="sk-default", max_retries=0) as sdk:
        yield sdk


async def elsewhere(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run what blocks on a thread, so that the server beside it goes on."""
    return await asyncio.to_thread(work, *args, **kwargs)
