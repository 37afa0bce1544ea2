"""Whoever runs the bot hears of the faults that only they can mend, once a day and at the end."""

import msgspec
import pytest

from bot.assistants.schema.requests import ModifyAssistant
from bot.chat.access.operator_alerts import DAY
from bot.chat.places.server_settings import ALERT_CHANNEL
from bot.chat.texts import sentences
from bot.chat.texts.fluent import LANGUAGES, localized_in
from bot.sandbox import Channel, Permission
from tests.scenarios.bot_process import killed
from tests.scenarios.community import Community, answer, deny
from tests.support.model_turns import fail

KEY_REFUSED = "**The model's server refuses the bot's key"
TOLD = "Whoever runs this bot has been told; ask again later."


async def owner_dm(whole: Community) -> Channel:
    """Return the direct messages of the bot with the owner of its application."""
    owner = whole.sandbox.people[0]
    return await owner.open_dm()


async def told(whole: Community, channel: Channel, count: int) -> list[str]:
    """Wait for so many messages of the bot in a channel; return their texts."""
    await whole.until(lambda: len(whole.replies(channel)) >= count)
    return [message.content for message in whole.replies(channel)]


async def fails(whole: Community, number: int, status: int = 401, message: str = "No") -> str:
    """Ask a question whose run fails; return the reply."""
    answers, whole.model.otherwise = whole.model.otherwise, lambda _: fail(status, message=message)
    await whole.ask(f"question {number}")
    reply = await whole.finished(whole.general, number)
    whole.model.otherwise = answers
    return reply.content


async def test_a_fault_is_told_once_a_day_and_once_when_it_is_over(channels: Community) -> None:
    direct = await owner_dm(channels)
    assert await fails(channels, 1) == f"The model's server refused this bot's key. {TOLD}"
    assert await fails(channels, 2) == f"The model's server refused this bot's key. {TOLD}"
    (text,) = await told(channels, direct, 1)
    assert text.startswith(KEY_REFUSED)
    assert "`[models] api_key_env`" in text
    await channels.ask("three")
    assert answer(await channels.finished(channels.general, 3)) == "three"
    texts = await told(channels, direct, 2)
    assert texts[1:] == ["The model's server accepts the bot's key again. Members get answers."]
    # It comes back on the same day: members are no longer told that somebody knows.
    assert "Only the operator" in await fails(channels, 4)
    channels.clock.later += DAY
    assert TOLD in await fails(channels, 5)
    assert (await told(channels, direct, 3))[2].startswith(KEY_REFUSED)


@pytest.mark.parametrize(
    ("status", "message", "shown"),
    [
        (402, "Insufficient Balance", "The account that pays for the model has no credit left"),
        (404, "The model `x` does not exist", "The model `scripted-model` can't be found"),
    ],
)
async def test_each_cause_says_what_to_do(
    channels: Community, status: int, message: str, shown: str
) -> None:
    direct = await owner_dm(channels)
    # Whoever reads alerts may not read the channel that the endpoint quotes.
    assert TOLD in await fails(channels, 1, status, f"{message} (for: 'my own question')")
    (text,) = await told(channels, direct, 1)
    assert shown in text
    assert "own question" not in text
    assert "`[models]" in text
    await channels.ask("two")
    await channels.finished(channels.general, 2)
    assert "again" in (await told(channels, direct, 2))[1]


@pytest.mark.parametrize("message", ["Content Exists Risk", "prompt is too long"])
async def test_a_members_own_fault_is_told_to_nobody(channels: Community, message: str) -> None:
    direct = await owner_dm(channels)
    assert TOLD not in await fails(channels, 1, 400, message)
    assert channels.replies(direct) == []


async def test_the_alert_channel_takes_the_place_of_the_direct_message(asleep: Community) -> None:
    ops = asleep.sandbox.guild.add_text_channel("operations")
    asleep.settings = msgspec.structs.replace(
        asleep.settings, answer_in="channel", alert_channel=ops.id
    )
    await asleep.start_engine()
    await asleep.start_bot()
    direct = await owner_dm(asleep)
    assert TOLD in await fails(asleep, 1)
    (text,) = await told(asleep, ops, 1)
    assert text.startswith(KEY_REFUSED)
    assert asleep.replies(direct) == []


async def test_an_alert_channel_that_refuses_is_replaced_by_the_direct_message(
    asleep: Community, caplog: pytest.LogCaptureFixture
) -> None:
    asleep.settings = msgspec.structs.replace(
        asleep.settings, answer_in="channel", alert_channel=123
    )
    await asleep.start_engine()
    await asleep.start_bot()
    direct = await owner_dm(asleep)
    assert TOLD in await fails(asleep, 1)
    assert len(await told(asleep, direct, 1)) == 1
    assert any("can't be alerted" in record.getMessage() for record in caplog.records)


