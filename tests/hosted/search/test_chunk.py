"""Properties that every cut of a text has."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.hosted.search.chunk import Chunk, chunk, joined
from bot.hosted.search.tokens import estimate_tokens

pieces = st.sampled_from(
    [
        "word ",
        "a",
        "日本語",
        "カタカナの文章。",
        " ",
        "\n\n",
        "größe, ",
        "x" * 90,
        "1234567 ",
        "สวัสดี",
        "🙂",
        "!?",
    ]
)
texts = st.lists(st.one_of(pieces, st.text(max_size=5)), max_size=300).map("".join)
sizes = st.integers(100, 400).flatmap(
    lambda most: st.tuples(st.just(most), st.integers(0, most // 2))
)


@settings(max_examples=80, deadline=None)
@given(texts, sizes)
def test_every_character_is_in_a_chunk_and_chunks_are_in_order(
    text: str, size: tuple[int, int]
) -> None:
    chunks = list(chunk(text, max_tokens=size[0], overlap=size[1]))
    assert bool(chunks) == bool(text)
    if not chunks:
        return
    assert chunks[0].start == 0
    assert chunks[-1].end == len(text)
    assert all(c.text == text[c.start : c.end] for c in chunks)
    for one, other in pairwise(chunks):
        assert one.start < other.start <= one.end < other.end


@settings(max_examples=80, deadline=None)
@given(texts, sizes)
def test_chunks_and_overlaps_are_no_longer_than_asked(text: str, size: tuple[int, int]) -> None:
    most, overlap = size
    chunks = list(chunk(text, max_tokens=most, overlap=overlap))
    assert all(estimate_tokens(c.text) <= most for c in chunks)
    for one, other in pairwise(chunks):
        assert estimate_tokens(text[other.start : one.end]) <= overlap


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text("abcdefghij", min_size=1, max_size=60), min_size=1, max_size=400))
def test_words_are_not_cut(words: list[str]) -> None:
    text = " ".join(words)
    for piece in chunk(text, max_tokens=100, overlap=50):
        assert piece.start == 0 or text[piece.start - 1] == " "
        assert piece.end == len(text) or text[piece.end - 1] == " "


def test_a_chunk_shares_half_of_its_words_with_the_next_one() -> None:
    chunks = list(chunk("word " * 2000, max_tokens=800, overlap=400))
    assert chunks[0] == Chunk("word " * 800, 0, 4000)
    assert [c.start for c in chunks] == [0, 2000, 4000, 6000]


def test_japanese_is_cut_anywhere() -> None:
    chunks = list(chunk("日本語" * 400, max_tokens=500, overlap=100))
    assert [(c.start, c.end) for c in chunks] == [(0, 500), (400, 900), (800, 1200)]


def test_a_line_without_end_is_cut_too() -> None:
    chunks = list(chunk("x" * 100_000, max_tokens=100, overlap=0))
    assert len(chunks) > 10
    assert "".join(c.text for c in chunks) == "x" * 100_000


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("The quick brown fox", 4),
        ("internationalization", 4),
        ("日本語の文", 5),
        ("1234567", 3),
        ("f(x)", 4),
        ("----------------", 4),
        (" " * 160, 10),
        ("Größe", 3),
    ],
)
def test_tokens_are_estimated(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


@pytest.mark.parametrize("unit", ["word ", "日本", "x", " ", "\n", "a1!", "🙂"])
def test_time_grows_with_the_text_alone(unit: str) -> None:
    def cpu(length: int) -> float:
        text = unit * (length // len(unit))
        began = time.process_time()
        assert list(chunk(text, max_tokens=100, overlap=50))
        return time.process_time() - began

    short = min(cpu(50_000) for _ in range(3))
    assert cpu(400_000) < 8 * 5 * max(short, 0.005)


@given(
    st.text(alphabet="ab 0\n日本,。", max_size=3000),
    st.integers(100, 200),
    st.floats(0.0, 0.5),
)
def test_chunks_join_to_the_text_that_they_were_cut_from(
    text: str, size: int, share: float
) -> None:
    overlap = int(size * share)
    chunks = [piece.text for piece in chunk(text, max_tokens=size, overlap=overlap)]
    assert joined(chunks, overlap) == text


@pytest.mark.parametrize("text", ["0 " * 2000, "a" * 5000, "の" * 2000, "x\n\n" * 900, ""])
def test_repetitive_texts_join_without_a_loss(text: str) -> None:
    chunks = [piece.text for piece in chunk(text, max_tokens=100, overlap=50)]
    assert joined(chunks, 50) == text
