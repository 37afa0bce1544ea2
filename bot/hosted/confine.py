"""Limits the process that handles untrusted input; the process sets them itself, once."""

import os
import sys
from contextlib import suppress
from typing import Final

_NICENESS: Final = 10  # the bot's own process goes first
_OPEN_FILES: Final = 32
_PR_SET_NO_NEW_PRIVS: Final = 38  # linux/prctl.h


def confine(memory_bytes: int, seconds: float | None = None) -> None:
    """Limit the memory, the processor time, the files and the processes of this process.

    ``seconds`` is all the processor time that this process may ever use; None leaves that to
    ``allow_seconds``. A limit that the system refuses does not affect the others.
    """
    if sys.platform == "win32":
        return  # it has no such limits; the parent's deadline remains
    import ctypes
    import resource

    with suppress(OSError):
        os.nice(_NICENESS)
    if sys.platform == "linux":
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
            resource.setrlimit(what, (most, most))


def allow_seconds(seconds: float) -> None:
    """Let this process use so many more seconds of processor time before the system ends it."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds) + 1
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))
