"""Marks for machines in an answer, as a person reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.threads.messages.citations import readable


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("It is red 【0:0†apple.txt】.", "It is red [1]."),
        (
            "Red 【0:0†a.txt】 and ripe【1:2†b.txt】, as said 【3:4†a.txt】.",
            "Red [1] and ripe [2], as said [1].",
        ),
        ("Red 【0:0†a.txt】【0:1†a.txt】 【0:2†a.txt】.", "Red [1]."),
        ("Red 【0:0†a.txt】(ripe)", "Red [1] (ripe)"),
        ("It is red【4:0†source】.", "It is red [1]."),
        ("It is red【4:1†source】.", "It is red."),
        ("It is red【4:1†source】(ripe).", "It is red(ripe)."),
        ("Here: [the table](sandbox:/mnt/data/t.csv).", "Here: the table (`t.csv`)."),
        ("![t.png](sandbox:/mnt/data/t.png)", "`t.png`"),
        (
            "【重要】 stays, and [this](https://a.example).",
            "【重要】 stays, and [this](https://a.example).",
        ),
    ],
)
def test_citation_marks_become_numbers(said: str, read: str) -> None:
    assert readable(said, {}, {"【4:0†source】": "file-1"}) == read


@given(st.integers(0, 30))
def test_an_incomplete_citation_mark_is_left_out(cut: int) -> None:
    whole = "It is red 【0:12†apple.txt】"
    shown = readable(whole[:cut], {}, {})
    assert "【" not in shown
    assert "†" not in shown


@given(st.text(st.characters(codec="utf-8", exclude_characters="【]")))
def test_all_other_text_stays_as_it_is(text: str) -> None:
    assert readable(text, {}, {}) == text
