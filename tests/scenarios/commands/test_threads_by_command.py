"""``/thread``: new, info, export, rename and delete, also of conversations by commands."""

import json
import sqlite3
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from bot.assistants.errors import APIError
from bot.chat.texts.fluent import Language, localized, using
from bot.sandbox import Channel, Permission, Person
from tests.scenarios.bot_process import killed
from tests.scenarios.commands.test_ask import asked, finished, turn_of
from tests.scenarios.commands.test_assistants import told
from tests.scenarios.community import Community, answer
from tests.scenarios.questions.test_images import CAT
from tests.support.eventually import eventually

OLD_TEXT = "the old secret"


async def thread_is_gone(whole: Community, thread_id: str) -> bool:
    try:
        await whole.api.retrieve_thread(thread_id)
    except APIError as error:
        return error.status == 404
    return False


async def asked_in_dm(whole: Community, text: str, **options: Any) -> Channel:
    """Ask in Ada's DM and wait for the answer."""
    dm = await whole.ada.open_dm()
    number = len(whole.replies(dm)) + 1
    await whole.ada.say(dm, text, **options)
    await whole.finished(dm, number)
    await whole.ended_turns(number)
    return dm


async def test_new_begins_a_conversation_that_knows_nothing_of_the_one_before(
    channels: Community,
) -> None:
    dm = await asked_in_dm(channels, OLD_TEXT)
    before = await channels.thread_id(dm)
    assert await told(channels, channels.ada, dm, "thread new") == localized("conversation-new")
    await channels.restart_bot()
    await channels.ada.say(dm, "fresh")
    await channels.finished(dm, 2)
    assert await channels.thread_id(dm) != before
    assert OLD_TEXT not in str(channels.model.requests[-1].body)
    assert [text for role, text in await channels.on_thread(dm) if role == "user"] == ["fresh"]


async def test_info_names_the_assistant_and_counts_answers_and_tokens(
    channels: Community,
) -> None:
    dm = await channels.ada.open_dm()
    assert await told(channels, channels.ada, dm, "thread info") == localized("conversation-none")
    await asked_in_dm(channels, "one")
    shown = await told(channels, channels.ada, dm, "thread info")
    assert "1 answer" in shown
    assert "tokens" in shown
    assert await channels.thread_id(dm) in shown


async def test_export_gives_markdown_and_the_apis_objects(channels: Community) -> None:
    dm = await asked_in_dm(channels, "one *two*")
    interaction = await channels.ada.command(dm, "thread export")
    await channels.until(lambda: interaction.original is not None and interaction.original.files)
    assert interaction.original is not None
    files = {file.filename: file.data for file in interaction.original.files}
    assert b"one *two*" in files["conversation.md"]
    exported = json.loads(files["conversation.json"])
    assert exported["thread"]["id"] == await channels.thread_id(dm)
    assert [each["role"] for each in exported["messages"]] == ["user", "assistant"]
    assert exported["messages"][0]["content"][0]["text"]["value"] == "one *two*"


async def test_rename_is_for_those_who_asked_first_and_for_moderators(threads: Community) -> None:
    home = await threads.thread_of(await threads.ask("one"))
    await threads.finished(home)
    refused = await told(threads, threads.ben, home, "thread rename", name="Ben's")
    assert refused == localized("conversation-not-yours")
    renamed = await told(threads, threads.ada, home, "thread rename", name=" Cats  and dogs ")
    assert renamed == localized("conversation-renamed", name="Cats and dogs")
    assert home.name == "Cats and dogs"
    outside = await told(threads, threads.ada, threads.general, "thread rename", name="x")
    assert outside == localized("conversation-no-channel-thread")
    invisible = await told(threads, threads.admin, home, "thread rename", name="\u200b")
    assert invisible == localized("conversation-name-invisible")


