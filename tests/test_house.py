"""The rules of the house that no linter knows."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]

SAME_CONCEPT_ON_BOTH_SIDES: frozenset[str] = frozenset()
"""Class names that may stand twice, because both sides of a boundary have the same concept."""

TOP_LEVEL = {
    *("bot", "tests", "docs", "config.toml", "pyproject.toml", "Dockerfile"),
    *("README.md", "CHANGELOG.md", "LICENSE"),
}
MADE_BY_TOOLS = {"data", "build", "dist", "__pycache__"}

PATTERN_FUNCTIONS = frozenset(
    ("compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn")
)


def test_the_top_level_holds_what_a_newcomer_expects_and_nothing_else() -> None:
    found = {path.name for path in PROJECT.iterdir() if not path.name.startswith(".")}
    found = {name for name in found - MADE_BY_TOOLS if not name.endswith(".egg-info")}
    assert found == TOP_LEVEL


def test_a_class_name_stands_once_in_the_program() -> None:
    places = defaultdict(list)
    for path in sorted((PROJECT / "bot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{path.relative_to(PROJECT)}:{node.lineno}")
    doubles = {name: where for name, where in places.items() if len(where) > 1}
    assert doubles.keys() == SAME_CONCEPT_ON_BOTH_SIDES, doubles


def modules() -> Iterator[tuple[str, ast.Module]]:
    """The path and the syntax tree of each module of the program."""
    for path in sorted((PROJECT / "bot").rglob("*.py")):
        yield str(path.relative_to(PROJECT)), ast.parse(path.read_text("utf-8"))


def unmarked(module: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and the name of each module-level constant that is not marked ``Final``.

    Type aliases (names in CapWords), type variables and names like ``__all__`` are no constants.
    """
    for node in module.body:
        match node:
            case ast.Assign(targets=targets, value=value):
                called = value.func if isinstance(value, ast.Call) else None
                if isinstance(called, ast.Name) and called.id in ("TypeVar", "ParamSpec"):
                    continue
            case ast.AnnAssign(target=target, annotation=annotation):
                if ast.unparse(annotation).startswith(("Final", "TypeAlias")):
                    continue
                targets = [target]
            case _:
                continue
        for each in (name for target in targets for name in ast.walk(target)):
            if isinstance(each, ast.Name) and not re.fullmatch(
                r"_?[A-Z]+[a-z]\w*|__\w+__", each.id
            ):
                yield node.lineno, each.id


def test_a_constant_without_final_is_found() -> None:
    source = (
        "a = 1\nB: int = 2\n_C, D = 3, 4\n"
        "E: Final = 5\nF: Final[int] = 6\nEdge = int | str\n_Node = dict[str, int]\n"
        "T = TypeVar('T')\n__all__ = ['E']\nG: TypeAlias = int"
    )
    assert list(unmarked(ast.parse(source))) == [(1, "a"), (2, "B"), (3, "_C"), (3, "D")]


def test_each_module_level_constant_is_final() -> None:
    found = [f"{path}:{line}: {name}" for path, tree in modules() for line, name in unmarked(tree)]
    assert found == []


def test_each_logger_is_called_log_and_named_after_its_module() -> None:
    wrong = [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and node.value is not None
        and ast.unparse(node.value).startswith("logging.getLogger(")
        and ast.unparse(node) != "_log: Final = logging.getLogger(__name__)"
    ]
    assert wrong == []


