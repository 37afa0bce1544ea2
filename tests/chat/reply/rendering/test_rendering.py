import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.reply.content.split import split
from bot.chat.reply.rendering import DisplayFormula, blocks_of, render_off_loop
from bot.chat.reply.rendering.blocks import Block, rendered_blocks
from bot.chat.reply.rendering.parser import parser

ANSWERS = [
    tuple(record.split("\n=>\n"))
    for record in Path(__file__)
    .with_name("answers.txt")
    .read_text(encoding="utf-8")
    .removesuffix("\n")
    .split("\n%%\n")
]
PARSER = parser()
WORDS = ["apple", "river", "stone", "cloud", "paper", "candle", "garden", "猫", "単語", "meadow"]
MARKS = r"""
\( \) \[ \] $ $$ \frac{ } { ^ _ __ * ** *** ~~ || ` ``` # #### - + 1. > [ ]( ] ![ [^1] [^1]: [x]
--- === <b> </b> <sub> </sub> <br> <details> <T> &amp; &lt; https://a.b/c_d \\ & = ~~~ <@123>
\begin{aligned} \end{aligned}
"""
PIPES = ["|", "|-|-|", "\n|-|-|\n", "|a|b|\n|-|-|\n"]
SPACES = [" ", "\n", "\n\n", "    ", "\n\n    ", "\t", ""]


def fragments(marks: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(WORDS + marks * 2 + SPACES * 6), max_size=40).map("".join)


def as_text(blocks: Iterable[Block]) -> str:
    """Blocks as one text, with all formulas as text."""
    return "\n".join(block.text if isinstance(block, DisplayFormula) else block for block in blocks)


def render(answer: str) -> str:
    """An answer as Discord's Markdown."""
    return as_text(blocks_of(answer))


def rendered(answer: str) -> str:
    """An answer as the parser renders it, also where ``render`` would not ask the parser."""
    return as_text(rendered_blocks(PARSER, answer))


def words(text: str) -> list[str]:
    return re.findall("|".join(WORDS), unicodedata.normalize("NFKC", text).replace("\\", ""))


@pytest.mark.parametrize(("answer", "shown"), ANSWERS)
def test_a_typical_answer_is_shown_as_meant(answer: str, shown: str) -> None:
    assert render(answer) == shown


@pytest.mark.parametrize("answer", [shown for _, shown in ANSWERS])
def test_a_rendered_answer_fits_messages_whole(answer: str) -> None:
    for part in split("\n\n".join([answer] * 30)):
        assert len(part) <= 2_000
        assert part.count("```") % 2 == 0


def test_there_are_a_hundred_answers() -> None:
    assert len(ANSWERS) >= 100


@settings(max_examples=300)
@given(fragments(MARKS.split()))
def test_the_words_of_an_answer_are_shown_in_their_order(answer: str) -> None:
    assert words(rendered(answer)) == words(answer)


@settings(max_examples=200)
@given(fragments(MARKS.split() + PIPES * 4))
def test_no_word_of_a_table_is_lost(answer: str) -> None:
    shown = words(rendered(answer))
    assert all(shown.count(word) >= words(answer).count(word) for word in WORDS)


@settings(max_examples=200)
@given(st.text(max_size=300))
def test_no_text_is_refused(answer: str) -> None:
    rendered(answer)


@given(
    st.text(st.characters(exclude_characters="`\r", exclude_categories=["Cs"]), max_size=200),
    fragments(["\\(x\\)", "$x$", "**", "####"]),
)
def test_a_code_block_is_untouched(code: str, around: str) -> None:
    block = f"```python\n{code}\n```"
    prose = around.replace("`", "").replace("    ", " ").replace("\t", " ")
    assert block in rendered(f"{prose}\n\n$x$\n\n{block}\n\n$y$")


@given(st.lists(st.sampled_from([*WORDS, "**bold**", "*x*", "`c`", "- ", "\n", " ", "||a||"])))
def test_an_answer_without_such_markup_is_the_same(parts: list[str]) -> None:
    answer = "\n".join(parts)
    assert render(answer) == answer
    assert rendered(answer) == answer


