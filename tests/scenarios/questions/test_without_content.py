"""Without the Message Content intent: Discord sends the text of mentions and direct messages alone.

In channel threads members go on with the button Write, whose form is a question like a message.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.chat.texts.fluent import localized, using
from bot.chat.texts.sentences import empty_question, role_mentioned
from bot.config.limits import LimitSettings
from bot.sandbox import Channel, DiscordMessage, Interaction, Person
from tests.scenarios.bot_process import killed
from tests.scenarios.commands.test_assistants import told
from tests.scenarios.community import Community, answer, community, labels
from tests.scenarios.tools.test_handover import add_role
from tests.support.eventually import eventually


@pytest.fixture
async def deaf(tmp_path: Path) -> AsyncIterator[Community]:
    """A community whose bot runs without the intent, which Discord has not granted either."""
    async with community(tmp_path, "thread", start=False, message_content=False) as whole:
        whole.sandbox.privileged_intents.discard("message_content")
        await whole.start_engine()
        await whole.start_bot()
        yield whole


async def write(
    whole: Community, who: Person, reply: DiscordMessage, text: str, **entries: object
) -> Interaction:
    """Press Write below a reply and send the form."""
    pressed = await who.click(reply, custom_id=write_id(reply))
    return await who.submit_modal(pressed, {"question": text, **entries})


def write_id(reply: DiscordMessage) -> str:
    """The custom_id of the button Write below a reply."""
    rows = (row.get("components", []) for row in reply.components)
    ids = (str(item["custom_id"]) for row in rows for item in row)
    return next(custom_id for custom_id in ids if custom_id.startswith("write:"))


async def begun(whole: Community) -> tuple[Channel, DiscordMessage]:
    """Ask in a channel; return the channel thread and the finished reply there."""
    home = await whole.thread_of(await whole.ask("one"))
    return home, await whole.finished(home)


async def asked(whole: Community, home: Channel) -> list[str]:
    """The questions on a channel's thread, without the names of who asked."""
    return [
        text.rpartition(": ")[2] for role, text in await whole.on_thread(home) if role == "user"
    ]


async def test_mentions_replies_that_ping_and_direct_messages_are_answered(
    deaf: Community,
) -> None:
    home, reply = await begun(deaf)
    assert answer(reply) == "one"
    assert localized("write-hint") in reply.content
    await deaf.ada.say(home, "nobody reads this")
    await deaf.ada.say(home, "nor this", reply_to=reply, ping_author=False)
    await deaf.ada.say(home, "two", reply_to=reply)
    second = await deaf.finished(home, 2)
    assert answer(second) == "two"
    assert localized("write-hint") not in second.content
    direct = await deaf.ada.open_dm()
    await deaf.ada.say(direct, "three")
    assert answer(await deaf.finished(direct)) == "three"
    assert "Write" not in labels(await deaf.finished(direct))
    await deaf.ben.say(home, "secret of Ben")
    secret = home.messages[-1]
    await deaf.ada.say(home, "what does he mean?", mention_bot=True, reply_to=secret)
    third = await deaf.finished(home, 3)
    assert localized("unread-hidden_reply") in third.content
    assert await asked(deaf, home) == [
        "one",
        "two",
        "what does he mean?\n\n[in reply to a message that can't be read]",
    ]
    assert "secret" not in str([request.body for request in deaf.model.requests])


async def test_a_message_without_content_is_no_empty_question(deaf: Community) -> None:
    home, _ = await begun(deaf)
    sticker = deaf.sandbox.guild.add_sticker("wave", b"\x89PNG")
    await deaf.ada.say(home, "hm", stickers=[sticker])
    await deaf.ada.forward(home.messages[-1], home)
    await deaf.ada.say(deaf.general, "hello everybody")
    role = deaf.sandbox.guild.bot_role
    role.mentionable = True
    guilds, guild = deaf.sandbox.backend.guilds, deaf.sandbox.guild.state
    guilds.set_role_permissions(guild, role, role.permissions)
    await deaf.ada.say(deaf.general, f"<@&{role.id}> one")
    name = deaf.sandbox.bot_user.name
    await deaf.until(lambda: deaf.replies(deaf.general))
    assert deaf.replies(deaf.general)[0].content == role_mentioned(name)
    await deaf.ada.say(deaf.general, "", mention_bot=True)
    await deaf.until(lambda: len(deaf.replies(deaf.general)) == 2)
    assert deaf.replies(deaf.general)[1].content == empty_question(name)
    assert len(deaf.replies(home)) == 1
    assert await asked(deaf, home) == ["one"]


async def test_write_asks_in_the_conversation_like_a_message(deaf: Community) -> None:
    home, reply = await begun(deaf)
    assert "Write" in labels(reply)
    gate = deaf.model.stall()
    await write(deaf, deaf.ben, reply, "two *stars*", files=[("a.txt", b"inside")])
    await deaf.model.until_request()
    assert (await deaf.reply(home, 2)).content == localized("thinking")
    await write(deaf, deaf.ada, reply, "three")
    await deaf.waiting(["three"], home)
    await deaf.restart_bot()
    gate.open()
    second, third = await deaf.finished(home, 2), await deaf.finished(home, 3)
    assert second.content.startswith("**Ben asks:**\n> two \\*stars\\*\n\n")
    assert third.content.startswith("**Ada asks:**\n> three\n\nAda: three")
    assert "[file a.txt, 6 bytes]" in (await asked(deaf, home))[1]
    # The form can be opened under each finished reply, also a failed one.
    deaf.model.fail(400)
    await write(deaf, deaf.ada, third, "four")
    failed = await deaf.finished(home, 4)
    assert labels(failed) == ["Retry", "Write"]
    turn = (await deaf.ended_turns(4))[3]
    assert turn.asked_by(deaf.ada.id)
    exported = await deaf.ledger.forgetting.stored_of(deaf.ada.id)
    assert [each.content for each in exported.questions] == ["one", "three", "four"]