async def test_delete_forgets_here_and_at_the_server_and_answers_nothing_again(
    channels: Community,
) -> None:
    dm = await asked_in_dm(channels, OLD_TEXT, attachments=[("cat.png", CAT)])
    thread_id = await channels.thread_id(dm)
    assert (await channels.api.list_files()).data
    deleted = await told(channels, channels.ada, dm, "thread delete")
    assert deleted == localized("conversation-deleted")
    await eventually(partial(thread_is_gone, channels, thread_id))

    async def files() -> int:
        return len((await channels.api.list_files()).data)

    await eventually(files, lambda count: count == 0)
    assert await channels.ledger.questions.known([dm.messages[0].id])
    # Nothing is answered again, and the next question begins anew.
    await channels.restart_bot()
    await channels.ada.say(dm, "fresh")
    await channels.finished(dm, 2)
    assert OLD_TEXT not in str(channels.model.requests[-1].body)
    assert len(channels.replies(dm)) == 2
    await channels.stop_bot()
    with closing(sqlite3.connect(channels.directory / "bot.db")) as db:
        assert not [line for line in db.iterdump() if OLD_TEXT in line]


async def test_a_conversation_that_is_being_answered_is_not_deleted(channels: Community) -> None:
    channels.model.stall()
    dm = await channels.ada.open_dm()
    await channels.ada.say(dm, "one")
    await channels.in_state(1, "running")
    assert await told(channels, channels.ada, dm, "thread delete") == localized("conversation-busy")
    assert await channels.thread_id(dm)


async def test_strangers_may_not_delete_or_begin_anew_in_a_shared_channel(
    channels: Community,
) -> None:
    await channels.ask("one")
    await channels.finished(channels.general)
    await channels.ended_turns(1)
    for path in ("thread new", "thread delete"):
        refused = await told(channels, channels.ben, channels.general, path)
        assert refused == localized("conversation-not-yours")
    allowed = await told(channels, channels.admin, channels.general, "thread new")
    assert allowed == localized("conversation-new")


async def test_an_export_is_refused_to_those_who_cannot_read_the_history(
    channels: Community,
) -> None:
    await channels.ask("one")
    await channels.finished(channels.general)
    guilds, guild = channels.sandbox.backend.guilds, channels.sandbox.guild.state
    everyone = guild.everyone
    guilds.set_role_permissions(
        guild, everyone, everyone.permissions & ~Permission.READ_MESSAGE_HISTORY
    )
    refused = await told(channels, channels.ben, channels.general, "thread export")
    assert refused == localized("conversation-not-readable")


async def delete_at_once(whole: Community) -> None:
    """Ask in a DM and delete the conversation, in which the bot dies."""
    dm = await asked_and_answered(whole)
    await whole.ada.command(dm, "thread delete", wait=False)


async def asked_and_answered(whole: Community) -> Channel:
    """Ask in Ada's DM and wait for the answer on Discord alone."""
    dm = await whole.ada.open_dm()
    await whole.ada.say(dm, OLD_TEXT)
    await whole.until(lambda: whole.replies(dm) and answer(whole.replies(dm)[0]) == OLD_TEXT)
    await whole.until(lambda: "tokens" in whole.replies(dm)[0].content)
    return dm


async def test_killed_after_a_deletion_was_stored_the_next_start_deletes_the_thread(
    asleep: Community,
) -> None:
    await killed(asleep, "after conversations.delete", partial(delete_at_once, asleep))
    await asleep.start_engine()
    await asleep.start_bot()

    async def chores() -> int:
        return len(await asleep.ledger.chores.channels())

    await eventually(chores, lambda count: count == 0)
    dm = await asleep.ada.open_dm()
    link = await asleep.ledger.link(dm.id)
    assert link is not None
    assert link.thread_id is None
    await asleep.ada.say(dm, "fresh")
    await asleep.finished(dm, 2)
    assert OLD_TEXT not in str(asleep.model.requests[-1].body)


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_every_answer_is_in_the_members_language(
    channels: Community, language: Language
) -> None:
    channels.ada.user.locale = language
    dm = await asked_in_dm(channels, "one")
    with using(language):
        assert (await told(channels, channels.ada, dm, "thread info")).startswith("<t:") is (
            language == "ja"
        )
        for path, message in (
            ("thread rename", "conversation-no-channel-thread"),
            ("thread new", "conversation-new"),
            ("thread delete", "conversation-none"),
        ):
            values = {"name": "x"} if path == "thread rename" else {}
            assert await told(channels, channels.ada, dm, path, **values) == localized(message)


# Conversations by commands


