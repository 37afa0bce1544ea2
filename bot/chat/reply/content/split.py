"""Splits an answer into Discord messages: each fits, shows something and has intact markup.

No text is lost but white space where the answer is cut, which Discord trims anyway. A code block, a
quote, a spoiler, bold text and the like that go on in the next message are closed and opened again.
Links and addresses are not cut. A list is cut between its items where that is possible.
"""

import bisect
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from msgspec import Struct
from wcwidth import grapheme_boundary_before

from bot.chat.reply.content.inline_marks import InlineMarks
from bot.chat.texts.plain_text import well_formed

LIMIT: Final = 2_000
"""The longest content of a message, in code points; Discord's limit."""

LEAST_LIMIT: Final = 100
"""The smallest limit that leaves room for text between fences."""

_CLOSING: Final = "\n```"
# Discord takes any three backticks for a fence, in the middle of a line too. A longer run than
# anybody writes is text: it could not be kept whole.
_FENCE: Final = re.compile(r"(?<!`)`{3,12}(?!`)(?:([\w+\-.#]{1,40})(?=\n))?", re.ASCII)
_SPACE: Final = re.compile(r"\s*")
# Discord trims the spaces that a message begins with, so no message begins within a list's item.
_PARAGRAPH: Final = re.compile(r"\n[ \t]*\n(?!\s)")
_TOP_LINE: Final = re.compile(r"\n(?!\s)")
_LINE: Final = re.compile(r"\n")
_SENTENCE: Final = re.compile(r"(?<=[.!?…])\s|(?<=[。！？])(?!\s)")
_WORD: Final = re.compile(r"\s")
_LINE_MARK: Final = re.compile(r"(?:> )*(?:-# |\#{1,3} )?")
_QUOTED_FENCE: Final = re.compile(r"(?:> ?)+")
_QUOTED_TO_END: Final = re.compile(r"^>>> ", re.MULTILINE)
_QUOTE_MARKS: Final = re.compile(r"[\s>]*")
_LEAST_FILL: Final = 0.5


class _Fence(Struct, frozen=True):
    """A code fence: its position, whether it opens a block, and the block's language and quote."""

    start: int
    end: int
    opens: bool
    language: str = ""
    quote: str = ""

    @property
    def closing(self) -> str:
        """The fence that closes the block."""
        return f"\n{self.quote}```"


def split(text: str, limit: int = LIMIT) -> tuple[str, ...]:
    """Return the contents of the messages that show ``text``; none if it is blank.

    Each has at most ``limit`` code points. Raises ``ValueError`` for a limit below ``LEAST_LIMIT``.
    """
    if limit < LEAST_LIMIT:
        raise ValueError(f"limit must be at least {LEAST_LIMIT}, but is {limit}")
    return tuple(_Cutter(well_formed(text).strip(), limit).parts())


