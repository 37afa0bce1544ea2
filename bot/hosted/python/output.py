"""Collects the output of a run, with a size limit: prints, last value, traceback."""

import ast
import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

_BEFORE: Final = "_ = ("
_TRACEBACK_CHARACTERS: Final = 4000
_PLACE: Final = re.compile(r'File "<python-input-\d+>"')


@dataclass(frozen=True, slots=True)
class InstrumentedCode:
    """Code to run, changed to keep the last expression in ``_``.

    ``changed`` has the original of each changed line.
    """

    code: str
    changed: Mapping[str, str] = field(default_factory=dict)

    @property
    def shows_value(self) -> bool:
        """Whether the code ends in an expression."""
        return bool(self.changed)

    def value_code(self, characters: int) -> str:
        """Return code that formats the last expression's value, in at most ``characters``."""
        return f"'' if _ is None else f'{{_!r:.{characters}}}'"


def instrument(code: str) -> InstrumentedCode:
    """Return code that keeps its last expression's value in ``_``, where the sandbox can format it.

    The code is parsed here, but not executed. A final semicolon hides the value, as in
    notebooks. Code that this Python can't parse is returned unchanged.
    """
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return InstrumentedCode(code)  # newer syntax, or an error that the sandbox will report
    last = body[-1] if body else None
    if not isinstance(last, ast.Expr) or last.end_lineno is None or last.end_col_offset is None:
        return InstrumentedCode(code)
    lines = re.split(rb"(?<=\n)|(?<=\r)(?!\n)", code.encode("utf-8", "replace"))
    start = sum(map(len, lines[: last.lineno - 1])) + last.col_offset
    end = sum(map(len, lines[: last.end_lineno - 1])) + last.end_col_offset
    source = b"".join(lines)
    if source[end:].lstrip().startswith(b";"):
        return InstrumentedCode(code)
    kept = source[:start] + _BEFORE.encode() + source[start:end] + b")" + source[end:]
    ours, theirs = kept.decode(), source.decode()
    both = zip(ours.splitlines(), theirs.splitlines(), strict=True)
    return InstrumentedCode(ours, {a.strip(): b.strip() for a, b in both if a != b})


def plain_traceback(display: str, prepared: InstrumentedCode) -> str:
    """Return the traceback for the original code, without the changes of ``instrument``."""
    lines = _PLACE.sub('File "<code>"', display).splitlines()
    for index, line in enumerate(lines):
        shown = line.strip()
        if shown not in prepared.changed:
            continue
        lines[index] = line.replace(shown, prepared.changed[shown])
        if _BEFORE in shown and index + 1 < len(lines) and not lines[index + 1].strip(" ~^"):
            lines[index + 1] = lines[index + 1].removeprefix(" " * len(_BEFORE))
    text = "\n".join(lines)
    if len(text) <= _TRACEBACK_CHARACTERS:
        return text
    half = _TRACEBACK_CHARACTERS // 2
    return f"{text[:half]}\n[…]\n{text[-half:]}"


class Output:
    """Collects ``kept`` characters of a run's output, and stops the run after ``printed``.

    ``receive`` is called from the sandbox's own thread, one piece at a time.
    """

    def __init__(self, kept: int, printed: int, on_output: Callable[[str], None] | None) -> None:
        self._most_kept = kept
        self._most_printed = printed
        self._on_output = on_output
        self._loop = asyncio.get_running_loop()
        self._deadline: asyncio.Timeout | None = None
        self._pieces: list[str] = []
        self._kept = 0
        self._printed = 0
        self.truncated = False
        self.stopped = False

    @property
    def text(self) -> str:
        """The printed output, then the value of the last expression."""
        return "".join(self._pieces)

    def when_stopped(self, deadline: asyncio.Timeout) -> None:
        """Expire ``deadline`` at once if the run prints too much: nothing else stops the run."""
        self._deadline = deadline

    def receive(self, _stream: str, text: str) -> None:
        """Add printed text; text beyond the limit is dropped."""
        if self.stopped:
            return
        self._add(text)
        if self._printed > self._most_printed:
            self.stopped = True
            self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        # RuntimeError: the run ended before this call
        with suppress(RuntimeError):
            if self._deadline is not None:
                self._deadline.reschedule(self._loop.time())

    def value(self, shown: str) -> None:
        """Add the last expression's value on its own line."""
        if shown:
            last = self._pieces[-1] if self._pieces else "\n"
            self._add(shown if last.endswith("\n") else "\n" + shown)

    def _add(self, text: str) -> None:
        self._printed += len(text)
        room = self._most_kept - self._kept
        piece = text[:room]
        self.truncated = self.truncated or len(piece) < len(text)
        if piece:
            self._kept += len(piece)
            self._pieces.append(piece)
            if self._on_output is not None:
                self._loop.call_soon_threadsafe(self._on_output, piece)
