"""Every command with nonsense, twice at once, in every kind of place, by people of every kind."""

import asyncio
import random
from typing import Any

import pytest

from bot.chat.texts.fluent import localized
from bot.sandbox import Channel, NotPossible, Person
from tests.scenarios.access.test_who_sees_runs import settled, subcommands
from tests.scenarios.commands.test_channels import forum, known
from tests.scenarios.community import Community

NONSENSE = (
    "\u202e*`@everyone <#1>",
    "-1",
    "9" * 19,
    " \u200b ",
    "#1",
    "asst_x",
    "\x00a",
    "０",
    "🗓️" * 30,
)

STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER = 3, 4, 5, 6, 7, 8, 9, 10


def nonsense(option: dict[str, Any], whole: Community, chance: random.Random) -> Any:
    """A value that Discord accepts for an option and that makes no sense; None for a file."""
    if option.get("choices"):
        return chance.choice(option["choices"])["value"]
    everyone = whole.sandbox.guild.state.everyone
    offered: dict[int, Any] = {
        STRING: chance.choice(NONSENSE)[: option.get("max_length", 100)],
        INTEGER: option.get("max_value", 10**9),
        NUMBER: option.get("max_value", 1e9),
        BOOLEAN: True,
        USER: whole.admin,
        CHANNEL: whole.general,
        ROLE: everyone,
        MENTIONABLE: everyone,
    }
    return offered.get(option["type"])


async def test_nonsense_gets_a_private_sentence_everywhere_even_twice_at_once(
    threads: Community, caplog: pytest.LogCaptureFixture
) -> None:
    configured = {"Main": threads.assistant_id}
    threads.bot.set_assistants(threads.assistant_id, configured, threads.tell_place)
    home = await threads.thread_of(await threads.ask("one"))
    await threads.finished(home)
    place = forum(threads)
    await known(threads, place)
    post = await threads.ada.create_post(place, "Cats", "Why?")
    direct = await threads.ada.open_dm()
    scenes: tuple[tuple[Person, Channel], ...] = (
        (threads.admin, threads.general),
        (threads.ben, home),
        (threads.admin, post),
        (threads.ada, direct),
    )
    chance = random.Random(1)
    used: set[str] = set()
    # Rules about who may use the bot would refuse what comes after them.
    commands = [each for each in subcommands(threads) if not each[0].startswith("access ")]
    for number, (path, sub) in enumerate(commands * 2):
        who, where = scenes[(number + number // len(commands)) % len(scenes)]
        values = {
            option["name"]: value
            for option in sub.get("options", [])
            if (value := nonsense(option, threads, chance)) is not None
            and (option.get("required") or chance.random() < 0.7)
        }
        try:
            both = await asyncio.gather(*(who.command(where, path, **values) for _ in range(2)))
        except NotPossible:
            continue  # Discord does not show the command to this person here
        for interaction in both:
            used.add(path)
            if interaction.modal is None:
                text = await settled(threads, interaction)
                assert text.strip(), (path, values)
                assert localized("command-failed") not in text, (path, values)
                assert interaction.ephemeral or " " not in path, path
    assert len(used) > len(commands) * 0.8
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == []
    with pytest.raises(NotPossible):
        await threads.admin.command(threads.general, "settings set", alert_channel=home)
