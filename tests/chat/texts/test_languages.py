import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from fluent.syntax import FluentParser
from fluent.syntax import ast as ftl
from fluent.syntax.visitor import Visitor

from bot.chat.access.access_gate import RefusalReason
from bot.chat.texts import fluent, sentences
from bot.chat.texts.fluent import DEFAULT, LANGUAGES, Language, localized, localized_in, using
from bot.chat.texts.unread_files import UnreadReason
from bot.store.ledger import TurnState

BOT = Path(sentences.__file__).parents[2]

BY_STORED_WORD = {
    "failure": get_args(sentences.FailureKind),
    "refused": (*get_args(RefusalReason), "message"),
    "unread": get_args(UnreadReason),
    "state": (*get_args(TurnState), "cancelling"),
}
"""The messages that are chosen by a word of the ledger, by the beginning of their ids."""


class Variables(Visitor):
    """Collects the variables of a pattern, and the messages and terms that it refers to."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.references: set[str] = set()

    def visit_VariableReference(self, node: ftl.VariableReference) -> None:  # noqa: N802 - theirs
        self.names.add(node.id.name)

    def visit_MessageReference(self, node: ftl.MessageReference) -> None:  # noqa: N802 - theirs
        attribute = f".{node.attribute.name}" if node.attribute else ""
        self.references.add(node.id.name + attribute)

    def visit_TermReference(self, node: ftl.TermReference) -> None:  # noqa: N802 - theirs
        self.references.add(f"-{node.id.name}")


@cache
def patterns(language: Language) -> dict[str, ftl.Pattern]:
    """Every pattern of a language's file by its id; an id that stands there twice is an error."""
    source = (BOT / "chat" / "texts" / f"{language}.ftl").read_text("utf-8")
    found: dict[str, ftl.Pattern] = {}
    for entry in FluentParser().parse(source).body:
        assert not isinstance(entry, ftl.Junk), entry.content
        if not isinstance(entry, ftl.Message | ftl.Term):
            continue
        name = f"-{entry.id.name}" if isinstance(entry, ftl.Term) else entry.id.name
        named = [(name, entry.value)]
        named += [(f"{name}.{each.id.name}", each.value) for each in entry.attributes]
        for key, pattern in named:
            if pattern is not None:
                assert key not in found, key
                found[key] = pattern
    return found


def variables(found: dict[str, ftl.Pattern], name: str) -> set[str]:
    """The arguments of a message, with those of the messages that it refers to."""
    seen = Variables()
    seen.visit(found[name])
    return seen.names.union(*(variables(found, other) for other in seen.references))


def is_note(pattern: ftl.Pattern) -> bool:
    """Whether a sentence has a line in Discord's small print."""
    texts = [each.value for each in pattern.elements if isinstance(each, ftl.TextElement)]
    return any(line.startswith("-# ") for line in "".join(texts).splitlines())


@cache
def trees() -> tuple[ast.Module, ...]:
    """The modules of the chat; no other part has sentences for members."""
    return tuple(
        ast.parse(path.read_text("utf-8")) for path in sorted((BOT / "chat").rglob("*.py"))
    )


def calls() -> Iterator[tuple[str, set[str] | None]]:
    """Every ``localized("…", …)`` in the bot: the id, and the names of the arguments.

    The parts of an f-string that change are ``*``; None stands for arguments that are not spelled.
    """
    for tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id not in (
                "localized",
                "localized_in",
                "_thread_name",
                "_english",
                "labelled",
            ):
                continue
            names = {each.arg for each in node.keywords if each.arg is not None}
            spelled = node.func.id == "localized"
            message = node.args[1 if node.func.id == "localized_in" else 0]
            found = [message.body, message.orelse] if isinstance(message, ast.IfExp) else [message]
            for value in found:
                if isinstance(value, ast.JoinedStr):
                    parts = [
                        str(part.value) if isinstance(part, ast.Constant) else "*"
                        for part in value.values
                    ]
                    yield "".join(parts), names if spelled else None
                elif isinstance(value, ast.Constant):
                    yield str(value.value), names if spelled else None


