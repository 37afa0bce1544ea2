"""The parent's side of a local model's process: start, requests, log, end."""

import asyncio
import json
import logging
import os
import secrets
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from bot.models.chat_completions.model import ChatCompletions
from bot.models.http.endpoint import EndpointTimeouts
from bot.models.types import ModelError
from bot.runtime.retry import RetryPolicy

_log: Final = logging.getLogger(__name__)

_PACKAGES: Final = Path(__file__).resolve().parents[2]
_ALIAS: Final = "local"
_STOP_SECONDS: Final = 2.0


class LocalSettings(Struct, frozen=True, kw_only=True):
    """How the local model runs; ``context`` is in tokens for each of ``parallel`` answers.

    ``longest_answer`` in tokens and ``temperature`` are defaults of requests. A ``repeat_penalty``
    above 1 keeps a small model from repeating itself. Loading may take ``load_seconds``. After more
    than ``crashes`` within ``crash_window`` seconds, the process is not started again.
    """

    context: int = 8192
    parallel: int = 2
    longest_answer: int = 2048
    temperature: float | None = None
    repeat_penalty: float = 1.0
    load_seconds: float = 180.0
    crashes: int = 3
    crash_window: float = 300.0


class LocalProcess:
    """One serving child process, its client, and the last lines of its log."""

    def __init__(self, process: asyncio.subprocess.Process, tail: deque[str]) -> None:
        self.process = process
        self._chat: ChatCompletions | None = None
        self._tail = tail
        self._reading = asyncio.create_task(self._read_log())

    @property
    def chat(self) -> ChatCompletions:
        """The client of the process, once it serves."""
        assert self._chat is not None
        return self._chat

    def serves(self, chat: ChatCompletions) -> None:
        """Set the client of the process."""
        self._chat = chat

    @property
    def alive(self) -> bool:
        """Whether the process runs, as far as known."""
        return self.process.returncode is None

    async def has_ended(self, wait: float = 5.0) -> bool:
        """Tell whether the process ended; its connection may break a moment earlier."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self.process.wait()
                await asyncio.shield(self._reading)  # its last lines may still arrive
        return not self.alive

    def exit_reason(self) -> str:
        """Return the exit code and the last line of the log, to be put behind "it ended"."""
        code = self.process.returncode
        how = "" if code is None else f" (signal {-code})" if code < 0 else f" (exit code {code})"
        return f"{how}: {self._tail[-1]}" if self._tail else how

    async def stop(self) -> None:
        """End the process: close its stdin, then kill it if it stays."""
        if self._chat is not None:
            await self._chat.close()
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
                _log.debug("local model: %s", text)


async def start_process(gguf: Path, settings: LocalSettings, name: str) -> LocalProcess:
    """Start the process and return once it serves; raises ``ModelError``."""
    key = secrets.token_urlsafe(24)
    process = await _spawn()
    child = LocalProcess(process, deque(maxlen=20))
    assert process.stdin is not None
    assert process.stdout is not None
    child_settings = {
        "parent": os.getpid(),
        "gguf": str(gguf),
        "alias": _ALIAS,
        "key": key,
        **structs.asdict(settings),
    }
    answer: dict[str, str] = {}
    try:
        with suppress(ConnectionError):  # the child ended at once; its log tells more
            process.stdin.write(json.dumps(child_settings).encode() + b"\n")
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
        why = answer.get("error") or f"it ended while loading{child.exit_reason()}"
        raise ModelError("unreachable", f"{name} can't be started: {why}")
    chat = ChatCompletions(
        f"{answer['url']}/v1",
        model=_ALIAS,
        api_key=key,
        # Requests beyond the slots wait, and a long prompt takes minutes on a small machine:
        # silence means work here.
        timeouts=EndpointTimeouts(first_byte=540.0, between_chunks=180.0),
        # Its server closes idle connections; a crash is noticed just as fast.
        retries=RetryPolicy(attempts=3, first_delay=0.05),
        name=name,
    )
    child.serves(chat)
    _log.info("%s is loaded, process %d", name, process.pid)
    return child


async def _spawn() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.models.local.child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
        # Ctrl-C is for the bot, which ends running answers first.
        start_new_session=True,
    )


async def library_problem() -> str | None:
    """Return why the library can't be loaded, tested in a separate process."""
    code = (
        "import sys\nfrom bot.models.local.child import describe as w\n"
        "try:\n import xllamacpp\nexcept ImportError as e:\n sys.exit(w(e))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
    )
    _, said = await process.communicate()
    return said.decode("utf-8", "replace").strip() if process.returncode else None


def _environment() -> dict[str, str]:
    """Return an environment in which a child imports this same package."""
    path = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PYTHONPATH": f"{_PACKAGES}{os.pathsep}{path}" if path else str(_PACKAGES),
    }
