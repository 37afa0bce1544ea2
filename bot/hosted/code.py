"""Model-written Python in a sandbox; variables outlive a run, a bad run takes nothing along.

Each run has a worker process of its own, which begins with the variables that the session's last
good run left and is gone when the run ends.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from bot.hosted.sandbox_files import DIRECTORY, SandboxFiles
from bot.hosted.sandbox_output import Output, instrument, plain_traceback

if TYPE_CHECKING:
    from pydantic_monty import AsyncMonty

DESCRIPTION = f"""\
Runs Python code in a sandbox and answers with what it printed and, as in a notebook, with the \
value of its last expression. Use it for calculation, data and text work. Variables and functions \
stay for the next call; after a long pause they may be gone: define them again.
Attached files lie in {DIRECTORY}, the working directory: open("name") reads one as UTF-8, \
open("name", "rb") as bytes, os.listdir() lists them. Files can be written there too.
It is a part of Python. There are: asyncio, base64, binascii, bisect, collections (Counter, \
defaultdict, deque, namedtuple), copy, csv, dataclasses, datetime, decimal, functools, hashlib, \
itertools, json, math, os (paths and files), pathlib, random, re, sys, time, tomllib, typing, \
unicodedata. No other module can be imported or installed: no numpy, pandas, matplotlib, \
statistics, fractions, heapq, string, io. Not in the language: yield, class inheritance, \
method decorators (property, staticmethod, classmethod), del. \
No network, no shell, no input(), no pictures. \
Instead write functions, lists, comprehensions and plain classes."""

PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"code": {"type": "string", "description": "The Python code to run."}},
    "required": ["code"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLimits:
    """What a run may take, and what is kept between runs. Times in seconds, sizes in bytes.

    `seconds` counts computing, `wall_seconds` everything but waiting for a free worker.
    `output_characters` are handed back; code that prints more than `printed_characters` is stopped.
    `state_bytes` bounds a session's variables, `files_bytes` the files it wrote, and `kept_bytes`
    both of all sessions together; the sessions unused for longest are dropped first, and any
    after `idle_seconds`.
    """

    seconds: float = 10.0
    wall_seconds: float = 20.0
    memory_bytes: int = 128 * 2**20
    recursion_depth: int = 500
    host_calls: int = 20_000
    code_characters: int = 100_000
    output_characters: int = 30_000
    printed_characters: int = 2_000_000
    workers: int = 4
    sessions: int = 1000
    idle_seconds: float = 3600.0
    state_bytes: int = 32 * 2**20
    files_bytes: int = 32 * 2**20
    files: int = 200
    kept_bytes: int = 256 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeResult:
    """What came of a run.

    `logs` is what was printed and the last expression's value, `error` a traceback or a sentence
    (None: it ran through). `truncated` says that logs were cut. `kept` is False when the variables
    are again those from before the run, `fresh` True when it began without any. `written` holds
    the files this run made or changed.
    """

    logs: str
    error: str | None = None
    truncated: bool = False
    kept: bool = True
    fresh: bool = False
    written: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _Kept:
    """What a session has between runs; `state` None: nothing yet."""

    used_at: float
    state: bytes | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    users: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def size(self) -> int:
        return len(self.state or b"") + sum(map(len, self.files.values()))


class _StateLostError(Exception):
    """A session's variables cannot be loaded again."""


