"""Files of an answer: what code wrote, images, too large ones; and the sources that it cites."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.assistants.errors import APIError
from bot.assistants.schema.files import File
from bot.assistants.schema.requests import ModifyAssistant
from bot.assistants.schema.tools import CodeInterpreterTool
from bot.chat.texts.fluent import localized
from bot.sandbox import DiscordMessage
from tests.hosted.extract.files import pdf
from tests.sandbox.pictures import png
from tests.scenarios.community import Community, alt_texts, answer, community, labels, texts
from tests.support.model_answers import Asked


async def ran(whole: Community, code: str, text: str) -> DiscordMessage:
    """Have the model run code and then say a text; return the reply."""
    tools = (CodeInterpreterTool(),)
    await whole.api.modify_assistant(whole.assistant_id, ModifyAssistant(tools=tools))
    whole.model.call_tools(("code_interpreter", {"code": code}))
    whole.model.say(text)
    await whole.ask("write it")
    await whole.settled(1)
    (reply,) = whole.replies(whole.general)
    return reply


def files(reply: DiscordMessage) -> list[tuple[str, bytes]]:
    return [(file.filename, file.data) for file in reply.files]


PICTURE = png(8, 4, (200, 40, 40))


@pytest.mark.parametrize("text", ["Done.", "Done: [the table](sandbox:/mnt/data/table.csv)"])
async def test_files_that_code_wrote_are_attached_whether_named_or_not(
    channels: Community, text: str
) -> None:
    code = f"open('table.csv', 'w').write('a,b')\nopen('red.png', 'wb').write({PICTURE!r})"
    reply = await ran(channels, code, text)
    assert files(reply) == [("table.csv", b"a,b"), ("red.png", PICTURE)] or files(reply) == [
        ("red.png", PICTURE),
        ("table.csv", b"a,b"),
    ]
    assert answer(reply).startswith("Done")
    assert alt_texts(reply) == ["red.png"]
    assert 13 in [component["type"] for component in reply.components]


async def test_files_of_one_name_from_two_runs_of_code_are_attached_as_they_are_now(
    channels: Community,
) -> None:
    tools = (CodeInterpreterTool(),)
    await channels.api.modify_assistant(channels.assistant_id, ModifyAssistant(tools=tools))
    for word in ("one", "two"):
        code = f"open('note.txt', 'w').write('{word}')"
        channels.model.call_tools(("code_interpreter", {"code": code}), text=f"I write {word}.")
    channels.model.say("Written.")
    await channels.ask("write it")
    await channels.settled(1)
    (reply,) = channels.replies(channels.general)
    assert files(reply) == [("note.txt", b"two")]
    # A later answer of the thread has files of its own alone.
    channels.model.say("Nothing to write.")
    await channels.ask("and now?")
    await channels.settled(2)
    assert channels.replies(channels.general)[1].files == []


async def test_a_file_above_the_size_limit_is_named_and_the_others_are_attached(
    channels: Community,
) -> None:
    code = (
        "open('large.bin', 'wb').write(b'x' * (11 * 2**20))\nopen('small.txt', 'w').write('small')"
    )
    reply = await ran(channels, code, "Done.")
    assert files(reply) == [("small.txt", b"small")]
    assert "-# Too large to attach here: large.bin (11.5 MB)." in "\n".join(texts(reply)).replace(
        "\\", ""
    )


@pytest.mark.parametrize("operation", ["retrieve_file", "file_content"])
async def test_a_file_that_the_server_no_longer_has_is_named_and_the_answer_stands(
    channels: Community, operation: str
) -> None:
    async def gone(file_id: str) -> Any:
        raise APIError(404, f"No such file: {file_id}")

    channels.operations[operation] = gone
    reply = await ran(channels, "open('table.csv', 'w').write('a,b')", "Done.")
    assert files(reply) == []
    assert answer(reply) == "Done."
    assert "These files can't be read any more: " in reply.content
    # Without its facts a file is known by its id alone.
    assert ("table.csv" in reply.content) == (operation == "file_content")


async def test_a_file_that_is_longer_than_the_server_said_is_not_attached(
    channels: Community,
) -> None:
    retrieve = channels.api.retrieve_file

    async def shorter(file_id: str) -> File:
        return replace(await retrieve(file_id), bytes=1)

    async def endless(file_id: str) -> Any:
        @asynccontextmanager
        async def content() -> AsyncIterator[AsyncIterator[bytes]]:
            async def pieces() -> AsyncIterator[bytes]:
                while True:
                    yield bytes(2**20)

            yield pieces()

        return content()

    channels.operations["retrieve_file"] = shorter
    channels.operations["file_content"] = endless
    reply = await ran(channels, "open('table.csv', 'w').write('a,b')", "Done.")
    assert files(reply) == []
    assert "These files can't be read any more: table.csv" in reply.content


async def test_files_that_discord_refuses_are_named_below_the_plain_text(
    channels: Community,
) -> None:
    channels.sandbox.faults.refuse_files(times=None)
    reply = await ran(channels, "open('a.txt', 'w').write('a')", "Done.")
    assert answer(reply) == "Done."
    assert "Discord didn't take these files: a.txt" in reply.content.replace("\\", "")


async def test_cited_files_are_numbered_and_those_of_members_are_links(
    channels: Community,
) -> None:
    first = await channels.ada.say(
        channels.general,
        "look",
        mention_bot=True,
        attachments=[("fruit.md", b"Apples are red.")],
    )
    await channels.settled(1)
    channels.model.say("Red 【0:0†fruit.md】, round 【0:1†shapes.pdf】, red 【1:0†fruit.md】.")
    await channels.ask("apples?")
    await channels.settled(2)
    reply = channels.replies(channels.general)[1]
    assert answer(reply) == "Red [1], round [2], red [1]."
    link = (
        f"https://discord.com/channels/{channels.sandbox.guild.id}/{channels.general.id}/{first.id}"
    )
    note = next(line for line in reply.content.splitlines() if "Sources" in line)
    assert note == rf"-# Sources: \[1\] [fruit.md]({link}) · \[2\] shapes.pdf"


async def test_a_searched_document_is_cited_by_its_own_name_with_a_link_to_its_own_question(
    channels: Community,
) -> None:
    said = []
    for topic in ("apples", "pears"):
        channels.model.call_tools(("file_search", {"queries": [topic]}))
        channels.model.then(cite)
        book = pdf(*[f"All about {topic}. " * 30] * 60)
        said.append(
            await channels.ada.say(
                channels.general, topic, mention_bot=True, attachments=[("book.pdf", book)]
            )
        )
        await channels.settled(len(said))
    for number, reply in enumerate(channels.replies(channels.general)):
        assert answer(reply) == "See book.pdf, it says so [1]."
        place = f"{channels.sandbox.guild.id}/{channels.general.id}/{said[number].id}"
        note = next(line for line in reply.content.splitlines() if "Sources" in line)
        assert note == rf"-# Sources: \[1\] [book.pdf](https://discord.com/channels/{place})"


def cite(asked: Asked) -> str:
    """Answer from a search as models do: with the file's name, and the mark of its first result."""
    mark = re.search("【(.*?)†(.*?)】", str(asked.messages[-1]["content"]))
    assert mark is not None
    return f"See {mark[2]}, it says so {mark[0]}."


async def test_files_stay_where_the_buttons_below_them_change(tmp_path: Path) -> None:
    again = localized("again-button")
    async with community(tmp_path, "channel", buttons=("votes",)) as whole:
        code = f"open('a.csv', 'w').write('a')\nopen('red.png', 'wb').write({PICTURE!r})"
        reply = await ran(whole, code, "Done.")
        (question,) = [one for one in whole.general.messages if one.author is whole.ada.user]
        before = [component["type"] for component in reply.components]
        await whole.ada.edit(question, f"{whole.sandbox.bot_user.mention} write it better")
        await whole.until(lambda: again in labels(reply))
        assert [component["type"] for component in reply.components] == before
        assert sorted(files(reply)) == [("a.csv", b"a"), ("red.png", PICTURE)]
        assert alt_texts(reply) == ["red.png"]
        assert answer(reply) == "Done."