async def test_whoever_is_refused_gets_the_words_of_the_form_back(deaf: Community) -> None:
    home, reply = await begun(deaf)
    empty = await write(deaf, deaf.ada, reply, " \n ")
    await deaf.until(lambda: empty.responses)
    assert empty.responses[0].content == localized("question-form-empty")
    deaf.spending = LimitSettings(questions_per_minute=1, burst=1)
    await deaf.restart_bot()
    await write(deaf, deaf.ben, reply, "two")
    await deaf.finished(home, 2)
    pressed = await deaf.ben.click(reply, custom_id=write_id(reply))
    limited = await deaf.ben.submit_modal(pressed, {"question": "three"})
    await deaf.until(lambda: len(limited.responses) == 2)
    refused, back = limited.responses
    assert refused.content.startswith("You have asked very often")
    assert back.content == localized("form-given-back")
    assert refused.ephemeral
    assert back.ephemeral
    assert [file.data for file in back.attachments] == [b"three"]
    role = add_role(deaf)
    await told(deaf, deaf.admin, deaf.general, "channel set", people_role=role)
    await told(deaf, deaf.ada, home, "thread handover")
    await deaf.ben.say(home, "I am here.")  # nothing of it is read, and it still counts

    async def taken() -> bool:
        known = await deaf.ledger.handovers.of_channel(home.id)
        return known == (deaf.ada.id, deaf.ben.id)

    await eventually(taken)
    silent = await deaf.ada.click(reply, custom_id=write_id(reply))
    assert silent.original is not None
    assert silent.original.content == localized("help-ask-people")
    late = await deaf.ada.submit_modal(pressed, {"question": "four"})
    await deaf.until(lambda: len(late.responses) == 2)
    assert [each.content for each in late.responses] == [
        localized("help-ask-people"),
        localized("form-given-back"),
    ]
    assert len(await asked(deaf, home)) == 2


async def test_while_the_bot_was_away_only_what_discord_gives_is_read(deaf: Community) -> None:
    home, _ = await begun(deaf)
    question = next(m for m in deaf.general.messages if m.author is deaf.ada.user)
    await deaf.stop_bot()
    # The portal grants the intent, so the history has texts; the bot still did not ask for them.
    deaf.sandbox.privileged_intents.add("message_content")
    await deaf.ada.say(home, "unread")
    await deaf.ada.edit(question, "no mention any more")
    await deaf.ada.say(home, "two", mention_bot=True)
    await deaf.start_bot()
    await deaf.finished(home, 2)
    await deaf.ada.edit(question, "still none")
    await deaf.ada.say(home, "three", mention_bot=True)
    await deaf.finished(home, 3)
    assert await asked(deaf, home) == ["one", "two", "three"]


async def test_killed_after_a_form_was_sent_its_question_is_answered_once(
    deaf: Community,
) -> None:
    home, reply = await begun(deaf)
    await deaf.ended_turns(1)
    await deaf.stop_bot()
    await deaf.stop_engine()

    async def send() -> None:
        pressed = await deaf.ada.click(reply, custom_id=write_id(reply))
        await deaf.ada.submit_modal(pressed, {"question": "two"}, wait=False)

    await killed(deaf, "after questions.take", send)
    await deaf.start_engine()
    await deaf.start_bot()
    second = await deaf.finished(home, 2)
    assert second.content.startswith("**Ada asks:**\n> two\n\ntwo")
    await deaf.restart_bot()
    assert len(deaf.replies(home)) == 2
    assert await asked(deaf, home) == ["one", "two"]


async def test_help_and_channel_say_what_is_not_read_in_japanese_too(deaf: Community) -> None:
    home, reply = await begun(deaf)
    name = deaf.sandbox.bot_user.name
    assert localized("help-ask-write", name=name) in await told(deaf, deaf.ada, home, "help")
    shown = await told(deaf, deaf.admin, deaf.general, "channel set", answer="every")
    assert localized("channel-without-content") in shown
    await deaf.ada.say(deaf.general, "not for the bot")
    deaf.ben.user.locale = "ja"
    deaf.sandbox.guild.make_community("ja")
    await eventually(
        lambda: deaf.bot.guilds[0].preferred_locale.value, lambda locale: locale == "ja"
    )
    with using("ja"):
        assert localized("help-ask-write", name=name) in await told(deaf, deaf.ben, home, "help")
        pressed = await deaf.ben.click(reply, custom_id=write_id(reply))
        assert pressed.modal is not None
        assert pressed.modal["title"] == localized("question-form")
        await deaf.ben.submit_modal(pressed, {"question": "二"})
        second = await deaf.finished(home, 2)
        assert second.content.startswith(localized("question-quoted", name="Ben"))
        assert localized("write-button") in labels(second)
    assert len(deaf.sandbox.guild.threads) == 1
