"""More than one link in an answer: none of them gets a preview."""

import pytest

from bot.chat.reply.content.link_previews import suppress_previews

ONE = "https://a.example/x"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"see {ONE}", f"see {ONE}"),
        (f"{ONE} and {ONE}.", f"<{ONE}> and <{ONE}>."),
        (f'[a]({ONE}) [b]({ONE} "title")', f'[a](<{ONE}>) [b](<{ONE}> "title")'),
        (f"<{ONE}> {ONE}", f"<{ONE}> {ONE}"),
        (f"`{ONE}` {ONE}", f"`{ONE}` {ONE}"),
        (f"```\n{ONE}\n{ONE}\n```\n{ONE}", f"```\n{ONE}\n{ONE}\n```\n{ONE}"),
        (
            f"```\n{ONE}\n```\n{ONE} (https://b.example/c_(d))",
            f"```\n{ONE}\n```\n<{ONE}> (<https://b.example/c_(d)>)",
        ),
        (f"**{ONE}** *{ONE}*", f"**<{ONE}>** *<{ONE}>*"),
        (f"{ONE}、{ONE}。", f"<{ONE}>、<{ONE}>。"),
        ("ftp://x mailto://y", "ftp://x mailto://y"),
    ],
)
def test_links_in_text_are_quiet_where_there_are_several(text: str, shown: str) -> None:
    assert suppress_previews(text) == shown
