"""The child process that extracts text from an untrusted file within limits.

The parent starts ``main()`` with a JSON request as the last argument and the file as standard
input. The child writes a JSON line and the text. It has no environment variables, writes no file
and opens no connection.
"""

import json
import sys
from dataclasses import asdict
from typing import Any, Final

from bot.hosted.child_process import confine
from bot.hosted.extract.extract import extract
from bot.hosted.extract.limits import ExtractionError, ExtractionLimits

_PIECE: Final = 2**20


def request(name: str, limits: ExtractionLimits, *, keep_source: bool) -> str:
    """Encode the request for the child; of ``name`` only the extension matters."""
    asked = {"name": name[-64:], "limits": asdict(limits), "keep_source": keep_source}
    return json.dumps(asked)


def main() -> None:
    """Limit this process, read the request and the file, write the answer, exit."""
    asked = json.loads(sys.argv[-1])
    limits = ExtractionLimits(**asked["limits"])
    confine(limits.memory_bytes, limits.seconds)
    answer: dict[str, Any] = {}
    text = ""
    try:
        data = sys.stdin.buffer.read()
        text = extract(asked["name"], data, limits=limits, keep_source=asked["keep_source"])
    except ExtractionError as error:
        answer = {"problem": error.problem, "message": str(error)}
    except MemoryError:
        answer = {"problem": "too_large", "message": "Reading the file takes too much memory."}
    except RecursionError:
        answer = {"problem": "broken", "message": "The file is nested too deeply."}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    for start in range(0, len(text), _PIECE):
        sys.stdout.buffer.write(text[start : start + _PIECE].encode())
    sys.stdout.buffer.flush()
