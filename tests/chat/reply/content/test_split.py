import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.chat.reply.content.split import LIMIT, split

WORDS = st.text(alphabet="abcdefgh äé。、漢字🙂\n\t .!?,-", max_size=60)
FENCES = st.sampled_from(["```", "\n```\n", "\n```py\n", "```js\n", "\n```", "````\n", "`", "``"])
EMOJI = st.sampled_from(["👩‍👩‍👧", "🇩🇪🇫🇷🇯🇵", "e\u0301\u0302", "👍🏽", "❤️", "\r\n"])
MARKDOWN = st.lists(st.one_of(WORDS, FENCES, EMOJI), max_size=80).map("".join)
SMALL = st.integers(min_value=100, max_value=160)


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(st.text(max_size=600) | MARKDOWN, SMALL)
def test_every_part_fits_and_none_is_blank(text: str, limit: int) -> None:
    for part in split(text, limit):
        assert 0 < len(part) <= limit
        assert part.strip()
        part.encode()


@given(st.text(alphabet=st.characters(exclude_characters="`")), SMALL)
def test_without_code_the_parts_are_the_text_but_for_white_space(text: str, limit: int) -> None:
    kept = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert squeezed("".join(split(text, limit))) == squeezed(kept)


@given(MARKDOWN, SMALL)
@example("```py\n" + "x = 1\n" * 40 + "```", 100)
@example("é" * 90 + "``\n```py\n" + "é" * 40, 100)
def test_joined_the_parts_are_the_text_but_for_fences_and_white_space(
    text: str, limit: int
) -> None:
    def bare(whole: str) -> str:
        return re.sub(r"`{3,}(py|js)?|\s", "", whole)

    # Between parts stands a line end: backticks there do not become one run with the next fence.
    assert bare("\n".join(split(text, limit))) == bare(text)


@given(MARKDOWN, SMALL)
def test_every_part_closes_the_code_it_opens(text: str, limit: int) -> None:
    for part in split(text, limit):
        assert len(re.findall(r"(?<!`)`{3,12}(?!`)", part)) % 2 == 0


@settings(max_examples=200)
@given(MARKDOWN, st.text(alphabet="xyz \n", min_size=1, max_size=300), SMALL)
def test_parts_before_the_last_two_stay_while_text_is_added(
    text: str, more: str, limit: int
) -> None:
    before, after = split(text, limit), split(text + more, limit)
    kept = max(len(before) - 2, 0)
    assert after[:kept] == before[:kept]


def test_a_text_that_fits_is_unchanged() -> None:
    assert split("  Hello **you**.\n\nBye. ") == ("Hello **you**.\n\nBye.",)
    exact = "a" * LIMIT
    assert split(exact) == (exact,)
    assert [len(part) for part in split(exact + "b")] == [LIMIT - 4, 5]


@pytest.mark.parametrize("blank", ["", " ", "\n\n", "\u3000\t"])
def test_a_blank_text_has_no_parts(blank: str) -> None:
    assert split(blank) == ()


def test_a_code_block_goes_on_with_its_language() -> None:
    code = "\n".join(f"    line_{number} = {number}" for number in range(30))
    parts = split(f"Look:\n```python\n{code}\n```\nDone.", 200)
    assert len(parts) > 2
    assert parts[0].startswith("Look:\n```python\n    line_0")
    for part in parts[:-1]:
        assert part.endswith("\n```")
    for part in parts[1:]:
        assert part.startswith("```python\n    line_")
    assert parts[-1].endswith("\n```\nDone.")


def test_a_cut_prefers_paragraphs_to_lines_and_lines_to_sentences() -> None:
    paragraph = "a" * 60 + "\n\n" + "b" * 20 + "\n" + "c. d " * 10
    assert split(paragraph, 100)[0] == "a" * 60
    line = "a" * 60 + "\n" + "b" * 10 + ". " + "c" * 60
    assert split(line, 100)[0] == "a" * 60
    sentence = "a" * 60 + ". " + "b b b b b b b b" * 5
    assert split(sentence, 100)[0] == "a" * 60 + "."
    word = "a" * 60 + " " + "b" * 60
    assert split(word, 100)[0] == "a" * 60


