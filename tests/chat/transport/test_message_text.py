"""The text of messages, from their content or their components."""

from typing import Any

import discord
import pytest

from bot.chat.transport.message_text import display_texts, message_text
from tests.chat.transport.test_message_payload import parsed


def picture(name: str, description: str | None) -> dict[str, Any]:
    """Return a gallery with one picture."""
    media = {"url": f"https://cdn.example/{name}"}
    return {"type": 12, "id": 1, "items": [{"media": media, "description": description}]}


@pytest.fixture
def rich() -> discord.Message:
    """A message with Components V2."""
    file = {"type": 13, "id": 2, "file": {"url": "https://cdn.example/a.csv"}, "name": "a.csv"}
    components = [
        {"type": 10, "id": 3, "content": "Hello "},
        picture("formula-1.png", "a^2"),
        picture("cat.png", "a cat"),
        picture("dog.png", None),
        {"type": 17, "id": 4, "components": [{"type": 10, "id": 5, "content": "inside"}]},
        file,
    ]
    return parsed(flags=1 << 15, components=components)


def test_components_have_texts_formulas_descriptions_and_file_names(rich: discord.Message) -> None:
    assert message_text(rich).split("\n") == [
        "Hello ",
        "\\[ a^2 \\]",
        "(a cat)",
        "inside",
        "(a.csv)",
    ]


def test_the_displayed_text_leaves_out_pictures_and_files(rich: discord.Message) -> None:
    assert display_texts(rich) == "Hello"


def test_a_plain_message_has_its_content() -> None:
    plain = parsed(content="plain", flags=0)
    assert message_text(plain) == display_texts(plain) == "plain"
