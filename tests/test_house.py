"""The rules of the house that no linter knows."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

SAME_CONCEPT_ON_BOTH_SIDES: frozenset[str] = frozenset()
"""Class names that may stand twice, because both sides of a boundary have the same concept."""

PATTERN_FUNCTIONS = frozenset(
    ("compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn")
)


def test_a_class_name_stands_once_in_the_program() -> None:
    places = defaultdict(list)
    for path in sorted((PROJECT / "bot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{path.relative_to(PROJECT)}:{node.lineno}")
    doubles = {name: where for name, where in places.items() if len(where) > 1}
    assert doubles.keys() == SAME_CONCEPT_ON_BOTH_SIDES, doubles


def patterns(source: str) -> Iterator[tuple[int, str]]:
    """The line and the text of each pattern that is written out in a module's source."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        given = [each.value for each in node.keywords if each.arg == "pattern"]
        if (
            isinstance(function, ast.Attribute)
            and isinstance(function.value, ast.Name)
            and function.value.id == "re"
            and function.attr in PATTERN_FUNCTIONS
        ):
            if any("MULTILINE" in ast.unparse(each) for each in (*node.args, *node.keywords)):
                continue
            given += node.args[:1]
        for pattern in given:
            text = "".join(
                str(part.value if isinstance(part.value, str) else part.value.decode("latin-1"))
                for part in ast.walk(pattern)
                if isinstance(part, ast.Constant) and isinstance(part.value, str | bytes)
            )
            yield node.lineno, text


def ends_loosely(pattern: str) -> bool:
    """Whether ``$`` stands in a pattern for an end, and not escaped or in a character set."""
    plain = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "", pattern, flags=re.DOTALL)
    return "$" in plain


@pytest.mark.parametrize(
    ("pattern", "loose"),
    [
        (r"a$", True),
        (r"(a|b$)", True),
        (r"[a]$", True),
        (r"a\Z", False),
        (r"\$a", False),
        (r"[$]", False),
        (r"[]$]", False),
    ],
)
def test_a_dollar_counts_where_it_means_an_end(pattern: str, loose: bool) -> None:
    assert ends_loosely(pattern) is loose


def test_a_pattern_is_found_wherever_it_is_given() -> None:
    source = 're.compile(rf"a{b}$")\nMeta(pattern=r"c$")\nre.sub("d$", "", e, flags=re.MULTILINE)'
    assert list(patterns(source)) == [(1, "a$"), (2, "c$")]


def test_no_pattern_ends_in_a_dollar() -> None:
    # Playwright hands patterns to the browser, whose regular expressions know no other end.
    in_the_browser = PROJECT / "tests" / "sandbox" / "browser"
    loose = [
        f"{path.relative_to(PROJECT)}:{line}: {pattern}"
        for folder in ("bot", "tests")
        for path in sorted((PROJECT / folder).rglob("*.py"))
        for line, pattern in patterns(path.read_text(encoding="utf-8"))
        if path != Path(__file__) and in_the_browser not in path.parents and ends_loosely(pattern)
    ]
    assert loose == []