@pytest.mark.parametrize(
    "answer",
    [
        "||a|| <@1> <@!1> <@&1> <#1> <t:1> <t:1:R> <:a:1> <a:b:1> </runs list:1> <id:guide>",
        "-# quiet\n__under__ ~~gone~~ ***both***",
        "これは**「太字」**です。これは__下線__です。",
        "snake_case_name, 5 * 3, a_b and c_d",
        r"\*not emphasis\* and \_this\_ and \$5",
        "https://example.com/a_b_c*d*e?x=$1&y=$2",
        "US$5, A$7, $5, $6.50, $1,000 and $2k–$3k; 5$ and 6$",
        "<vector<int>> and std::map<K, V>",
        "text\n\n\n\nmore  \nand `$x$` ``\\(x\\)``",
        "5 < 6 & 7 > 3 | a",
        "a^2 and [1] and [x]",
    ],
)
def test_what_discord_understands_survives(answer: str) -> None:
    assert render(f"{answer}\n\n$x$") == f"{answer}\n\nx"


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (r"\(" + r"\frac{x}{y}+" * 850 + r"\)", "`" + r"\frac{x}{y}+" * 850 + "`"),
        ("\\[\n" + "x+" * 5_000 + "\n\\]", "```tex\n" + "x+" * 5_000 + "\n```"),
        (r"\(" + "{" * 500 + "x" + "}" * 500 + r"\)", "`" + "{" * 500 + "x" + "}" * 500 + "`"),
        (r"\(x^2\) " * 60, "x² " * 60),
        ("```\n" * 25_000, "```\n" * 25_000),
        (r"\(" * 20_000, r"\(" * 20_000),
        ("\\[\n" * 5_000, "\\[\n" * 5_000),
        ("$a " * 5_000, "$a " * 5_000),
        ("> " * 500 + "$x$", "> " * 500 + "$x$"),
        ("![" * 10_000, "![" * 10_000),
    ],
    ids=lambda value: value[:8],
)
def test_an_answer_beyond_all_measure_is_shown(answer: str, shown: str) -> None:
    assert render(answer).strip() == shown.strip()


def test_a_table_of_two_hundred_columns_becomes_lists() -> None:
    row = "|" + "|".join(f"c{number}" for number in range(200)) + "|\n"
    shown = render(row + "|" + "-|" * 200 + "\n" + row * 2)
    assert shown.startswith("c0: **c0**\n- c1: c1\n")
    assert shown.count("\n- c199: c199") == 2
    assert "```" not in shown


def test_a_long_heading_of_a_table_is_said_once() -> None:
    heading = "long " * 20
    shown = render(f"| a | {heading} |\n|-|-|\n" + "| x | y |\n" * 100)
    assert shown.count(heading.strip()) == 1
    assert shown.count("y") == 100


@pytest.mark.parametrize("row", ["| 1 | 2 | 3 |", "1 | 2 | 3", "|||3"])
def test_a_table_with_a_row_too_long_is_left_alone(row: str) -> None:
    table = f"| a | b |\n|-|-|\n{row}"
    assert render(table) == table


def test_a_spoiler_in_a_table_stays_hidden() -> None:
    table = "| Film | End |\n|-|-|\n| A | ||he dies|| |"
    assert render(table) == table


async def test_a_long_answer_is_rendered_off_the_event_loop_alike() -> None:
    answer = "The square is $x^2$.\n\n" * 200
    shown = "The square is x².\n\n" * 200
    assert await render_off_loop(answer) == blocks_of(answer) == (shown,)
    assert render(answer) == shown


def test_display_formulas_are_blocks_between_the_texts() -> None:
    answer = "The area:\n\n\\[\nA = \\pi r^2\n\\].\n\nso $$r = 2$$ fits.\n\n1. $$x$$\n2. \\(y\\)"
    assert blocks_of(answer) == (
        "The area:\n",
        DisplayFormula("A = \\pi r^2", "A = πr²."),
        "\nso",
        DisplayFormula("r = 2", "r = 2"),
        "fits.\n\n1.",
        DisplayFormula("x", "1. x"),
        "2. y",
    )


def test_an_environment_without_marks_around_it_is_a_display_formula() -> None:
    tex = "\\begin{aligned}\n2x + y &= 5 \\\\\nx - y &= 1\n\\end{aligned}"
    assert blocks_of(f"Solve\n\n{tex}\n\nnow.") == (
        "Solve\n",
        DisplayFormula(tex, "2x + y = 5\nx − y = 1"),
        "\nnow.",
    )
    for text in ("\\begin{itemize}\n\\end{itemize}", "\\begin{aligned} x", "`\\begin{cases}`"):
        assert render(text) == text


@pytest.mark.parametrize(
    "answer",
    ["||hidden $$x^2$$ formula||", "```\n$$x$$\n```", "`$$x$$`", "| a |\n|-|\n| $$x^2$$ |"],
)
def test_a_formula_in_a_spoiler_in_code_or_in_a_table_is_no_picture(answer: str) -> None:
    assert all(isinstance(block, str) for block in blocks_of(answer))


def test_noncharacters_in_an_answer_are_dropped() -> None:
    assert render("a \ufdd0x\ufdd1 $y$") == "a x y"
