"""The child process that draws pictures, one request after the other, within limits.

The parent starts ``main()`` with the limits and the module of the first picture. A request is a
line of JSON on standard input; the answer is a line of JSON, and a PNG of the length that the line
names. The child has no environment variables, writes no file and opens no connection. It ends with
its input, and after a time without a request.
"""

import signal
import sys
from importlib import import_module
from typing import Final

import msgspec

from bot.hosted.child_process import allow_seconds, confine
from bot.hosted.pictures.request import Answer, ChartRequest, PictureError, Request

IDLE_SECONDS: Final = 300
"""How long the child waits for a request before it ends itself, in seconds."""


def main() -> None:
    """Limit this process, then answer requests until there are no more."""
    memory_bytes, seconds = (int(number) for number in sys.argv[-2].split(","))
    confine(memory_bytes)
    # The libraries that the first picture needs are loaded before its time begins.
    import_module(sys.argv[-1])
    decoder, encoder = msgspec.json.Decoder(Request), msgspec.json.Encoder()
    _write(encoder.encode(Answer()))
    while True:
        signal.alarm(IDLE_SECONDS)
        line = sys.stdin.buffer.readline()
        signal.alarm(0)
        if not line:
            return
        allow_seconds(seconds)
        try:
            picture = _draw(decoder.decode(line))
            head = Answer(size=len(picture))
        except PictureError as error:
            picture, head = b"", Answer(error=str(error) or "It can't be drawn.")
        except (MemoryError, RecursionError):
            picture, head = b"", Answer(error="Drawing it takes too much memory.")
        except Exception as error:  # noqa: BLE001 - the libraries raise errors of any kind
            picture, head = b"", Answer(error=f"It can't be drawn: {type(error).__name__}.")
        _write(encoder.encode(head), picture)


def _write(head: bytes, picture: bytes = b"") -> None:
    sys.stdout.buffer.write(head + b"\n" + picture)
    sys.stdout.buffer.flush()


def _draw(request: Request) -> bytes:
    # Both modules load heavy libraries, and most children draw pictures of one kind.
    if isinstance(request, ChartRequest):
        from bot.hosted.pictures.chart import draw_chart

        return draw_chart(request)
    from bot.hosted.pictures.formula import draw_formula

    return draw_formula(request.tex)
