"""Documents in questions: short ones are shown, long ones searched, unreadable ones named."""

import io
import zipfile

import pypdf
import pytest

from bot.assistants.schema.tools import FileSearchTool
from bot.chat.threads.messages.upload_names import original_name, without_marks
from bot.sandbox import Channel
from bot.sandbox.backend.state.model import DiscordMessage
from tests.hosted.extract.files import docx, opendocument, paragraph, pdf, workbook
from tests.scenarios.bot_process import killed
from tests.scenarios.community import Community, answer
from tests.support.eventually import eventually

SENTENCE = "The harbour of Kap was closed in 1911. "
LOCKED = "`secret.pdf` (protected by a password)"


def asked_of_model(whole: Community) -> str:
    """The newest question as the model read it."""
    messages = [one for one in whole.model.requests[-1].messages if one["role"] == "user"]
    return str(messages[-1]["content"])


def notes(reply: DiscordMessage) -> list[str]:
    """The small lines below a reply."""
    return [line for line in reply.content.splitlines() if line.startswith("-# ")]


def locked_pdf() -> bytes:
    """A PDF that opens with a password alone."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf("secret")))
    writer.encrypt("word", "owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def bomb() -> bytes:
    """A docx of few bytes that unpacks to 257 MiB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w", force_zip64=True) as part:
            for _ in range(257):
                part.write(b" " * 2**20)
    return out.getvalue()


async def show(
    whole: Community, *files: tuple[str, bytes], text: str = "read"
) -> tuple[Channel, DiscordMessage]:
    """Ada asks about files in her DM; returns the channel and the finished reply."""
    home = await whole.ada.open_dm()
    await whole.ada.say(home, text, attachments=files)
    return home, await whole.finished(home, len(whole.replies(home)) + 1)


async def test_short_documents_of_every_kind_are_part_of_the_question(channels: Community) -> None:
    _, reply = await show(
        channels,
        ("report.pdf", pdf("Rain falls")),
        ("memo.docx", docx(paragraph("Snow melts"))),
        ("talk.odt", opendocument("text", "<text:p>Wind turns</text:p>")),
        ("prices.xlsx", workbook({"Tea": '<row><c t="str"><v>tea</v></c></row>'})),
        ("page.html", b"<p>as <b>written</b>"),
        ("Makefile", b"all: test"),
    )
    asked = asked_of_model(channels)
    for words in ("Rain falls", "Snow melts", "Wind turns", "tea", "<p>as <b>", "all: test"):
        assert words in asked
    assert asked.startswith("read\n\n[file report.pdf, ")
    assert all("Not read" not in note for note in notes(reply))


async def test_a_model_without_tools_reads_the_beginning_of_a_long_document_and_says_so(
    channels: Community,
) -> None:
    channels.model.fail(400, message="m does not support tools")
    channels.model.say("in 1911")
    long = (SENTENCE * 3000).encode()
    home, reply = await show(channels, ("history.txt", long), text="when was it closed?")
    assert answer(reply) == "in 1911"
    assert notes(reply)[0] == (
        "-# This model can't search files, so it read only the beginning of history.txt."
    )
    shown = str(channels.model.requests[-1].messages)
    assert "history.txt (its beginning; about" in without_marks(shown)
    assert shown.count(SENTENCE) > 500
    assert "tools" not in channels.model.requests[-1].body
    await channels.ada.say(home, "and where?")
    await channels.finished(home, 2)
    assert len(channels.model.requests) == 3
    assert SENTENCE in str(channels.model.requests[-1].messages)


async def test_a_long_document_is_searched_and_the_next_turn_searches_it_too(
    channels: Community,
) -> None:
    for query in ("harbour", "Kap"):
        channels.model.call_tools(("file_search", {"queries": [query]}))
        channels.model.say(f"found {query}")
    long = pdf(*[SENTENCE * 12] * 60)
    home, reply = await show(channels, ("history.pdf", long), text="when was it closed?")
    assert answer(reply) == "found harbour"
    first, second = channels.model.requests[:2]
    assert [tool["function"]["name"] for tool in first.body["tools"]] == ["file_search"]
    asked = str(first.messages[-1]["content"])
    assert asked.endswith("(too long to show here: search it with file_search)")
    assert "The harbour of Kap" in str(second.messages[-1]["content"])
    assert "history.pdf" in str(second.messages[-1]["content"])
    assert len(asked) < 300
    await channels.ada.say(home, "and where?")
    assert answer(await channels.finished(home, 2)) == "found Kap"


