"""The child process that extracts text from an untrusted file within limits.

The parent starts ``main()`` with a JSON request as the last argument and the file as standard
input. The child writes a JSON line and the text. It has no environment variables, writes no file
and opens no connection.
"""

import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

from bot.hosted.extract.extract import extract
from bot.hosted.extract.limits import ExtractionError, ExtractionLimits

_NICENESS: Final = 10  # who waits for an answer comes before who waits for a file
_OPEN_FILES: Final = 32
_PIECE: Final = 2**20
_PR_SET_NO_NEW_PRIVS: Final = 38  # linux/prctl.h


def request(name: str, limits: ExtractionLimits, *, keep_source: bool) -> str:
    """Encode the request for the child; of ``name`` only the extension matters."""
    asked = {"name": name[-64:], "limits": asdict(limits), "keep_source": keep_source}
    return json.dumps(asked)


def main() -> None:
    """Limit this process, read the request and the file, write the answer, exit."""
    asked = json.loads(sys.argv[-1])
    limits = ExtractionLimits(**asked["limits"])
    _confine(limits)
    answer: dict[str, Any] = {}
    text = ""
    try:
        data = sys.stdin.buffer.read()
        text = extract(asked["name"], data, limits=limits, keep_source=asked["keep_source"])
    except ExtractionError as error:
        answer = {"code": error.code, "message": str(error)}
    except MemoryError:
        answer = {"code": "invalid_file", "message": "Reading the file takes too much memory."}
    except RecursionError:
        answer = {"code": "invalid_file", "message": "The file is nested too deeply."}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    for start in range(0, len(text), _PIECE):
        sys.stdout.buffer.write(text[start : start + _PIECE].encode())
    sys.stdout.buffer.flush()


def _confine(limits: ExtractionLimits) -> None:
    """Set resource limits; a limit that the system refuses does not affect the others."""
    if sys.platform == "win32":
        return  # it has no such limits; the parent's deadline remains
    import ctypes
    import resource

    with suppress(OSError):
        os.nice(_NICENESS)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for what, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, int(limits.seconds) + 1),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_NPROC, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))
