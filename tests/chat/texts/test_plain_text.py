import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.texts.plain_text import headline, readable, readable_json, well_formed
from bot.chat.texts.sentences import channel_thread_name

SPOILER = "[spoiler]"

NAMES = {
    "C# or Rust?": "C# or Rust?",
    "C++, F# & D; x := y": "C++, F# & D; x := y",
    "what is 2*3*4?": "what is 2*3*4?",
    "x**2 + y**2": "x**2 + y**2",
    "*args, **kwargs": "*args, **kwargs",
    "5 * 3 * 2 > 1": "5 * 3 * 2 > 1",
    "why my_var_name, not __init__?": "why my_var_name, not __init__?",
    "~/foo and ~/bar": "~/foo and ~/bar",
    "f[i](x) and Vec<T>": "f[i](x) and Vec<T>",
    "C:\\new_dir\\x": "C:\\new_dir\\x",
    "&amp; and &lt;b&gt;": "&amp; and &lt;b&gt;",
    "1. one": "1. one",
    "-5 degrees": "-5 degrees",
    "#general or #5?": "#general or #5?",
    "**bold** _it_ *it too* ~~s~~ `code`": "bold it it too s code",
    "***both*** and __two words__": "both and two words",
    "``a`b`` z": "a`b z",
    "# Heading *it*": "Heading it",
    "- item one\n- item two": "item one",
    "-# small": "small",
    "> somebody else\nwhy?": "why?",
    "> only a quote": "only a quote",
    "\\*not italics\\*": "*not italics*",
    "https://x.example/Foo_(bar)_baz_#c is this ok": (
        "https://x.example/Foo_(bar)_baz_#c is this ok"
    ),
    "see <https://x.example/_a_/b#c> now": "see https://x.example/_a_/b#c now",
    "[the docs](https://x.example/a_b_c) say": "the docs say",
    ": hi, there": ": hi, there",
    ", what: is it": ", what: is it",
    ":) hello": ":) hello",
    ":thinking: hmm": ":thinking: hmm",
    "hi <:partyblob:1234567890123456789> <a:wave_2:12> there": "hi :partyblob: :wave_2: there",
    "at <t:1700000000:F>?": "at 2023-11-14 22:13 UTC?",
    "</runs list:55> how?": "/runs list how?",
    "where is <id:browse>?": "where is Browse Channels?",
    "<id:linked-roles:55> and `<id:guide>`": "Linked Roles and <id:guide>",
    "||the butler|| did it, right?": f"{SPOILER} did it, right?",
    "||over\nlines|| it is": f"{SPOILER} it is",
    "||`code`|| is": f"{SPOILER} is",
    "**||bold||** is": f"{SPOILER} is",
    "||https://x.example/secret|| it is": f"{SPOILER} it is",
    "||```\ncode\n```|| it is": f"{SPOILER} it is",
    "`a || b || c` is": "a || b || c is",
    "\\||not hidden\\||": "||not hidden||",
    "||left open": "||left open",
    "```py\nprint(1)\n```\nwhat does it print": "what does it print",
    "what does it print\n```py\nprint(1)\n```": "what does it print",
    "```py\nprint(1)\n```": "print(1)",
    "```print(1)```": "print(1)",
    "```py\nprint(1)": "print(1)",
    "### ": "###",
    "```": "```",
    "*": "*",
    "\u200b\u2060": "Question of Ada",
    "||\u200b||": SPOILER,
    "": "Attachments of Ada",
    " \n ": "Attachments of Ada",
}


@pytest.mark.parametrize("text", NAMES)
def test_a_channel_thread_is_named_by_what_a_person_reads(text: str) -> None:
    assert channel_thread_name(text, "Ada") == NAMES[text]


MARKS = st.sampled_from(
    [
        "||",
        "|",
        "`",
        "``",
        "```",
        "```py\n",
        "*",
        "**",
        "__",
        "_",
        "~~",
        "\n",
        "\\",
        "> ",
        "# ",
        "[",
        "](",
    ]
)
WORDS = st.text(alphabet="abc SECRET1:,<>()#", max_size=8)


@given(st.lists(MARKS | WORDS, max_size=30).map("".join))
def test_a_channel_threads_name_shows_no_spoiler_and_is_one_that_discord_takes(text: str) -> None:
    name = channel_thread_name(text, "Ada")
    assert 1 <= len(name) <= 100
    assert name == name.strip()
    assert "\n" not in name


@given(
    st.text(alphabet="ab *_~#>-\n", max_size=20),
    st.text(alphabet="XYZ *_~#>-\n", min_size=1, max_size=20),
    st.text(alphabet="ab *_~#>-\n", max_size=20),
)
def test_hidden_text_is_not_in_the_name(before: str, hidden: str, behind: str) -> None:
    assert not re.search("[XYZ]", headline(f"{before}||{hidden}||{behind}", "spoiler"))


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N"]), max_size=90))
def test_letters_and_digits_are_all_kept(text: str) -> None:
    assert channel_thread_name(text, "Ada") == (text or "Attachments of Ada")


@given(st.text(alphabet=st.characters(), max_size=50))
def test_well_formed_text_can_be_stored(text: str) -> None:
    well_formed(text + "\ud83d").encode()
    assert well_formed("a\ud83d\ude00b") == "a😀b"


@pytest.mark.parametrize(
    "text", ["`<:a:1> <t:1>`", "```\n<:a:1>\n```", "<t:99999999999999>", "<:a>"]
)
def test_code_and_literal_marks_are_unchanged(text: str) -> None:
    assert readable(text) == text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('{"text":"\\u3053\\u3093"}', '{"text": "こん"}'),
        ('{"text": "\\ud83d"}', '{"text": "\ufffd"}'),
        ('{"text": "cut', '{"text": "cut'),
        ("[" * 100_000, "[" * 100_000),
        ("", ""),
    ],
)
def test_json_is_shown_with_its_letters_and_anything_else_as_it_is(
    written: str, shown: str
) -> None:
    assert readable_json(written) == shown
