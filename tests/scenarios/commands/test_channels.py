"""``/channel``: when and where the bot answers, and the tags of forum posts."""

from functools import partial

import pytest

from bot.chat.texts import sentences
from bot.chat.texts.fluent import Language, localized, using
from bot.sandbox import Channel, NotPossible, Permission
from tests.scenarios.bot_process import killed
from tests.scenarios.commands.test_assistants import told
from tests.scenarios.community import Community, answer
from tests.support.eventually import eventually


def forum(whole: Community, *, require_tag: bool = False) -> Channel:
    """Add a forum with tags to the server."""
    tags = ["open", "answered", "people"]
    return whole.sandbox.guild.add_forum("help", tags=tags, require_tag=require_tag)


async def known(whole: Community, channel: Channel) -> None:
    """Wait until the bot knows a new channel."""
    await eventually(lambda: whole.bot.get_channel(channel.id))


async def set_rules(whole: Community, channel: Channel, **values: object) -> str:
    """Use ``/channel set`` as an admin and return what it answers."""
    return await told(whole, whole.admin, channel, "channel set", **values)


def tags_of(post: Channel) -> list[str]:
    """The names of a post's tags."""
    assert post.parent is not None
    names = {tag.id: tag.name for tag in post.parent.available_tags}
    assert post.thread is not None
    return [names[each] for each in post.thread.applied_tags]


async def test_every_message_of_a_channel_is_answered_where_that_is_chosen(
    channels: Community,
) -> None:
    shown = await set_rules(channels, channels.general, answer="every")
    assert shown.startswith(localized("channel-answer-is.every"))
    await channels.restart_bot()
    await channels.ada.say(channels.general, "without a mention")
    assert answer(await channels.finished(channels.general)) == "without a mention"


async def test_nothing_is_answered_where_that_is_chosen_not_even_in_a_channel_thread(
    threads: Community,
) -> None:
    home = await threads.thread_of(await threads.ask("one"))
    await threads.finished(home)
    await set_rules(threads, threads.general, answer="never")
    await threads.ask("two")
    await threads.ada.say(home, "three")
    await set_rules(threads, threads.general, answer="mention")
    await threads.ada.say(home, "four")
    assert answer(await threads.finished(home, 2)) == "four"
    assert [text for role, text in await threads.on_thread(home) if role == "user"] == [
        "one",
        "four",
    ]
    assert len(threads.sandbox.guild.threads) == 1


async def test_a_channel_answers_in_place_where_that_is_chosen(threads: Community) -> None:
    await set_rules(threads, threads.general, reply_in="channel")
    await threads.ask("here")
    assert answer(await threads.finished(threads.general)) == "here"
    reset = await told(threads, threads.admin, threads.general, "channel reset")
    assert localized("channel-reply-is.thread") in reset
    home = await threads.thread_of(await threads.ask("there"))
    assert answer(await threads.finished(home)) == "there"


async def test_a_new_forum_post_is_a_question_with_its_title_and_tags(
    threads: Community,
) -> None:
    place = forum(threads)
    await known(threads, place)
    await set_rules(threads, place, answer="posts", answered_tag="answered")
    post = await threads.ada.create_post(place, "My cat", "Why does it purr?", tags=["open"])
    assert "Why does it purr?" in answer(await threads.finished(post))
    asked = threads.model.requests[-1].question
    assert "My cat" in asked
    assert "open" in asked
    await eventually(lambda: "answered" in tags_of(post))
    assert tags_of(post) == ["open", "answered"]
    # In the post, people talk; the bot is asked by a mention.
    await threads.ben.say(post, "I think it is happy.")
    await threads.ask("Is it?", who=threads.ben, channel=post)
    await threads.finished(post, 2)
    assert len(await threads.runs_on(post)) == 2


async def test_a_post_without_an_answer_needs_people_until_it_is_answered(
    threads: Community,
) -> None:
    place = forum(threads, require_tag=True)
    await known(threads, place)
    await set_rules(threads, place, answer="posts", answered_tag="answered", people_tag="people")
    threads.model.fail(400)
    post = await threads.ada.create_post(place, "Broken", "Help!", tags=["open"])
    reply = await threads.finished(post)
    await eventually(lambda: tags_of(post) == ["open", "people"])
    await threads.ada.click(reply, "Retry")
    await eventually(lambda: tags_of(post) == ["open", "answered"])
    await told(threads, threads.ada, post, "thread handover")
    await eventually(lambda: tags_of(post) == ["open", "people"])


async def test_a_post_written_while_the_bot_was_away_is_answered(threads: Community) -> None:
    place = forum(threads)
    await known(threads, place)
    await set_rules(threads, place, answer="posts")
    await threads.stop_bot()
    post = await threads.ada.create_post(place, "Late", "Anybody here?")
    await threads.start_bot()
    assert "Anybody here?" in answer(await threads.finished(post))


async def ask_in_forum(whole: Community) -> None:
    """Make a forum whose posts are answered and tagged, and write a post."""
    place = forum(whole)
    await set_rules(whole, place, answer="posts", answered_tag="answered")
    await whole.ada.create_post(place, "Cats", "Why?")


async def test_killed_before_a_post_got_its_tag_the_next_start_sets_the_tag(
    asleep: Community,
) -> None:
    await killed(asleep, "after chores.add", partial(ask_in_forum, asleep))
    await asleep.start_engine()
    await asleep.start_bot()
    (post,) = asleep.sandbox.guild.threads
    await eventually(lambda: tags_of(post) == ["answered"])
    await asleep.finished(post)


async def test_show_names_the_permissions_that_the_bot_lacks(threads: Community) -> None:
    place = forum(threads)
    await known(threads, place)
    await set_rules(threads, place, answered_tag="answered")
    post = await threads.ada.create_post(place, "Cats", "Why?")
    await eventually(lambda: threads.bot.get_channel(post.id))
    shown = await told(threads, threads.admin, post, "channel show")
    assert localized("channel-lacks", names="").partition(":")[0] not in shown
    threads.sandbox.guild.forbid_bot(Permission.MANAGE_THREADS)
    shown = await told(threads, threads.admin, post, "channel show")
    assert localized("channel-lacks", names=localized("permission-manage-threads")) in shown


async def test_wrong_tags_and_empty_commands_are_explained(channels: Community) -> None:
    refused = await set_rules(channels, channels.general, answered_tag="solved*")
    assert refused == localized("channel-no-tag", name=sentences.plain("solved*"))
    assert await set_rules(channels, channels.general) == localized("channel-nothing-to-set")
    nowhere = await set_rules(channels, channels.general, answer="every", place="category")
    assert nowhere == localized("place-no-category")
    for path in ("channel show", "channel reset"):
        with pytest.raises(NotPossible):
            await channels.ada.command(channels.general, path)


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_the_rules_are_shown_in_the_admins_language(
    channels: Community, language: Language
) -> None:
    channels.admin.user.locale = language
    shown = await set_rules(channels, channels.general, answer="every", context=3, place="server")
    with using(language):
        source = localized("channel-source-place", place=localized("this-server"))
        assert shown == "\n".join(
            [
                localized("channel-line", line=line, source=of)
                for line, of in (
                    (localized("channel-answer-is.every"), source),
                    (localized("channel-reply-is.channel"), localized("channel-source-config")),
                    (localized("channel-context-is", count=3), source),
                )
            ]
        )
