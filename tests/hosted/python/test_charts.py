"""Sandboxed code imports the module ``chart`` and writes pictures with it."""

from functools import partial

import pytest

from bot.hosted.python.sandbox import DESCRIPTION, CodeResult, PythonSandbox


async def ran(sandbox: PythonSandbox, code: str) -> CodeResult:
    session = partial(sandbox.run, "thread")
    return await session(code, files={"sold.csv": "日,個\n月,3\n火,5\n".encode()})


def pictures(result: CodeResult) -> list[str]:
    assert result.error is None
    assert all(data[:4] == b"\x89PNG" for data in result.written.values())
    return sorted(result.written)


async def test_a_csv_is_plotted_with_japanese_labels(sandbox: PythonSandbox) -> None:
    code = (
        "import chart, csv\n"
        "rows = list(csv.DictReader(open('sold.csv')))\n"
        "chart.bar([r['日'] for r in rows], [r['個'] for r in rows], title='売上', file='sold')"
    )
    result = await ran(sandbox, code)
    assert pictures(result) == ["sold.png"]
    assert result.logs == "'sold.png'"


async def test_every_kind_of_chart_is_drawn_and_the_module_stays_for_the_next_run(
    sandbox: PythonSandbox,
) -> None:
    first = await ran(sandbox, "import chart\nchart.line([1, 2, 3], file='line.png')")
    assert pictures(first) == ["line.png"]
    code = (
        "chart.line([1, 2], {'a': [1, 2], 'b': [2, 1]}, xlabel='x', ylabel='y', file='a.png')\n"
        "chart.scatter([0.5, 1.5], [2, 1], file='b.png')\n"
        "chart.bar({'A': -3, 'B': 5}, file='c.png')\n"
        "chart.pie(['A', 'B'], [1, 2], file='d.png')\n"
        "chart.histogram([1, 2, 2, 3], bins=3, file='e.png')\n"
        "from chart import line\n"
        "line(['Mon', 'Tue'], [5, 5], file='f.png')\n"
    )
    assert pictures(await ran(sandbox, code)) == [f"{name}.png" for name in "abcdef"]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("line([1, 2], [1])", "ValueError: There are 2 x values, but 1 y values."),
        ("line(3)", "TypeError: x must be a list, not int"),
        ("line([1], ['a'])", "TypeError: a chart needs numbers, not 'a'"),
        ("line([1], [float('nan')])", "ValueError: a chart needs finite numbers, not nan"),
        ("line([1], [1], color='red')", "TypeError: chart.line() got an unexpected keyword"),
        ("pie(['a'], [-1])", "ValueError: A pie chart needs values above zero."),
        ("histogram([2, 2])", "ValueError: All values are the same"),
        ("bar(list(range(100)), [1] * 100)", "ValueError: A bar chart shows at most 60 values."),
        ("line(list(range(30000)))", "ValueError: A chart shows at most 20,000 points."),
        ("line([])", "ValueError: A series has no values."),
        ("line([1], [1], file='../up.png')", "PermissionError"),
    ],
)
async def test_a_mistake_is_an_error_of_the_code_and_says_what_is_wrong(
    sandbox: PythonSandbox, call: str, error: str
) -> None:
    result = await ran(sandbox, f"import chart\nchart.{call}")
    assert result.error is not None
    assert error in result.error
    assert result.written == {}


def test_the_model_is_told_of_the_module() -> None:
    assert "import chart" in DESCRIPTION
    assert "no pictures" not in DESCRIPTION
