"""A locked thread is waited for as long as its run may take, and never for ever."""

from typing import Any, cast

import pytest

from bot.assistants.errors import APIError
from bot.assistants.schema.objects import Run
from bot.assistants.states import RunStatus
from bot.chat.threads.api_errors import ThreadLostError, TurnError
from bot.chat.threads.thread_lock import FOREIGN_RUN_GRACE, ThreadLock
from tests.support.fake_clock import START, FakeClock

LOCKED = APIError(400, "Thread thread_1 already has an active run run_1.")
NAMELESS = APIError(400, "Thread thread_1 already has an active run.")


def run(status: RunStatus = "in_progress", number: int = 1, **fields: Any) -> Run:
    """Return a run that expires in 600 s."""
    return Run(
        id=f"run_{number}",
        created_at=int(START),
        expires_at=int(START) + 600,
        thread_id="thread_1",
        assistant_id="asst_1",
        status=status,
        model="m",
        **fields,
    )


class LockingRuns:
    """An API whose runs have the states, or raise the errors, of a script; the last one stays."""

    def __init__(self, *script: RunStatus | Exception) -> None:
        self.script = list(script)
        self.cancelled: list[str] = []

    async def retrieve_run(self, thread_id: str, run_id: str) -> Run:
        now = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(now, Exception):
            raise now
        return run(now, int(run_id.removeprefix("run_")))

    async def cancel_run(self, thread_id: str, run_id: str) -> Run:
        self.cancelled.append(run_id)
        self.script = ["cancelled"]
        return run("cancelling")


async def wait_again_and_again(waiting: ThreadLock, refusal: APIError, *runs: Run) -> None:
    """Wait for one run after the other, then until the thread is given up."""
    for run_ in runs:
        await waiting.wait(refusal, [run_])
    for _ in range(100):
        await waiting.wait(refusal, [])


def lock(api: LockingRuns) -> tuple[ThreadLock, FakeClock]:
    clock = FakeClock(skips=True)
    return ThreadLock(cast("Any", api), clock, "thread_1"), clock


async def test_the_wait_ends_with_the_run() -> None:
    api = LockingRuns("in_progress", APIError(503, "a moment"), "in_progress", "completed")
    waiting, clock = lock(api)
    await waiting.wait(LOCKED, [run("completed", 2), run()])
    assert api.cancelled == []
    assert len(clock.slept) == 3


async def test_the_run_that_a_refusal_names_is_waited_for_where_the_list_lacks_it() -> None:
    api = LockingRuns("in_progress", "in_progress", "completed")
    waiting, clock = lock(api)
    await waiting.wait(LOCKED, [])
    assert len(clock.slept) == 1


async def test_a_run_that_was_deleted_locks_nothing() -> None:
    waiting, clock = lock(LockingRuns(APIError(404, "no such run")))
    await waiting.wait(LOCKED, [run()])
    assert clock.slept == []


async def test_a_run_is_cancelled_after_its_expiry_and_no_earlier() -> None:
    api = LockingRuns("in_progress")
    waiting, clock = lock(api)
    await waiting.wait(LOCKED, [run()])
    assert api.cancelled == ["run_1"]
    assert 600 < sum(clock.slept) < 620


async def test_a_run_that_an_earlier_attempt_left_behind_is_cancelled_at_once() -> None:
    api = LockingRuns("in_progress")
    waiting, clock = lock(api)
    await waiting.wait(LOCKED, [run(metadata={"turn": "7", "attempt": "1"})])
    assert api.cancelled == ["run_1"]
    assert sum(clock.slept) < 5


@pytest.mark.parametrize("error", [None, APIError(403, "no"), TurnError("unreachable", "down")])
async def test_a_thread_whose_run_does_not_end_is_given_up(error: Exception | None) -> None:
    class Endless(LockingRuns):
        async def cancel_run(self, thread_id: str, run_id: str) -> Run:
            self.cancelled.append(run_id)
            if error is not None:
                raise error
            return run("cancelling")

    api = Endless("cancelling" if error is None else "in_progress")
    waiting, clock = lock(api)
    with pytest.raises(ThreadLostError):
        await waiting.wait(LOCKED, [run("in_progress")])
    assert api.cancelled == ["run_1"]
    assert sum(clock.slept) > 600 + FOREIGN_RUN_GRACE


async def test_a_cancelling_run_gets_a_short_time_to_end() -> None:
    waiting, clock = lock(LockingRuns("cancelling"))
    with pytest.raises(ThreadLostError):
        await waiting.wait(LOCKED, [run("cancelling")])
    assert FOREIGN_RUN_GRACE < sum(clock.slept) < FOREIGN_RUN_GRACE + 10


@pytest.mark.parametrize(
    "unknown", [APIError(404, "no such run"), APIError(403, "no")], ids=["gone", "refused"]
)
@pytest.mark.parametrize("refusal", [LOCKED, NAMELESS], ids=["named", "nameless"])
async def test_a_thread_that_nothing_known_locks_is_given_up(
    unknown: APIError, refusal: APIError
) -> None:
    waiting, clock = lock(LockingRuns(unknown))
    with pytest.raises(ThreadLostError):
        await wait_again_and_again(waiting, refusal)
    assert FOREIGN_RUN_GRACE <= sum(clock.slept) < FOREIGN_RUN_GRACE + 10


async def test_a_thread_whose_runs_can_not_be_read_is_given_up() -> None:
    unreadable = TurnError("unreachable", "it said nonsense")
    unreadable.__cause__ = APIError(502, "it said nonsense", code="invalid_response")
    waiting, _ = lock(LockingRuns(unreadable))
    with pytest.raises(ThreadLostError):
        await waiting.wait(LOCKED, [run()])


async def test_an_unreachable_server_ends_the_wait_with_its_own_error() -> None:
    waiting, _ = lock(LockingRuns(TurnError("unreachable", "down")))
    with pytest.raises(TurnError) as caught:
        await waiting.wait(LOCKED, [run()])
    assert caught.value.kind == "unreachable"


async def test_a_thread_that_is_locked_again_and_again_is_busy() -> None:
    waiting, _ = lock(LockingRuns("completed"))
    runs = [run(number=number) for number in range(1, 10)]
    with pytest.raises(TurnError) as caught:
        await wait_again_and_again(waiting, NAMELESS, *runs)
    assert caught.value.kind == "busy"
