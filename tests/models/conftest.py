"""A scripted endpoint, and chat completions that speak to it with retries that take no time."""

from collections.abc import AsyncIterator

import pytest

from bot.models.chat import ChatCompletions
from bot.wire.retry import RetryPolicy
from tests.support.model_endpoint import ScriptedModel
from tests.wire.own_clock import OwnClock


@pytest.fixture
async def endpoint() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(keep_chunks=True) as model:
        yield model


@pytest.fixture
def clock() -> OwnClock:
    return OwnClock()


@pytest.fixture
async def chat(endpoint: ScriptedModel, clock: OwnClock) -> AsyncIterator[ChatCompletions]:
    model = ChatCompletions(endpoint.url, clock=clock, retries=RetryPolicy(attempts=3))
    yield model
    await model.close()
