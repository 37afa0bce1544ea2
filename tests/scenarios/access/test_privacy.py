"""What is stored of a member: shown, handed out, and forgotten so that nothing comes back."""

import asyncio
import io
import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from bot.app.backup import backup, last_backup
from bot.chat.texts.fluent import localized
from bot.config import Config, StorageSettings
from bot.sandbox import Channel, DiscordMessage, Interaction, Person
from bot.store.ledger import AccessRule
from tests.sandbox.pictures import png
from tests.scenarios.bot_process import killed
from tests.scenarios.community import Community, answer, community, labels
from tests.support.eventually import eventually

SECRET = "xylophone"
"""A word that only Ada writes."""


def traces(directory: Path, *needles: str | int) -> list[str]:
    """Every place of both databases and the files in which one of these is stored."""
    wanted = [str(needle) for needle in needles]
    found = []
    for name in ("bot.db", "engine.db"):
        with closing(sqlite3.connect(f"{(directory / name).as_uri()}?mode=ro", uri=True)) as db:
            query = "SELECT name FROM sqlite_master WHERE type = 'table'"
            for (table,) in db.execute(query).fetchall():
                rows = db.execute(f'SELECT * FROM "{table}"')
                columns = [column[0] for column in rows.description]
                for row in rows:
                    for column, value in zip(columns, row, strict=True):
                        is_bytes = isinstance(value, bytes)
                        text = value.decode(errors="replace") if is_bytes else str(value)
                        if any(each in text for each in wanted):
                            found.append(f"{name} {table}.{column}: {text[:90]}")
    for path in (directory / "files").rglob("*"):
        if path.is_file():
            data = path.read_bytes().decode(errors="replace")
            found += [str(path) for each in wanted if each in data]
    return found


def left(whole: Community) -> list[str]:
    """What is left of Ada and her word."""
    return traces(whole.directory, SECRET, whole.ada.id, whole.ada.name)


async def shown(whole: Community, interaction: Interaction) -> str:
    await whole.until(lambda: interaction.done)
    assert interaction.original is not None
    assert interaction.original.ephemeral
    return interaction.original.content


async def forget(whole: Community, who: Person, channel: Channel) -> str:
    """Have a member forgotten, and return what the bot says of it."""
    asked = await who.command(channel, "privacy forget")
    await whole.until(lambda: asked.original is not None and labels(asked.original))
    assert asked.original is not None
    pressed = await who.click(asked.original, localized("forget-button"))
    message: DiscordMessage = asked.original
    await whole.until(lambda: not labels(message))
    assert pressed.acknowledged
    return message.content


async def exported(whole: Community, who: Person) -> zipfile.ZipFile:
    asked = await who.command(whole.general, "privacy export")
    assert await shown(whole, asked) == localized("privacy-export")
    assert asked.original is not None
    (file,) = asked.original.files
    return zipfile.ZipFile(io.BytesIO(file.data))


async def conversation(whole: Community) -> None:
    """Ada and Ben ask in the same channel; Ada with files, a vote and a reason."""
    await whole.ask("ben's own words", whole.ben)
    await whole.finished(whole.general)
    note = ("notes.txt", f"{SECRET} in a file. ".encode() * 2_000)
    await whole.ada.say(
        whole.general,
        f"the {SECRET} question",
        mention_bot=True,
        attachments=[note, (f"{SECRET}.png", png(4, 4))],
    )
    reply = await whole.finished(whole.general, 2)
    await whole.ended_turns(2)
    opened = await whole.ada.click(reply, "👎")
    await whole.ada.submit_modal(opened, {"reason": f"no {SECRET}"})
    await whole.ben.click(reply, "👍")
    await eventually(lambda: whole.ledger.votes.unreported(), lambda rated: not rated)


async def test_a_forgotten_member_leaves_no_trace_and_others_stay(channels: Community) -> None:
    await conversation(channels)
    await channels.ada.command(channels.general, "runs list")
    channels.model.fail(401, message=f"No key for {SECRET}")
    await channels.ask("another one")
    await channels.finished(channels.general, 3)
    await eventually(lambda: traces(channels.directory, SECRET))
    # The error of a run may quote the question.
    assert "engine.db runs" in str(traces(channels.directory, SECRET))
    said = await forget(channels, channels.ada, channels.general)
    assert localized("privacy-forgotten", count=2) in said
    assert localized("privacy-remains-backups") in said
    assert left(channels) == []
    on_thread = [text for _, text in await channels.on_thread(channels.general)]
    assert "ben's own words" in on_thread
    await channels.ask("what do you know?", channels.ben)
    await channels.finished(channels.general, 4)
    assert SECRET not in str(channels.model.requests[-1].messages)


