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
    """Return the text by language, in the JSON form that the page reads."""
    return {"en": texts[0], "ja": texts[1]}


def files_payload(files: Sequence[File]) -> list[dict[str, Any]]:
    """Return the names and texts of files, in the JSON form that the page reads."""
    return [{"name": both(name), "text": both(text)} for name, text in files]


@dataclass(frozen=True, slots=True)
class Scene:
    """A prepared question and its answer; ``pattern`` recognizes the question in each language.

    The model first says ``before`` and calls the function ``call`` with its arguments, if there is
    one; ``{result}`` in the answer is the function's output. If the conversation does not match the
    pattern ``needs``, the answer is ``otherwise``.
    """

    pattern: Texts
    title: Texts
    answer: Texts
    words_per_second: float = 60.0
    call: tuple[str, Mapping[str, str]] | None = None
    before: Texts = ("", "")
    needs: str = ""
    otherwise: Texts = ("", "")
    pause: float = 0.0
    """Seconds before the first word, so that "thinking…" can be seen."""

    def matches(self, text: str, language: int) -> bool:
        """Return whether the text asks this question in the language, an index of ``Texts``."""
        return re.search(self.pattern[language], text, re.IGNORECASE) is not None
