"""The programs that run until they are told to stop: the bot, and the server alone."""

import asyncio
import ctypes
import gc
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from types import FrameType
from typing import Any, Final, TextIO, TypeVar

from bot.app.container import Container, StartError, require_own_engine
from bot.config import Config
from bot.runtime.clock import SystemClock

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)

_STOP_SECONDS: Final = 4.5
"""After a signal everything is stopped in order, and after this long in any order."""

_MOST_OPEN_FILES: Final = 65_536

_TELL_SECONDS: Final = 0.2
_PR_SET_NO_NEW_PRIVS: Final = 38  # linux/prctl.h
_M_MMAP_THRESHOLD: Final = -3  # malloc.h
_M_ARENA_MAX: Final = -8
_LARGE_BLOCK: Final = 256 * 1024
_ARENAS: Final = 2
_YOUNG_OBJECTS: Final = 50_000
"""How many more objects are made than freed before the collector looks at the new ones."""

_LEFT: Final = "Not everything stopped in time; leaving it. Nothing that was saved is lost."


async def run_bot(
    config: Config, environment: Mapping[str, str], *, say: Callable[[str], None], terminal: TextIO
) -> None:
    """Run the bot on Discord, and the server where the configuration says so, until cancelled.

    Raises ``StartError`` and the other one-line errors of the parts.
    """
    token = environment.get("DISCORD_TOKEN", "").strip()
    if not token:
        raise StartError(
            "DISCORD_TOKEN is not set. Put the bot's token there (Discord's developer portal, "
            "your application, Bot), or try the bot without one: python -m bot demo"
        )
    require_own_engine(config)
    raise_open_files_limit()
    async with AsyncExitStack() as stack:
        builder = Container(
            config, environment, stack=stack, clock=SystemClock(), say=say, terminal=terminal
        )
        embedded = config.assistants.url == "embedded"
        engine = await builder.engine(with_bot=True) if embedded else None
        if engine is not None and config.server.enabled:
            server = await builder.server(engine)
            say(f"The Assistants API is at {server.url}")
        life = await builder.bot(await builder.api(engine), await builder.ledger(), token)
        _spare_the_loop()
        await life


async def run_server(
    config: Config,
    environment: Mapping[str, str],
    *,
    say: Callable[[str], None],
    terminal: TextIO,
) -> None:
    """Serve the Assistants API until cancelled; raises the one-line errors of the parts."""
    raise_open_files_limit()
    async with AsyncExitStack() as stack:
        builder = Container(
            config, environment, stack=stack, clock=SystemClock(), say=say, terminal=terminal
        )
        server = await builder.server(await builder.engine(with_bot=False))
        _spare_the_loop()
        say(f"The Assistants API is at {server.url}. Stop with Ctrl-C.")
        await asyncio.get_running_loop().create_future()


def raise_open_files_limit() -> None:
    """Let this process open as many files as the system allows it, up to 65,536.

    The usual soft limit of 1,024 is meant for programs that call ``select``; asyncio does not.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_OPEN_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        _log.warning("The limit of open files stays at %d: %s", soft, error)


def _spare_the_loop() -> None:
    """Have the garbage collector look less often, and never again at what the start has built.

    Every round stops the loop. For 3,000 runs, 500 at once, Python's own thresholds cost 1198 ms
    (3.11), 815 ms (3.13) and 928 ms (3.14) in rounds of up to 105 ms. These cost 14, 18 and 26 ms
    in rounds of at most 20 ms, in the same memory. A threshold of 10,000 still costs about 300 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


def until_signalled(program: Coroutine[Any, Any, T]) -> T | None:
    """Run a program and return what it does; None where Ctrl-C or SIGTERM ended it.

    Neither the process nor a child of it can gain privileges. After a signal the program has under
    5 seconds to stop in order; then the process ends whatever hangs, with exit code 0 as well: it
    was told to stop, and all that is on disk is whole.
    """

    async def watched() -> T | None:
        task = asyncio.ensure_future(program)
        with _signals(task), suppress(asyncio.CancelledError):
            return await task
        return None

    _gain_no_privileges()
    _give_memory_back()
    return asyncio.run(watched())


def _give_memory_back() -> None:
    """Have glibc return large blocks to the system as soon as they are freed.

    Left alone it keeps blocks of up to 32 MB after the first of that size was freed, for each
    thread's arena: files and pages that come and go then hold several times their size.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)
        mallopt(_M_ARENA_MAX, _ARENAS)


def _gain_no_privileges() -> None:
    """Make setuid programs harmless to this process and its children, on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


@contextmanager
def _signals(task: "asyncio.Future[Any]") -> Iterator[None]:
    loop = asyncio.get_running_loop()
    stopping = False

    # Not the loop's own handlers: one that is blocked would not even begin to count the seconds.
    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if not stopping:  # once is enough: a second signal must not cut the stopping short
            stopping = True
            threading.Thread(target=_end_in_time, name="stopping", daemon=True).start()
            loop.call_soon_threadsafe(task.cancel)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        # Nor must a second one while the process goes, which takes some moments more; a handler of
        # Python's own would be gone before the last of them.
        after = [signal.SIG_IGN] * len(numbers) if stopping else before
        for number, handler in zip(numbers, after, strict=True):
            signal.signal(number, handler)


def _end_in_time() -> None:
    """End the process once its time is over, also where its loop or one of its threads hangs."""
    time.sleep(_STOP_SECONDS)  # in a thread of its own: the loop may be what hangs
    # Whoever reads the log may hang, too.
    telling = threading.Thread(target=_log.error, args=(_LEFT,), daemon=True)
    telling.start()
    telling.join(_TELL_SECONDS)
    os._exit(0)
