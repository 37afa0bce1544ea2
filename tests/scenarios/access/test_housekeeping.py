"""The daily job: retention, servers that removed the bot, deletions that nobody told the bot."""

import pytest

from bot.chat.catch_up.housekeeping import DONE_FACT
from bot.chat.places.server_settings import RETENTION
from tests.scenarios.access.test_privacy import SECRET, forget, traces
from tests.scenarios.community import Community, answer
from tests.support.eventually import eventually

DAY = 86_400.0


async def run_daily_job(whole: Community) -> None:
    """Start the bot again, and wait until its daily job is done."""
    before = await whole.ledger.fact(DONE_FACT)
    await whole.restart_bot(housekeeping_seconds=0)
    await eventually(lambda: whole.ledger.fact(DONE_FACT), lambda done: done not in (None, before))


async def ask_secretly(whole: Community) -> None:
    await whole.ask(f"the {SECRET} question")
    await whole.finished(whole.general)
    await whole.ended_turns(1)


async def gone(whole: Community) -> None:
    await eventually(lambda: traces(whole.directory, SECRET), lambda found: found == [])


async def keep_days(whole: Community, days: int) -> None:
    guild_id = whole.sandbox.guild.id
    await whole.ledger.settings.set(guild_id, guild_id, {RETENTION: str(days)})


async def test_questions_older_than_the_retention_are_forgotten_and_newer_ones_stay(
    channels: Community,
) -> None:
    await keep_days(channels, 7)
    await ask_secretly(channels)
    channels.clock.later += 6 * DAY
    await channels.ask("a newer question", channels.ben)
    await channels.finished(channels.general, 2)
    await run_daily_job(channels)
    assert traces(channels.directory, SECRET)
    channels.clock.later += 2 * DAY
    await run_daily_job(channels)
    await gone(channels)
    assert await channels.on_thread(channels.general) == [
        ("user", "Ben: a newer question"),
        ("assistant", "Ben: a newer question"),
    ]
    await channels.ask("and now?", channels.ben)
    assert "and now?" in answer(await channels.finished(channels.general, 3))


async def test_without_a_retention_nothing_is_forgotten(channels: Community) -> None:
    await ask_secretly(channels)
    channels.clock.later += 3_000 * DAY
    await run_daily_job(channels)
    assert traces(channels.directory, SECRET)


async def test_the_job_runs_once_a_day_and_again_after_a_wrong_clock(
    channels: Community,
) -> None:
    await run_daily_job(channels)
    done = await channels.ledger.fact(DONE_FACT)
    await ask_secretly(channels)
    await keep_days(channels, 1)
    await channels.restart_bot(housekeeping_seconds=0)
    await channels.ask("hello", channels.ben)
    await channels.finished(channels.general, 2)
    assert await channels.ledger.fact(DONE_FACT) == done
    await channels.ledger.set_fact(DONE_FACT, str(channels.clock.now() + 90 * DAY))
    await run_daily_job(channels)


async def test_a_job_that_fails_runs_again_within_the_hour(
    channels: Community, caplog: pytest.LogCaptureFixture
) -> None:
    await keep_days(channels, 1)
    await ask_secretly(channels)
    channels.clock.later += 2 * DAY
    await channels.trouble_ledger()
    await channels.restart_bot(housekeeping_seconds=0.5)
    channels.database.failing_writes = 1_000
    await eventually(lambda: "The daily job failed" in caplog.text)
    assert await channels.ledger.fact(DONE_FACT) is None
    channels.database.failing_writes = 0
    await run_daily_job(channels)
    await gone(channels)


@pytest.mark.parametrize("away", [True, False])
async def test_a_server_that_removed_the_bot_is_forgotten_after_the_grace_period(
    channels: Community, *, away: bool
) -> None:
    await ask_secretly(channels)
    await keep_days(channels, 400)
    guild_id = channels.sandbox.guild.id
    await channels.ledger.locales.set_guild(guild_id, "ja")
    if away:
        await channels.stop_bot()
    channels.sandbox.troubles.remove_bot()
    if away:
        await channels.start_bot()
    await run_daily_job(channels)
    channels.clock.later += 29 * DAY
    await run_daily_job(channels)
    assert traces(channels.directory, SECRET)
    channels.clock.later += 2 * DAY
    await run_daily_job(channels)
    await gone(channels)
    assert await channels.ledger.forgetting.guilds() == ()
    assert await channels.ledger.locales.of_guild(guild_id) is None


async def test_a_server_that_has_the_bot_again_in_time_is_kept(channels: Community) -> None:
    await ask_secretly(channels)
    channels.sandbox.troubles.remove_bot()
    await run_daily_job(channels)
    guilds, guild = channels.sandbox.backend.guilds, channels.sandbox.guild
    guilds.join(guild.state, channels.sandbox.bot_user)
    channels.clock.later += 31 * DAY
    await run_daily_job(channels)
    channels.clock.later += 31 * DAY
    await run_daily_job(channels)
    assert traces(channels.directory, SECRET)


async def test_a_message_deleted_while_the_bot_was_away_leaves_without_a_turn(
    channels: Community,
) -> None:
    question = await channels.ask(f"the {SECRET} question")
    reply = await channels.finished(channels.general)
    await channels.ended_turns(1)
    await channels.ask("another one", channels.ben)
    await channels.finished(channels.general, 2)
    await channels.ended_turns(2)
    await channels.stop_bot()
    await channels.ada.delete(question)
    await channels.admin.delete(reply)
    await channels.start_bot()
    await run_daily_job(channels)
    await gone(channels)
    assert ("user", "Ben: another one") in await channels.on_thread(channels.general)


async def test_forgotten_questions_are_not_read_again_after_an_absence(channels: Community) -> None:
    await ask_secretly(channels)
    await forget(channels, channels.ada, channels.general)
    await channels.ledger.read_markers.forget(channels.general.id)
    await channels.restart_bot()
    await channels.ask("hello", channels.ben)
    await channels.finished(channels.general, 2)
    assert traces(channels.directory, SECRET) == []