class Sandbox:
    """Sessions of sandboxed Python, each found by its key; a context manager, or `close` it.

    Worker processes start when code first runs. `monotonic` tells the time for idle sessions.
    """

    def __init__(
        self,
        limits: SandboxLimits | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or SandboxLimits()
        self._monotonic = monotonic
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._free = asyncio.Semaphore(self.limits.workers)
        self._starting = asyncio.Lock()
        self._pool: AsyncMonty | None = None
        self._stack = AsyncExitStack()
        self._deadlines: set[asyncio.Timeout] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End every run and forget every session; runs that come later raise RuntimeError."""
        if self._closed:
            return
        self._closed = True
        for deadline in self._deadlines:
            deadline.reschedule(asyncio.get_running_loop().time())
        # once every place of a worker is ours, no run is under way
        await asyncio.gather(*(self._free.acquire() for _ in range(self.limits.workers)))
        self._pool = None
        self._kept.clear()
        await self._stack.aclose()
        for _ in range(self.limits.workers):
            self._free.release()

    async def session(self, key: str) -> "Session":
        """The session called `key`; nothing is started or kept before its first run."""
        return Session(self, key)

    def drop(self, key: str) -> None:
        """Forget a session's variables and files; a run under way is not disturbed."""
        self._kept.pop(key, None)

    @property
    def kept_sessions(self) -> int:
        """How many sessions have variables or files now."""
        self._forget_idle()
        return sum(kept.size > 0 for kept in self._kept.values())

    async def run(
        self,
        key: str,
        code: str,
        files: Mapping[str, bytes | Path],
        on_output: Callable[[str], None] | None,
    ) -> CodeResult:
        """Run `code` in the session `key`; runs of one session wait for each other."""
        if len(code) > self.limits.code_characters:
            return CodeResult(
                logs="",
                error=f"The code is longer than {self.limits.code_characters} characters and was "
                "not run. Put data into a file, or split the code.",
                kept=False,
            )
        kept = self._session(key)
        kept.users += 1
        try:
            async with kept.lock, self._free:
                output = Output(
                    self.limits.output_characters, self.limits.printed_characters, on_output
                )
                return await self._run(kept, code, files, output)
        finally:
            kept.users -= 1
            kept.used_at = self._monotonic()

    async def _run(
        self, kept: _Kept, code: str, files: Mapping[str, bytes | Path], output: Output
    ) -> CodeResult:
        before, fresh = kept.files, kept.state is None
        given = SandboxFiles(
            files,
            before,
            quota=self.limits.files_bytes,
            max_files=self.limits.files,
            readable=self.limits.memory_bytes,
        )
        try:
            state, error = await self._execute(kept.state, code, given, output)
        except _StateLostError:
            kept.state = None
            return CodeResult(
                logs="",
                error="The variables of earlier runs could not be brought back and are gone. The "
                "code was not run: define anew what it needs.",
                kept=False,
            )
        if state is not None and len(state) > self.limits.state_bytes:
            state = None
            error = _and(
                error,
                f"The variables take more than {self.limits.state_bytes // 2**20} MiB. Keep "
                "less of what was computed.",
            )
        if state is None:
            error = _and(
                error, "Variables and written files are again as they were before this run."
            )
            written: Mapping[str, bytes] = {}
        else:
            kept.state, kept.files = state, given.written
            written = {n: data for n, data in kept.files.items() if before.get(n) != data}
            self._forget_beyond_bounds()
        return CodeResult(
            logs=output.text,
            error=error,
            truncated=output.truncated,
            kept=state is not None,
            fresh=fresh,
            written=written,
        )

    async def _execute(
        self, state: bytes | None, code: str, files: SandboxFiles, output: Output
    ) -> tuple[bytes | None, str | None]:
        """The session's new state (None: to be thrown away) and what went wrong."""
        import pydantic_monty as monty  # heavy: loaded when code runs

        pool = await self._started()
        prepared = await asyncio.to_thread(instrument, code)
        session = pool.checkout(
            limits={
                "max_feed_duration_secs": self.limits.seconds,
                "max_memory": self.limits.memory_bytes,
                "max_recursion_depth": self.limits.recursion_depth,
                "max_suspensions": self.limits.host_calls,
            },
            os_policy={"sleep": "zero"},
        )
        error: str | None = None
        loaded = state is None
        deadline = asyncio.timeout(self.limits.wall_seconds)
        try:
            async with deadline, session:
                self._deadlines.add(deadline)
                if self._closed:
                    deadline.reschedule(asyncio.get_running_loop().time())
                output.when_stopped(deadline)
                if state is not None:
                    await session.load_session(state)
                    loaded = True
                try:
                    # feed_start: its result is not turned into objects here unless asked for
                    step = await session.feed_start(
                        prepared.code, print_callback=output.receive, os=files.handle, cwd=DIRECTORY
                    )
                    while not isinstance(step, monty.MontyComplete):
                        step = await step.resume_auto()
                    if prepared.shows_value:
                        shown = await session.feed_start(
                            prepared.value_code(self.limits.output_characters + 1),
                            print_callback=output.receive,
                            os=files.handle,
                        )
                        while not isinstance(shown, monty.MontyComplete):
                            shown = await shown.resume_auto()
                        output.value(shown.output)
                except (monty.MontyRuntimeError, monty.MontySyntaxError) as raised:
                    error = plain_traceback(raised.display(), prepared)
                    if _ran_out(raised.exception()):
                        return None, error
                return await session.dump(), error
        except TimeoutError:
            if self._closed:
                return None, "The sandbox was closed while the code ran."
            if output.stopped:
                return None, (
                    f"The code was stopped: it printed more than "
                    f"{self.limits.printed_characters} characters."
                )
            return None, (
                f"TimeoutError: the code took longer than {self.limits.wall_seconds:g} seconds."
            )
        except (monty.MontyCrashedError, monty.MontyRuntimeError) as crashed:
            if not loaded:
                raise _StateLostError from crashed
            reason = "it needed too much memory" if _is_memory(crashed) else "its process ended"
            return None, _and(error, f"The sandbox was lost while the code ran: {reason}.")
        finally:
            self._deadlines.discard(deadline)

    async def _started(self) -> "AsyncMonty":
        async with self._starting:
            if self._closed:
                raise RuntimeError("The sandbox is closed.")
            if self._pool is None:
                from pydantic_monty import AsyncMonty  # heavy: loaded when code runs

                self._pool = await self._stack.enter_async_context(
                    AsyncMonty(
                        max_processes=self.limits.workers,
                        request_timeout=self.limits.wall_seconds,
                        # a worker serves one session only, so none can lie in wait for the next
                        max_checkouts_per_worker=1,
                    )
                )
            return self._pool

    def _session(self, key: str) -> _Kept:
        self._forget_idle()
        kept = self._kept.setdefault(key, _Kept(self._monotonic()))
        self._kept.move_to_end(key)
        self._forget_beyond_bounds()
        return kept

    def _forget_idle(self) -> None:
        oldest = self._monotonic() - self.limits.idle_seconds
        for key, kept in list(self._kept.items()):
            if kept.used_at < oldest and kept.users == 0:
                del self._kept[key]

    def _forget_beyond_bounds(self) -> None:
        total = sum(kept.size for kept in self._kept.values())
        for key, kept in list(self._kept.items())[:-1]:
            if len(self._kept) <= self.limits.sessions and total <= self.limits.kept_bytes:
                return
            if kept.users == 0:
                total -= kept.size
                del self._kept[key]


class Session:
    """One conversation's Python: what a run defines, later runs find."""

    def __init__(self, sandbox: Sandbox, key: str) -> None:
        self._sandbox = sandbox
        self.key = key

    async def run(
        self,
        code: str,
        *,
        files: Mapping[str, bytes | Path] | None = None,
        on_output: Callable[[str], None] | None = None,
    ) -> CodeResult:
        """Run `code`; whatever it does is told in the result, nothing is raised for it.

        `files` (contents, or where they lie on disk, read when the code opens them) appear in the
        sandbox by name. `on_output` is called on this loop with pieces of `logs` as they come.
        Cancelling ends the work and leaves the session as it was.
        """
        return await self._sandbox.run(self.key, code, files or {}, on_output)


def _ran_out(raised: BaseException) -> bool:
    """Whether the worker was stopped in mid-operation, which leaves its variables in any state."""
    return _is_memory(raised) or (
        isinstance(raised, TimeoutError) and "time limit exceeded" in str(raised)
    )


def _is_memory(raised: BaseException) -> bool:
    return isinstance(raised, MemoryError) or "memory limit" in str(raised)


def _and(error: str | None, sentence: str) -> str:
    return f"{error}\n{sentence}" if error else sentence
