import asyncio
import json
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest

from bot.chat.transport.rest_retry import RestRetry
from tests.support.eventually import PATIENCE
from tests.support.fake_clock import FakeClock


def refusal(
    status: int, code: int = 0, headers: dict[str, str] | None = None
) -> discord.HTTPException:
    response: Any = SimpleNamespace(status=status, reason="", headers=headers or {})
    return discord.HTTPException(response, {"code": code, "message": "no"})


@pytest.mark.parametrize(
    "trouble",
    [
        refusal(429),
        refusal(500),
        refusal(503),
        refusal(401),
        discord.RateLimited(2.0),
        aiohttp.ServerDisconnectedError(),
        ConnectionResetError(),
        TimeoutError(),
        json.JSONDecodeError("no JSON", "<html>", 0),
    ],
    ids=repr,
)
async def test_a_temporary_failure_is_retried_until_the_call_succeeds(trouble: Exception) -> None:
    clock, left = FakeClock(skips=True), [trouble] * 12

    async def call() -> str:
        if left:
            raise left.pop()
        return "through"

    assert await RestRetry(clock).call(call) == "through"
    assert len(clock.slept) == 12
    refused = isinstance(trouble, discord.HTTPException) and trouble.status < 500
    assert max(clock.slept) <= (30.0 if refused else 10.0)


async def test_an_outage_of_many_hours_is_waited_out_too() -> None:
    clock, left = FakeClock(skips=True), [refusal(503)] * 2_000

    async def call() -> str:
        if left:
            raise left.pop()
        return "through"

    assert await RestRetry(clock).call(call) == "through"
    assert clock.monotonic() > 2 * 3600


@pytest.mark.parametrize(
    "final",
    [
        refusal(403, 50013),
        refusal(404, 10008),
        refusal(400, 50035),
        refusal(429, 30046),
        refusal(401, 50027),
    ],
)
async def test_a_permanent_refusal_is_raised_at_once(final: discord.HTTPException) -> None:
    clock = FakeClock(skips=True)

    async def call() -> None:
        raise final

    with pytest.raises(discord.HTTPException) as caught:
        await RestRetry(clock).call(call)
    assert caught.value is final
    assert clock.slept == []


async def test_discords_retry_after_is_respected() -> None:
    clock = FakeClock(skips=True)
    left = [refusal(429, headers={"Retry-After": "7"})]

    async def call() -> None:
        if left:
            raise left.pop()

    await RestRetry(clock).call(call)
    assert clock.slept[0] >= 7.0


@pytest.mark.parametrize("trouble", [refusal(503), discord.RateLimited(31.0), OSError("away")])
async def test_a_call_with_a_time_limit_is_given_up_after_it(trouble: Exception) -> None:
    clock = FakeClock(skips=True)

    async def call() -> None:
        raise trouble

    with pytest.raises(type(trouble)):
        await RestRetry(clock).call(call, within=100.0)
    assert 0 < clock.monotonic() <= 100.0


async def test_a_proxys_web_page_is_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "bot.chat")
    response: Any = SimpleNamespace(status=502, reason="", headers={})
    left = [discord.HTTPException(response, "<html>Bad gateway</html>")]

    async def call() -> None:
        if left:
            raise left.pop()

    await RestRetry(FakeClock(skips=True)).call(call)
    assert "502" in caplog.text
    assert "html" not in caplog.text


async def test_a_call_that_is_never_answered_is_made_again() -> None:
    calls = 0

    async def call() -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.Event().wait()
        return "through"

    async with asyncio.timeout(PATIENCE):
        assert await RestRetry(FakeClock(skips=True), call_seconds=0.05).call(call) == "through"
    assert calls == 2
