"""Child processes that handle untrusted input: their start and their limits.

A child has no environment variables, and limits itself before it reads any input. The bot limits
the sandbox's workers, which a library starts, before they run code.
"""

import asyncio
import json
import os
import subprocess
import sys
from contextlib import suppress
from typing import BinaryIO, Final

_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from importlib import import_module; import_module(sys.argv[2]).main()"
)
_NICENESS: Final = 10  # the bot's own process goes first
_OPEN_FILES: Final = 32
_PR_SET_NO_NEW_PRIVS: Final = 38  # linux/prctl.h


async def start_child(
    module: str, *arguments: str, stdin: BinaryIO | int = subprocess.PIPE
) -> asyncio.subprocess.Process:
    """Start a Python process that calls ``main()`` of a module; ``arguments`` end its ``sys.argv``.

    Standard output is a pipe; standard error is dropped.
    """
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-c",
        _START,
        json.dumps([path or os.getcwd() for path in sys.path]),  # noqa: PTH109 - JSON needs text
        module,
        *arguments,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
    )


async def end_child(child: asyncio.subprocess.Process) -> None:
    """Kill a child that still runs, and wait until it has ended."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            child.kill()
        await asyncio.shield(child.wait())


def confine(memory_bytes: int, seconds: float | None = None, *, pid: int = 0) -> None:
    """Limit the memory, the processor time, the files and the processes of a process.

    ``seconds`` is all the processor time that the process may ever use; None leaves that to
    ``allow_seconds``. ``pid`` 0 is this process; only Linux can limit another one. A limit that
    the system refuses, also because the process has ended, does not affect the others.
    """
    if sys.platform == "win32" or (pid and sys.platform != "linux"):
        return  # the system has no such limits; only the parent's deadline bounds the process
    import ctypes
    import resource

    with suppress(OSError):
        niceness = os.getpriority(os.PRIO_PROCESS, pid)
        os.setpriority(os.PRIO_PROCESS, pid, niceness + _NICENESS)
    if sys.platform == "linux" and pid == 0:
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    limits = [
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_NPROC, 0),
    ]
    if seconds is not None:
        limits.append((resource.RLIMIT_CPU, int(seconds) + 1))
    for what, most in limits:
        with suppress(ValueError, OSError):
            if pid:
                resource.prlimit(pid, what, (most, most))
            else:
                resource.setrlimit(what, (most, most))


def allow_seconds(seconds: float) -> None:
    """Let this process use ``seconds`` more of processor time before the system ends it."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds) + 1
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
