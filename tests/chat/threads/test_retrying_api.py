"""Operations of the Assistants API as the bot makes them: retried, and never twice by accident."""

import asyncio
import inspect
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.events import StreamEvent, run_event
from bot.assistants.schema.objects import Run
from bot.assistants.states import RunStatus
from bot.chat.threads.api_errors import TurnError
from bot.chat.threads.retrying_api import PATIENCE_SECONDS, RetryingAPI, may_double
from tests.support.fake_clock import FakeClock

OPERATIONS = sorted(
    name for name, _ in inspect.getmembers(AssistantsAPI, inspect.iscoroutinefunction)
)
BUSY = APIError(503, "not now")


class Failing:
    """An API whose operations fail so often, and then return their name."""

    def __init__(self, *failures: APIError) -> None:
        self._failures = list(failures)
        self.calls: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> Any:
        async def operation(*args: object, **options: object) -> str:
            self.calls.append((name, args, options))
            if self._failures:
                raise self._failures.pop(0)
            return name

        return operation


def retrying(api: Failing, clock: FakeClock | None = None) -> RetryingAPI:
    return RetryingAPI(cast("AssistantsAPI", api), clock or FakeClock(skips=True), PATIENCE_SECONDS)


def test_operations_that_are_made_once_are_those_that_may_have_an_effect_twice() -> None:
    assert {name for name in OPERATIONS if may_double(name)} == {
        "create_assistant",
        "create_file_batch",
        "create_message",
        "create_run",
        "create_store_file",
        "create_thread_and_run",
        "create_vector_store",
        "stream_run",
        "stream_thread_and_run",
        "stream_tool_outputs",
        "submit_tool_outputs",
        "upload_file",
    }


@pytest.mark.parametrize("name", OPERATIONS)
async def test_every_operation_is_retried_unless_it_may_have_an_effect_twice(name: str) -> None:
    api = Failing(BUSY, BUSY)
    operation = getattr(retrying(api).operations, name)
    if may_double(name):
        with pytest.raises(APIError, match="not now"):
            await operation("thread_1", limit=3)
    else:
        assert await operation("thread_1", limit=3) == name
    assert api.calls == [(name, ("thread_1",), {"limit": 3})] * (1 if may_double(name) else 3)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
async def test_a_refusal_is_raised_at_once(status: int) -> None:
    clock, api = FakeClock(skips=True), Failing(APIError(status, "no"))
    with pytest.raises(APIError) as caught:
        await retrying(api, clock).operations.retrieve_thread("thread_1")
    assert caught.value.status == status
    assert clock.slept == []


@pytest.mark.parametrize(("status", "kind"), [(503, "unreachable"), (429, "rate_limited")])
async def test_a_server_that_stays_away_ends_the_turn_when_patience_is_over(
    status: int, kind: str
) -> None:
    clock, api = FakeClock(skips=True), Failing(*[APIError(status, "not now")] * 1_000)
    with pytest.raises(TurnError) as caught:
        await retrying(api, clock).operations.retrieve_thread("thread_1")
    assert caught.value.kind == kind
    assert PATIENCE_SECONDS - 10 < clock.monotonic() <= PATIENCE_SECONDS


async def test_a_server_that_asks_for_time_is_given_it() -> None:
    clock, api = FakeClock(skips=True), Failing(*[APIError(429, "slow down", retry_after=40.0)] * 2)
    await retrying(api, clock).operations.retrieve_thread("thread_1")
    assert len(clock.slept) == 2
    assert min(clock.slept) >= 40


@pytest.mark.parametrize("found", [None, "the first one"])
async def test_an_object_is_looked_for_before_it_is_created_again(found: str | None) -> None:
    steps: list[str] = []

    async def create() -> str:
        steps.append("create")
        if len(steps) == 1:
            raise BUSY
        return "a second one"

    async def find() -> str | None:
        steps.append("find")
        return found

    made = await retrying(Failing()).create_once(create, find)
    if found is None:
        assert (made, steps) == ("a second one", ["create", "find", "create"])
    else:
        assert (made, steps) == ("the first one", ["create", "find"])


class FollowedRun:
    """An API whose streams of a run's events each tell the next of these ends.

    A status is the last event of its stream; an error breaks the stream off. After the last end the
    run goes on and tells nothing.
    """

    def __init__(self, *ends: RunStatus | APIError) -> None:
        self._ends = list(ends)

    async def follow_run(self, thread_id: str, run_id: str) -> AsyncGenerator[StreamEvent, None]:
        return self._events()

    async def _events(self) -> AsyncGenerator[StreamEvent, None]:
        yield run_event(run_in("in_progress"))
        if not self._ends:
            await asyncio.Event().wait()
        end = self._ends.pop(0)
        if isinstance(end, APIError):
            raise end
        yield run_event(run_in(end))


def run_in(status: RunStatus) -> Run:
    return Run(id="run_1", created_at=1, thread_id="t", assistant_id="a", status=status, model="m")


def waiting(api: FollowedRun, clock: FakeClock, within: float = 30.0) -> "asyncio.Task[Run]":
    retrying_api = RetryingAPI(cast("AssistantsAPI", api), clock, PATIENCE_SECONDS)
    return asyncio.create_task(retrying_api.wait_for_run(run_in("queued"), within))


@pytest.mark.parametrize("status", ["completed", "cancelled", "requires_action"])
async def test_a_run_is_waited_for_until_it_ends_or_needs_tool_outputs(status: RunStatus) -> None:
    assert (await waiting(FollowedRun(status), FakeClock())).status == status


async def test_a_run_is_followed_again_after_its_events_broke_off() -> None:
    clock = FakeClock()
    following = waiting(FollowedRun(BUSY, BUSY, "completed"), clock)
    await clock.run(following)
    assert following.result().status == "completed"
    assert 0 < clock.monotonic() < 30


async def test_a_run_that_is_gone_is_not_waited_for() -> None:
    with pytest.raises(APIError, match="no such run"):
        await waiting(FollowedRun(APIError(404, "no such run")), FakeClock())


async def test_a_run_that_does_not_end_in_time_is_waited_for_no_longer() -> None:
    clock = FakeClock()
    following = waiting(FollowedRun(), clock)
    await clock.run(following)
    assert clock.monotonic() == 30
    with pytest.raises(TimeoutError, match="run_1 did not end within 30 s"):
        following.result()
