"""Worker processes of the sandbox: how many, within which limits, and their end."""

import asyncio
import sys
from functools import partial
from pathlib import Path

import pytest

from bot.hosted.python.sandbox import PythonSandbox, SandboxLimits
from tests.hosted.python.processes import busy_worker, gone, workers
from tests.support.eventually import eventually


async def test_cancelling_ends_the_process_and_leaves_the_session_as_it_was() -> None:
    async with PythonSandbox(SandboxLimits(seconds=60, wall_seconds=60)) as sandbox:
        session = partial(sandbox.run, "a")
        await session("x = 1")
        running = asyncio.create_task(session("x = 2\nwhile True: pass"))
        worker = await busy_worker()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await gone(worker)
        assert (await session("x")).logs == "1"


async def test_a_worker_that_dies_is_told_and_contained() -> None:
    async with PythonSandbox(SandboxLimits(seconds=60, wall_seconds=60)) as sandbox:
        session = partial(sandbox.run, "a")
        await session("x = 1")
        running = asyncio.create_task(session("x = 2\nwhile True: pass"))
        (await busy_worker()).kill()
        result = await running
        assert result.error is not None
        assert result.error.startswith(
            "The sandbox was lost while the code ran: its process ended."
        )
        assert (await session("x")).logs == "1"


async def test_waiting_on_the_host_is_bounded_too() -> None:
    limits = SandboxLimits(seconds=60, wall_seconds=0.5, host_calls=10**9)
    async with PythonSandbox(limits) as sandbox:
        session = partial(sandbox.run, "a")
        result = await session("import os\nwhile True: os.listdir()")
        assert result.error is not None
        assert result.error.startswith("TimeoutError: the code took longer than 0.5 seconds.")


async def test_no_more_workers_compute_at_once_than_are_allowed() -> None:
    limits = SandboxLimits(seconds=60, wall_seconds=60, workers=2)
    async with PythonSandbox(limits) as sandbox:
        running = [
            asyncio.create_task(sandbox.run(str(number), "while True: pass")) for number in range(6)
        ]
        await eventually(
            lambda: sum(worker.cpu_times().user > 0.3 for worker in workers()) == limits.workers
        )
        assert len(workers()) == limits.workers
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds another process")
async def test_a_worker_is_bounded_by_the_system_too() -> None:
    async with PythonSandbox(SandboxLimits(seconds=60, wall_seconds=60)) as sandbox:
        session = partial(sandbox.run, "a")
        running = asyncio.create_task(session("while True: pass"))
        worker = await busy_worker()
        shown = await asyncio.to_thread(Path(f"/proc/{worker.pid}/limits").read_text)
        limits = {row[:26].strip(): row[26:].split()[0] for row in shown.splitlines()[1:]}
        niceness = worker.nice()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert niceness >= 10
    assert limits["Max file size"] == "0"
    assert limits["Max core file size"] == "0"
    assert limits["Max processes"] == "0"
    assert limits["Max cpu time"] == "61"
    assert limits["Max open files"] == "32"
    assert int(limits["Max address space"]) == 2 * 128 * 2**20 + 512 * 2**20


async def test_closing_ends_what_runs_and_refuses_what_waits() -> None:
    sandbox = PythonSandbox(SandboxLimits(seconds=60, wall_seconds=60))
    session = partial(sandbox.run, "a")
    running = asyncio.create_task(session("while True: pass"))
    worker = await busy_worker()
    waiting = asyncio.create_task(session("1"))
    await sandbox.close()
    await gone(worker)
    ended = await running
    assert ended.error is not None
    assert ended.error.startswith("The sandbox was closed while the code ran.")
    with pytest.raises(RuntimeError, match="closed"):
        await waiting
    await sandbox.close()


async def test_a_closed_sandbox_has_no_processes_and_runs_nothing() -> None:
    sandbox = PythonSandbox()
    session = partial(sandbox.run, "a")
    await session("1")
    processes = workers()
    await sandbox.close()
    for process in processes:
        await gone(process)
    with pytest.raises(RuntimeError, match="closed"):
        await session("1")
