"""Formulas become pictures in a child process; TeX that does not parse does not."""

import struct
from collections.abc import AsyncIterator

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.hosted.pictures import FormulaRequest, Painter, PictureError
from bot.hosted.pictures.arrays import Rules, without_rules
from tests.support.eventually import eventually

ARRAY_PIECES = [
    r"\begin{array}", r"\end{array}", "{c|c}", r"\hline ", r"\\", "&", "{", "}", "x", r"\begin{",
]  # fmt: skip


@pytest.fixture
async def painter() -> AsyncIterator[Painter]:
    one = Painter(seconds=60)
    yield one
    await one.close()


def size(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


async def drawn(painter: Painter, tex: str) -> tuple[int, int]:
    png = await painter.formula(tex)
    assert png is not None, tex
    return size(png)


async def test_formulas_of_every_kind_become_pictures(painter: Painter) -> None:
    simple = await drawn(painter, "x")
    for tex in (
        r"\int_0^1 x^2\,dx = \frac{x^3}{3}",
        r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
        r"\begin{cases} x & (x \ge 0) \\ -x & \text{otherwise} \end{cases}",
        r"\begin{align*} a &= b \\ c &= d \end{align*}",
        r"\begin{gather} a = b \\ c = d \end{gather}",
        r"a &= b \\ c &= d",
        r"\boxed{x = 2} \tag{1} \label{eq:one}",
        r"\overline{AB} \perp \vec{c}",
        r"\begin{aligned}[t] x + y &= 3 \\[4pt] x - y &= 1 \end{aligned}",
        r"\begin{alignat}{2} x &= 1 &\quad y &= 2 \end{alignat}",
        r"\begin{dcases} x & y \\ z & w \end{dcases}, \begin{rcases} x \\ z \end{rcases}",
        r"\begin{array}{*{2}{c}@{}p{2cm}} a & b & c \\ \cline{1-2} d & e & f \end{array}",
        r"\Biggl\{ x \Biggr\}, x \not= y, {n \choose k}",
        r"\text{if $x > 0$ and $y$} \mathop{\mathrm{lim}} \mathbin{\oplus}",
        r"\begin{pmatrix} 1 & 2 \end{pmatrix}^T \begin{bmatrix} 3 \\ 4 \end{bmatrix}_1^{-1}",
        r"\text{\textbf{bold} & \textit{it}} \bigl\lfloor x \bigr\rfloor",
        r"\textcolor{red}{x} + \colorbox{yellow}{y} + \color{blue} z",
    ):
        width, height = await drawn(painter, tex)
        assert width > simple[0]
        assert height >= simple[1]


@pytest.mark.parametrize(
    ("array", "ruled"),
    [
        (r"{cc} x & y \\ 1 & 2 ", r"{c|c} x & y \\ \hline 1 & 2 "),
        (r"{cc} T & F \\ F & T ", r"{|c|c|} \hline T & F \\ \hline F & T \\ \hline "),
        (r"{r} 123 \\ 456 \\ 579 ", r"{r} 123 \\ 456 \\ \hline 579"),
    ],
)
async def test_an_array_takes_more_room_with_its_rules(
    painter: Painter, array: str, ruled: str
) -> None:
    plain = await drawn(painter, rf"\begin{{array}}{array}\end{{array}}")
    lined = await drawn(painter, rf"\begin{{array}}{ruled}\end{{array}}")
    assert lined[0] > plain[0]
    assert lined[1] > plain[1]


def test_an_array_within_an_array_has_its_own_rules() -> None:
    inner = r"\begin{array}{|c|} \hline q \\ \hline \end{array}"
    found: list[Rules] = []
    plain = without_rules(
        rf"\begin{{array}}{{c|c}} {inner} & y \\ \hline 1 & 2 \end{{array}}", found
    )
    assert "hline" not in plain
    assert found == [
        Rules(columns=frozenset({0, 1}), rows=frozenset({0, 1})),
        Rules(columns=frozenset({1}), rows=frozenset({1})),
    ]


@given(st.lists(st.sampled_from(ARRAY_PIECES), max_size=30).map("".join))
@settings(max_examples=30, deadline=None)
def test_whatever_stands_in_an_array_reading_its_rules_ends(tex: str) -> None:
    assert "hline" not in without_rules(tex, [])


@pytest.mark.parametrize(
    "tex",
    [
        r"\text{速さ}=\frac{\text{距離}}{\text{時間}}",
        r"面積 = \pi r^2",
        r"\text{ﾊﾝｶｸ}、「全角」（）",
    ],
)
async def test_japanese_in_a_formula_is_drawn(painter: Painter, tex: str) -> None:
    width, _ = await drawn(painter, tex)
    assert width > 100


@pytest.mark.parametrize(
    "tex",
    [
        "",
        " ",
        r"\foo{x}",
        "x^{2",
        "x}",
        r"\begin{foo}x\end{foo}",
        r"\left( x",
        r"\frac{",
        r"\text{안녕}",
    ],
)
async def test_tex_that_does_not_parse_is_not_drawn(painter: Painter, tex: str) -> None:
    with pytest.raises(PictureError):
        await painter.draw(FormulaRequest(tex))
    assert await painter.formula(tex) is None


async def test_a_formula_without_an_end_of_drawing_costs_its_process_alone() -> None:
    painter = Painter(seconds=1)
    try:
        hostile = r"\frac{1}{" * 100 + "x" + "}" * 100
        assert await painter.formula(hostile) is None
        assert [child for child in psutil.Process().children() if is_painter(child)] == []
        await eventually(lambda: painter.formula("x^2"))
        # The process is there still; deep nesting and width are refused within it.
        for tex in ("{" * 500 + "x" + "}" * 500, "x" * 10_001, "x+" * 250):
            assert await painter.formula(tex) is None
    finally:
        await painter.close()
    with pytest.raises(PictureError, match="stopping"):
        await painter.draw(FormulaRequest("x"))


async def test_a_process_that_ended_is_replaced(painter: Painter) -> None:
    assert await painter.formula("x") is not None
    (child,) = [child for child in psutil.Process().children() if is_painter(child)]
    child.kill()
    child.wait(10)
    assert await painter.formula("y") is not None


def is_painter(child: psutil.Process) -> bool:
    return "pictures.child" in " ".join(child.cmdline())
