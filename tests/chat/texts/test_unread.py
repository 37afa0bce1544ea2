from bot.chat.texts.fluent import using
from bot.chat.texts.unread_files import Unread, unread_line


def test_what_could_not_be_read_is_one_small_line_with_the_reasons() -> None:
    parts = (Unread("a.pdf", "locked"), Unread("", "deleted_reply"), Unread("a.pdf", "locked"))
    assert unread_line(parts) == (
        "-# Not read: `a.pdf` (protected by a password) · the message you replied to was deleted"
    )
    with using("ja"):
        assert unread_line(parts[:1]) == (
            "-# 読み取れませんでした：`a.pdf`（パスワードで保護されています）"
        )


def test_a_name_can_neither_end_the_line_nor_its_code_nor_be_long() -> None:
    line = unread_line((Unread("`<@1>`\n# x" + "y" * 90, "too_large", "21.0 MB"),))
    assert line.startswith("-# Not read: `ʻ<@1>ʻ # xyyy")
    assert line.endswith("y…` (larger than 21.0 MB)")
    assert len(line) < 90


def test_many_parts_are_counted_and_an_unknown_reason_is_told_somehow() -> None:
    line = unread_line([Unread(f"{number}.zip", "of a later version") for number in range(40)])
    assert line.endswith("`9.zip` (I can't read this kind of file) · 30 more")
