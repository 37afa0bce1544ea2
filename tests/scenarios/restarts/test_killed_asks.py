"""Killed anywhere, the bot finishes the response of a question by command, once."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.app.backup import backup
from bot.chat.texts.fluent import localized
from bot.config import Config, StorageSettings
from bot.sandbox import Interaction
from tests.scenarios.bot_process import killed
from tests.scenarios.commands.test_ask import asked, finished
from tests.scenarios.community import Community, answer

LONG = "\n".join(f"line {number} " + "y" * 60 for number in range(60))
"""An answer of several messages."""


async def killed_after_ask(whole: Community, point: str, *, private: bool) -> Interaction:
    """Have Ada ask in a bot that dies at that point; start the bot again."""
    interactions: list[Interaction] = []

    async def ask() -> None:
        interactions.append(await asked(whole, "one", private=private))

    await killed(whole, point, ask)
    await whole.start_engine()
    await whole.start_bot()
    return interactions[0]


@pytest.mark.parametrize(
    ("point", "private"),
    [
        ("before turns.next_in", False),
        ("before turns.placed", False),
        ("before turns.placed", True),
        ("after turns.run_created", True),
        ("before turns.closed", False),
    ],
)
async def test_a_killed_bot_finishes_the_same_response(
    asleep: Community, point: str, private: bool
) -> None:
    interaction = await killed_after_ask(asleep, point, private=private)
    shown = await finished(asleep, interaction)
    await asleep.settled(1)
    assert answer(shown) == "one"
    assert shown.ephemeral is private
    assert interaction.responses == [shown]
    assert asleep.replies(asleep.general) == []


async def test_killed_during_the_stream_the_follow_up_messages_are_found_again(
    asleep: Community,
) -> None:
    asleep.model.say(LONG)
    asleep.model.say(LONG)
    interaction = await killed_after_ask(asleep, "before turns.set_part", private=False)
    await finished(asleep, interaction)
    await asleep.settled(1)
    shown = "\n".join(message.content for message in interaction.responses)
    assert all(shown.count(f"line {number} ") == 1 for number in range(60))


async def test_killed_before_the_command_was_acknowledged_the_bot_answers_in_the_channel(
    asleep: Community,
) -> None:
    interaction = await killed_after_ask(asleep, "after asks.take", private=False)
    reply = await asleep.finished(asleep.general)
    await asleep.settled(1)
    assert answer(reply) == "one"
    assert localized("answer-to-ask", names="Ada") in reply.content
    assert interaction.responses == []
    assert asleep.replies(asleep.general) == [reply]


async def test_a_token_is_in_no_backup(
    channels: Community, tmp_path_factory: pytest.TempPathFactory
) -> None:
    target = tmp_path_factory.mktemp("backup") / "copy"
    await finished(channels, await asked(channels))
    await channels.settled(1)
    known = await channels.ledger.asks.of_turn(1)
    assert known is not None
    config = Config(storage=StorageSettings(directory=str(channels.directory)))
    await backup(config, target)
    copies = [path for path in target.rglob("*") if path.is_file()]
    assert copies

    def found() -> list[Path]:
        return [path for path in copies if known.token.encode() in path.read_bytes()]

    assert await asyncio.to_thread(found) == []
    with closing(sqlite3.connect(target / "bot.db")) as db:
        assert db.execute("SELECT token FROM asks").fetchall() == [("",)]


async def test_a_token_is_in_no_line_of_the_log(
    channels: Community, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", logger="bot"):
        channels.sandbox.faults.fail_next(
            "PATCH",
            "/webhooks/{application_id}/{interaction_token}/messages/{message_id}",
            status=503,
        )
        await finished(channels, await asked(channels))
        await channels.settled(1)
    known = await channels.ledger.asks.of_turn(1)
    assert known is not None
    assert known.token not in caplog.text