async def test_members_are_not_told_that_somebody_knows_where_nobody_could_be_told(
    channels: Community,
) -> None:
    channels.sandbox.faults.fail_next("POST", "/users/@me/channels", status=403, times=1)
    assert "Only the operator" in await fails(channels, 1)


async def test_a_restart_repeats_no_alert_and_still_tells_the_end(channels: Community) -> None:
    direct = await owner_dm(channels)
    assert TOLD in await fails(channels, 1)
    await told(channels, direct, 1)
    await channels.restart_bot()
    assert TOLD in await fails(channels, 2)
    assert len(channels.replies(direct)) == 1
    await channels.restart_bot()
    await channels.ask("three")
    await channels.finished(channels.general, 3)
    assert len(await told(channels, direct, 2)) == 2


@pytest.mark.parametrize("point", ["before alerts.set", "after alerts.set"])
async def test_a_process_killed_around_an_alert_tells_it_once(
    asleep: Community, point: str
) -> None:
    asleep.settings = msgspec.structs.replace(asleep.settings, answer_in="channel")
    asleep.model.otherwise = lambda _: fail(401)
    direct = await owner_dm(asleep)
    await killed(asleep, point)
    await asleep.start_engine()
    await asleep.start_bot()
    (reply,) = [await asleep.finished(asleep.general)]
    assert reply.content.endswith(TOLD)
    assert [text[: len(KEY_REFUSED)] for text in await told(asleep, direct, 1)] == [KEY_REFUSED]


async def test_a_lost_permission_is_told_and_its_return(threads: Community) -> None:
    direct = await owner_dm(threads)
    deny(threads.sandbox, Permission.SEND_MESSAGES_IN_THREADS)
    await threads.ask("one")
    (text,) = await told(threads, direct, 1)
    assert text.startswith("**The bot may not write in <#")
    assert "on the server Sandbox" in text
    await threads.ask("two")
    await threads.ended_turns(2)
    assert len(threads.replies(direct)) == 1
    threads.sandbox.guild.allow_bot(Permission.SEND_MESSAGES_IN_THREADS)
    await threads.ask("three")
    texts = await told(threads, direct, 2)
    assert texts[1] == f"The bot can write again in <#{threads.general.id}>."


async def test_a_lost_permission_is_told_to_the_managers_who_can_mend_it(
    threads: Community,
) -> None:
    direct, guild = await owner_dm(threads), threads.sandbox.guild
    room = guild.add_text_channel("managers")
    await threads.ledger.settings.set(guild.id, guild.id, {ALERT_CHANNEL: str(room.id)})
    deny(threads.sandbox, Permission.SEND_MESSAGES_IN_THREADS)
    await threads.ask("one")
    (text,) = await told(threads, room, 1)
    assert text.startswith("**The bot may not write in <#")
    threads.sandbox.guild.allow_bot(Permission.SEND_MESSAGES_IN_THREADS)
    await threads.ask("two")
    assert len(await told(threads, room, 2)) == 2
    threads.model.otherwise = lambda _: fail(401)
    await threads.ask("three")
    assert (await told(threads, direct, 1))[0].startswith(KEY_REFUSED)
    assert len(threads.replies(room)) == 2


async def test_a_full_disk_is_told_although_it_can_not_be_stored(channels: Community) -> None:
    direct = await owner_dm(channels)
    troubled = await channels.trouble_ledger()
    troubled.failing_writes = 3
    await channels.ask("one")
    (text,) = await told(channels, direct, 1)
    assert text.startswith("**The bot can't write its database")
    troubled.failing_writes = 0
    await channels.ask("two")
    texts = await told(channels, direct, 2)
    assert texts[1] == "The bot can write its database again, and takes questions."


async def test_many_faults_in_a_day_are_told_up_to_a_bound(channels: Community) -> None:
    direct = await owner_dm(channels)
    channels.model.otherwise = lambda _: fail(404, message="The model `x` does not exist")
    for number in range(1, 24):
        await channels.api.modify_assistant(
            channels.assistant_id, ModifyAssistant(model=f"model-{number}")
        )
        await channels.ask(f"question {number}")
        await channels.finished(channels.general, number)
    assert len(channels.replies(direct)) == 20


async def test_the_owner_reads_alerts_in_the_language_of_their_discord(
    channels: Community,
) -> None:
    direct = await owner_dm(channels)
    await channels.ledger.locales.set_user(channels.sandbox.people[0].id, "ja")
    await fails(channels, 1)
    (text,) = await told(channels, direct, 1)
    assert text.startswith("**モデルのサーバーがボットのキーを拒否している")


def test_every_fault_of_the_operators_has_an_alert_and_an_end() -> None:
    for kind in (*sentences.OPERATORS_TASK, "permission", "disk"):
        for name in (f"alert-{kind}", f"alert-{kind}.over"):
            for language in LANGUAGES:
                filled = {"reason": "r", "model": "m", "of": "1", "channel": "1", "server": "s"}
                assert localized_in(language, name, **filled)
