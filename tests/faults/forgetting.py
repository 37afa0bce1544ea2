"""Members who use /privacy forget during the run, and checks that nothing of them is left."""

import sqlite3
from contextlib import closing, suppress

from bot.chat.texts.fluent import localized
from bot.sandbox import Person
from tests.faults.world import World
from tests.scenarios.community import labels

_SECONDS = 10.0


async def forget(world: World, person: Person) -> None:
    """Forget a member; all that was stored of the member at the bot's answer must be gone."""
    home = world.direct[world.sandbox.members.index(person)]
    label = localized("forget-button")
    with suppress(Exception):  # the bot may be killed at any moment
        asked = await person.command(home, "privacy forget")
        await world.sandbox.until(lambda: asked.original and labels(asked.original), _SECONDS)
        assert asked.original is not None
        message = asked.original
        stored = _questions(world, "author_id = ?", person.id)
        await person.click(message, label)
        await world.sandbox.until(lambda: not labels(message), _SECONDS)
        world.must_forget |= stored


def forgotten(world: World) -> set[int]:
    """The questions that the ledger has forgotten."""
    return _questions(world, "author_id = 0")


def wrongs(world: World) -> list[str]:
    """Return a sentence for each piece of forgotten data that is still stored."""
    gone = forgotten(world)
    found = [f"{each} was to be forgotten" for each in sorted(world.must_forget - gone)]
    said = "author_name <> '' OR content <> '' OR attachments <> '[]' OR points_to <> '{}'"
    kept = _questions(world, f"author_id = 0 AND ({said})")
    found += [f"{each} is forgotten, but not all of it" for each in sorted(kept)]
    with closing(_open(world, "engine")) as db:
        bodies = db.execute("SELECT body FROM messages").fetchall()
    for (body,) in bodies:
        found += [
            f"{each} is forgotten, but on a thread" for each in gone if str(each) in str(body)
        ]
    return found


def _questions(world: World, where: str, *values: int) -> set[int]:
    with closing(_open(world, "bot")) as db:
        return {row[0] for row in db.execute(f"SELECT id FROM questions WHERE {where}", values)}


def _open(world: World, name: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{world.database(name)}?mode=ro", uri=True, timeout=30)
