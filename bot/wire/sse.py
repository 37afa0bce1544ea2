"""Decodes and encodes server-sent events, however their bytes are split into chunks."""

import re
from typing import Final

from msgspec import Struct

_BOM: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_DIGITS: Final = re.compile(rb"[0-9]+\Z")


class EventTooLargeError(Exception):
    """An event is larger than the decoder's limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"an event of the stream is larger than {limit} bytes")
        self.limit = limit


class ServerSentEvent(Struct, frozen=True, gc=False):
    """One event; ``data`` as received, ``id`` the stream's last id, ``retry`` in milliseconds."""

    name: str
    data: bytes
    id: str = ""
    retry: int | None = None

    @property
    def text(self) -> str:
        """The data as text; bytes that are not UTF-8 become U+FFFD."""
        return self.data.decode("utf-8", "replace")


class Decoder:
    """Turns a stream's bytes into events; ``end`` returns one that lacks its blank line.

    ``max_event_bytes`` bounds an event's data and each line; a larger one raises
    EventTooLargeError. A ``lenient`` decoder also takes a line of bare JSON as data, a field's name
    in any case, and a field named "error" as the data of an event of that name (llama.cpp sends
    those).
    """

    def __init__(self, max_event_bytes: int = 8 * 1024 * 1024, *, lenient: bool = False) -> None:
        self._limit = max_event_bytes
        self._lenient = lenient
        self._line: list[bytes] = []  # pieces of the current line
        self._line_bytes = 0
        self._started = False  # whether the stream is past a possible byte order mark
        self._after_cr = False
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._name = b""
        self._id = ""
        self._retry: int | None = None

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take the next bytes and return the events they complete; raises EventTooLargeError."""
        if not self._started:
            chunk = self._without_bom(chunk)
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[0] == 0x0A:
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._after_cr = chunk[-1] == 0x0D
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if lines and self._line:
            self._line.append(lines[0])
            lines[0] = b"".join(self._line)
            self._line.clear()
            self._line_bytes = 0
        events: list[ServerSentEvent] = []
        for line in lines:
            if line.startswith(b"data: "):
                self._take_data(line[6:])
            elif line:
                self._take_field(line)
            else:
                if self._data:
                    events.append(self._event())
                self._name = b""
        if rest:
            self._line.append(rest)
            self._line_bytes += len(rest)
            if self._line_bytes > self._limit:
                raise EventTooLargeError(self._limit)
        return events

    def end(self) -> list[ServerSentEvent]:
        """Return the event that the stream's end completes: one without a blank line behind it.

        The HTML standard drops such an event, but some gateways send their last one like this.
        """
        line = b"".join(self._line)
        self._line.clear()
        self._line_bytes = 0
        if line:
            self._take_field(line)
        return [self._event()] if self._data else []

    def _event(self) -> ServerSentEvent:
        data = self._data
        event = ServerSentEvent(
            self._name.decode("utf-8", "replace") if self._name else "message",
            data[0] if len(data) == 1 else b"\n".join(data),
            self._id,
            self._retry,
        )
        data.clear()
        self._data_bytes = 0
        return event

    def _take_data(self, value: bytes) -> None:
        self._data_bytes += len(value) + 1
        if self._data_bytes > self._limit:
            raise EventTooLargeError(self._limit)
        self._data.append(value)

    def _take_field(self, line: bytes) -> None:
        if len(line) > self._limit:
            raise EventTooLargeError(self._limit)
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if self._lenient:
            field = field.strip(b"\x00 \t").lower()
            if field.startswith(b"{"):
                field, value = b"data", line
            elif field == b"error":
                self._name = b"error"
                field = b"data"
        if field == b"data":
            self._take_data(value)
        elif field == b"event":
            self._name = value
        elif field == b"id":
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif field == b"retry" and _DIGITS.match(value):
            self._retry = int(value[:18])  # more digits than a delay can have

    def _without_bom(self, chunk: bytes) -> bytes:
        """Return a chunk without a byte order mark at the start; hold back a part of one."""
        chunk = b"".join(self._line) + chunk
        self._line.clear()
        self._line_bytes = 0
        if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
            if chunk:
                self._line.append(chunk)
            return b""
        self._started = True
        return chunk.removeprefix(_BOM)


def encode(event: str | None, data: bytes | str) -> bytes:
    """Encode one event; line ends in ``data`` become LF; ValueError for one in the name."""
    if isinstance(data, str):
        data = data.encode()
    if b"\n" in data or b"\r" in data:
        data = b"\ndata: ".join(_LINE_END.split(data))
    if event is None:
        return b"data: %b\n\n" % data
    name = event.encode()
    if _LINE_END.search(name):
        msg = f"an event's name cannot hold a line end: {event!r}"
        raise ValueError(msg)
    return b"event: %b\ndata: %b\n\n" % (name, data)