def test_a_short_block_moves_whole_rather_than_being_cut() -> None:
    block = "```sh\nls\npwd\n```"
    assert split("a" * 85 + "\n\n" + block, 100) == ("a" * 85, block)


def test_a_block_whose_end_falls_on_the_seam_leaves_no_empty_block_behind() -> None:
    for length in range(80, 100):
        parts = split(f"```\n{'x' * length}\n```\nafter it there is more text", 100)
        assert all(not re.search(r"```\s*```", part) for part in parts), length


@pytest.mark.parametrize("seen", ["👩‍👩‍👧", "🇩🇪", "e\u0301", "👍🏽", "❤️"])
def test_a_visible_character_is_not_cut(seen: str) -> None:
    for shift in range(12):
        parts = split("a" * shift + seen * 60, 100)
        assert "".join(part.strip("a") for part in parts) == seen * 60
        for part in parts:
            assert len(part.strip("a")) % len(seen) == 0


def test_a_visible_character_that_is_longer_than_a_message_is_cut() -> None:
    seen = "a" + "\u0301" * 250
    parts = split(seen, 100)
    assert "".join(parts) == seen
    assert len(parts) == 3
    assert max(map(len, parts)) <= 100


def test_a_surrogate_pair_becomes_one_character() -> None:
    assert split("a\ud83d\ude00b \ud83d") == ("a😀b \ufffd",)


def test_a_limit_without_room_for_fences_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 100"):
        split("text", 99)


def test_a_quote_that_is_cut_within_a_line_goes_on_as_a_quote() -> None:
    parts = split("> " + "word " * 60, 100)
    assert len(parts) > 3
    assert all(part.startswith("> word") and "\n" not in part for part in parts)


def test_all_text_behind_a_quote_to_the_end_is_quoted_in_every_part() -> None:
    parts = split("before\n>>> " + "line of words\n\n" * 20, 100)
    assert parts[0].startswith("before\n>>> line")
    assert all(part.startswith(">>> line") for part in parts[1:])


def test_a_small_note_and_a_heading_go_on_as_such() -> None:
    assert all(part.startswith("-# word") for part in split("-# " + "word " * 60, 100))
    assert all(part.startswith("## word") for part in split("## " + "word " * 60, 100))


def test_a_code_block_in_a_quote_stays_in_the_quote() -> None:
    code = "\n".join(f"> line_{number} = {number}" for number in range(20))
    parts = split(f"> ```py\n{code}\n> ```\nafter", 100)
    assert len(parts) > 2
    for part in parts[:-1]:
        assert part.startswith("> ```py\n> line_")
        assert part.endswith("\n> ```")
    assert not any("```py\n> ```" in part for part in parts)
    long_line = split("> ```\n> " + "x" * 250 + "\n> ```", 100)
    assert all(part.startswith("> ```\n> x") and part.endswith("\n> ```") for part in long_line)


@pytest.mark.parametrize("marker", ["-", "1."])
def test_a_list_is_cut_between_its_items_and_none_of_them_loses_its_depth(marker: str) -> None:
    item = f"{marker} fruit\n  - apples and pears\n\n    They are ripe.\n  - plums\n"
    parts = split(item * 12, 150)
    assert len(parts) > 3
    for part in parts:
        assert part.startswith(f"{marker} fruit\n  - apples")


WORDS_AND_MARKS = st.lists(
    st.sampled_from(
        ["word ", "> ", ">>> ", "\n", "\n\n", "- ", "  ", "> ```\n", "```", "# ", "||"]
    ),
    max_size=80,
).map("".join)


@given(WORDS_AND_MARKS, SMALL)
def test_quotes_and_lists_in_any_disorder_lose_no_word_and_every_part_fits(
    text: str, limit: int
) -> None:
    parts = split(text, limit)
    assert all(0 < len(part) <= limit for part in parts)
    assert "".join(parts).count("word") == text.count("word")
