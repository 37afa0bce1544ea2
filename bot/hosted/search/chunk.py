"""Cuts text into overlapping chunks, in order; each character is in at least one."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

from bot.hosted.search.tokens import UNSPACED, estimate_tokens

# What is never cut: a word with the white space after it, one character of an unspaced script.
# Both are bounded, so that a long line of anything can be cut somewhere.
_PIECE: Final = re.compile(rf"[{UNSPACED}]\s{{0,64}}|[^\s{UNSPACED}]{{1,64}}\s{{0,64}}|\s{{1,64}}")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk: ``text`` spans the characters ``start`` to ``end`` of the whole."""

    text: str
    start: int
    end: int


def chunk(text: str, *, max_tokens: int, overlap: int) -> Iterator[Chunk]:
    """Cut ``text`` into chunks of at most ``max_tokens``, which share ``overlap`` tokens.

    Cuts are between words, or anywhere in scripts without spaces and in words of over 64
    characters. Takes linear time and memory for one chunk.
    """
    tokens_of = cache(estimate_tokens)  # a text has far fewer different words than words
    pieces: deque[tuple[int, int]] = deque()  # of the chunk: where each starts, and its tokens
    held = end = 0
    for match in _PIECE.finditer(text):
        tokens = tokens_of(match.group())
        while pieces and held + tokens > max_tokens:
            yield Chunk(text[pieces[0][0] : end], pieces[0][0], end)
            held -= pieces.popleft()[1]
            while held > overlap:
                held -= pieces.popleft()[1]
        pieces.append((match.start(), tokens))
        held += tokens
        end = match.end()
    if pieces:
        yield Chunk(text[pieces[0][0] : end], pieces[0][0], end)


def joined(chunks: Sequence[str], overlap: int) -> str:
    """Return the text from which neighbouring chunks were cut with ``overlap``."""
    parts = list(chunks[:1])
    for before, chunk_text in pairwise(chunks):
        parts.append(chunk_text[_shared(before, overlap) :])
    return "".join(parts)


def _shared(text: str, overlap: int) -> int:
    """Return how many characters at the end of a chunk the next chunk begins with."""
    left, shared = overlap, 0
    pieces = _PIECE.findall(text)
    for piece in reversed(pieces[1:]):  # the first one is never repeated
        left -= estimate_tokens(piece)
        if left < 0:
            break
        shared += len(piece)
    return shared