async def exported(whole: Community, who: Person, place: Channel, **values: Any) -> dict[str, Any]:
    """Use ``/thread export``; return the files by their names."""
    interaction = await who.command(place, "thread export", **values)
    await whole.until(lambda: interaction.original is not None and interaction.original.files)
    assert interaction.original is not None
    assert interaction.original.ephemeral
    return {file.filename: file.data.decode() for file in interaction.original.files}


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_a_members_own_conversations_are_shown_exported_and_deleted_apart_from_the_channels(
    channels: Community, language: Language
) -> None:
    ada, general = channels.ada, channels.general
    ada.user.locale = language
    await finished(channels, await asked(channels, OLD_TEXT, file=("cat.png", CAT)))
    await finished(channels, await asked(channels, "for me alone", private=True))
    await channels.settled(2)
    own = [(await turn_of(channels, number)).thread_id or "" for number in (1, 2)]
    with using(language):
        yours, none = localized("conversation-yours"), localized("conversation-none-yours")
        # The channel has none: the member's own ones are meant.
        shown = await told(channels, ada, general, "thread info")
        assert shown.startswith(yours)
        assert [thread_id in shown for thread_id in own] == [True, True]
        assert shown.count(localized("conversation-private")) == 1
        # The channel has one: it is meant, and the others are pointed at.
        await channels.ask("in the channel", channels.ben)
        await channels.finished(general)
        await channels.settled(3)
        home = await channels.thread_id(general)
        shown = await told(channels, ada, general, "thread info")
        assert home in shown
        hint = localized("conversation-yours-too")
        assert shown.endswith(hint)
        refused = await told(channels, ada, general, "thread delete")
        assert refused == f"{localized('conversation-not-yours')}\n{hint}"
        assert set(await exported(channels, ada, general)) == {
            "conversation.md",
            "conversation.json",
        }
        files = await exported(channels, ada, general, mine=True)
        assert set(files) == {
            "conversation.md",
            "conversation.json",
            "conversation-2-private.md",
            "conversation-2-private.json",
        }
        assert OLD_TEXT in files["conversation.md"]
        assert json.loads(files["conversation-2-private.json"])["thread"]["id"] == own[1]
        deleted = await told(channels, ada, general, "thread delete", mine=True)
        assert deleted == f"{yours}\n{localized('conversation-deleted')}"
        for path in ("thread info", "thread new", "thread export", "thread delete"):
            assert await told(channels, ada, general, path, mine=True) == none
    for who in (channels.ben, channels.admin):
        refused = await told(channels, who, general, "thread export", mine=True)
        assert refused == localized("conversation-none-yours")
    for thread_id in own:
        await eventually(partial(thread_is_gone, channels, thread_id))

    async def files_left() -> int:
        return len((await channels.api.list_files()).data)

    await eventually(files_left, lambda count: count == 0)
    assert not await thread_is_gone(channels, home)
    await finished(channels, await asked(channels, "fresh"))
    assert OLD_TEXT not in str(channels.model.requests[-1].body)
    await channels.in_state(4, "answered")
    await channels.stop_bot()
    with closing(sqlite3.connect(channels.directory / "bot.db")) as db:
        assert not [line for line in db.iterdump() if OLD_TEXT in line]


async def test_while_one_own_conversation_is_answered_none_is_deleted(
    channels: Community,
) -> None:
    await finished(channels, await asked(channels, OLD_TEXT))
    await channels.settled(1)
    channels.model.stall()
    await asked(channels, "slow", private=True)
    await channels.in_state(2, "running")
    busy = await told(channels, channels.ada, channels.general, "thread delete")
    assert busy.endswith(localized("conversation-busy"))
    assert OLD_TEXT in (await exported(channels, channels.ada, channels.general))["conversation.md"]


async def test_whoever_asked_by_commands_in_a_channel_thread_may_not_rename_it(
    channels: Community,
) -> None:
    said = await channels.ben.say(channels.general, "hello")
    thread = await channels.ben.start_thread(said, "Ben's")
    await eventually(lambda: channels.bot.get_channel(thread.id))
    await finished(channels, await asked(channels, "one", channel=thread))
    await channels.settled(1)
    refused = await told(channels, channels.ada, thread, "thread rename", name="Ada's")
    assert refused == localized("conversation-none")
    assert thread.name == "Ben's"
