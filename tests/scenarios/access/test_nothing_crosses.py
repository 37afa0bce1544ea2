"""Words reach only readers who can read them on Discord, whatever commands they use.

Each place has a word of its own that somebody says there. Two servers, a private channel, channel
threads and direct messages live in one process, and questions come in a random order.
"""

import io
import random
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import Channel, Interaction, Permission, Person
from bot.sandbox.backend.interactions.invocations import NotPossible
from tests.scenarios.access.test_access import commands_of
from tests.scenarios.community import Community, community

SHOWS = {"thread info", "thread export"}
ENDS = {"thread new", "thread delete"}
"""The commands that show, and that forget, a conversation of the place or of the member."""


class Places:
    """The places of a community, by the word that is said in each alone."""

    def __init__(self, whole: Community) -> None:
        self.whole = whole
        sandbox, guilds = whole.sandbox, whole.sandbox.backend.guilds
        other = sandbox.add_guild("Elsewhere")
        guilds.leave(other.state, whole.ben.user)
        self.cleo = sandbox.add_member("cleo")
        guilds.leave(sandbox.guild.state, self.cleo.user)
        guilds.join(other.state, self.cleo.user)
        private = sandbox.guild.add_text_channel("private")
        private.deny(sandbox.guild.state.everyone, Permission.VIEW_CHANNEL)
        for user in (whole.ada.user, sandbox.bot_user):
            private.allow(user, Permission.VIEW_CHANNEL)
        sandbox.backend.channels.changed(private)
        self.by_word: dict[str, Channel] = {
            "aardvark": whole.general,
            "bassoon": private,
            "calabash": other.text_channel("general"),
        }
        self.askers: dict[str, list[Person]] = {
            "aardvark": [whole.ada, whole.ben],
            "bassoon": [whole.ada],
            "calabash": [whole.ada, self.cleo],
        }
        # What somebody asks by a command alone.
        self.asked_alone: dict[str, Person] = {"flamingo": whole.ada, "gazelle": whole.ben}

    async def begin(self) -> None:
        """Open direct messages, which are places, too."""
        for word, person in (("dulcimer", self.whole.ada), ("eggplant", self.whole.ben)):
            self.by_word[word] = await person.open_dm()
            self.askers[word] = [person]

    def readers(self) -> list[Person]:
        """Everybody but the admin."""
        return [self.whole.ada, self.whole.ben, self.cleo]

    def hidden_from(self, reader: Person) -> list[str]:
        """The words of places that somebody can't read on Discord, and what others asked alone."""
        sees = self.whole.sandbox.world.sees
        hidden = [word for word, place in self.by_word.items() if not sees(place, reader.user)]
        return hidden + [word for word, asker in self.asked_alone.items() if asker is not reader]

    def words(self) -> set[str]:
        """Every word that somebody says."""
        return {*self.by_word, *self.asked_alone}


def words_in(interaction: Interaction) -> str:
    """Everything that an interaction shows to its member: texts, buttons, forms and files."""
    shown = [str(interaction.modal), str(interaction.choices)]
    for message in interaction.responses:
        shown += [message.content, str(message.components), str(message.embeds)]
        for file in message.files:
            contents = [file.data]
            if file.filename.endswith(".zip"):
                with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
                    contents = [archive.read(name) for name in archive.namelist()]
            shown += [content.decode(errors="replace") for content in contents]
    return "\n".join(shown)


@pytest.fixture(params=["thread", "channel"])
async def places(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Places]:
    """Places whose questions show what was said before, with a small context window."""
    settings: dict[str, Any] = {"context_messages": 5}
    async with community(tmp_path, request.param, start=False, **settings) as whole:
        whole.context_window = 1_000
        found = Places(whole)
        await whole.start_engine()
        await whole.start_bot()
        await found.begin()
        yield found


async def talk(places: Places, chance: random.Random) -> int:
    """Ask in every place, in a random order; return the number of questions."""
    whole = places.whole
    asked = [(word, person) for word, people in places.askers.items() for person in people] * 2
    chance.shuffle(asked)
    for number, (word, person) in enumerate(asked, start=1):
        channel = places.by_word[word]
        if channel.guild is not None:
            await person.say(channel, f"the {word} is mentioned by the way")
        await person.say(
            channel, f"{word} {'and so on ' * 30}", mention_bot=channel.guild is not None
        )
        await whole.settled(number)
    return len(asked)


async def ask_alone(places: Places, before: int) -> int:
    """Ask by private commands after this number of questions; return the new number."""
    for number, (word, person) in enumerate(places.asked_alone.items(), start=before + 1):
        await person.command(places.whole.general, "ask", question=word, private=True)
        await places.whole.settled(number)
    return before + len(places.asked_alone)


async def told_by_commands(
    whole: Community, reader: Person, here: Channel, named: list[str]
) -> AsyncIterator[tuple[str, str]]:
    """Use every command that Discord offers a member; yield what each is and what it shows."""
    # Whatever forgets a conversation comes last; "mine" is what the reader asked by commands.
    commands = [
        (path, {**values, **chosen}, completed)
        for path, values, completed in sorted(commands_of(whole), key=lambda each: each[0] in ENDS)
        for chosen in ([{"mine": True}, {}] if path in ENDS | SHOWS else [{}])
    ]
    for path, values, completed in commands:
        for name in named if "run" in values else [""]:
            given = {**values, "run": name} if name else values
            try:
                used = await reader.command(here, path, **given)
                for option in completed:
                    offered = reader.autocomplete(here, path, focused=option, others=values)
                    yield f"{path} {option}", str(await offered)
            except NotPossible:
                continue
            await whole.until(lambda used=used: used.done or used.modal)
            yield f"{path} {name}", words_in(used)


async def test_no_command_shows_what_its_member_cannot_read(places: Places) -> None:
    whole = places.whole
    questions = await ask_alone(places, await talk(places, random.Random(1)))
    turns = [await whole.ledger.history.turn(number) for number in range(1, questions + 1)]
    runs = [turn.run_id for turn in turns if turn is not None and turn.run_id is not None]
    named = [str(number) for number in range(1, questions + 1)] + runs
    seen: set[str] = set()
    exported: set[str] = set()
    for reader in places.readers():
        hidden = places.hidden_from(reader)
        assert hidden
        for here in [place for word, place in places.by_word.items() if word not in hidden]:
            async for command, told in told_by_commands(whole, reader, here, named):
                found = {word for word in places.words() if word in told}
                assert found.isdisjoint(hidden), command
                seen |= found
                exported |= found if command.startswith("thread export") else set()
            # By its name a run is asked for in one place; the others hide nothing else.
            named = named[:2]
        named = [str(number) for number in range(1, questions + 1)] + runs
    assert seen == places.words()
    assert exported >= set(places.asked_alone)


async def test_the_model_is_told_in_a_place_what_was_said_there_alone(places: Places) -> None:
    questions = await talk(places, random.Random(2))
    requests = [str(request.messages) for request in places.whole.model.requests]
    assert len(requests) >= questions
    for request in requests:
        assert len([word for word in places.by_word if word in request]) == 1, request
    if places.whole.settings.answer_in == "channel":
        assert len(requests) > questions  # the rest made summaries
