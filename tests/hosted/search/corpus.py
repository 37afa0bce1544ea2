"""Passages as people keep them, and questions as they ask them, each with the one that answers."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Corpus:
    """`passages` by name; `questions` with the name of the passage that answers."""

    passages: dict[str, str]
    questions: list[tuple[str, str]]


def load_corpus() -> Corpus:
    """The corpus beside this file."""
    data = json.loads(Path(__file__).with_name("corpus.json").read_text("utf-8"))
    return Corpus(data["passages"], [(question, name) for question, name in data["questions"]])
