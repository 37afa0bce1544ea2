"""docs/architecture.md and the decisions name what the program has."""

import ast
import builtins
import re
from pathlib import Path

import pytest

from bot.store.ledger.states import TURN_MOVES

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
PAGE = (DOCS / "architecture.md").read_text("utf-8")
PAGES = sorted(
    path.relative_to(PROJECT).as_posix()
    for path in (*DOCS.rglob("*.md"), *(PROJECT / ".github").rglob("*.md"), *PROJECT.glob("*.md"))
)


def classes() -> dict[str, tuple[str, list[str]]]:
    """The package and the base classes of each class in the program, the sandbox's left out."""
    found = {}
    for path in sorted((PROJECT / "bot").rglob("*.py")):
        place = path.relative_to(PROJECT)
        if place.parts[1] == "sandbox":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base) for base in node.bases]
                found[node.name] = ("/".join(place.parts[:2]), bases)
    return found


def exceptions() -> dict[str, str]:
    """The package of each exception that other modules may catch."""
    known = classes()

    def is_exception(name: str) -> bool:
        if name in known:
            return any(map(is_exception, known[name][1]))
        kind = getattr(builtins, name, None)
        return isinstance(kind, type) and issubclass(kind, BaseException)

    return {
        name: package
        for name, (package, _) in known.items()
        if not name.startswith("_") and is_exception(name)
    }


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_only_files_that_exist(page: str) -> None:
    text = (PROJECT / page).read_text("utf-8")
    named = set(re.findall(r"`((?:bot|tests|docs|\.ci|\.github)/[\w./-]*)`", text))
    links = set(re.findall(r"\]\((?!\w+:|#)([^)#]+)", text))
    missing = [name for name in named if not (PROJECT / name).exists()]
    missing += [link for link in links if not ((PROJECT / page).parent / link).exists()]
    assert missing == []


def test_the_page_has_every_package() -> None:
    packages = {
        f"bot/{path.name}"
        for path in (PROJECT / "bot").iterdir()
        if path.is_dir() and path.name != "__pycache__"
    }
    assert packages == set(re.findall(r"^\| `(bot/\w+)` \|", PAGE, flags=re.MULTILINE))


def test_the_tree_of_exceptions_is_the_programs() -> None:
    told = {}
    package = ""
    tree = PAGE.split("## Exceptions")[1].split("```")[1]
    for place, name in re.findall(r"^(bot/\S+)? +(?:[├└]─ )?([A-Z]\w+) ", tree, flags=re.MULTILINE):
        package = place or package
        told[name] = package
    assert told == exceptions()


def test_the_page_has_every_state_of_a_turn() -> None:
    rows = PAGE.split("| state in the ledger |")[1].split("\n\n")[0]
    assert set(re.findall(r"`([a-z]+)`", rows)) == TURN_MOVES.keys()
