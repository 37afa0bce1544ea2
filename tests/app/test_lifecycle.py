"""A program that gets a signal stops in time and with exit code 0, whatever hangs."""

import asyncio
import gc
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from textwrap import dedent

import pytest

from bot.app.lifecycle import raise_open_files_limit
from tests.support.eventually import PATIENCE
from tests.support.program import PROJECT

_BEGINNING = """
import asyncio, atexit, sys, threading, time
from bot.app.lifecycle import until_signalled

def say(line):
    print(line, flush=True)
"""

BLOCKED_LOOP = """
async def program():
    say("ready")
    while True:
        time.sleep(0.01)  # blocks the loop, as the name says
"""
HANGING_END = """
async def program():
    try:
        say("ready")
        await asyncio.Event().wait()
    finally:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass
"""
HANGING_THREAD = """
async def program():
    threading.Thread(target=time.sleep, args=(60,)).start()
    say("ready")
    await asyncio.Event().wait()
"""
HANGING_EXECUTOR = """
async def program():
    say("ready")
    await asyncio.to_thread(time.sleep, 60)
"""
SLOW_EXIT = """
def leave():
    say("leaving")
    sys.stdin.readline()

atexit.register(leave)

async def program():
    say("ready")
    await asyncio.Event().wait()
"""
SLOW_STOP = """
async def program():
    try:
        say("ready")
        await asyncio.Event().wait()
    finally:
        say("stopping")
        await asyncio.to_thread(sys.stdin.readline)
        say("stopped in order")
"""


SERVING = """
import gc
from bot.app.lifecycle import run_server
from bot.config import parse

CONFIG = '''
[models]
endpoint = "chat"
url = "http://127.0.0.1:9/v1"
[storage]
directory = "{directory}"
[server]
port = 0
'''

async def program():
    def told(line):
        if "Assistants API" in line:
            say(f"{{gc.get_freeze_count() > 10_000}} {{gc.get_threshold()[0]}}")

    await run_server(parse(CONFIG, "config"), {{}}, say=told, terminal=sys.stderr)
"""


@asynccontextmanager
async def child(program: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program until it is signalled, in a process that is gone at the end."""
    code = dedent(_BEGINNING) + dedent(program) + "\nuntil_signalled(program())\n"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        cwd=PROJECT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def told(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
    return line.decode().strip()


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(BLOCKED_LOOP, id="a loop that is blocked"),
        pytest.param(HANGING_END, id="a part that does not stop"),
        pytest.param(HANGING_THREAD, id="a thread that does not end"),
        pytest.param(HANGING_EXECUTOR, id="a call that does not return"),
    ],
)
async def test_what_hangs_does_not_keep_the_program_from_ending(program: str) -> None:
    async with child(program) as process:
        assert await told(process) == "ready"
        process.terminate()
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_cuts_nothing_short(second: signal.Signals) -> None:
    async with child(SLOW_STOP) as process:
        assert await told(process) == "ready"
        process.terminate()
        assert await told(process) == "stopping"
        process.send_signal(second)
        assert process.stdin is not None
        process.stdin.write(b"\n")
        assert await told(process) == "stopped in order"
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_in_the_last_moments_changes_nothing(first: signal.Signals) -> None:
    async with child(SLOW_EXIT) as process:
        assert await told(process) == "ready"
        process.send_signal(first)
        assert await told(process) == "leaving"
        process.send_signal(first)
        assert process.stdin is not None
        process.stdin.write(b"\n")
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
        assert process.stderr is not None
        assert await process.stderr.read() == b""


async def test_signals_up_to_the_very_end_change_nothing() -> None:
    for _ in range(5):
        async with child(SLOW_EXIT) as process:
            assert await told(process) == "ready"
            process.terminate()
            assert await told(process) == "leaving"
            assert process.stdin is not None
            process.stdin.write(b"\n")
            async with asyncio.timeout(PATIENCE):
                while process.returncode is None:
                    # Not by `process`, whose look at the child would take its exit code away.
                    with suppress(ProcessLookupError):
                        os.kill(process.pid, signal.SIGTERM)
                        os.kill(process.pid, signal.SIGINT)
                    await asyncio.sleep(0)
            assert process.returncode == 0


async def test_the_collector_looks_seldom_and_never_again_at_what_the_start_has_built(
    tmp_path: Path,
) -> None:
    async with child(SERVING.format(directory=tmp_path)) as process:
        frozen, threshold = (await told(process)).split()
        assert frozen == "True"
        assert int(threshold) >= 5 * gc.get_threshold()[0]
        process.terminate()
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


def test_the_process_may_open_as_many_files_as_the_system_lets_it() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        raise_open_files_limit()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        assert soft == min(65_536, before[1]) or before[1] == resource.RLIM_INFINITY
        assert soft > 256
        assert hard == before[1]
        raise_open_files_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
