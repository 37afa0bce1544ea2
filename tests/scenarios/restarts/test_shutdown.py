"""SIGTERM in the middle of everything: told in every reply, over in 5 s, and all of it goes on."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from pathlib import Path

import pytest

from bot.chat.texts.fluent import localized
from bot.sandbox import Channel, DiscordMessage, Sandbox
from tests.scenarios.community import answer, labels, says
from tests.support.eventually import PATIENCE
from tests.support.model_endpoint import ScriptedModel
from tests.support.model_turns import stall
from tests.support.program import Program

REPLIES = 100


def config(directory: Path, model: ScriptedModel, sandbox: Sandbox) -> str:
    path = directory / "config.toml"
    path.write_text(
        f'[discord]\napi_url = "{sandbox.api_url}"\ngateway_url = "{sandbox.gateway_url}"\n'
        'name_threads = "question"\n'
        f'answer_in = "channel"\n[engine]\nmax_concurrent_runs = {REPLIES}\n'
        f'[models]\nendpoint = "chat"\nurl = "{model.url}"\nmodel = "scripted-model"\n'
        f'[storage]\ndirectory = "{directory / "data"}"\n'
    )
    return str(path)


@pytest.mark.parametrize("held", [False, True], ids=["in peace", "databases held by another"])
async def test_stopped_in_the_middle_of_a_hundred_replies_all_say_so_and_go_on(
    tmp_path: Path, held: bool
) -> None:
    async with Sandbox() as sandbox, ScriptedModel() as model:
        gate = model.gate()
        model.otherwise = lambda asked: stall(f"{asked.question} begun ", gate, then="and done")
        environment = {"DISCORD_TOKEN": sandbox.token}
        arguments = ("run", "--config", config(tmp_path, model, sandbox))
        rooms = [sandbox.guild.add_text_channel(f"room-{n}") for n in range(REPLIES)]
        bot = await Program.start(*arguments, environment=environment)
        try:
            await sandbox.bot_ready(timeout=PATIENCE)
            for number, room in enumerate(rooms):
                await sandbox.members[0].say(room, f"q{number}", mention_bot=True)
            await model.until_request(REPLIES)
            await sandbox.until(
                lambda: all(
                    any("begun" in each.content for each in replies(sandbox, room))
                    for room in rooms
                ),
                60,
            )
            # Discord shuts out a bot with ten thousand refusals in ten minutes. All replies may be
            # under way when the limit is met; each is refused once, but not again and again.
            assert len([each for each in sandbox.requests if each.status == 429]) < REPLIES
            with writing(tmp_path / "data") if held else nullcontext():
                assert await bot.terminated() == 0
            untold = [
                room.name
                for number, room in enumerate(rooms)
                if reply(sandbox, room).content != f"q{number} begun\n{localized('restarting')}"
            ]
            assert untold == []
            bot = await Program.start(*arguments, environment=environment)
            await sandbox.bot_ready(timeout=PATIENCE)
            gate.open()
            await sandbox.until(
                lambda: all("👍" in labels(reply(sandbox, room)) for room in rooms), 60
            )
            for number, room in enumerate(rooms):
                assert answer(reply(sandbox, room)) == f"q{number} begun and done"
        finally:
            gate.open()
            await asyncio.wait_for(bot.killed(), 10)


@contextmanager
def writing(directory: Path) -> Iterator[None]:
    """Hold both databases as somebody does who writes to them for long."""
    with ExitStack() as held:
        for name in ("bot.db", "engine.db"):
            db = held.enter_context(closing(sqlite3.connect(directory / name, timeout=30)))
            db.execute("BEGIN IMMEDIATE")
        yield


def replies(sandbox: Sandbox, room: Channel) -> list[DiscordMessage]:
    return [each for each in room.messages if each.author is sandbox.bot_user and says(each)]


def reply(sandbox: Sandbox, room: Channel) -> DiscordMessage:
    """The one reply in a room."""
    (only,) = replies(sandbox, room)
    return only
