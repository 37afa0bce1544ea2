"""The operator's Python functions: what a file gives, and how its errors are told."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.config.tools import ToolRule, ToolsSettings
from bot.tools.functions import Functions
from bot.tools.policy import Circumstances, decide
from bot.tools.python_functions import load
from bot.tools.tool import ArgumentsError, Tool, ToolFile, result_of
from tests.tools.contexts import context_of_ada

MOON = '''"""The ten lines of the documentation."""
from typing import Literal

from bot.tools import Context, tool


@tool(read_only=True)
async def moon(context: Context, month: int, kind: Literal["new", "full"] = "full") -> str:
    """Return the day of a moon.

    The days are those of 2026.

    Args:
        month: The number of the month,
            from 1.
        kind: Which moon.
    """
    return f"{context.asker.name}: {kind} moon of month {month}"


async def _helper() -> None:
    pass
'''


def tools_in(directory: Path, **files: str) -> tuple[list[Tool], list[str]]:
    for name, text in files.items():
        (directory / f"{name}.py").write_text(text)
    tools, problems = load(directory)
    return tools, [str(problem).removeprefix(f"{directory}/") for problem in problems]


async def test_a_function_with_hints_and_a_docstring_is_a_tool(tmp_path: Path) -> None:
    (tool,), problems = tools_in(tmp_path, moon=MOON, _unused="1 / 0")
    assert problems == []
    assert tool.definition()["function"] == {
        "name": "moon",
        "description": "Return the day of a moon.\n\nThe days are those of 2026.",
        "parameters": {
            "type": "object",
            "properties": {
                "month": {"type": "integer", "description": "The number of the month, from 1."},
                "kind": {
                    "enum": ["full", "new"],
                    "description": "Which moon.",
                    "default": "full",
                },
            },
            "required": ["month"],
            "additionalProperties": False,
        },
    }
    assert (tool.read_only, tool.idempotent) == (True, True)
    assert await tool.prepare('{"month": 3}')(context_of_ada()) == "Ada: full moon of month 3"


async def test_the_function_of_the_documentation_works(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "tools.md").read_text("utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]
    (tool,), problems = tools_in(tmp_path, moon=code)
    assert problems == []
    assert await tool.prepare('{"month": 12}')(context_of_ada()) == "12: 24"


@pytest.mark.parametrize(
    "arguments",
    ["{}", '{"month": "3"}', '{"month": 3, "more": 1}', "[3]", "{", '{"month": 3, "kind": "x"}'],
)
def test_arguments_that_do_not_fit_are_refused(tmp_path: Path, arguments: str) -> None:
    (tool,), _ = tools_in(tmp_path, moon=MOON)
    with pytest.raises(ArgumentsError, match="the arguments do not fit"):
        tool.prepare(arguments)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = (\n", "a.py, line 1: SyntaxError"),
        ("x = 1\n\ny = x / 0\n", "a.py, line 3: ZeroDivisionError: division by zero"),
        ("import nothing_like_this\n", "a.py, line 1: ModuleNotFoundError"),
        ("raise SystemExit(2)\n", "a.py, line 1: SystemExit"),
        ("\nasync def f() -> str: return ''\n", "a.py, line 2: f: it has no docstring"),
        ("async def f(a) -> str:\n    'F.'\n", "a.py, line 1: f: its parameter a has no type"),
        ("async def f(*a: int) -> str:\n    'F.'\n", "a.py, line 1: f: its parameter a takes any"),
        ("async def f(a: 'Gone') -> str:\n    'F.'\n", "a.py, line 1: f: name 'Gone'"),
        ("async def f(a: open) -> str:\n    'F.'\n", "a.py, line 1: f: "),
    ],
)
def test_a_broken_file_is_reported_with_its_line_and_the_others_work(
    tmp_path: Path, text: str, problem: str
) -> None:
    tools, problems = tools_in(tmp_path, a=text, moon=MOON)
    assert [tool.name for tool in tools] == ["moon"]
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_a_default_that_changes_is_each_calls_own(tmp_path: Path) -> None:
    text = "async def f(a: list[int] = []) -> str:\n    'F.'\n    a.append(1)\n    return str(a)\n"
    (tool,), _ = tools_in(tmp_path, f=text)

    async def twice() -> list[Any]:
        return [await tool.prepare("")(context_of_ada()) for _ in range(2)]

    assert asyncio.run(twice()) == ["[1]", "[1]"]


async def test_files_are_read_anew(tmp_path: Path) -> None:
    functions = Functions(ToolsSettings(directory=str(tmp_path)))
    for word in ("one", "two"):
        (tmp_path / "f.py").write_text(f"async def f() -> str:\n    'F.'\n    return '{word}'\n")
        await functions.reload()
        tool = functions.get("f")
        assert tool is not None
        assert await tool.prepare("")(context_of_ada()) == word
    (tmp_path / "f.py").unlink()
    await functions.reload()
    assert functions.get("f") is None
    await functions.close()


def named(name: str, **flags: bool) -> Tool:
    return Tool(name=name, description="", parameters={}, prepare=lambda text: None, **flags)  # type: ignore[arg-type,return-value]  # never called


def test_patterns_name_functions_and_long_names_stay_apart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    functions = Functions()
    functions.replace([named("roll"), named("mcp.git.read"), named("mcp.git.write"), named("roll")])
    assert "Two functions are named roll; the second one, roll, is left out" in caplog.text
    git = functions.named(["mcp.git.*"])
    assert [function.name for function in git] == ["mcp.git.read", "mcp.git.write"]
    assert len(functions.named(["*"])) == 3
    assert len(functions.definitions(["roll", "mcp.hub.*"])) == 1
    assert "There is no function mcp.hub.*, so no assistant gets it" in caplog.text
    assert functions.get("mcp_git_read") is git[0]
    first, second = (named(f"mcp.server.{'x' * 60}{number}").function_name for number in (1, 2))
    assert first != second
    assert len(first) == 64


HERE = Circumstances(
    channels=frozenset({10, 11}), assistants=frozenset({"asst_1", "Helper"}), roles=()
)


@pytest.mark.parametrize(
    ("rules", "decision"),
    [
        ([], "ask"),
        ([ToolRule(decision="allow")], "allow"),
        ([ToolRule(decision="allow", tools=("b*",))], "ask"),
        ([ToolRule(decision="deny", channels=(11,)), ToolRule(decision="allow")], "deny"),
        ([ToolRule(decision="deny", channels=(12,)), ToolRule(decision="allow")], "allow"),
        ([ToolRule(decision="deny", assistants=("Helper",))], "deny"),
        ([ToolRule(decision="allow", roles=(1,))], "ask"),
    ],
)
def test_the_first_rule_that_fits_decides(rules: list[ToolRule], decision: str) -> None:
    assert decide(rules, named("add"), HERE) == decision


def test_a_rule_of_another_place_or_assistant_does_not_fit() -> None:
    rules = [
        ToolRule(decision="deny", channels=(12,)),
        ToolRule(decision="deny", assistants=("Other",)),
        ToolRule(decision="allow", channels=(10,), assistants=("asst_1",)),
    ]
    assert decide(rules, named("add"), HERE) == "allow"


@pytest.mark.parametrize(
    ("value", "text"),
    [("a text", "a text"), (None, "Done."), ({"a": [1]}, '{"a":[1]}')],
)
def test_what_a_function_returns_becomes_text(value: object, text: str) -> None:
    assert result_of(value).text == text


def test_a_file_that_a_function_returns_is_shown_below_the_answer() -> None:
    file = ToolFile("cat.png", b"a cat")
    result = result_of(file)
    assert result.files == (file,)
    assert result.text == "The file cat.png is shown below the answer."


def test_a_role_allows_only_if_every_asker_has_it() -> None:
    def decided(kind: Any, *roles: set[int]) -> str:
        held = tuple(map(frozenset, roles))
        here = Circumstances(channels=frozenset(), assistants=frozenset(), roles=held)
        return decide([ToolRule(decision=kind, roles=(1,))], named("add"), here)

    assert decided("allow", {1}, {1, 2}) == "allow"
    assert decided("allow", {1}, {2}) == "ask"
    assert decided("deny", {1}, {2}) == "deny"
    assert decide([], named("add", read_only=True), HERE) == "allow"