async def test_a_forgotten_members_words_are_in_no_byte_of_the_stopped_bots_files(
    channels: Community,
) -> None:
    await conversation(channels)
    await forget(channels, channels.ada, channels.general)
    await channels.stop_bot()
    await channels.stop_engine()
    files = [path for path in channels.directory.rglob("*") if path.is_file()]
    assert any(path.name == "engine.db" for path in files)
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []


async def test_nothing_forgotten_comes_back_with_a_restart(channels: Community) -> None:
    await conversation(channels)
    await forget(channels, channels.ada, channels.general)
    await channels.restart_bot()
    await channels.ask("and now?", channels.ben)
    await channels.finished(channels.general, 3)
    assert left(channels) == []
    assert len(channels.replies(channels.general)) == 3


async def test_a_conversation_of_one_member_is_forgotten_with_its_thread(
    threads: Community,
) -> None:
    question = await threads.ask(f"the {SECRET} question")
    home = await threads.thread_of(question)
    await threads.finished(home)
    await threads.ended_turns(1)
    thread_id = await threads.thread_id(home)
    await forget(threads, threads.ada, threads.general)
    assert traces(threads.directory, SECRET, threads.ada.id, thread_id + '"') == []
    # Whoever was forgotten may ask again, and begins anew.
    await threads.ada.say(home, "hello again")
    assert answer(await threads.finished(home, 2)) == "hello again"


async def test_a_member_forgotten_during_a_run_gets_no_answer(channels: Community) -> None:
    gate = channels.model.stall(then=f"about the {SECRET}")
    await channels.ask(f"the {SECRET} question")
    await channels.model.until_request()
    said = await forget(channels, channels.ada, channels.general)
    assert localized("privacy-forgotten", count=1) in said
    gate.open()
    await channels.in_state(1, "withdrawn")
    await eventually(
        lambda: traces(channels.directory, SECRET, channels.ada.id), lambda left: not left
    )
    assert answer(channels.replies(channels.general)[0]) == ""


