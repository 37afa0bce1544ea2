"""Quotes: whatever a text or a name says, it stays inside its quote."""

from hypothesis import given
from hypothesis import strategies as st

from bot.chat.intake.question_text import MOST_QUOTED, label, quoted

LINES = st.text(st.sampled_from("ab >[]\n\r\x0b\x0c\x1c\x85\u2028\u2029`"), max_size=60)


@given(st.text() | LINES)
def test_every_line_of_a_quote_begins_with_a_mark(text: str) -> None:
    heading, *lines = quoted("heading", text).split("\n")
    assert heading == "[heading]"
    assert all(line == ">" or line.startswith("> ") for line in lines)
    # No other character that some reader takes for a line break is left.
    assert [heading, *lines] == "\n".join((heading, *lines)).splitlines()


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_a_quote_has_all_words_or_is_cut_at_its_bound(text: str, most: int) -> None:
    quote = quoted("h", text, most)
    said = " ".join(line.removeprefix(">") for line in quote.split("\n")[1:]).split()
    if len(text.strip()) <= most:
        assert said == text.split()
    else:
        assert quote.endswith("…")
        assert len(quote) <= len("[h]") + 1 + 3 * (most + 1)
    assert most < MOST_QUOTED


@given(st.text() | LINES)
def test_a_name_in_a_heading_is_one_line_without_brackets(name: str) -> None:
    shown = label(name)
    assert len(shown.splitlines()) <= 1
    assert not set(shown) & set("[]")
