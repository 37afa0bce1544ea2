"""A ledger whose disk is full, or that somebody else is writing to."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from bot.chat.texts.fluent import localized
from tests.scenarios.community import Community, answer, community
from tests.support.eventually import PATIENCE


async def pages_of(whole: Community) -> int:
    def count() -> int:
        with closing(sqlite3.connect(whole.directory / "bot.db")) as db:
            (found,) = db.execute("PRAGMA page_count").fetchone()
            return int(found)

    return await asyncio.to_thread(count)


async def test_on_a_full_disk_questions_are_refused_in_words_and_then_all_goes_on(
    threads: Community,
) -> None:
    database = await threads.trouble_ledger()
    thread = await threads.thread_of(await threads.ask("one"))
    await threads.finished(thread)
    await threads.settled(1)
    await database.limit_pages(await pages_of(threads))
    # Longer than what is free in the file.
    long = "word " * 390
    refused = []
    while localized("not-saved") not in [reply.content for reply in threads.replies(thread)]:
        before = len(threads.replies(thread))
        refused.append(await threads.ada.say(thread, long))
        await threads.reply(thread, before + 1)
        assert len(refused) < 50
    await database.limit_pages(1_000_000)
    await threads.ada.say(thread, "at last")
    await threads.until(
        lambda: "at last" in [answer(reply) for reply in threads.replies(thread)], 30
    )
    with closing(sqlite3.connect(threads.directory / "bot.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        taken = {row[0] for row in db.execute("SELECT id FROM questions")}
    assert refused[-1].id not in taken
    asked = [text for role, text in await threads.on_thread(thread) if role == "user"]
    assert asked[-1] == "at last"
    assert len(asked) == len(taken)


async def test_a_ledger_that_somebody_else_writes_to_is_waited_for(channels: Community) -> None:
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        path = channels.directory / "bot.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            held.set()
            over.wait(2.0)
            db.execute("ROLLBACK")

    holding = asyncio.create_task(asyncio.to_thread(hold))
    await asyncio.to_thread(held.wait, PATIENCE)
    await channels.ask("one")
    # Others go on meanwhile: the loop does not wait with it.
    interaction = await channels.ada.command(channels.general, "runs list")
    assert interaction.state != "failed"
    over.set()
    await holding
    assert answer(await channels.finished(channels.general)) == "one"
    assert len(channels.replies(channels.general)) == 1


async def test_whichever_write_fails_each_question_has_one_answer_or_one_refusal(
    channels: Community,
) -> None:
    channels.clock.sleep_speed = 100.0
    database = await channels.trouble_ledger()
    home = await channels.ada.open_dm()
    taken: list[str] = []
    for number in range(1, 13):
        # The bot's own bookkeeping writes at moments of its own: which of a question's writes
        # fails varies with them, and what must be true of the question does not.
        database.sound_writes, database.failing_writes = number - 1, 3
        before = len(channels.replies(home))
        question = await channels.ada.say(home, f"question {number}")
        reply = await channels.finished(home, before + 1)
        if await channels.ledger.questions.known([question.id]):
            taken.append(question.content)
            await channels.settled(len(taken))
            assert answer(reply) == question.content
        else:
            assert answer(reply) == localized("not-saved")
        assert len(channels.replies(home)) == before + 1
    assert 1 < len(taken) < 12
    asked = [text for role, text in await channels.on_thread(home) if role == "user"]
    assert asked == taken
    assert len(await channels.runs_on(home)) == len(taken)


async def test_a_ledger_locked_for_long_refuses_questions_in_words(tmp_path: Path) -> None:
    async with community(tmp_path, "channel") as whole:
        await whole.trouble_ledger(busy_seconds=0.5)
        home = await whole.ada.open_dm()
        gate = whole.model.stall("o", then="ne")
        await whole.ada.say(home, "one")
        await whole.in_state(1, "running")
        with closing(sqlite3.connect(whole.directory / "bot.db", isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            # The model answers, and nothing of it can be written down.
            gate.open()
            await whole.ada.say(home, "two")
            assert (await whole.reply(home, 2)).content == localized("not-saved")
            db.execute("ROLLBACK")
        assert answer(await whole.finished(home, 1)) == "one"
        await whole.ada.say(home, "three")
        assert answer(await whole.finished(home, 3)) == "three"
        assert len(whole.replies(home)) == 3
        asked = [text for role, text in await whole.on_thread(home) if role == "user"]
        assert asked == ["one", "three"]
