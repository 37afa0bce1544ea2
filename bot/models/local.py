"""A model on this machine, in a child process of its own that starts when it is first needed."""

import asyncio
import json
import logging
import os
import secrets
import sys
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path

from msgspec import Struct

from bot.models.chat import ChatCompletions, Timeouts
from bot.models.types import ModelError, ModelEvent, ModelRequest, ModelStatus
from bot.wire.clock import Clock, SystemClock
from bot.wire.retry import RetryPolicy

log = logging.getLogger(__name__)

_PACKAGES = Path(__file__).resolve().parents[2]
_ALIAS = "local"
_STOP_SECONDS = 2.0


class LocalSettings(Struct, frozen=True, kw_only=True):
    """How the local model runs: tokens of context for each of `parallel` answers at once.

    `longest_answer` in tokens and `temperature` hold where a request says nothing;
    `repeat_penalty` above 1 keeps a small model from saying the same for ever. `load_seconds` is
    how long it may take to load, and `crashes` how many within `crash_window` seconds are followed
    by another start.
    """

    context: int = 8192
    parallel: int = 2
    longest_answer: int = 2048
    temperature: float | None = None
    repeat_penalty: float = 1.0
    load_seconds: float = 180.0
    crashes: int = 3
    crash_window: float = 300.0