def docstrings(module: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and the text of each docstring, those below constants and fields included."""
    for node in ast.walk(module):
        body = getattr(node, "body", ())
        for statement in body if isinstance(body, list) else ():
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield statement.lineno, text


def quotes_otherwise(docstring: str) -> bool:
    """Whether a docstring marks code by other than two backticks, or words by other than ``"``."""
    prose = re.sub(r"``[^`]+``", "", docstring)
    return re.search(r"[`“”‘’]|(?<!\w)'[^'\n]+'(?!\w)", prose) is not None


@pytest.mark.parametrize(
    ("docstring", "wrong"),
    [
        ("Return ``name`` as it is.", False),
        ("``a ' b`` and the bot's ``c``, the members' too.", False),
        ('The placeholder "thinking…".', False),
        ("Return `name` as it is.", True),
        ("The ‘name’.", True),
        ("The placeholder “thinking…”.", True),
        ("The word 'name' alone.", True),
    ],
)
def test_a_docstring_that_quotes_otherwise_is_found(docstring: str, wrong: bool) -> None:
    assert quotes_otherwise(docstring) is wrong


def test_docstrings_quote_code_by_two_backticks_and_words_by_double_quotes() -> None:
    wrong = [
        f"{path}:{line}"
        for path, tree in modules()
        for line, text in docstrings(tree)
        if quotes_otherwise(text)
    ]
    assert wrong == []


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


def dishonest(source: str) -> Iterator[tuple[int, str]]:
    """The line of each wait for time (``waits``) and of each replaced part (``replaces``).

    ``asyncio.sleep(0)`` is no wait for time. What other packages define may be replaced.
    """
    module = ast.parse(source)
    imported = {
        (alias.asname or alias.name).split(".")[0]: getattr(node, "module", None) or alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(module):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        called, given = ast.unparse(node.func), [ast.unparse(each) for each in node.args]
        if called in ("time.monotonic", "time.perf_counter") or (
            called in ("asyncio.sleep", "time.sleep") and given[0] != "0"
        ):
            yield node.lineno, "waits"
        if node.func.attr == "setattr" and len(given) > 1:
            root = re.match(r"(?:type\()?['\"]?(\w+)", given[0])
            owner = (
                imported.get(root[1], root[1] if given[0][0] in "'\"" else "bot") if root else ""
            )
            if owner.split(".")[0] in ("bot", "tests"):
                yield node.lineno, "replaces"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("await asyncio.sleep(0.1)", ["waits"]),
        ("await asyncio.sleep(0)", []),
        ("began = time.monotonic()", ["waits"]),
        ("m.setattr('bot.chat.x', 1)", ["replaces"]),
        ("m.setattr('resource.getrlimit', 1)", []),
        ("m.setattr(bot.ledger, 'link', x)", ["replaces"]),
        ("from bot.engine import Engine\nm.setattr(Engine, 'stop', x)", ["replaces"]),
        ("from discord.state import State\nm.setattr(State, 'parse', x)", []),
        ("import socket\nm.setattr(socket, 'getaddrinfo', x)", []),
    ],
)
def test_a_wait_and_a_replaced_part_are_found(source: str, found: list[str]) -> None:
    assert [kind for _, kind in dishonest(source)] == found


def test_tests_wait_for_events_and_replace_no_part_of_the_program() -> None:
    found = [
        f"{path.relative_to(PROJECT)}:{line} {what}"
        for path in sorted((PROJECT / "tests").rglob("test_*.py"))
        for line, what in dishonest(path.read_text("utf-8"))
    ]
    assert found == []


def test_no_query_numbers_its_placeholders() -> None:
    # Python 3.14 refuses ``?1`` beside a sequence of values; older ones at most warn.
    numbered = [
        f"{path}:{node.lineno}"
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"(SELECT|UPDATE|DELETE|INSERT)\b[^?]*\?\d", node.value)
    ]
    assert numbered == []


MOST_LINES = 400


def test_no_module_is_longer_than_a_reader_holds_in_mind() -> None:
    long = {
        str(path.relative_to(PROJECT)): lines
        for folder in ("bot", "tests")
        for path in sorted((PROJECT / folder).rglob("*.py"))
        if (lines := path.read_text("utf-8").count("\n")) > MOST_LINES
    }
    assert long == {}


MOST_MODULES = 13


def test_no_package_has_more_modules_side_by_side_than_a_reader_surveys() -> None:
    packages = Counter(path.parent for path in (PROJECT / "bot").rglob("*.py"))
    crowded = {
        str(folder.relative_to(PROJECT)): count - 1  # __init__.py
        for folder, count in packages.items()
        if count - 1 > MOST_MODULES
    }
    assert crowded == {}


ARCHITECTURE = PROJECT / "docs" / "architecture.md"


def test_the_tree_of_exceptions_names_every_exception_that_leaves_its_module() -> None:
    tree = ARCHITECTURE.read_text("utf-8").partition("## Exceptions")[2].partition("## Recipes")[0]
    missing = [
        f"{path}: {node.name}"
        for path, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
        and re.search(r"(Error|Exception|Fault)\b", " ".join(map(ast.unparse, node.bases)))
        and not (node.name.startswith("_") or path.startswith("bot/sandbox/"))
        and not re.search(rf"\b{node.name}\b", tree)
    ]
    assert missing == []


def test_every_file_and_folder_that_the_architecture_names_exists() -> None:
    named = re.findall(r"`((?:bot|tests|docs)(?:/[\w.]+)*)`", ARCHITECTURE.read_text("utf-8"))
    assert len(named) > 50
    assert [path for path in named if not (PROJECT / path).exists()] == []
