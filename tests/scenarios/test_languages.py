from typing import Any

import pytest

from bot.chat.texts import sentences
from bot.chat.texts.fluent import Language, localized, using
from bot.sandbox import DiscordMessage
from tests.scenarios.community import Community, labels
from tests.support.eventually import eventually
from tests.support.gate import Gate


async def speaks(whole: Community, locale: str) -> None:
    """Make the server a Community server with this language, and wait until the bot knows it."""
    whole.sandbox.guild.make_community(locale)
    guild = whole.bot.get_guild(whole.sandbox.guild.id)
    assert guild is not None
    await eventually(lambda: guild.preferred_locale.value == locale)


def said(message: DiscordMessage, language: Language, message_id: str) -> bool:
    """Whether a message has a sentence in a language."""
    with using(language):
        return localized(message_id) in message.content


async def test_a_japanese_community_reads_japanese_alone(channels: Community) -> None:
    await speaks(channels, "ja")
    channels.sandbox.admin.user.locale = "ja"
    channels.model.fail(400)
    await channels.ask("猫の名前は？")
    reply = await channels.finished(channels.general)
    with using("ja"):
        assert reply.content.startswith(sentences.failure("rejected"))
        assert labels(reply) == [localized("retry-button")]
    pressed = await channels.sandbox.admin.click(reply, "再試行")
    assert pressed.acknowledged
    await channels.until(lambda: labels(reply) == [])
    assert "トークン" in reply.content or "秒" in reply.content


async def test_a_placeholder_and_its_button_are_japanese(channels: Community) -> None:
    await speaks(channels, "ja")
    gate = Gate()
    channels.model.say("はい", first=gate)
    await channels.ask("こんにちは")
    reply = await channels.reply(channels.general)
    assert said(reply, "ja", "thinking")
    assert labels(reply) == ["キャンセル"]
    gate.open()
    await channels.until(lambda: not labels(reply))


async def test_a_private_answer_is_in_the_members_language(channels: Community) -> None:
    channels.ada.user.locale = "ja"
    asked = await channels.ada.command(channels.general, "runs list")
    told = await channels.ben.command(channels.general, "runs list")
    await channels.until(lambda: asked.original is not None and asked.original.content)
    await channels.until(lambda: told.original is not None and told.original.content)
    assert asked.original is not None
    assert told.original is not None
    assert said(asked.original, "ja", "no-runs")
    assert said(told.original, "en", "no-runs")


@pytest.mark.parametrize("locale", ["ja", "en-GB", "de"])
async def test_a_dm_has_the_last_known_language_of_its_member(
    channels: Community, locale: str
) -> None:
    expected: Language = "ja" if locale == "ja" else "en"
    channels.ada.user.locale = locale
    dm = await channels.ada.open_dm()
    await channels.ada.command(dm, "runs list")

    async def stored() -> bool:
        return await channels.ledger.locales.of_user(channels.ada.id) == locale

    await eventually(stored)
    await channels.restart_bot()
    channels.model.fail(400)
    await channels.ada.say(dm, "hello")
    reply = await channels.finished(dm)
    with using(expected):
        assert reply.content.startswith(sentences.failure("rejected"))


async def test_the_servers_setting_comes_before_its_own_language(channels: Community) -> None:
    await speaks(channels, "ja")
    await channels.ledger.locales.set_guild(channels.sandbox.guild.id, "en-US")
    channels.model.fail(400)
    await channels.ask("hello")
    assert (await channels.finished(channels.general)).content.startswith(
        sentences.failure("rejected")
    )
    await channels.ledger.locales.set_guild(channels.sandbox.guild.id, None)
    channels.model.fail(400)
    await channels.ask("hello")
    with using("ja"):
        assert (await channels.finished(channels.general, 2)).content.startswith(
            sentences.failure("rejected")
        )


async def test_a_server_without_community_features_reads_english(channels: Community) -> None:
    channels.sandbox.guild.state.locale = "ja"
    await channels.restart_bot()
    channels.model.fail(400)
    await channels.ask("hello")
    assert (await channels.finished(channels.general)).content.startswith(
        sentences.failure("rejected")
    )


async def test_channel_threads_and_hints_are_named_in_the_servers_language(
    threads: Community,
) -> None:
    await speaks(threads, "ja")
    question = await threads.ask("||秘密||")
    home = await threads.thread_of(question)
    assert home.name == "[スポイラー]"
    await threads.ask("")
    told = await threads.reply(threads.general)
    with using("ja"):
        assert told.content == sentences.empty_question(threads.sandbox.bot_user.name)


async def test_an_unreadable_ledger_changes_the_language_alone(
    channels: Community,
) -> None:
    await speaks(channels, "ja")
    database = await channels.trouble_ledger()
    database.failing_reads = database.failing_writes = 1_000
    await channels.ask("hello")
    assert said(await channels.reply(channels.general), "ja", "not-saved")


async def test_commands_are_registered_in_both_languages(channels: Community) -> None:
    (runs,) = channels.sandbox.backend.commands.all(None)
    payload: Any = runs.payload
    assert payload["name_localizations"] == {"ja": "実行"}
    listed = next(each for each in payload["options"] if each["name"] == "list")
    assert listed["description"] == "List runs, newest first"
    assert listed["description_localizations"] == {"ja": "実行を新しい順に表示します"}
    (page,) = listed["options"]
    assert (page["name"], page["name_localizations"]) == ("page", {"ja": "ページ"})
    assert page["description_localizations"] == {"ja": "表示するページ"}
