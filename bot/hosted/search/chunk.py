"""Cuts text into overlapping chunks, in order; each character is in at least one."""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from bot.hosted.search.tokens import UNSPACED, estimate_tokens

MIN_CHUNK_TOKENS: Final = 100
MAX_CHUNK_TOKENS: Final = 4096
DEFAULT_CHUNK_TOKENS: Final = 800
DEFAULT_OVERLAP_TOKENS: Final = 400

# What is never cut: a word with the white space after it, one character of an unspaced script.
# Both are bounded, so that a long line of anything can be cut somewhere.
_PIECE: Final = re.compile(rf"[{UNSPACED}]\s{{0,64}}|[^\s{UNSPACED}]{{1,64}}\s{{0,64}}|\s{{1,64}}")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk: ``text`` spans the characters ``start`` to ``end`` of the whole."""

    text: str
    start: int
    end: int


def chunk(
    text: str,
    *,
    max_tokens: int = DEFAULT_CHUNK_TOKENS,
    overlap: int = DEFAULT_OVERLAP_TOKENS,
    counter: Callable[[str], int] = estimate_tokens,
) -> Iterator[Chunk]:
    """Cut ``text`` into chunks of at most ``max_tokens``, which share ``overlap`` tokens.

    Cuts are between words, or anywhere in scripts without spaces and in words of over 64
    characters. ``counter`` returns the tokens of a word. Takes linear time and memory for one
    chunk. Raises ValueError for sizes that the API does not allow.
    """
    if not MIN_CHUNK_TOKENS <= max_tokens <= MAX_CHUNK_TOKENS:
        raise ValueError(
            f"A chunk has {MIN_CHUNK_TOKENS} to {MAX_CHUNK_TOKENS} tokens, not {max_tokens}."
        )
    if not 0 <= overlap <= max_tokens // 2:
        raise ValueError(f"The overlap is 0 to {max_tokens // 2} tokens (half a chunk).")
    return _cut(text, max_tokens, overlap, counter)


def joined(
    chunks: Sequence[str], overlap: int, counter: Callable[[str], int] = estimate_tokens
) -> str:
    """Return the text that neighbouring chunks were cut from, each passage once.

    ``overlap`` and ``counter`` are those that the chunks were cut with.
    """
    parts = list(chunks[:1])
    for before, chunk_text in pairwise(chunks):
        parts.append(chunk_text[_shared(before, overlap, counter) :])
    return "".join(parts)


def _shared(text: str, overlap: int, counter: Callable[[str], int]) -> int:
    """Return how many characters at the end of a chunk the next chunk begins with."""
    left, shared = overlap, 0
    pieces = _PIECE.findall(text)
    for piece in reversed(pieces[1:]):  # the first one is never repeated
        left -= counter(piece)
        if left < 0:
            break
        shared += len(piece)
    return shared


def _cut(
    text: str, max_tokens: int, overlap: int, counter: Callable[[str], int]
) -> Iterator[Chunk]:
    known: dict[str, int] = {}  # a text has far fewer different words than words
    pieces: deque[tuple[int, int]] = deque()  # of the chunk: where each starts, and its tokens
    held = end = 0
    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece not in known:
            known[piece] = counter(piece)
        tokens = known[piece]
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
