"""A prepared question of the showcase and its scripted answer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Texts = tuple[str, str]
"""A text in English and in Japanese."""

File = tuple[Texts, Texts]
"""A file's name and content."""


SIEVE: Final = """\
sieve = [True] * 10_000
for number in range(2, 100):
    if sieve[number]:
        sieve[number * number :: number] = [False] * len(sieve[number * number :: number])
print(sum(sieve[2:]))"""
"""Python that counts the primes below 10,000."""


def both(texts: Texts) -> dict[str, str]:
    """Return the text by language, as the page takes it."""
    return {"en": texts[0], "ja": texts[1]}


def files_payload(files: Sequence[File]) -> list[dict[str, Any]]:
    """Return the files as the page takes them."""
    return [{"name": both(name), "text": both(text)} for name, text in files]


@dataclass(frozen=True, slots=True)
class Scene:
    """A prepared question: its title, the answer, and how many words a second it comes with.

    ``call`` is the function that is called first, with its arguments; ``{result}`` in the answer is
    its output.
    ``needs`` is a pattern that the conversation must contain, else ``otherwise`` is the answer.
    """

    pattern: str
    title: str
    answer: str
    words_per_second: float = 60.0
    call: tuple[str, Mapping[str, str]] | None = None
    needs: str = ""
    otherwise: str = ""
    before: str = ""
    """Text that comes before the call of a tool."""
    pause: float = 0.0
    """Seconds before the first word, so that "thinking…" can be seen."""

    def matches(self, text: str) -> bool:
        """Return whether the text asks this question."""
        return re.search(self.pattern, text, re.IGNORECASE) is not None
