"""Worker processes for sandboxed code: one process for each run, within limits."""

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.hosted.child_process import confine
from bot.hosted.pictures.painter import PICTURE_SECONDS, Painter
from bot.hosted.python import DIRECTORY
from bot.hosted.python.charts import Charts
from bot.hosted.python.output import Output, instrument, plain_traceback

if TYPE_CHECKING:
    from pydantic_monty import AsyncMonty

    from bot.hosted.python.files import SandboxFiles

_INTERPRETER_BYTES: Final = 512 * 2**20  # of address space; a worker uses little of it


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLimits:
    """Limits of runs and sessions; times in seconds, sizes in bytes.

    ``seconds``: the time of the code in its worker; ``wall_seconds``: all time except the wait
    for a worker; ``picture_seconds``: the time of one picture.
    ``output_characters`` are returned; code that prints more than ``printed_characters`` is
    stopped. ``state_bytes`` limits a session's variables, ``files_bytes`` its files,
    ``group_bytes`` both for a group, and ``kept_bytes`` for all sessions. The least recently used
    sessions are dropped first, and every session after ``idle_seconds``.
    """

    seconds: float = 10.0
    wall_seconds: float = 20.0
    picture_seconds: float = PICTURE_SECONDS
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
    group_bytes: int = 64 * 2**20
    kept_bytes: int = 256 * 2**20


class StateLostError(Exception):
    """A session's variables can't be loaded."""


class Workers:
    """A pool of worker processes; the first run starts the pool."""

    def __init__(self, limits: SandboxLimits) -> None:
        self.limits = limits
        self.slots = asyncio.Semaphore(limits.workers)
        """One slot for each worker; each run holds one, in the order in which runs asked."""
        self._starting = asyncio.Lock()
        self._pool: AsyncMonty | None = None
        self._stack = AsyncExitStack()
        self._painter = Painter(seconds=limits.picture_seconds)
        self._deadlines: set[asyncio.Timeout] = set()
        self._closed = False

    async def close(self) -> None:
        """End every run, then every process; ``execute`` raises RuntimeError from now on."""
        if self._closed:
            return
        self._closed = True
        for deadline in self._deadlines:
            with suppress(RuntimeError):  # the failure is already on its way to the caller
                deadline.reschedule(asyncio.get_running_loop().time())
        # once all slots are held here, no run is under way
        await asyncio.gather(*(self.slots.acquire() for _ in range(self.limits.workers)))
        self._pool = None
        await self._stack.aclose()
        await self._painter.close()
        for _ in range(self.limits.workers):
            self.slots.release()

    async def execute(
        self, state: bytes | None, code: str, files: "SandboxFiles", output: Output
    ) -> tuple[bytes | None, str | None]:
        """Run ``code`` with the variables in ``state``; the caller holds a slot.

        Returns the new state (None: the old one stays) and what went wrong, if anything did.
        Raises StateLostError before anything was run, RuntimeError when closed.
        """
        import pydantic_monty as monty  # heavy: loaded when code runs

        pool = await self._started()
        prepared = await asyncio.to_thread(instrument, code)
        charts = Charts(self._painter, files.write)
        session = pool.checkout(
            limits={
                "max_feed_duration_secs": self.limits.seconds,
                "max_memory": self.limits.memory_bytes,
                "max_recursion_depth": self.limits.recursion_depth,
                "max_suspensions": self.limits.host_calls,
            },
            os_policy={"sleep": "zero"},
            external_modules={"chart": charts.module()},
        )
        error: str | None = None
        loaded = state is None
        deadline = asyncio.timeout(self.limits.wall_seconds)
        try:
            async with deadline, session:
                if session.worker_pid is not None:  # the worker has run no code yet
                    memory = 2 * self.limits.memory_bytes + _INTERPRETER_BYTES
                    confine(memory, self.limits.wall_seconds, pid=session.worker_pid)
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
                        prepared.code, print_callback=output.receive, os=files, cwd=DIRECTORY
                    )
                    while not isinstance(step, monty.MontyComplete):
                        step = await _resumed(step, charts)
                    if prepared.shows_value:
                        shown = await session.feed_start(
                            prepared.value_code(self.limits.output_characters + 1),
                            print_callback=output.receive,
                            os=files,
                        )
                        while not isinstance(shown, monty.MontyComplete):
                            shown = await shown.resume_auto()
                        output.value(shown.output)
                except (monty.MontyRuntimeError, monty.MontySyntaxError) as raised:
                    error = plain_traceback(raised.display(), prepared)
                    if _is_out_of_resources(raised.exception()):
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
                raise StateLostError from crashed
            memory = isinstance(crashed.exception(), MemoryError)
            reason = "it needed too much memory" if memory else "its process ended"
            lost = f"The sandbox was lost while the code ran: {reason}."
            return None, f"{error}\n{lost}" if error else lost
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
                        # a worker serves one session only: no code can affect a later session
                        max_checkouts_per_worker=1,
                    )
                )
            return self._pool


async def _resumed(step: Any, charts: Charts) -> Any:
    """Answer a call of the code to the outside; return its next such call, or its end."""
    import pydantic_monty as monty  # heavy: loaded when code runs

    if not isinstance(step, monty.AsyncFunctionSnapshot) or step.is_os_function:
        return await step.resume_auto()
    try:
        drawn = await charts.call(str(step.function_name), step.args, step.kwargs)
    except (TypeError, ValueError, OSError) as error:
        return await step.resume({"exception": error})
    return await step.resume({"return_value": drawn})


def _is_out_of_resources(raised: BaseException) -> bool:
    """Return whether the worker was stopped during an operation, so its variables are unusable."""
    return isinstance(raised, MemoryError) or (
        isinstance(raised, TimeoutError) and "time limit exceeded" in str(raised)
    )
