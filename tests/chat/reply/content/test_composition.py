"""Whatever an answer has, its messages stay within Discord's limits, and nothing is lost."""

import discord
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.chat.reply import buttons
from bot.chat.reply.content.composition import MOST_FILES, MOST_MESSAGES, MOST_TEXT, compose
from bot.chat.reply.content.message_content import Content, Picture, RichContent, Upload
from bot.chat.reply.content.split import LIMIT

MOST_COMPONENTS = 40

TEXTS = st.builds(
    lambda word, count: f"{word} " * count, st.sampled_from("ab"), st.integers(1, 900)
)
PICTURES = st.just(Picture("formula-0.png", b"png", "x", "c"))
BLOCKS = st.lists(TEXTS | PICTURES, min_size=1, max_size=70)
UPLOADS = st.lists(
    st.just(Upload("a.csv", b"x")) | st.just(Picture("b.png", b"x", "b.png", "")), max_size=20
)
NOTES = st.lists(st.just("-# A quiet note."), max_size=4)


def components(content: Content) -> int:
    if isinstance(content, str):
        return 0
    view = buttons.view(*(buttons.ReplyButton(action, 1, 1) for action in ("up", "down", "steps")))
    layout: discord.ui.LayoutView = content.layout(view)
    return layout.total_children_count


@settings(max_examples=60, deadline=None)
@given(BLOCKS, UPLOADS, NOTES)
def test_no_message_is_beyond_a_limit_of_discord(
    blocks: list[str | Picture], uploads: list[Upload | Picture], notes: list[str]
) -> None:
    contents = compose(blocks, uploads, notes, "the whole")
    for content in contents:
        if isinstance(content, str):
            assert 0 < len(content.strip()) <= LIMIT
            continue
        texts = [block for block in content.blocks if isinstance(block, str)]
        assert sum(map(len, texts)) <= MOST_TEXT
        assert all(text.strip() for text in texts)
        assert len(content.blocks) - len(texts) <= MOST_FILES
        assert components(content) <= MOST_COMPONENTS
        assert all(0 < len(part) <= LIMIT for part in content.instead)


@settings(max_examples=60, deadline=None)
@given(BLOCKS, UPLOADS, NOTES)
@example([Picture("formula-0.png", b"png", "x", "c")] * 70, [Upload("a.csv", b"x")] * 20, [])
def test_every_word_is_shown_or_in_the_file_and_every_file_is_attached(
    blocks: list[str | Picture], uploads: list[Upload | Picture], notes: list[str]
) -> None:
    contents = compose(blocks, uploads, notes, "the whole")
    rich = [content for content in contents if isinstance(content, RichContent)]
    files = [block for content in rich for block in content.blocks if not isinstance(block, str)]
    assert [file for file in files if file.name in ("a.csv", "b.png")] == uploads
    cut = any(file.name == "answer.md" for file in files)

    def words(shown: str) -> int:
        return sum(shown.split().count(word) for word in "ab")

    asked = sum(words(block) for block in blocks if isinstance(block, str))
    shown = " ".join(content if isinstance(content, str) else content.text for content in contents)
    assert cut or words(shown) == asked
    # Where Discord takes no files, all of the answer is there as text.
    instead = " ".join(
        content if isinstance(content, str) else " ".join(content.instead) for content in contents
    )
    assert words(instead) == asked
    assert instead.split().count("c") == sum(isinstance(block, Picture) for block in blocks)


def test_an_answer_of_a_hundred_thousand_characters_of_fences_is_cut_and_attached() -> None:
    text = "```\n" * 25_000
    contents = compose([text], [], [], text)
    assert len(contents) == MOST_MESSAGES
    assert isinstance(contents[-1], RichContent)
