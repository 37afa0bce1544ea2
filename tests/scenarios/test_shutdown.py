"""SIGTERM in the middle of everything: told in every reply, over in 5 s, and all of it goes on."""

import asyncio
import time
from pathlib import Path

from bot.chat import sentences
from bot.sandbox import Channel, Message, Sandbox
from tests.scenarios.community import answer, labels, says
from tests.support.model_endpoint import ScriptedModel
from tests.support.model_turns import stall
from tests.support.program import Program

REPLIES = 100
STOPS_WITHIN = 5.0


def config(directory: Path, model: ScriptedModel, sandbox: Sandbox) -> str:
    path = directory / "config.toml"
    path.write_text(
        f'[discord]\napi_url = "{sandbox.api_url}"\ngateway_url = "{sandbox.gateway_url}"\n'
        f'answer_in = "channel"\n[engine]\nmax_concurrent_runs = {REPLIES}\n'
        f'[models]\nendpoint = "chat"\nurl = "{model.url}"\nmodel = "scripted-model"\n'
        '[storage]\ndirectory = "data"\n'
    )
    return str(path)


async def test_stopped_in_the_middle_of_a_hundred_replies_all_say_so_and_go_on(
    tmp_path: Path,
) -> None:
    async with Sandbox() as sandbox, ScriptedModel() as model:
        gate = model.gate()
        model.otherwise = lambda asked: stall(f"{asked.question} begun ", gate, then="and done")
        environment = {"DISCORD_TOKEN": sandbox.token}
        arguments = ("run", "--config", config(tmp_path, model, sandbox))
        rooms = [sandbox.guild.add_text_channel(f"room-{n}") for n in range(REPLIES)]
        bot = await Program.start(*arguments, environment=environment)
        try:
            await sandbox.bot_ready(timeout=30)
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
            began = time.monotonic()
            await bot.terminated(STOPS_WITHIN)
            assert time.monotonic() - began < STOPS_WITHIN
            untold = [
                room.name
                for number, room in enumerate(rooms)
                if reply(sandbox, room).content != f"q{number} begun\n{sentences.WILL_GO_ON}"
            ]
            assert untold == []
            bot = await Program.start(*arguments, environment=environment)
            await sandbox.bot_ready(timeout=30)
            gate.open()
            await sandbox.until(
                lambda: all(labels(reply(sandbox, room)) == [] for room in rooms), 60
            )
            for number, room in enumerate(rooms):
                assert answer(reply(sandbox, room)) == f"q{number} begun and done"
        finally:
            gate.open()
            await asyncio.wait_for(bot.killed(), 10)


def replies(sandbox: Sandbox, room: Channel) -> list[Message]:
    return [each for each in room.messages if each.author is sandbox.bot_user and says(each)]


def reply(sandbox: Sandbox, room: Channel) -> Message:
    """The one reply in a room."""
    (only,) = replies(sandbox, room)
    return only
