import asyncio
from typing import Any

import aiohttp
import discord
import pytest

from bot.chat.reply.delivery.channel_writer import ChannelWriter
from bot.chat.transport import dpy_internals
from bot.chat.transport.rate_limiter import LIMITED_SECONDS, RateLimiter, RequestPriority
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.clock import SystemClock
from bot.sandbox import Sandbox
from tests.support.eventually import PATIENCE
from tests.support.fake_clock import FakeClock


async def spent(
    rate_limiter: RateLimiter,
    name: str,
    order: list[tuple[str, float]],
    clock: FakeClock,
    *,
    priority: RequestPriority = RequestPriority.USUAL,
) -> None:
    await rate_limiter.acquire(priority)
    order.append((name, clock.monotonic()))


async def test_no_second_has_more_than_the_budget() -> None:
    clock = FakeClock()
    rate_limiter = RateLimiter(clock, per_second=5)
    order: list[tuple[str, float]] = []
    tasks = [asyncio.create_task(spent(rate_limiter, str(n), order, clock)) for n in range(23)]
    await clock.run(*tasks)
    assert [name for name, _ in order] == [str(n) for n in range(23)]
    times = [time for _, time in order]
    assert all(later - sooner > 1.0 for sooner, later in zip(times, times[5:], strict=False))
    assert times[-1] - times[0] < 5


async def test_the_higher_priority_goes_first_and_a_cancelled_request_costs_nothing() -> None:
    clock = FakeClock()
    rate_limiter = RateLimiter(clock, per_second=1)
    order: list[tuple[str, float]] = []
    await rate_limiter.acquire()
    names = ("notice", "usual", "gone", "later", "progress", "urgent")
    ranks = {
        "notice": RequestPriority.NOTICE,
        "progress": RequestPriority.PROGRESS,
        "urgent": RequestPriority.URGENT,
    }
    tasks = [
        asyncio.create_task(
            spent(rate_limiter, name, order, clock, priority=ranks.get(name, RequestPriority.USUAL))
        )
        for name in names
    ]
    await asyncio.sleep(0)
    tasks[2].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[2]
    await clock.run(*(task for task in tasks if not task.done()))
    assert [name for name, _ in order] == ["urgent", "usual", "later", "progress", "notice"]
    assert order[-1][1] - order[0][1] < 5


async def test_the_limiter_grants_requests_again_after_a_second() -> None:
    rate_limiter = RateLimiter(SystemClock(), per_second=2)
    async with asyncio.timeout(PATIENCE):
        for _ in range(5):
            await rate_limiter.acquire()


async def test_requests_pass_freely_until_the_limit_is_reached() -> None:
    clock = FakeClock()
    rate_limiter = RateLimiter(clock, per_second=5, until_limited=True)
    order: list[tuple[str, float]] = []
    for number in range(50):
        await spent(rate_limiter, str(number), order, clock)
    assert {time for _, time in order} == {clock.monotonic()}
    rate_limiter.limit_reached()
    order.clear()
    tasks = [asyncio.create_task(spent(rate_limiter, str(n), order, clock)) for n in range(11)]
    await clock.run(*tasks)
    times = [time for _, time in order]
    assert all(later - sooner > 1.0 for sooner, later in zip(times, times[5:], strict=False))
    await clock.run(asyncio.create_task(clock.sleep(LIMITED_SECONDS + 1)))
    order.clear()
    for number in range(50):
        await spent(rate_limiter, str(number), order, clock)
    assert {time for _, time in order} == {clock.monotonic()}


async def test_requests_wait_by_the_priority_that_the_channel_writer_is_given() -> None:
    clock, paths = FakeClock(), list[str]()

    async def note(session: Any, context: Any, params: aiohttp.TraceRequestStartParams) -> None:
        paths.append(params.url.path)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.extend([RateLimiter(clock, per_second=1).before_request, note])
    async with Sandbox(rate_limits=False) as sandbox:
        dpy_internals.use_api(sandbox.api_url)
        client = discord.Client(intents=discord.Intents.none())
        dpy_internals.set_trace(client, trace)
        await clock.run(asyncio.create_task(client.login(sandbox.token)))
        paths.clear()
        deletions = []
        for priority, channel in (
            (RequestPriority.NOTICE, sandbox.guild.text_channel("general")),
            (RequestPriority.URGENT, await sandbox.members[0].open_dm()),
        ):
            writer = ChannelWriter(client, channel.id, None, RestRetry(clock), clock)
            deletions.append(asyncio.create_task(writer.delete(priority, priority=priority)))
        for _ in range(100):
            await asyncio.sleep(0)
        assert paths == []  # both wait
        await clock.run(*deletions)
        await client.close()
    assert [path.rpartition("/")[2] for path in paths] == ["0", "3"]
