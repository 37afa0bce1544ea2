"""Scripted endpoints, and models that speak to them with retries that take no time."""

from collections.abc import AsyncIterator

import pytest

from bot.models.chat_completions.model import ChatCompletions
from bot.models.responses.model import Responses
from bot.runtime.retry import RetryPolicy
from tests.support.fake_clock import FakeClock
from tests.support.model_endpoint import ScriptedModel
from tests.support.responses_endpoint import ScriptedResponses


@pytest.fixture
async def endpoint() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(keep_chunks=True) as model:
        yield model


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(skips=True)


@pytest.fixture
async def chat(endpoint: ScriptedModel, clock: FakeClock) -> AsyncIterator[ChatCompletions]:
    model = ChatCompletions(endpoint.url, clock=clock, retries=RetryPolicy(attempts=3))
    yield model
    await model.close()


@pytest.fixture
async def there() -> AsyncIterator[ScriptedResponses]:
    async with ScriptedResponses() as endpoint:
        yield endpoint


@pytest.fixture
async def responses(there: ScriptedResponses, clock: FakeClock) -> AsyncIterator[Responses]:
    model = Responses(there.url, clock=clock, retries=RetryPolicy(attempts=3))
    yield model
    await model.close()


@pytest.fixture
async def background(there: ScriptedResponses, clock: FakeClock) -> AsyncIterator[Responses]:
    model = Responses(there.url, background=True, clock=clock, retries=RetryPolicy(attempts=3))
    yield model
    await model.close()
