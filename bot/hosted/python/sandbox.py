"""Runs model-written Python in a sandbox; variables persist between successful runs.

Each run has its own worker process. The process starts with the variables of the session's last
successful run, and ends with the run.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from bot.hosted.python import DIRECTORY, charts
from bot.hosted.python.output import Output
from bot.hosted.python.workers import SandboxLimits, StateLostError, Workers

__all__ = ["DESCRIPTION", "PARAMETERS", "CodeResult", "PythonSandbox", "SandboxLimits"]

DESCRIPTION: Final = f"""\
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
No network, no shell, no input(). \
Instead write functions, lists, comprehensions and plain classes.
{charts.DESCRIPTION}"""

PARAMETERS: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {"code": {"type": "string", "description": "The Python code to run."}},
    "required": ["code"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeResult:
    """The result of a run.

    ``logs``: the output and the last expression's value; ``truncated``: the logs were cut.
    ``error``: a traceback or a sentence; None after success. ``written``: new and changed files.
    """

    logs: str = ""
    error: str | None = None
    truncated: bool = False
    written: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class _SessionData:
    """The data of a session between runs; ``state`` is None before the first run."""

    used_at: float
    group: str
    state: bytes | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    users: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def size(self) -> int:
        return len(self.state or b"") + sum(map(len, self.files.values()))


class PythonSandbox:
    """Sessions of sandboxed Python by key. Use it as a context manager, or call ``close``.

    The first run starts the worker processes. ``monotonic`` is the clock for idle sessions.
    """

    def __init__(
        self,
        limits: SandboxLimits | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or SandboxLimits()
        self._monotonic = monotonic
        self._kept: OrderedDict[str, _SessionData] = OrderedDict()
        self._workers = Workers(self.limits)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End all runs and drop all sessions; later runs raise RuntimeError."""
        await self._workers.close()
        self._kept.clear()

    async def run(
        self,
        key: str,
        code: str,
        *,
        group: str = "",
        files: Mapping[str, bytes | Path] | None = None,
        on_output: Callable[[str], None] | None = None,
    ) -> CodeResult:
        """Run ``code`` in the session ``key``; its errors are in the result and never raised.

        Runs of one session wait for each other. Sessions of one ``group`` share
        ``limits.group_bytes``; a key belongs to one group. ``files`` (contents, or paths that are
        read when the code opens them) appear in the sandbox by name. ``on_output`` receives pieces
        of ``logs`` on the event loop. Cancellation ends the run and leaves the session unchanged.
        """
        if len(code) > self.limits.code_characters:
            return CodeResult(
                error=f"The code is longer than {self.limits.code_characters} characters and was "
                "not run. Put data into a file, or split the code."
            )
        kept = self._session(key, group)
        kept.users += 1
        try:
            async with kept.lock, self._workers.slots:
                output = Output(
                    self.limits.output_characters, self.limits.printed_characters, on_output
                )
                return await self._run(kept, code, files or {}, output)
        finally:
            kept.users -= 1
            kept.used_at = self._monotonic()

    async def _run(
        self, kept: _SessionData, code: str, files: Mapping[str, bytes | Path], output: Output
    ) -> CodeResult:
        from bot.hosted.python.files import SandboxFiles  # heavy: loaded when code runs

        before = kept.files
        given = SandboxFiles(
            files,
            before,
            quota=self.limits.files_bytes,
            max_files=self.limits.files,
            readable=self.limits.memory_bytes,
        )
        try:
            state, error = await self._workers.execute(kept.state, code, given, output)
        except StateLostError:
            kept.state = None
            return CodeResult(
                error="The variables of earlier runs could not be brought back and are gone. The "
                "code was not run: define anew what it needs."
            )
        if state is not None and len(state) > self.limits.state_bytes:
            state = None
            error = _with_sentence(
                error,
                f"The variables take more than {self.limits.state_bytes // 2**20} MiB. Keep "
                "less of what was computed.",
            )
        if state is None:
            error = _with_sentence(
                error, "Variables and written files are again as they were before this run."
            )
            written: Mapping[str, bytes] = {}
        else:
            kept.state, kept.files = state, given.written
            written = {n: data for n, data in kept.files.items() if before.get(n) != data}
            self._forget_beyond_bounds(kept)
        return CodeResult(
            logs=output.text, error=error, truncated=output.truncated, written=written
        )

    def _session(self, key: str, group: str) -> _SessionData:
        self._forget_idle()
        kept = self._kept.setdefault(key, _SessionData(self._monotonic(), group))
        self._kept.move_to_end(key)
        self._forget_beyond_bounds(kept)
        return kept

    def _forget_idle(self) -> None:
        oldest = self._monotonic() - self.limits.idle_seconds
        for key, kept in list(self._kept.items()):
            if kept.used_at < oldest and kept.users == 0:
                del self._kept[key]

    def _forget_beyond_bounds(self, newest: _SessionData) -> None:
        """Drop the least recently used sessions of a group above its limit.

        If all groups together are above the limit, drop sessions of the largest group.
        """
        while True:
            sizes: Counter[str] = Counter()
            for kept in self._kept.values():
                sizes[kept.group] += kept.size
            if sizes[newest.group] > self.limits.group_bytes:
                group = newest.group
            elif sizes.total() > self.limits.kept_bytes:
                group = max(sizes, key=sizes.__getitem__)
            elif len(self._kept) > self.limits.sessions:
                groups = Counter(kept.group for kept in self._kept.values())
                group = max(groups, key=groups.__getitem__)
            else:
                return
            oldest = next(
                (
                    key
                    for key, kept in self._kept.items()
                    if kept.group == group and kept.users == 0 and kept is not newest
                ),
                None,
            )
            if oldest is None:  # all at work: they are bounded one by one
                return
            del self._kept[oldest]


def _with_sentence(error: str | None, sentence: str) -> str:
    return f"{error}\n{sentence}" if error else sentence
