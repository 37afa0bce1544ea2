"""Markup at the seams of messages: what was bold, hidden or a link is so in every part."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.reply.content.split import split

TOKEN = re.compile(
    r"(?P<whole>\[[^\]]*\]\([^)]*\)|https://\S*?/e)|(?P<mark>```|\|\||\*\*|__|~~|``?|\*|_)|(?P<one>\S)"
)
MARKS = ("||", "**", "*", "__", "_", "~~")
LETTERS = "abcdefgh漢é🙂"


def word(chance: random.Random) -> str:
    """A word without marks, now and then a long one."""
    length = chance.choice((1, 3, 5, 12, chance.choice((2, 40))))
    return "".join(chance.choices(LETTERS, k=length)) + chance.choice(("", "", ".", ",", "。"))


def marked(chance: random.Random, allowed: tuple[str, ...] = MARKS, most: int = 9) -> str:
    """Words with markup that is well nested: no mark inside of itself."""
    parts: list[str] = []
    for kind in chance.choices(
        ["word", "link", "url", "code", *allowed], k=chance.randint(1, most)
    ):
        if kind == "word":
            parts.append(word(chance))
        elif kind == "link":
            parts.append(f"[{word(chance)[:9]} a_b **c**](https://x.example/a_b*c/(d))")
        elif kind == "url":
            parts.append(f"https://x.example/_{word(chance)[:9]}_*/b~~c_d/e")
        elif kind == "code":
            parts.append(f"`{' '.join(word(chance) for _ in range(chance.randint(1, 12)))}`")
        else:
            within = tuple(mark for mark in allowed if mark != kind)
            inside = [word(chance), marked(chance, within, most // 2 + 1), word(chance)]
            parts.append(f"{kind}{' '.join(inside)}{kind}")
    return chance.choice((" ", " ", "\n")).join(parts)


def text_of(seed: int) -> str:
    """Some paragraphs of it."""
    chance = random.Random(seed)
    return "\n\n".join(marked(chance) for _ in range(chance.randint(1, 5)))


def styles(text: str) -> list[tuple[str, frozenset[str]]]:
    """Every visible character, link and address, with the marks that are on it."""
    found: list[tuple[str, frozenset[str]]] = []
    on: set[str] = set()
    for token in TOKEN.finditer(text):
        in_code = bool(on & {"`", "``", "```"})
        mark = token["mark"]
        if mark is not None and (not in_code or mark in on):
            on ^= {mark}
        elif token["whole"] is not None:
            found.append((token["whole"], frozenset(on)))
        else:
            found += [(one, frozenset(on)) for one in token[0]]
    assert not on, f"left open: {on}"
    return found


@settings(max_examples=150, deadline=None)
@given(st.integers(min_value=0, max_value=2**32), st.integers(min_value=100, max_value=160))
def test_every_character_has_the_marks_it_had(seed: int, limit: int) -> None:
    text = text_of(seed)
    parts = split(text, limit)
    assert all(0 < len(part) <= limit for part in parts)
    assert [one for part in parts for one in styles(part)] == styles(text)


@settings(deadline=None)
@given(st.text(alphabet="ab *_~|`\n[]()", max_size=500), st.integers(min_value=100, max_value=160))
def test_marks_in_any_disorder_lose_no_text_and_every_part_fits(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(0 < len(part) <= limit for part in parts)
    assert re.sub(r"[^ab\[\]()]", "", "".join(parts)) == re.sub(r"[^ab\[\]()]", "", text)


@pytest.mark.parametrize("mark", ["||", "**", "*", "__", "_", "~~", "`", "***"])
def test_spans_are_closed_and_reopened_at_a_cut(mark: str) -> None:
    words = "word " * 60
    first, *others = split(f"Look: {mark}{words.strip()}{mark} so.", 100)
    assert first.startswith(f"Look: {mark}word")
    assert first.endswith(f"word{mark}")
    for part in others[:-1]:
        assert part.startswith(f"{mark}word")
        assert part.endswith(f"word{mark}")
    assert others[-1].endswith(f"word{mark} so.")


def test_a_spoiler_over_paragraphs_and_code_stays_hidden() -> None:
    text = (
        "Who? ||"
        + "It was the butler. " * 10
        + "\n\n```py\n"
        + "x = 1\n" * 30
        + "```\nYes.|| Sure."
    )
    parts = split(text, 100)
    assert len(parts) > 4
    assert all(part.count("||") == 2 for part in parts)
    assert all(part.count("```") % 2 == 0 for part in parts)
    visible = [re.sub(r"\|\|.*?\|\|", "", part, flags=re.DOTALL) for part in parts]
    assert "".join(visible).split() == ["Who?", "Sure."]


def test_spans_that_end_or_begin_at_a_cut_leave_no_empty_marks() -> None:
    for length in range(60, 90):
        for mark in ("||", "**", "~~"):
            text = f"{'a' * length} {mark}bold words{mark} {'b ' * 60}"
            assert all(
                not re.search(re.escape(mark) + r"\s*" + re.escape(mark), part)
                for part in split(text, 100)
            )
            text = f"{mark}{'a' * length}{mark} {'b ' * 60}"
            assert "".join(split(text, 100)).count(mark) == 2


@pytest.mark.parametrize(
    "whole",
    [
        "[the long label of it](https://x.example/some/path_(a))",
        "https://x.example/" + "ab/" * 20,
        "<https://x.example/a_b>",
    ],
)
def test_a_link_is_not_cut(whole: str) -> None:
    for before in range(30, 100):
        parts = split(f"{'a ' * (before // 2)}{whole} and {'b ' * 60}", 100)
        assert sum(whole in part for part in parts) == 1


def test_an_operator_hides_nothing_up_to_its_next_use_in_another_paragraph() -> None:
    text = "Use a || b here.\n\n" + "word " * 100 + "\n\nBut not x||y, nor c || d."
    assert "".join(split(text, 100)).count("||") == 3
    hidden = "Who? ||\n\n" + "It was him. " * 20 + "\n\n||"
    assert all(part.count("||") == 2 for part in split(hidden, 100))


def test_marks_that_mark_nothing_are_left_as_they_are() -> None:
    text = "2 * 3 * 4 and a || b, f(*args, **kwargs), snake_case_name ~ " + "word " * 40
    assert "".join(split(text, 100)).replace(" ", "") == text.replace(" ", "")
