import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.chat.texts import sentences
from bot.chat.texts.fluent import Language, localized, localized_in, using
from bot.sandbox import DiscordMessage
from tests.scenarios.community import Community, labels
from tests.support.eventually import eventually
from tests.support.gate import Gate

FILE = (Path(sentences.__file__).parent / "en.ftl").read_text("utf-8")


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
    await channels.until(lambda: "トークン" in reply.content)


async def test_a_placeholder_and_its_button_are_japanese(channels: Community) -> None:
    await speaks(channels, "ja")
    gate = Gate()
    channels.model.say("はい", first=gate)
    await channels.ask("こんにちは")
    reply = await channels.reply(channels.general)
    assert said(reply, "ja", "thinking")
    assert labels(reply) == ["キャンセル"]
    gate.open()
    await channels.until(lambda: "はい" in reply.content)


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


def command_messages(payload: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The message of each name and description of a registered command, and where it stands."""
    if payload.get("description") == "":
        yield f"{payload['name'].lower().replace(' ', '-')}-menu", (payload, "name")
        return
    here = f"{path}{payload['name']}"
    yield f"{here}-command", (payload, "name")
    yield f"{here}-command.description", (payload, "description")
    for option in payload.get("options", []):
        if option["type"] in (1, 2):
            yield from command_messages(option, f"{here}-")
            continue
        yield f"{here}-command.{option['name']}", (option, "name")
        yield f"{here}-command.{option['name']}-description", (option, "description")
        group = here.partition("-")[0]
        for choice in option.get("choices", []):
            yield f"{group}-{option['name']}-choice.{choice['value']}", (choice, "name")


async def test_every_name_and_description_of_a_command_is_registered_in_both_languages(
    channels: Community,
) -> None:
    registered = dict(
        each
        for command in channels.sandbox.backend.commands.all(None)
        for each in command_messages(command.payload)
    )
    for message_id, (payload, field) in registered.items():
        assert payload[field] == localized_in("en", message_id)
        assert payload[f"{field}_localizations"] == {"ja": localized_in("ja", message_id)}
    in_file = set(re.findall(r"^([a-z_-]+-(?:command|menu|choice)) =", FILE, re.MULTILINE))
    assert {each.partition(".")[0] for each in registered} == in_file