class _Cutter:
    """Cuts one text into pieces, from its beginning to its end."""

    def __init__(self, text: str, limit: int) -> None:
        self._text = text
        self._limit = limit
        self._fences: list[_Fence] = []
        opens = True
        for match in _FENCE.finditer(text) if "```" in text else ():
            language = match[1] or ""
            before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
            if opens:
                quote = before if _QUOTED_FENCE.fullmatch(before) else ""
                fence = _Fence(match.start(), match.end(), True, language, quote)
            else:
                # Text may follow a closing fence.
                fence = _Fence(match.start(), match.end() - len(language), False)
            self._fences.append(fence)
            opens = not opens
        self._starts = [mark.start for mark in self._fences]

    @cached_property
    def _quoted_from(self) -> int:
        """The position after ``>>>``, from which on all text is one quote; else the text's end."""
        for match in _QUOTED_TO_END.finditer(self._text):
            if self._block_at(match.start()) is None:
                return match.end()
        return len(self._text)

    @cached_property
    def _inline(self) -> InlineMarks:
        """The inline marks; found only for a text that needs a cut."""
        ends = [*(mark.end for mark in self._fences[1::2]), len(self._text)]
        blocks = [(mark.start, end) for mark, end in zip(self._fences[::2], ends, strict=False)]
        return InlineMarks(self._text, blocks)

    def parts(self) -> Iterator[str]:
        """Yield the contents of the messages."""
        position = 0
        while position < len(self._text):
            part, position = self._next(position)
            if part:
                yield part

    def _next(self, start: int) -> tuple[str, int]:
        """Return the message that begins at ``start``, "" if blank, and where the next begins."""
        opening = self._opening_at(start) if start else ""
        rest = len(self._text)
        last = self._block_at(rest)
        closing = last.closing if last else ""
        if len(opening) + rest - start + len(closing) <= self._limit:
            return _content(opening, self._text[start:], closing), rest
        room = self._limit - len(opening)
        reserved = len(_CLOSING)
        while True:
            end = self._end(start, start + room - reserved)
            closing = self._closing_at(end)
            if end - start + len(closing) <= room:
                break
            reserved += len(closing)
        own = self._text[start:end]
        block = self._block_at(end)
        if block is None:
            after = self._resume(end, self._skip_space(end))
            return _content(opening, own.rstrip(), closing), after
        resume = end + 1 if self._text[end] == "\n" else end
        # If the block closes here, the added fence is enough.
        after = self._skip_space(end)
        if block.quote and (quote := _QUOTE_MARKS.match(self._text, end)) is not None:
            after = quote.end()
        mark = self._mark_from(after)
        if mark is not None and mark.start == after:
            resume = self._resume(end, self._skip_space(mark.end))
        return _content(opening, own, closing), resume

    def _opening_at(self, start: int) -> str:
        """Return the marks to repeat at ``start``: those of the spans and blocks cut there."""
        inline = "".join(span.mark for span in self._inline.at(start))
        block = self._block_at(start)
        line = self._text.rfind("\n", 0, start) + 1
        if block is not None:
            within = block.quote if line < start else ""
            return f"{inline}{block.quote}```{block.language}\n{within}"
        if start > self._quoted_from:
            return f">>> {inline}"
        mark = _LINE_MARK.match(self._text, line, start)
        return (mark[0] if mark and line < start else "") + inline

    def _closing_at(self, end: int) -> str:
        """Return the marks that close the spans open at ``end``, innermost first."""
        inline = "".join(span.mark for span in reversed(self._inline.at(end)))
        block = self._block_at(end)
        return (block.closing if block else "") + inline

    def _resume(self, end: int, position: int) -> int:
        """Return ``position``, moved behind closing marks that the cut at ``end`` has added."""
        for span in reversed(self._inline.at(end)):
            if span.inside_end == position:
                position = self._skip_space(span.end)
        return position

    def _end(self, start: int, window: int) -> int:
        """Return where the piece from ``start`` is cut: the best place up to ``window``."""
        least = start + int((window - start) * _LEAST_FILL)
        for seam, in_code in (
            (_PARAGRAPH, False),
            (_TOP_LINE, False),
            (_LINE, True),
            (_SENTENCE, False),
            (_WORD, False),
        ):
            places = [match.start() for match in seam.finditer(self._text, least, window + 3)]
            for place in reversed(places):
                if (
                    start < place <= window
                    and (in_code or self._block_at(place) is None)
                    and not self._in_mark(place)
                    and self._inline.whole_at(place) is None
                ):
                    return self._at_no_mark(start, place)
        seen = self._text[start : window + 1]
        # A character of several code points is not cut, unless it is longer than a message.
        end = start + (grapheme_boundary_before(seen, len(seen)) or len(seen) - 1)
        mark = self._mark_from(end, inside=True)
        if mark is not None and mark.start < end and mark.start > start:
            end = mark.start
        return self._at_no_mark(start, end)

    def _at_no_mark(self, start: int, end: int) -> int:
        """Return ``end``, moved before a span that a cut there would break or leave empty."""
        while True:
            moved = self._before_bare_opening(start, end)
            whole = self._inline.whole_at(moved)
            if whole is not None and self._text[start:whole].strip():
                moved = whole
            for span in self._inline.at(moved):
                bare = not self._text[span.inside : moved].strip()
                if bare and self._text[start : span.start].strip():
                    moved = span.start
                    break
            if moved == end:
                return end
            end = moved

    def _before_bare_opening(self, start: int, end: int) -> int:
        """Return ``end``, moved before a code block of which only the opening line is kept."""
        block = self._block_at(end)
        if (
            block is not None
            and block.start > start
            and not self._text[block.end : end].strip(" \t\n>")
            and self._text[start : block.start].strip()
        ):
            return block.start
        return end

    def _block_at(self, position: int) -> _Fence | None:
        """Return the opening of the block that is open at ``position``."""
        index = bisect.bisect_left(self._starts, position) - 1
        if index < 0 or not self._fences[index].opens:
            return None
        return self._fences[index]

    def _mark_from(self, position: int, *, inside: bool = False) -> _Fence | None:
        """Return the fence that begins at ``position``, or with ``inside`` one around it."""
        index = bisect.bisect_right(self._starts, position) - 1
        if index < 0:
            return None
        mark = self._fences[index]
        if mark.start == position or (inside and position < mark.end):
            return mark
        return None

    def _in_mark(self, position: int) -> bool:
        mark = self._mark_from(position, inside=True)
        return mark is not None and mark.start < position

    def _skip_space(self, position: int) -> int:
        match = _SPACE.match(self._text, position)
        return match.end() if match else position


def _content(opening: str, text: str, closing: str) -> str:
    return opening + text + closing if text.strip() else ""
