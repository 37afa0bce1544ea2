"""Full-text search in any language: the indexed form of a text, and the query.

Both sides are cut into terms here. The tokenizer of the store's index only splits at spaces and
takes English endings off (Porter's stemmer), so a term is found whatever its script.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.hosted.search.tokens import UNSPACED

_MAX_TERMS: Final = 64
MOST_CHARACTERS: Final = 4000
"""The maximum length of a query in characters; the rest is ignored."""

_SHORTEST_PREFIX: Final = 5
_STEM: Final = 5

_WORD: Final = re.compile(
    rf"(?P<unspaced>[{UNSPACED}]+)|(?:[^\W{UNSPACED}]|[\u0300-\u036f\u0900-\u0dff])+"
)
_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\WA-Z\d_]+|\d+")
_LATIN_MARKS: Final = re.compile("[\u0300-\u036f]+")
_POINTS: Final = re.compile("[\u0591-\u05bd\u05bf-\u05c7\u064b-\u065f\u0670]+")
_HIRAGANA: Final = re.compile("[\u3041-\u309f]+")


@dataclass(frozen=True, slots=True)
class Term:
    """A search term; ``begins`` makes it a prefix."""

    text: str
    begins: bool = False


def searchable(text: str) -> str:
    """Return the indexed form of ``text``: its terms, separated by spaces. Linear time."""
    return " ".join(_terms(text))


@dataclass(frozen=True, slots=True)
class FullTextQuery:
    """A query as terms, made by ``parse_query``; empty if it has no searchable term."""

    terms: tuple[Term, ...]

    @property
    def match(self) -> str:
        """The FTS5 MATCH expression for any of the terms; empty without terms."""
        return " OR ".join(f'"{term.text}"{"*" if term.begins else ""}' for term in self.terms)

    def coverage(self, indexed: str) -> float:
        """Return the share of the query that is in a text (in its indexed form), from 0 to 1.

        Terms are weighted by length, because short words are common.
        """
        whole = sum(map(_weight, self.terms))
        words = set(indexed.split(" "))
        begins = {word[:_STEM] for word in words}
        found = 0.0
        missing = []
        for term in self.terms:
            if term.text[:_STEM] in begins:
                found += _weight(term)
            elif term.text.isascii():
                missing.append(term)
        if missing:
            found += sum(map(_weight, _inflected(missing, words)))
        return found / whole if whole else 0.0

    def score(self, rank: float, indexed: str) -> float:
        """Score a text from 0 to 1 by FTS5's ``rank`` (bm25, lower is better) and by coverage.

        Grows with both. bm25 alone says nothing where a store has few texts, and has no upper
        end; coverage alone does not know which words are rare.
        """
        relevance = max(-rank, 0.0)
        covered = self.coverage(indexed)
        return covered + (1.0 - covered) * covered * relevance / (relevance + 5.0)


def parse_query(question: str) -> FullTextQuery:
    """Parse a query; only its first 4,000 characters and 64 terms count."""
    found: dict[str, Term] = {}
    for match in _words(question[:MOST_CHARACTERS]):
        word = match.group()
        if match["unspaced"]:
            pairs = list(_pairs(word))
            # each pair starts with its first character, so one character matches as a prefix
            made = [Term(word, begins=True)] if len(word) == 1 else [Term(p) for p in pairs[:-1]]
        else:
            made = [
                Term(name, begins=len(name) >= _SHORTEST_PREFIX and not name.isdigit())
                for name in _names(word)
            ]
        for term in made:
            found.setdefault(term.text, term)
    return FullTextQuery(tuple(found.values())[:_MAX_TERMS])


def _words(text: str) -> Iterator[re.Match[str]]:
    # NFKC joins Kana with its signs of voice; Hebrew and Arabic points are seldom typed
    return _WORD.finditer(_POINTS.sub("", unicodedata.normalize("NFKC", text)))


def _terms(text: str) -> Iterator[str]:
    known: dict[str, list[str]] = {}  # a text has far fewer different words than words
    for match in _words(text):
        word = match.group()
        if match["unspaced"]:
            yield from _pairs(word)
            continue
        if word not in known:
            known[word] = _names(word)
        yield from known[word]


def _pairs(run: str) -> Iterator[str]:
    """Return each pair of neighbouring characters, and the last character alone."""
    for index in range(len(run)):
        yield run[index : index + 2]


def _names(word: str) -> list[str]:
    """Return a word, and the parts of a compound identifier."""
    whole = _folded(word.replace("_", ""))
    parts = [_folded(part) for part in _PARTS.findall(word)] if _is_compound(word) else []
    return [name for name in dict.fromkeys([whole, *parts]) if name]


def _is_compound(word: str) -> bool:
    return "_" in word or (word.isascii() and not word.isalpha()) or word[1:] != word[1:].lower()


def _folded(word: str) -> str:
    """Remove case and accents: ``Größe``, ``GRÖSSE`` and ``grosse`` become equal."""
    return _LATIN_MARKS.sub("", unicodedata.normalize("NFD", word.casefold()))


def _inflected(terms: list[Term], words: set[str]) -> list[Term]:
    """Return the terms of which ``words`` has any English form: ``cat`` for ``cats``."""
    # Loaded when something is searched; it has no types.
    from snowballstemmer import stemmer  # type: ignore[import-untyped]

    stem = stemmer("porter").stemWord  # one for each search: a stemmer is not thread-safe
    heads = {term.text[:2] for term in terms}  # Porter's stemmer never changes these letters
    present = {stem(word) for word in words if word[:2] in heads}
    return [term for term in terms if stem(term.text) in present]


def _weight(term: Term) -> float:
    if len(term.text) <= 2 and not term.text.isascii():
        return 1.0 if _HIRAGANA.fullmatch(term.text) else 9.0
    return float(min(len(term.text), 8) - 1) ** 2 or 0.25
