from bot.assistants.content import ImageUrlPart, TextInput
from bot.chat.asking import AttachedFile, attachments_json, message_for
from bot.store.ledger import Question


class Shelf:
    """Files as a test gives them."""

    def __init__(self, *files: tuple[AttachedFile, bytes | None]) -> None:
        self.files = files
        self.downloaded: list[str] = []

    async def current(self, question: Question) -> tuple[AttachedFile, ...]:
        return tuple(file for file, _ in self.files)

    async def download(self, file: AttachedFile) -> bytes | None:
        self.downloaded.append(file.name)
        return next(data for known, data in self.files if known == file)


def file(name: str, size: int, content_type: str = "", number: int = 1) -> AttachedFile:
    return AttachedFile(
        id=number, name=name, url=f"https://cdn/{name}", size=size, content_type=content_type
    )


def question(content: str, shelf: Shelf) -> Question:
    return Question(
        id=7,
        channel_id=1,
        guild_id=2,
        author_id=3,
        author_name="Ada\nLovelace",
        content=content,
        attachments=attachments_json([known for known, _ in shelf.files]),
        home_id=1,
        fallback=False,
        received_at=0.0,
        turn_id=1,
        thread_id=None,
        message_id=None,
    )


async def test_a_message_carries_its_questions_id() -> None:
    message = await message_for(question("hi", Shelf()), Shelf(), named=False)
    assert message.content == "hi"
    assert message.metadata == {"question": "7", "author": "3"}


async def test_a_name_is_one_line_before_what_was_said() -> None:
    message = await message_for(question("hi", Shelf()), Shelf(), named=True)
    assert message.content == "Ada Lovelace: hi"


async def test_a_text_file_stands_in_the_message_behind_a_fence_it_cannot_break() -> None:
    shelf = Shelf((file("a.md", 9), b"```x```\n\n"))
    message = await message_for(question("read", shelf), shelf, named=False)
    assert message.content == "read\n\n[file a.md, 9 bytes]\n````md\n```x```\n````"


async def test_a_large_or_foreign_file_is_told_and_not_downloaded() -> None:
    shelf = Shelf((file("big.txt", 100_001), b""), (file("song.mp3", 2_500_000, "audio/mpeg"), b""))
    message = await message_for(question("", shelf), shelf, named=False)
    assert message.content == "[file big.txt, 100.0 kB]\n\n[file song.mp3, 2.5 MB]"
    assert shelf.downloaded == []


async def test_a_file_that_is_gone_is_told_as_such() -> None:
    shelf = Shelf((file("a.csv", 5, "text/csv"), None))
    message = await message_for(question("", shelf), shelf, named=False)
    assert message.content == "[file a.csv, 5 bytes] (could not be read)"


async def test_images_go_beside_the_text_and_alone_where_there_is_none() -> None:
    shelf = Shelf((file("cat.png", 5, "image/png"), None))
    message = await message_for(question("who?", shelf), shelf, named=False)
    assert not isinstance(message.content, str)
    text, image = message.content
    assert text == TextInput("who?")
    assert isinstance(image, ImageUrlPart)
    assert image.image_url.url == "https://cdn/cat.png"
    alone = await message_for(question("", shelf), shelf, named=False)
    assert alone.content == (image,)


async def test_a_message_never_exceeds_what_the_api_takes() -> None:
    files = [(file(f"{n}.txt", 100_000, number=n), b"x" * 100_000) for n in range(5)]
    shelf = Shelf(*files)
    message = await message_for(question("all", shelf), shelf, named=False)
    assert isinstance(message.content, str)
    assert len(message.content) == 256_000
    assert message.content.endswith("(cut off here: the message is too long)")
