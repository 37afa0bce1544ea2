"""The child process that parses a stranger's file: bounded first, then told what to read.

It is started as `main()` with a JSON line and the file on its standard input, and answers with a
JSON line and the text. It has no environment, writes no file and opens no connection.
"""

import json
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from bot.hosted.extract.kinds import Kind
from bot.hosted.extract.limits import ExtractionError, ExtractionLimits
from bot.hosted.extract.parsing import read


def request(kind: Kind, limits: ExtractionLimits) -> bytes:
    """The line that comes before the file."""
    return json.dumps({"kind": kind, "limits": asdict(limits)}).encode() + b"\n"


def main() -> None:
    """Read the request and the file, answer, end."""
    asked = json.loads(sys.stdin.buffer.readline())
    limits = ExtractionLimits(**asked["limits"])
    _bound(limits)
    answer: dict[str, Any] = {}
    text = ""
    try:
        text = read(asked["kind"], sys.stdin.buffer.read(), limits)
    except ExtractionError as error:
        answer = {"code": error.code, "message": str(error)}
    except MemoryError:
        text = ""
        answer = {"code": "invalid_file", "message": "Reading the file takes too much memory."}
    except RecursionError:
        answer = {"code": "invalid_file", "message": "The file is nested too deeply."}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def _bound(limits: ExtractionLimits) -> None:
    if sys.platform == "win32":
        return  # it has no such limits; the parent's deadline remains
    import resource

    cpu = int(limits.seconds) + 1
    for what, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        # some systems refuse a limit; each of the others still holds
        with suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))
