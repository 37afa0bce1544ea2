"""Finds inline markup (bold, spoilers and the like) in a text, by Discord's rules.

The caller finds the code blocks. Only a spoiler may extend across a code block.
"""

import bisect
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from msgspec import Struct

_LINK: Final = (
    r"\[(?:[^\[\]\n\\]|\\.)+\]"
    r"\(<?https?://[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*>?(?:[ ]\"[^\"\n]*\")?\)"
)
_TOKEN: Final = re.compile(
    r"(?P<paragraph>\n[ \t]*\n)"
    r"|(?P<code>(?<!`)(?P<ticks>`{1,2})(?!`)(?:(?!\n[ \t]*\n)[^`])+(?P=ticks)(?!`))"
    rf"|(?P<whole>\\[^\w\s]|{_LINK}|<[^\s<>]{{1,1000}}>"
    r"|https?://[^\s<>|`]*[^\s<>|`*_~.,:;\"')\]])"
    r"|(?P<mark>\|\||~~|(?<![*\\])\*{1,3}(?!\*)|(?<![_\\])_{1,3}(?!_))"
)
_SPOILER: Final = "||"


class Span(Struct, frozen=True):
    """A marked-up span from ``start`` to ``end``; ``inside`` follows its opening mark."""

    mark: str
    start: int
    inside: int
    inside_end: int
    end: int

    def holds(self, position: int) -> bool:
        """Return whether ``position`` is inside the span."""
        return self.inside <= position <= self.inside_end


class InlineMarks:
    """The inline markup of a text; ``blocks`` are its code blocks as (start, end), in order."""

    def __init__(self, text: str, blocks: Sequence[tuple[int, int]]) -> None:
        self._spans: list[Span] = []
        self._hidden: list[Span] = []
        self._whole: list[tuple[int, int]] = []
        self._open: list[tuple[str, int, int]] = []
        self._spoiler: tuple[int, int] | None = None
        self._read(text, blocks)
        self._spans.sort(key=lambda span: (span.start, -span.end))
        self._starts = [span.start for span in self._spans]
        self._hidden_starts = [span.start for span in self._hidden]
        # The farthest end of the spans up to each index: a search backwards can stop early.
        self._reach = list(accumulate((span.end for span in self._spans), max))
        self._whole_starts = [start for start, _ in self._whole]

    def at(self, position: int) -> list[Span]:
        """Return the spans that a cut at ``position`` divides, the outermost first."""
        found: list[Span] = []
        hidden = bisect.bisect_left(self._hidden_starts, position) - 1
        if hidden >= 0 and self._hidden[hidden].holds(position):
            found.append(self._hidden[hidden])
        index = bisect.bisect_left(self._starts, position) - 1
        while index >= 0 and self._reach[index] > position:
            if self._spans[index].holds(position):
                found.append(self._spans[index])
            index -= 1
        return sorted(found, key=lambda span: span.start)

    def whole_at(self, position: int) -> int | None:
        """Return the start of the link, address or mark that a cut at ``position`` would break."""
        index = bisect.bisect_left(self._whole_starts, position) - 1
        if index < 0 or self._whole[index][1] <= position:
            return None
        return self._whole[index][0]

    def _read(self, text: str, blocks: Sequence[tuple[int, int]]) -> None:
        position = 0
        for start, end in (*blocks, (len(text), len(text))):
            while (token := _TOKEN.search(text, position, start)) is not None:
                self._take(text, token)
                position = token.end()
            position = end
            self._end_paragraph(text)

    def _take(self, text: str, token: re.Match[str]) -> None:
        start, end = token.span()
        if token["paragraph"] is not None:
            self._end_paragraph(text)
        elif token["code"] is not None:
            ticks = token["ticks"]
            span = Span(ticks, start, start + len(ticks), end - len(ticks), end)
            self._spans.append(span)
            self._whole += [(span.start, span.inside), (span.inside_end, span.end)]
        else:
            self._whole.append((start, end))
            if token["mark"] == _SPOILER:
                self._hide(start, end)
            elif token["mark"] is not None:
                self._emphasize(text, start, end)

    def _end_paragraph(self, text: str) -> None:
        self._open.clear()
        if self._spoiler is not None:
            start, end = self._spoiler
            before, behind = text[start - 1 : start], text[end : end + 1]
            # A lone "||" in a paragraph, as in "a || b", is an operator.
            if not behind.strip(" \t") or (before.isalnum() and behind.isalnum()):
                self._spoiler = None

    def _hide(self, start: int, end: int) -> None:
        opened = self._spoiler
        if opened is None or opened[1] == start:
            self._spoiler = (start, end)
            return
        self._hidden.append(Span(_SPOILER, *opened, start, end))
        self._spoiler = None

    def _emphasize(self, text: str, start: int, end: int) -> None:
        """Read adjacent marks, as in "***": each closes an open span if possible or opens one."""
        before, behind = text[start - 1 : start], text[end : end + 1]
        is_word_mark = text[start] == "_"
        may_end = bool(before.strip()) and not (is_word_mark and behind.isalnum())
        may_begin = bool(behind.strip()) and not (is_word_mark and before.isalnum())
        while start < end:
            mark = text[start:end][:2]
            opened = self._opened(text[start:end]) if may_end else None
            if opened is not None:
                mark, *inner = self._open[opened]
                del self._open[opened:]
                self._spans.append(Span(mark, inner[0], inner[1], start, start + len(mark)))
            elif may_begin and mark in ("*", "_", "**", "__", "~~"):
                # A span has no span with the same mark inside.
                self._open = [each for each in self._open if each[0] != mark]
                self._open.append((mark, start, start + len(mark)))
            start += len(mark)

    def _opened(self, run: str) -> int | None:
        """Return the index of the newest open span that adjacent marks (``run``) close, else None.

        A span that all of ``run`` closes is preferred to a span that its beginning closes.
        """
        marks = [mark for mark, _, _ in self._open]
        for fits in (run.__eq__, run.startswith if len(run) > 2 else run.__eq__):
            for number in range(len(marks) - 1, -1, -1):
                if fits(marks[number]):
                    return number
        return None
