"""The README in English and in Japanese: the same headings, commands, tables and links."""

import posixpath
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
ENGLISH, JAPANESE = "README.md", "docs/README.ja.md"

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(<!-- command: \w+ -->\n)?" + _BLOCK.pattern, _BLOCK.flags)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_NUMBER = re.compile(r"\d[\d,.]*")


def read(name: str) -> str:
    return (PROJECT / name).read_text("utf-8")


def prose(name: str) -> str:
    """The text without its code blocks."""
    return _BLOCK.sub("", read(name))


def headings(name: str) -> list[int]:
    """The level of each heading."""
    return [len(marks) for marks in re.findall(r"^(#+) ", prose(name), re.MULTILINE)]


def commands(name: str) -> list[tuple[str, ...]]:
    """The marker before each code block, if it has one, with its language and text."""
    return _COMMAND.findall(read(name))


def tables(name: str) -> list[list[tuple[int, list[str]]]]:
    """For each row of each table: how many cells it has, and the numbers in it."""
    found = re.findall(r"(?:^\|.*\|\n)+", prose(name), re.MULTILINE)
    return [
        [(row.count("|") - 1, _NUMBER.findall(row)) for row in table.splitlines()]
        for table in found
    ]


def links(name: str) -> set[str]:
    """What the page links to, as paths from the project's root; not the other language's page."""
    folder = posixpath.dirname(name)
    found = {
        link if "://" in link else posixpath.normpath(posixpath.join(folder, link))
        for link in _LINK.findall(prose(name))
    }
    return found - {ENGLISH, JAPANESE}


def test_both_languages_have_the_same_headings() -> None:
    assert headings(ENGLISH) == headings(JAPANESE) != []


def test_both_languages_have_the_same_commands() -> None:
    assert commands(ENGLISH) == commands(JAPANESE) != []


def test_both_languages_have_the_same_tables_with_the_same_figures() -> None:
    assert tables(ENGLISH) == tables(JAPANESE) != []


def test_both_languages_link_to_the_same_pages_and_to_each_other() -> None:
    assert links(ENGLISH) == links(JAPANESE) != set()
    assert JAPANESE in read(ENGLISH)
    assert "../README.md" in read(JAPANESE)


@pytest.mark.parametrize("name", [ENGLISH, JAPANESE])
def test_each_page_that_is_linked_to_exists(name: str) -> None:
    missing = [link for link in links(name) if "://" not in link and not (PROJECT / link).exists()]
    assert missing == []
