"""docs/using.md says what each slash command does."""

import re
from pathlib import Path

from bot.chat.texts import fluent

PAGE = (Path(__file__).parents[1] / "docs" / "using.md").read_text("utf-8")


def test_the_page_names_every_command_and_group_of_commands() -> None:
    messages = Path(fluent.__file__).with_name("en.ftl").read_text("utf-8")
    names = re.findall(r"^[a-z]+-command = (.+)$", messages, re.MULTILINE)
    assert {"ask", "help", "runs"} <= set(names)
    assert [name for name in names if f"`/{name}" not in PAGE] == []
