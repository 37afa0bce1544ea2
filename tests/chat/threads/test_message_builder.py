import pytest

from bot.assistants.schema.content import ImageFile, ImageFilePart, TextInput
from bot.chat.threads.message_builder import message_for
from bot.chat.threads.thread_backfill import asked_in
from tests.support.questions import Shelf, file, question


async def test_a_message_carries_its_questions_id() -> None:
    message = await message_for(question("hi", Shelf()), Shelf(), named=False)
    assert message.content == "hi"
    assert message.metadata == {"question": "7", "author": "3"}


async def test_the_authors_name_is_one_line_before_the_question() -> None:
    message = await message_for(question("hi", Shelf()), Shelf(), named=True)
    assert message.content == "Ada Lovelace: hi"


async def test_a_text_file_is_fenced_so_that_it_cannot_close_its_fence() -> None:
    shelf = Shelf((file("a.md", 9), b"```x```\n\n"))
    message = await message_for(question("read", shelf), shelf, named=False)
    assert message.content == "read\n\n[file a.md, 9 bytes]\n````md\n```x```\n````"


async def test_a_large_or_binary_file_is_named_and_not_downloaded() -> None:
    shelf = Shelf((file("big.txt", 100_001), b""), (file("song.mp3", 2_500_000, "audio/mpeg"), b""))
    message = await message_for(question("", shelf), shelf, named=False)
    assert message.content == "[file big.txt, 100.0 kB]\n\n[file song.mp3, 2.5 MB]"
    assert shelf.downloaded == []


async def test_a_deleted_file_is_named_as_unreadable() -> None:
    shelf = Shelf((file("a.csv", 5, "text/csv"), None))
    message = await message_for(question("", shelf), shelf, named=False)
    assert message.content == "[file a.csv, 5 bytes] (could not be read: it is gone)"


async def test_images_go_beside_the_text_and_alone_where_there_is_none() -> None:
    shelf = Shelf((file("cat.png", 5, "image/png", number=8), b""))
    message = await message_for(question("who?", shelf), shelf, named=False)
    image = ImageFilePart(ImageFile("file-8"))
    assert message.content == (TextInput("who?"), image)
    alone = await message_for(question("", shelf), shelf, named=False)
    assert alone.content == (image,)


async def test_an_unreadable_image_is_named_with_the_reason_beside_the_others() -> None:
    cat, dog = file("cat.png", 5, "image/png", number=8), file("dog.png", 5, "image/png", number=9)
    shelf = Shelf((cat, None), (dog, b""))
    message = await message_for(question("who?", shelf), shelf, named=False)
    told = "who?\n\n[image cat.png, 5 bytes] (can't be shown: it is gone)"
    assert message.content == (TextInput(told), ImageFilePart(ImageFile("file-9")))
    lost = Shelf((cat, None))
    message = await message_for(question("", lost), lost, named=False)
    assert message.content == "[image cat.png, 5 bytes] (can't be shown: it is gone)"


@pytest.mark.parametrize(
    ("name", "content_type", "is_image"),
    [
        ("cat.png", "image/png", True),
        ("photo", "image/jpeg", True),
        ("cat.JPG", "", True),
        ("plan.svg", "image/svg+xml", False),
        ("notes", "text/plain; charset=utf-8", False),
        ("song.mp3", "audio/mpeg", False),
    ],
)
def test_whether_a_file_is_an_image_goes_by_its_type_and_then_by_its_name(
    name: str, content_type: str, is_image: bool
) -> None:
    assert file(name, 5, content_type).is_image is is_image


def test_copied_questions_have_their_text_and_the_names_of_their_files() -> None:
    shelf = Shelf((file("cat.png", 5, "image/png"), b""), (file("a.txt", 7, "text/plain"), b""))
    image, text = "[image cat.png, 5 bytes]", "[file a.txt, 7 bytes]"
    left = f"{image} (not carried over)\n\n{text} (not carried over)"
    assert asked_in(question("look", shelf)) == f"look\n\n{left}"
    assert asked_in(question("", shelf)) == left
    assert asked_in(question("only words", Shelf())) == "only words"


@pytest.mark.parametrize("size", [99_990, 80_000, 25_700, 25_600, 60_100])
async def test_text_files_that_do_not_fit_are_named_and_the_message_fits(size: int) -> None:
    files = [(file(f"{n}.txt", size, number=n), b"x" * size) for n in range(10)]
    shelf = Shelf(*files)
    message = await message_for(question("all of them", shelf), shelf, named=False)
    assert isinstance(message.content, str)
    assert len(message.content) <= 256_000
    assert message.content.startswith("all of them\n\n[file 0.txt, ")
    assert all(f"[file {n}.txt, " in message.content for n in range(10))
    whole = message.content.count("x" * size)
    assert whole == min(10, 256_000 // (size + 50))
    left_out = message.content.count("(left out: the message is too long)")
    cut_off = message.content.count("(cut off here: the message is too long)")
    assert whole + left_out + cut_off == 10
    assert cut_off <= 1
    assert message.content.count("```") == 2 * (whole + cut_off)
    assert len(shelf.downloaded) == whole + cut_off


async def test_a_small_file_behind_a_large_one_is_there() -> None:
    large = [(file(f"{n}.txt", 99_000, number=n), b"x" * 99_000) for n in range(3)]
    shelf = Shelf(*large, (file("small.txt", 5, number=9), b"small"))
    message = await message_for(question("all", shelf), shelf, named=False)
    assert isinstance(message.content, str)
    assert "[file small.txt, 5 bytes]" in message.content
    assert len(message.content) <= 256_000


async def test_a_question_that_is_too_long_by_itself_is_cut_off() -> None:
    shelf = Shelf((file("a.txt", 5), b"hello"))
    message = await message_for(question("q" * 300_000, shelf), shelf, named=False)
    assert isinstance(message.content, str)
    assert len(message.content) == 256_000
    assert message.content.endswith("(cut off here: the message is too long)")