def constants() -> set[str]:
    """Every string in the modules of the chat that could be a message's id."""
    return {
        node.value
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_sentence(language: Language) -> None:
    assert patterns(language).keys() == patterns(DEFAULT).keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_has_the_same_placeholders_in_every_language(language: Language) -> None:
    here, english = patterns(language), patterns(DEFAULT)
    assert {name: variables(here, name) for name in here} == {
        name: variables(english, name) for name in english
    }


def test_every_sentence_that_the_bot_formats_exists_and_gets_its_arguments() -> None:
    found = patterns(DEFAULT)
    for name, given in calls():
        if "*" in name:
            continue
        assert name in found, f"{name} is in no language file"
        assert given is None or given == variables(found, name), name


def test_every_word_of_the_ledger_that_members_read_has_a_sentence() -> None:
    words = {f"{kind}-{word}" for kind, known in BY_STORED_WORD.items() for word in known}
    assert words - patterns(DEFAULT).keys() == set()


def test_no_sentence_is_unused() -> None:
    found = patterns(DEFAULT)
    named = [name for name, _ in calls()]
    # A message may also be named where it is chosen, in a table for example.
    used = set(named) | constants()
    for pattern in found.values():
        seen = Variables()
        seen.visit(pattern)
        used |= seen.references
    for family, words in BY_STORED_WORD.items():
        assert f"{family}-*" in named
        used |= {f"{family}-{word}" for word in words}
    families = [name for name in named if "*" in name and name[:-2] not in BY_STORED_WORD]
    unused = [
        name
        for name in found.keys() - used
        # A scenario test compares these with the commands that are registered.
        if not re.search(r"-(command|choice)(\.|\Z)", name)
        and not any(fnmatchcase(name, family) for family in families if len(family) > 5)
    ]
    assert unused == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_small_note_is_one_in_every_language(language: Language) -> None:
    english = patterns(DEFAULT)
    for name, pattern in patterns(language).items():
        assert is_note(pattern) == is_note(english[name]), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_is_known_for_one_in_every_language(language: Language) -> None:
    with using(language):
        refusals = [
            localized("not-saved"),
            localized("some-missed"),
            localized("unreadable-message"),
            localized("queue-full", most=100),
            sentences.empty_question("Bot [1]"),
            sentences.undelivered(7),
            sentences.undelivered(7, "Ada, Ben"),
        ]
    assert all(map(sentences.is_refusal, refusals))
    assert not sentences.is_refusal("An answer.")
    assert not sentences.is_refusal("")


def test_a_locale_that_nobody_translated_has_no_language() -> None:
    assert [fluent.language_of(locale) for locale in ("ja", "en-GB", "en-US", "de", "jav", "")] == [
        "ja",
        "en",
        "en",
        None,
        None,
        None,
    ]


def test_numbers_and_durations_are_written_as_the_language_writes_them() -> None:
    with using("ja"):
        assert [sentences.duration(seconds) for seconds in (3.21, 48, 125)] == [
            "3.2秒",
            "48秒",
            "2分5秒",
        ]
        assert sentences.footer(("tokens",), seconds=0, tokens=1_234, model=None) == (
            "-# 1,234トークン"
        )
    assert sentences.footer(("tokens",), seconds=0, tokens=1, model=None) == "-# 1 token"


def test_a_wrong_argument_is_reported_and_the_sentence_is_shown_nevertheless(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert localized("queue-full").startswith("most questions")
    assert "queue-full" in caplog.text
    with pytest.raises(LookupError):
        localized("no-such-sentence")


def test_the_language_is_the_blocks_own() -> None:
    with using("ja"):
        assert localized("thinking") == localized_in("ja", "thinking")
    assert localized("thinking") == localized_in("en", "thinking")
