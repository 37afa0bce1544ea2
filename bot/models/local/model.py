"""A model on this machine, in a child process that starts with the first request."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

from bot.models.hosted_support import require_hosts
from bot.models.local.process import LocalProcess, LocalSettings, library_problem, start_process
from bot.models.types import ForwardedAnswer, ModelError, ModelEvent, ModelRequest, ModelStatus
from bot.runtime.clock import SystemClock

_log: Final = logging.getLogger(__name__)


class LocalModel:
    """A GGUF file served by a child process; ``weights`` is its path, or fetches the file.

    ``start()`` makes the model ready, else the first request does; both raise ``ModelError``. The
    next request starts a crashed child again, unless it crashed too often.
    """

    hosts: frozenset[str] = frozenset()

    def __init__(
        self,
        weights: Path | Callable[[], Awaitable[Path]],
        *,
        label: str,
        settings: LocalSettings | None = None,
    ) -> None:
        self._weights = weights
        self._label = label
        self._settings = settings or LocalSettings()
        self._clock = SystemClock()
        self._starting = asyncio.Lock()
        self._child: LocalProcess | None = None
        self._crashed_at: deque[float] = deque(maxlen=self._settings.crashes)
        self._closed = False

    @property
    def name(self) -> str:
        """A description for people."""
        return f"local model {self._label}"

    @property
    def is_stopgap(self) -> bool:
        """Whether it is the small model that is used where none is configured."""
        return not isinstance(self._weights, Path)

    @property
    def process_id(self) -> int | None:
        """The child's process id while it runs."""
        child = self._child
        return child.process.pid if child is not None and child.alive else None

    async def start(self) -> None:
        """Download missing weights, load them and serve; raises ``ModelError``."""
        await self._running()

    def calls_tools(self, model: str) -> bool:
        """Tell whether the model may call tools; the small model never does."""
        if self.is_stopgap:
            return False
        return self._child is None or self._child.chat.calls_tools(model)

    async def fetches_images(self) -> bool:
        """Return False: the model runs on this machine."""
        return False

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer's events; raises ``ModelError``. Closing drops the connection."""
        require_hosts(self, request)
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
                message = f"{self.name} crashed in the middle of its answer{child.exit_reason()}"
                if yielded or not again:
                    raise ModelError("cut", f"{message}; ask again.") from error
                again = False
                _log.warning("%s; starting it again", message)
            else:
                return

    @asynccontextmanager
    async def forward(
        self, method: str, path: str, body: bytes | None
    ) -> AsyncIterator[ForwardedAnswer]:
        """Forward a client's request to the child process; see ``ForwardingModel.forward``."""
        child = await self._running()
        async with child.chat.forward(method, path, body) as answer:
            yield answer

    async def check(self) -> ModelStatus:
        """Check a running child by a request, else the files and the library."""
        if self.process_id is not None:
            assert self._child is not None
            status = await self._child.chat.check()
            sentence = f"{self.name} is loaded." if status.ok else status.sentence
            return ModelStatus(status.ok, sentence, (self._label,), status.context_window)
        if problem := await library_problem():
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
        """End the child process; safe to call twice."""
        self._closed = True
        async with self._starting:
            child, self._child = self._child, None
            if child is not None:
                await child.stop()

    async def _running(self) -> LocalProcess:
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
            self._child = await start_process(gguf, self._settings, self.name)
            return self._child

    async def _after_crash(self, child: LocalProcess) -> None:
        now = self._clock.monotonic()
        recent, settings = self._crashed_at, self._settings
        if len(recent) == settings.crashes and now - recent[0] < settings.crash_window:
            raise ModelError(
                "unreachable",
                f"{self.name} crashed {settings.crashes + 1} times within"
                f" {settings.crash_window:g} s{child.exit_reason()}; it is not started again for"
                " now. Take another model, or a smaller context.",
            )
        recent.append(now)
        await child.stop()
        self._child = None


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
