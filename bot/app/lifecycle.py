"""Runs the bot, or the server alone, until a signal stops the process."""

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

from bot.app import StartError
from bot.app.container import Container, require_own_engine
from bot.assistants.errors import APIError
from bot.config import Config, ConfigError
from bot.runtime.tasks import cancelling
from bot.store.ledger import LedgerError

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)

_STOP_SECONDS: Final = 4.5
"""Seconds between a signal and the forced end of the process."""

_MOST_OPEN_FILES: Final = 65_536

_LOG_SECONDS: Final = 0.2
_PR_SET_NO_NEW_PRIVS: Final = 38  # linux/prctl.h
_M_MMAP_THRESHOLD: Final = -3  # malloc.h
_M_ARENA_MAX: Final = -8
_LARGE_BLOCK: Final = 256 * 1024
_ARENAS: Final = 2
_GC_THRESHOLD: Final = 50_000
"""Threshold 0 of the garbage collector: allocations minus deallocations."""

_FORCED_END: Final = (
    "Shutdown took too long, so the process ends now. All saved data is safe; unfinished answers "
    "continue at the next start."
)


async def run_bot(
    config: Config,
    environment: Mapping[str, str],
    *,
    say: Callable[[str], None],
    terminal: TextIO,
    reload: Callable[[], Config],
) -> None:
    """Run the bot, and the server if ``[server] enabled`` is set, until cancelled.

    At each SIGHUP, ``reload`` reads the configuration again and the assistants are updated.
    Raises ``StartError``, and the errors of the parts that ``main`` prints in one line.
    """
    token = environment.get("DISCORD_TOKEN", "").strip()
    if not token:
        raise StartError(
            "DISCORD_TOKEN is not set. Set the bot up with `python -m bot init`, which asks for "
            "the token of Discord's developer portal, or try it without one: `python -m bot demo`"
        )
    require_own_engine(config)
    raise_open_files_limit()
    async with AsyncExitStack() as stack:
        container = Container(config, environment, stack=stack, say=say, terminal=terminal)
        # From the beginning, because an unhandled SIGHUP ends the process.
        hung_up = stack.enter_context(_hangups())
        embedded = config.assistants.url == "embedded"
        engine = await container.engine(with_bot=True) if embedded else None
        if config.server.enabled or config.server.metrics:
            served = engine if config.server.enabled else None
            server = await container.server(served, with_bot=True)
            if config.server.enabled:
                say(f"The Assistants API is at {server.url}")
            if config.server.metrics:
                say(f"The metrics are at {server.url.removesuffix('/v1')}/metrics")
        bot_task = await container.bot(await container.api(engine), await container.ledger(), token)
        # Cancelled first of all: a reload needs the bot, the API and the ledger.
        reloading = asyncio.create_task(_reload_on_hangup(container, reload, hung_up))
        await stack.enter_async_context(cancelling(reloading))
        _tune_garbage_collector()
        await bot_task


@contextmanager
def _hangups() -> Iterator[asyncio.Event]:
    """Yield an event that each SIGHUP sets."""
    loop = asyncio.get_running_loop()
    hung_up = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, hung_up.set)
    try:
        yield hung_up
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


async def _reload_on_hangup(
    container: Container, reload: Callable[[], Config], hung_up: asyncio.Event
) -> None:
    """Update the assistants at each SIGHUP; an invalid configuration changes nothing."""
    while True:
        await hung_up.wait()
        hung_up.clear()
        try:
            await container.reload_assistants(reload())
        except (ConfigError, APIError, LedgerError) as error:
            _log.error("The assistants were not updated: %s", error)


async def run_server(
    config: Config,
    environment: Mapping[str, str],
    *,
    say: Callable[[str], None],
    terminal: TextIO,
) -> None:
    """Run the server until cancelled; raises the errors that ``main`` prints in one line."""
    raise_open_files_limit()
    async with AsyncExitStack() as stack:
        container = Container(config, environment, stack=stack, say=say, terminal=terminal)
        server = await container.server(await container.engine(with_bot=False), with_bot=False)
        _tune_garbage_collector()
        say(f"The Assistants API is at {server.url}. Stop with Ctrl-C.")
        await asyncio.get_running_loop().create_future()


def raise_open_files_limit() -> None:
    """Raise the soft limit of open files to the hard limit, at most 65,536.

    The usual soft limit of 1,024 protects programs that call ``select``, which asyncio does not.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_OPEN_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        _log.warning(
            "The limit of open files stays at %d (%s), which limits the number of connections",
            soft,
            error,
        )


def _tune_garbage_collector() -> None:
    """Make collections rare, and exclude the objects of the start from them.

    Each collection stops the event loop. For 3,000 runs, 500 at once, Python's own thresholds cost
    1198 ms (3.11), 815 ms (3.13) and 928 ms (3.14) in collections of up to 105 ms. This threshold
    costs 14, 18 and 26 ms in collections of at most 20 ms, with the same memory. A threshold of
    10,000 still costs about 300 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)


def until_signalled(program: Coroutine[Any, Any, T]) -> T | None:
    """Run a program and return its result; None if Ctrl-C or SIGTERM ended it.

    The process and its children can't gain privileges. After a signal the program has 4.5 seconds
    to stop; then the process ends, even if something hangs. The exit code is 0 in both cases: the
    stop was requested, and all data on disk is complete.
    """

    async def watched() -> T | None:
        task = asyncio.ensure_future(program)
        with _signals(task), suppress(asyncio.CancelledError):
            return await task
        return None

    _forbid_new_privileges()
    _return_freed_memory()
    return asyncio.run(watched())


def _return_freed_memory() -> None:
    """Make glibc return large freed blocks to the system at once.

    By default glibc keeps freed blocks of up to 32 MB in each thread's arena, so that short-lived
    files and pages occupy several times their size.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)
        mallopt(_M_ARENA_MAX, _ARENAS)


def _forbid_new_privileges() -> None:
    """Set ``no_new_privs`` on Linux: setuid programs give this process and its children nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


@contextmanager
def _signals(task: "asyncio.Future[Any]") -> Iterator[None]:
    """Cancel ``task`` at the first SIGINT or SIGTERM; ignore later signals."""
    loop = asyncio.get_running_loop()
    stopping = False

    # Signal handlers of the loop would not run while the loop is blocked.
    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if not stopping:  # a second signal must not interrupt the shutdown
            stopping = True
            threading.Thread(target=_end_in_time, name="stopping", daemon=True).start()
            loop.call_soon_threadsafe(task.cancel)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        # Ignore further signals until the process has ended: Python removes its own handlers before
        # the interpreter has finished.
        after = [signal.SIG_IGN] * len(numbers) if stopping else before
        for number, handler in zip(numbers, after, strict=True):
            signal.signal(number, handler)


def _end_in_time() -> None:
    """End the process after ``_STOP_SECONDS``, even if its loop or a thread hangs."""
    time.sleep(_STOP_SECONDS)  # in its own thread, because the loop may hang
    # The reader of the log may hang, too.
    logging_thread = threading.Thread(target=_log.error, args=(_FORCED_END,), daemon=True)
    logging_thread.start()
    logging_thread.join(_LOG_SECONDS)
    os._exit(0)