async def test_forgetting_while_a_backup_is_made_leaves_nothing_behind(
    channels: Community, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await conversation(channels)
    config = Config(storage=StorageSettings(directory=str(channels.directory)))
    target = tmp_path_factory.mktemp("backup") / "copy"
    copying = asyncio.create_task(backup(config, target))
    await forget(channels, channels.ada, channels.general)
    await copying
    assert left(channels) == []
    made = last_backup(config)
    assert made is not None
    assert (target / "bot.db").exists()


async def test_forgetting_a_second_time_finds_nothing(channels: Community) -> None:
    await channels.ask(f"the {SECRET} question")
    await channels.finished(channels.general)
    await channels.ended_turns(1)
    await forget(channels, channels.ada, channels.general)
    said = await forget(channels, channels.ada, channels.general)
    assert localized("privacy-forgotten", count=0) in said


async def quoted_by_ben(whole: Community) -> DiscordMessage:
    """Ada says something to nobody in particular, and Ben asks about it."""
    said = await whole.ada.say(
        whole.general, f"a {SECRET}!", attachments=[("notes.txt", f"my {SECRET}".encode())]
    )
    question = f"{whole.sandbox.bot_user.mention} is that true?"
    await whole.ben.say(whole.general, question, reply_to=said)
    await whole.finished(whole.general)
    await whole.ended_turns(1)
    assert traces(whole.directory, SECRET)
    # The answer repeats the question, and is the bot's own.
    await whole.admin.delete(whole.replies(whole.general)[0])
    return said


async def test_a_deleted_message_leaves_the_questions_that_quote_it(channels: Community) -> None:
    said = await quoted_by_ben(channels)
    await channels.ada.delete(said)
    await eventually(lambda: traces(channels.directory, SECRET), lambda found: found == [])
    await channels.ask("and now?", channels.ben)
    await channels.finished(channels.general)
    assert SECRET not in str(channels.model.requests[-1].messages)


async def test_a_forgotten_member_leaves_the_questions_of_others_that_quote_them(
    channels: Community,
) -> None:
    await quoted_by_ben(channels)
    await forget(channels, channels.ada, channels.general)
    await eventually(lambda: traces(channels.directory, SECRET), lambda found: found == [])


async def test_a_forgotten_member_leaves_the_context_of_others(tmp_path: Path) -> None:
    async with community(tmp_path, "channel", context_messages=5) as channels:
        await channels.ada.say(channels.general, f"the {SECRET} is loud")
        await channels.ask("what is loud?", channels.ben)
        await channels.finished(channels.general)
        await channels.ended_turns(1)
        assert traces(channels.directory, SECRET)
        await forget(channels, channels.ada, channels.general)
        await eventually(lambda: left(channels), lambda found: found == [])
        assert "what is loud?" in str(await channels.on_thread(channels.general))


async def test_a_message_deleted_before_its_quote_is_posted_is_not_shown(
    channels: Community,
) -> None:
    gate = channels.model.stall(then="first")
    await channels.ask("one", channels.ben)
    await channels.model.until_request()
    said = await channels.ada.say(channels.general, f"a {SECRET}!")
    question = f"{channels.sandbox.bot_user.mention} is that true?"
    await channels.ben.say(channels.general, question, reply_to=said)
    await eventually(lambda: channels.ledger.questions.waiting(channels.general.id))
    await channels.ada.delete(said)
    await channels.waiting(["is that true?\n\n[in reply to a message that was deleted]"])
    gate.open()
    await channels.finished(channels.general, 2)
    assert SECRET not in str(channels.model.requests[-1].messages)


@pytest.mark.parametrize("point", ["after forgetting.forget_member", "before chores.done"])
async def test_a_bot_killed_while_it_forgets_finishes_at_its_next_start(
    asleep: Community, point: str
) -> None:
    async def press() -> None:
        home = await asleep.thread_of(await asleep.ask(f"the {SECRET} question"))
        await asleep.finished(home)
        asked = await asleep.ada.command(home, "privacy forget")
        await asleep.until(lambda: asked.original is not None and labels(asked.original))
        assert asked.original is not None
        await asleep.ada.click(asked.original, localized("forget-button"), wait=False)

    await killed(asleep, point, press)
    await asleep.start_engine()
    await asleep.start_bot()
    await eventually(
        lambda: traces(asleep.directory, SECRET, asleep.ada.id), lambda left: left == []
    )


async def test_the_export_has_everything_of_its_member_and_nothing_of_others(
    channels: Community,
) -> None:
    await conversation(channels)
    archive = await exported(channels, channels.ada)
    data = json.loads(archive.read("data.json"))
    (question,) = data["questions"]
    assert question["text"].startswith(f"the {SECRET} question")
    assert question["answer"]
    assert [vote["reason"] for vote in data["votes"]] == [f"no {SECRET}"]
    assert data["usage"]["answers"] == 1
    names = [name.rsplit("/", 1)[1] for name in archive.namelist() if name.startswith("files/")]
    assert len(names) == 2
    readable = archive.read("conversations.md").decode()
    assert f"> the {SECRET} question" in readable
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"ben's own words" not in everything
    assert str(channels.ben.id).encode() not in everything


async def test_the_export_of_a_member_who_never_asked_is_empty(channels: Community) -> None:
    archive = await exported(channels, channels.ben)
    data = json.loads(archive.read("data.json"))
    assert (data["questions"], data["votes"]) == ([], [])


async def test_the_records_of_a_member_are_counted(channels: Community) -> None:
    await conversation(channels)
    rule = AccessRule(target_id=channels.ada.id, kind="member", allowed=True)
    await channels.ledger.access_rules.set(channels.sandbox.guild.id, rule)
    text = await shown(channels, await channels.ada.command(channels.general, "privacy show"))
    assert localized("privacy-questions", count=1) in text
    assert localized("privacy-files", count=2) in text
    assert localized("privacy-votes", count=1) in text
    assert localized("privacy-rules", count=1) in text


async def test_a_member_who_is_denied_everything_can_still_be_forgotten(
    channels: Community,
) -> None:
    await channels.ask(f"the {SECRET} question")
    await channels.finished(channels.general)
    await channels.ended_turns(1)
    rule = AccessRule(target_id=channels.ada.id, kind="member", allowed=False)
    await channels.ledger.access_rules.set(channels.sandbox.guild.id, rule)
    said = await forget(channels, channels.ada, channels.general)
    assert localized("privacy-remains-rules") in said
    assert traces(channels.directory, SECRET) == []


async def test_a_server_that_does_not_answer_deletes_its_objects_later(channels: Community) -> None:
    await channels.ask(f"the {SECRET} question")
    await channels.finished(channels.general)
    await channels.ended_turns(1)
    await channels.ledger.forgetting.forget_member(channels.ada.id)
    assert {each.split()[0] for each in left(channels)} == {"engine.db"}
    await channels.restart_bot()
    await eventually(lambda: left(channels), lambda found: found == [])


async def test_a_conversation_that_was_copied_to_another_thread_is_forgotten_there(
    channels: Community,
) -> None:
    await channels.ask("ben's own words", channels.ben)
    await channels.finished(channels.general)
    await channels.ask(f"the {SECRET} question")
    await channels.finished(channels.general, 2)
    await channels.ended_turns(2)
    # Another program deletes the thread; the next answer begins with a copy of what was said.
    await channels.api.delete_thread(await channels.thread_id(channels.general))
    await channels.ask("go on", channels.ben)
    await channels.finished(channels.general, 3)
    await channels.ended_turns(3)
    assert SECRET in str(await channels.on_thread(channels.general))
    await forget(channels, channels.ada, channels.general)
    await eventually(lambda: left(channels), lambda found: found == [])
    assert "ben's own words" in str(await channels.on_thread(channels.general))
