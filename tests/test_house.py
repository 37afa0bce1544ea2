"""The rules of the house that no linter knows."""

import ast
from collections import defaultdict
from pathlib import Path

PROJECT = Path(__file__).parents[1]

SAME_CONCEPT_ON_BOTH_SIDES: frozenset[str] = frozenset()
"""Class names that may stand twice, because both sides of a boundary have the same concept."""


def test_a_class_name_stands_once_in_the_program() -> None:
    places = defaultdict(list)
    for path in sorted((PROJECT / "bot").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{path.relative_to(PROJECT)}:{node.lineno}")
    doubles = {name: where for name, where in places.items() if len(where) > 1}
    assert doubles.keys() == SAME_CONCEPT_ON_BOTH_SIDES, doubles
