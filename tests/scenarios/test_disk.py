"""A ledger whose disk is full, or that somebody else is writing to."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from typing import Any

from bot.chat import sentences
from tests.scenarios.community import Community, answer


async def limit(whole: Community, pages: int) -> None:
    """Let the ledger's file have no more pages than this: SQLite's own full disk."""
    database: Any = whole.ledger._database
    await database._database._writer.run(
        lambda db: db.execute(f"PRAGMA max_page_count = {pages}").close()
    )


async def pages_of(whole: Community) -> int:
    def count() -> int:
        with closing(sqlite3.connect(whole.directory / "bot.db")) as db:
            (found,) = db.execute("PRAGMA page_count").fetchone()
            return int(found)

    return await asyncio.to_thread(count)


async def test_on_a_full_disk_questions_are_refused_in_words_and_then_all_goes_on(
    threads: Community,
) -> None:
    thread = await threads.thread_of(await threads.ask("one"))
    await threads.finished(thread)
    await threads.settled(1)
    await limit(threads, await pages_of(threads))
    # Longer than what is free in the file.
    long = "word " * 390
    refused = []
    while sentences.NOT_TAKEN not in [reply.content for reply in threads.replies(thread)]:
        before = len(threads.replies(thread))
        refused.append(await threads.ada.say(thread, long))
        await threads.reply(thread, before + 1)
        assert len(refused) < 50
    await limit(threads, 1_000_000)
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
    await asyncio.to_thread(held.wait, 5)
    await channels.ask("one")
    # Others go on meanwhile: the loop does not wait with it.
    interaction = await channels.ada.command(channels.general, "runs list")
    assert interaction.state != "failed"
    over.set()
    await holding
    assert answer(await channels.finished(channels.general)) == "one"
    assert len(channels.replies(channels.general)) == 1