async def test_the_document_of_a_deleted_question_is_not_searched_any_more(
    channels: Community,
) -> None:
    long = ("history.txt", (SENTENCE * 800).encode())
    home = await channels.ada.open_dm()
    question = await channels.ada.say(home, "read", attachments=[long])
    await channels.finished(home)
    (file,) = (await channels.api.list_files()).data
    assert original_name(file.filename) == "history.txt"
    await channels.ada.delete(question)
    await eventually(channels.api.list_files, lambda files: not files.data)
    channels.model.call_tools(("file_search", {"queries": ["harbour"]}))
    channels.model.say("nothing found")
    await channels.ada.say(home, "when?")
    await channels.finished(home, 2)
    assert "harbour of Kap" not in str(channels.model.requests[-1].messages)


async def test_a_plain_question_gets_no_tools(channels: Community) -> None:
    await channels.ask("hi")
    await channels.finished(channels.general)
    assert "tools" not in channels.model.requests[-1].body


async def test_ten_files_of_which_three_fail_get_one_quiet_line_and_the_rest_is_read(
    channels: Community,
) -> None:
    good = [(f"note{number}.txt", f"fact {number}".encode()) for number in range(7)]
    bad = [("secret.pdf", locked_pdf()), ("bomb.docx", bomb()), ("all.zip", b"PK\x03\x04")]
    _, reply = await show(channels, *bad, *good)
    (line,) = [note for note in notes(reply) if "Not read" in note]
    assert line == (
        f"-# Not read: {LOCKED} · `bomb.docx` (too much to read) · "
        "`all.zip` (I can't read this kind of file)"
    )
    asked = asked_of_model(channels)
    assert all(f"fact {number}" in asked for number in range(7))
    assert "[file secret.pdf" in asked
    assert asked.count("(could not be read: ") == 3


async def test_a_document_of_25_megabytes_is_named_with_the_limit(channels: Community) -> None:
    channels.sandbox.guild.set_boost_level(2)
    large = ("large.pdf", b"%PDF-1.7" + bytes(25_000_000))
    await channels.ada.say(channels.general, "read", mention_bot=True, attachments=[large])
    reply = await channels.finished(channels.general)
    assert "-# Not read: `large.pdf` (larger than 21.0 MB)" in notes(reply)


async def test_the_files_of_a_message_that_is_replied_to_are_read(channels: Community) -> None:
    said = await channels.ben.say(
        channels.general, "mine", attachments=[("plan.docx", docx(paragraph("Sail at noon")))]
    )
    await channels.ada.say(channels.general, "when?", reply_to=said, mention_bot=True)
    await channels.finished(channels.general)
    assert "Sail at noon" in asked_of_model(channels)


async def test_voice_without_a_transcription_endpoint_is_told_to_both(channels: Community) -> None:
    home = await channels.ada.open_dm()
    await channels.ada.say_voice(home, b"OggS", seconds=3)
    reply = await channels.finished(home)
    assert "-# Not read: `voice-message.ogg` (I can't listen to audio here)" in notes(reply)
    assert "could not be read: this bot can't listen to audio" in asked_of_model(channels)


@pytest.mark.parametrize("point", ["before questions.message_posted", "before turns.closing"])
async def test_killed_the_reply_still_names_what_was_not_read(
    asleep: Community, point: str
) -> None:
    long = ("history.txt", (SENTENCE * 800).encode())
    files = [("secret.pdf", locked_pdf()), long]

    async def ask() -> None:
        await asleep.ada.say(asleep.general, "read", mention_bot=True, attachments=files)

    await killed(asleep, point, ask)
    asleep.model.requests.clear()
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(1)
    (thread,) = asleep.sandbox.guild.threads
    (reply,) = asleep.replies(thread)
    assert f"-# Not read: {LOCKED}" in notes(reply)
    (run,) = await asleep.runs_on(thread)
    assert run.tools == (FileSearchTool(),)
    # The next turn of another process searches it, too.
    await asleep.ada.say(thread, "and?")
    await asleep.finished(thread, 2)
    assert len((await asleep.runs_on(thread))[0].tools) == 1