class LocalModel:
    """A GGUF file served by a child process; `weights` is its path, or what fetches it.

    `start()` makes it ready and raises ModelError in words; without it the first request does.
    A child that crashed is started again by the next request, within bounds.
    """

    def __init__(
        self,
        weights: Path | Callable[[], Awaitable[Path]],
        *,
        label: str,
        settings: LocalSettings | None = None,
        clock: Clock | None = None,
        python: str = sys.executable,
    ) -> None:
        self._weights = weights
        self._label = label
        self._settings = settings or LocalSettings()
        self._clock = clock or SystemClock()
        self._python = python
        self._starting = asyncio.Lock()
        self._child: _Child | None = None
        self._crashed_at: deque[float] = deque(maxlen=self._settings.crashes)
        self._closed = False

    @property
    def name(self) -> str:
        """What it is, for people."""
        return f"local model {self._label}"

    @property
    def process_id(self) -> int | None:
        """The child's process id while it runs."""
        child = self._child
        return child.process.pid if child is not None and child.alive else None

    async def start(self) -> None:
        """Fetch the weights where they are missing, load them and serve; raises ModelError."""
        await self._running()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer as it comes; raises ModelError; closing drops the connection at once."""
        again = True
        while True:
            child = await self._running()
            yielded = False
            try:
                async with aclosing(child.chat.stream(request)) as events:
                    async for event in events:
                        yielded = True
                        yield event
            except ModelError as error:
                if error.kind not in ("unreachable", "cut") or not await child.has_ended():
                    raise
                message = f"{self.name} crashed in the middle of its answer{child.last_words()}"
                if yielded or not again:
                    raise ModelError("cut", f"{message}; ask again.") from error
                again = False
                log.warning("%s; starting it again", message)
            else:
                return

    async def check(self) -> ModelStatus:
        """Whether it would answer: asked of the running child, else told from what is there."""
        if self.process_id is not None:
            assert self._child is not None
            status = await self._child.chat.check()
            sentence = f"{self.name} is loaded." if status.ok else status.sentence
            return ModelStatus(status.ok, sentence, (self._label,), status.context_window)
        if problem := await _library_problem(self._python):
            return ModelStatus(False, problem)
        if isinstance(self._weights, Path):
            try:
                await asyncio.to_thread(_require_gguf, self._weights)
            except ModelError as error:
                return ModelStatus(False, error.message)
            return ModelStatus(True, f"{self.name} is started when it is needed.", (self._label,))
        sentence = f"{self.name} is started when it is needed, and fetched where it is missing."
        return ModelStatus(True, sentence, (self._label,))

    async def close(self) -> None:
        """End the child; safe to call twice."""
        self._closed = True
        async with self._starting:
            child, self._child = self._child, None
            if child is not None:
                await child.stop()

    async def _running(self) -> "_Child":
        async with self._starting:
            if self._closed:
                raise ModelError("unreachable", f"{self.name} was closed.")
            if self._child is not None:
                if not await self._child.has_ended(wait=0):
                    return self._child
                await self._after_crash(self._child)
            weights = self._weights
            gguf = weights if isinstance(weights, Path) else await weights()
            await asyncio.to_thread(_require_gguf, gguf)
            self._child = await _start(gguf, self._settings, self._python, self.name)
            return self._child

    async def _after_crash(self, child: "_Child") -> None:
        now = self._clock.monotonic()
        recent, settings = self._crashed_at, self._settings
        if len(recent) == settings.crashes and now - recent[0] < settings.crash_window:
            raise ModelError(
                "unreachable",
                f"{self.name} crashed {settings.crashes + 1} times within"
                f" {settings.crash_window:g} s{child.last_words()}; it is not started again for"
                " now. Take another model, or a smaller context.",
            )
        recent.append(now)
        await child.stop()
        self._child = None


class _Child:
    """One child process that serves, the connection to it, and the last lines of its log."""

    def __init__(self, process: asyncio.subprocess.Process, tail: deque[str]) -> None:
        self.process = process
        self.chat: ChatCompletions
        self._tail = tail
        self._reading = asyncio.create_task(self._read_log())

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def has_ended(self, wait: float = 0.5) -> bool:
        """Whether the process is gone; its broken connection may be seen moments before."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self.process.wait()
                await asyncio.shield(self._reading)  # what it said last may still be on its way
        return not self.alive

    def last_words(self) -> str:
        """What its log said last, to be put after a sentence's verb."""
        code = self.process.returncode
        how = "" if code is None else f" (signal {-code})" if code < 0 else f" (exit code {code})"
        return f"{how}: {self._tail[-1]}" if self._tail else how

    async def stop(self) -> None:
        """End it: its stdin's end asks, a kill makes sure."""
        if hasattr(self, "chat"):
            await self.chat.close()
        stdin = self.process.stdin
        if stdin is not None:
            stdin.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        await self._reading

    async def _read_log(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                self._tail.append(text)
                log.debug("local model: %s", text)


async def _start(gguf: Path, settings: LocalSettings, python: str, name: str) -> _Child:
    """Start the process and return once it serves; raises ModelError in words."""
    key = secrets.token_urlsafe(24)
    process = await _spawn(python)
    child = _Child(process, deque(maxlen=20))
    assert process.stdin is not None
    assert process.stdout is not None
    orders = {
        "parent": os.getpid(),
        "gguf": str(gguf),
        "alias": _ALIAS,
        "key": key,
        "context": settings.context,
        "parallel": settings.parallel,
        "longest_answer": settings.longest_answer,
        "temperature": settings.temperature,
        "repeat_penalty": settings.repeat_penalty,
    }
    answer: dict[str, str] = {}
    try:
        with suppress(ConnectionError):  # a child that ended at once; its last words tell more
            process.stdin.write(json.dumps(orders).encode() + b"\n")
            await process.stdin.drain()
        async with asyncio.timeout(settings.load_seconds):
            line = await process.stdout.readline()
        answer = json.loads(line) if line else {}
    except TimeoutError:
        raise ModelError(
            "timeout",
            f"{name} did not load within {settings.load_seconds:g} s; take a smaller one.",
        ) from None
    finally:
        if "url" not in answer:
            await asyncio.shield(child.stop())
    if "url" not in answer:
        why = answer.get("error") or f"it ended while loading{child.last_words()}"
        raise ModelError("unreachable", f"{name} can't be started: {why}")
    child.chat = ChatCompletions(
        f"{answer['url']}/v1",
        model=_ALIAS,
        api_key=key,
        # More requests than slots wait their turn, and a long prompt takes minutes on a small
        # machine: here silence is work.
        timeouts=Timeouts(first_byte=540.0, between_chunks=180.0),
        # Its server closes idle connections as it likes; a crash is seen just as fast.
        retries=RetryPolicy(attempts=3, first_delay=0.05),
        name=name,
    )
    log.info("%s is loaded, process %d", name, process.pid)
    return child


async def _spawn(python: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        python,
        "-m",
        "bot.models.local_child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
        # Ctrl-C is for the bot: what runs is brought to an end first.
        start_new_session=True,
    )


async def _library_problem(python: str) -> str | None:
    """What keeps the library from loading, in words, found out in a process of its own."""
    code = (
        "import sys\nfrom bot.models.local_child import _in_words as w\n"
        "try:\n import xllamacpp\nexcept ImportError as e:\n sys.exit(w(e))"
    )
    process = await asyncio.create_subprocess_exec(
        python,
        "-c",
        code,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
    )
    _, said = await process.communicate()
    return said.decode("utf-8", "replace").strip() if process.returncode else None


def _environment() -> dict[str, str]:
    """The environment in which a child finds this very package, wherever it was imported from."""
    path = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PYTHONPATH": f"{_PACKAGES}{os.pathsep}{path}" if path else str(_PACKAGES),
    }


def _require_gguf(path: Path) -> None:
    """Raise ModelError unless the file looks like a GGUF."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(
            "unreachable",
            f"The local model's file {path} can't be read ({error.strerror}); give the path of"
            " a GGUF file.",
        ) from None
    if magic != b"GGUF":
        raise ModelError(
            "unreachable",
            f"The local model's file {path} is no GGUF file; give the path of one.",
        )
