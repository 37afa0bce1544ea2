"""Formulas and charts become pictures; the child process that draws them is bounded."""

import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.hosted.pictures import ChartRequest, FormulaRequest, Painter, PictureError, Series
from bot.hosted.pictures.arrays import Rules, remove_rules
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


# Each process of pytest collects this module: the heavy libraries are loaded where they draw.
def draw_formula(tex: str) -> bytes:
    from bot.hosted.pictures import formula

    return formula.draw_formula(tex)


def draw_chart(chart: ChartRequest) -> bytes:
    from bot.hosted.pictures import chart as charts

    return charts.draw_chart(chart)


def drawn(tex: str) -> tuple[int, int]:
    return size(draw_formula(tex))


def test_formulas_of_every_kind_become_pictures() -> None:
    simple = drawn("x")
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
        width, height = drawn(tex)
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
def test_an_array_takes_more_room_with_its_rules(array: str, ruled: str) -> None:
    plain = drawn(rf"\begin{{array}}{array}\end{{array}}")
    lined = drawn(rf"\begin{{array}}{ruled}\end{{array}}")
    assert lined[0] > plain[0]
    assert lined[1] > plain[1]


def test_an_array_within_an_array_has_its_own_rules() -> None:
    inner = r"\begin{array}{|c|} \hline q \\ \hline \end{array}"
    found: list[Rules] = []
    plain = remove_rules(
        rf"\begin{{array}}{{c|c}} {inner} & y \\ \hline 1 & 2 \end{{array}}", found
    )
    assert "hline" not in plain
    assert found == [
        Rules(columns=frozenset({0, 1}), rows=frozenset({0, 1})),
        Rules(columns=frozenset({1}), rows=frozenset({1})),
    ]


@given(st.lists(st.sampled_from(ARRAY_PIECES), max_size=30).map("".join))
@settings(max_examples=30, deadline=None)
def test_the_rules_of_any_array_are_removed(tex: str) -> None:
    assert "hline" not in remove_rules(tex, [])


@pytest.mark.parametrize(
    "tex",
    [
        r"\text{速さ}=\frac{\text{距離}}{\text{時間}}",
        r"面積 = \pi r^2",
        r"\text{ﾊﾝｶｸ}、「全角」（）",
    ],
)
def test_japanese_in_a_formula_is_drawn(tex: str) -> None:
    width, _ = drawn(tex)
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
def test_tex_that_does_not_parse_is_not_drawn(tex: str) -> None:
    with pytest.raises(PictureError):
        draw_formula(tex)


async def test_the_child_tells_why_it_draws_no_picture(painter: Painter) -> None:
    assert await painter.formula(r"\foo{x}") is None
    with pytest.raises(PictureError):
        await painter.draw(FormulaRequest(r"\frac{"))
    with pytest.raises(PictureError, match="needs data"):
        await painter.draw(ChartRequest(kind="line", series=()))


def series(x: Iterable[float | str], y: Iterable[float], name: str = "") -> Series:
    return Series(tuple(x), tuple(y), name)


TWO_SERIES = (series([1, 2, 3], [4, 5, 7], "a"), series([1, 2], [2, 2.5], "b"))
NAMED = (series(["速さ", "a long name of a bar", "c"], [1, 2, 3]),)


@pytest.mark.parametrize(
    "chart",
    [
        ChartRequest(kind="line", series=TWO_SERIES, title="Two lines", xlabel="t", ylabel="速さ"),
        ChartRequest(kind="line", series=(series(range(99), [0.5] * 99, "one"),)),
        ChartRequest(kind="line", series=(series(["Mon", "Tue"], [1, 2]),)),
        ChartRequest(kind="scatter", series=TWO_SERIES),
        ChartRequest(kind="bar", series=NAMED, title="x" * 200),
        ChartRequest(kind="bar", series=tuple(series(["p", "q"], [1, -2], n) for n in "ab")),
        ChartRequest(kind="pie", series=NAMED),
        ChartRequest(kind="histogram", series=(series([], [1, 1, 2, 3, 3, 3]),), bins=3),
    ],
)
def test_charts_of_every_kind_become_pictures(chart: ChartRequest) -> None:
    png = draw_chart(chart)
    assert size(png) == (832, 560)
    first = chart.series[0]
    other = replace(first, y=(first.y[0] + 1, *first.y[1:]))
    assert draw_chart(replace(chart, series=(other, *chart.series[1:]))) != png


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        ("line", [], "needs data"),
        ("line", [series([1], [1])] * 99, "at most"),
        ("line", [series([1] * 10**5, [1] * 10**5)], "Take fewer"),
        ("line", [series([], [])], "no values"),
        ("line", [series([1, 2], [1])], "2 x values, but 1 y values"),
        ("line", [series([1], [1e200])], "numbers up to"),
        ("bar", [series([1] * 500, [1] * 500)], "at most"),
    ],
)
def test_data_that_makes_no_chart_is_refused(kind: Any, data: list[Series], told: str) -> None:
    with pytest.raises(PictureError, match=told):
        draw_chart(ChartRequest(kind=kind, series=tuple(data)))


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
    with suppress(psutil.NoSuchProcess):  # it ended since it was listed
        return "pictures.child" in " ".join(child.cmdline())
    return False
