"""``/schedule``: questions that are asked at times, each once, whatever happens."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import msgspec
import pytest

from bot.chat.schedules.due_questions import GONE, LEFT, MISSED
from bot.chat.texts.fluent import localized, using
from bot.config import AccessSettings, SchedulesSettings
from bot.sandbox import Permission, Person
from bot.sandbox.backend.state.model import Overwrite
from bot.store.ledger import Schedule
from tests.scenarios.community import Community, answer, community
from tests.support.databases import execute
from tests.support.eventually import eventually

DAY = 86_400.0


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Community]:
    """A community that answers in its channels, and looks at the clock all the time."""
    async with community(tmp_path, "channel", start=False) as made:
        made.limits = type(made.limits)(look_seconds=0.02)
        await made.start_engine()
        await made.start_bot()
        yield made


async def used(whole: Community, path: str, member: Person | None = None, /, **values: Any) -> str:
    """The private answer to a command; Ada's by default."""
    interaction = await (member or whole.ada).command(whole.general, path, **values)
    await whole.until(lambda: interaction.done)
    assert interaction.original is not None
    assert interaction.original.ephemeral
    return interaction.original.content


async def added(whole: Community, text: str = "news?", **values: Any) -> Schedule:
    """A schedule that Ada adds; daily at midnight by default."""
    given = {"repeat": "daily", "time": "0:00", **values}
    shown = await used(whole, "schedule add", text=text, **given)
    assert "**#" in shown, shown
    return (await whole.ledger.schedules.of_guild(whole.sandbox.guild.id))[-1]


async def current(whole: Community, schedule: Schedule) -> Schedule:
    known = await whole.ledger.schedules.get(schedule.id)
    assert known is not None
    return known


def turn_clock(whole: Community, moment: float | None) -> None:
    """Set the clock to a moment."""
    assert moment is not None
    whole.clock.later += moment - whole.clock.now()


async def moved_on(whole: Community, schedule: Schedule) -> Schedule:
    """Wait until a schedule's due time was dealt with."""
    found = await eventually(
        lambda: whole.ledger.schedules.get(schedule.id),
        lambda known: known is not None and (known.due_at != schedule.due_at or known.paused),
    )
    assert found is not None
    return found


async def questions(whole: Community) -> list[str]:
    """The texts of all questions that were taken, in order."""
    found, number = [], 1
    while await whole.ledger.history.turn(number) is not None:
        found += [each.content for each in await whole.ledger.questions.of_turn(number)]
        number += 1
    return found


async def test_a_due_question_is_asked_in_its_creators_name_and_answered_in_its_channel(
    whole: Community,
) -> None:
    whole.model.say("All is well.")
    schedule = await added(whole)
    guild, backend = whole.sandbox.guild, whole.sandbox.backend
    role = backend.guilds.add_role(guild.state, "News", guild.state.everyone.permissions)
    backend.guilds.give_role(guild.state, whole.ada.user, role)
    turn_clock(whole, schedule.due_at)
    reply = await whole.finished(whole.general)
    assert answer(reply) == "All is well."
    # Budgets of roles depend on the roles that the creator has now.
    (asked,) = await whole.ledger.questions.of_turn(1)
    assert set(json.loads(asked.role_ids)) == {guild.id, role.id}
    assert localized("asked-on-schedule", name="Ada", text="news?") in reply.content
    (turn,) = await whole.ended_turns(1)
    assert turn.asked_by(whole.ada.id)
    later = await current(whole, schedule)
    assert later.due_at == (schedule.due_at or 0) + DAY


async def test_each_day_asks_once_across_restarts_and_clock_jumps(whole: Community) -> None:
    schedule = await added(whole)
    turn_clock(whole, schedule.due_at)
    await whole.finished(whole.general)
    # Back by an hour, with a restart, and on again: the same due time comes a second time.
    whole.clock.later -= 3_600.0
    await eventually(
        lambda: whole.ledger.schedules.get(schedule.id),
        lambda known: known is not None and known.due_at == schedule.due_at,
    )
    await whole.restart_bot()
    turn_clock(whole, schedule.due_at)
    await moved_on(whole, schedule)
    assert await questions(whole) == ["news?"]
    # The next day, a jump of months is one missed time.
    turn_clock(whole, (schedule.due_at or 0) + 100 * DAY + 3_600.0)
    await whole.finished(whole.general, 2)
    assert await questions(whole) == ["news?", "news?"]
    # And a clock that was months ahead does not silence the schedule for months.
    ahead = await current(whole, schedule)
    whole.clock.later -= 90 * DAY
    turn_clock(whole, (await moved_on(whole, ahead)).due_at)
    await whole.finished(whole.general, 3)


async def test_a_time_that_passed_while_the_bot_was_away_is_asked_once(whole: Community) -> None:
    schedule = await added(whole)
    await whole.stop_bot()
    whole.clock.later += 10 * DAY
    await whole.start_bot()
    await whole.finished(whole.general)
    assert (await current(whole, schedule)).due_at == (schedule.due_at or 0) + 10 * DAY
    assert await questions(whole) == ["news?"]


async def test_a_missed_time_is_skipped_where_the_operator_wants_that(whole: Community) -> None:
    schedule = await added(whole)
    await whole.stop_bot()
    whole.schedules = SchedulesSettings(missed="skip")
    whole.clock.later += 10 * DAY
    await whole.start_bot()
    later = await moved_on(whole, schedule)
    assert later.problem == MISSED
    assert localized("schedule-problem.missed") in await used(whole, "schedule list")
    turn_clock(whole, later.due_at)
    await whole.finished(whole.general)
    assert (await current(whole, schedule)).problem is None


async def test_a_question_that_was_stored_before_a_kill_is_answered_after_it(
    whole: Community,
) -> None:
    schedule = await added(whole)
    gate = whole.model.stall("All ", then="is well.")
    turn_clock(whole, schedule.due_at)
    await whole.in_state(1, "running")
    await whole.stop_bot()
    gate.open()
    await whole.start_bot()
    assert answer(await whole.finished(whole.general)) == "All is well."
    assert await questions(whole) == ["news?"]
    # The question is no message of Discord, and is not taken for a deleted one.
    await whole.ask("more?")
    await whole.finished(whole.general, 2)
    asked = [text for role, text in await whole.on_thread(whole.general) if role == "user"]
    assert [text.rpartition(": ")[2] for text in asked] == ["news?", "more?"]


async def test_the_time_zone_of_the_server_counts_and_may_change(whole: Community) -> None:
    await used(whole, "settings set", whole.admin, time_zone="Asia/Tokyo")
    schedule = await added(whole, time="9:00")
    tokyo = datetime.fromtimestamp(schedule.due_at or 0, ZoneInfo("Asia/Tokyo"))
    assert (tokyo.hour, tokyo.minute) == (9, 0)
    await used(whole, "settings set", whole.admin, time_zone="America/New_York")
    later = await moved_on(whole, schedule)
    york = datetime.fromtimestamp(later.due_at or 0, ZoneInfo("America/New_York"))
    assert (york.hour, york.minute) == (9, 0)
    assert timedelta(0) < york - datetime.fromtimestamp(whole.clock.now(), UTC) <= timedelta(days=1)
    await used(whole, "settings reset", whole.admin, setting="time_zone")
    back = await moved_on(whole, later)
    assert datetime.fromtimestamp(back.due_at or 0, UTC).hour == 9


async def test_somebody_who_may_not_ask_any_more_is_not_asked_for(whole: Community) -> None:
    schedule = await added(whole)
    await used(whole, "access deny", whole.admin, who=whole.ada)
    turn_clock(whole, schedule.due_at)
    later = await moved_on(whole, schedule)
    assert later.problem == "refused-member_by_server"
    assert not later.paused
    await used(whole, "access remove", whole.admin, who=whole.ada)
    turn_clock(whole, later.due_at)
    await whole.finished(whole.general)


async def test_a_schedule_rests_once_its_creator_has_left(whole: Community) -> None:
    schedule = await added(whole)
    whole.sandbox.backend.guilds.leave(whole.sandbox.guild.state, whole.ada.user)
    turn_clock(whole, schedule.due_at)
    later = await moved_on(whole, schedule)
    assert (later.problem, later.paused) == (LEFT, True)
    assert await questions(whole) == []


async def test_a_schedule_rests_once_its_channel_is_gone_and_others_go_on(
    whole: Community,
) -> None:
    room = whole.sandbox.guild.add_text_channel("room")
    await eventually(lambda: whole.bot.get_channel(room.id) is not None)
    lost = await added(whole, "lost?", channel=room)
    kept = await added(whole, "kept?")
    whole.sandbox.backend.channels.delete(room, None)
    await eventually(lambda: whole.bot.get_channel(room.id) is None)
    turn_clock(whole, kept.due_at)
    await whole.finished(whole.general)
    later = await moved_on(whole, lost)
    assert (later.problem, later.paused) == (GONE, True)
    assert await questions(whole) == ["kept?"]


async def test_run_asks_at_once_and_leaves_the_next_time(whole: Community) -> None:
    schedule = await added(whole)
    text = await used(whole, "schedule run", whole.admin, schedule=str(schedule.id))
    assert text == localized("schedule-runs", channel=str(whole.general.id))
    await whole.finished(whole.general)
    (turn,) = await whole.ended_turns(1)
    assert turn.asked_by(whole.admin.id)
    assert (await current(whole, schedule)).due_at == schedule.due_at


async def test_a_paused_schedule_rests_and_goes_on_without_what_it_missed(
    whole: Community,
) -> None:
    schedule = await added(whole)
    text = await used(whole, "schedule pause", schedule=str(schedule.id))
    assert localized("schedule-paused") in text
    whole.clock.later += 3 * DAY
    text = await used(whole, "schedule pause", schedule=str(schedule.id))
    assert localized("schedule-paused") not in text
    later = await current(whole, schedule)
    assert (later.due_at or 0) > whole.clock.now()
    assert await questions(whole) == []
    text = await used(whole, "schedule delete", schedule=f"#{schedule.id}")
    assert text == localized("schedule-deleted", number=str(schedule.id))
    assert await used(whole, "schedule list") == localized("no-schedules")


async def test_members_manage_their_own_schedules_alone(whole: Community) -> None:
    schedule = await added(whole)
    for path in ("run", "pause", "delete"):
        text = await used(whole, f"schedule {path}", whole.ben, schedule=str(schedule.id))
        assert text == localized("no-such-schedule", number=str(schedule.id))
    assert "news?" in await used(whole, "schedule list", whole.ben)
    path = "schedule run"
    assert await whole.ben.autocomplete(whole.general, path, focused="schedule") == []
    found = await whole.ada.autocomplete(whole.general, path, focused="schedule", value="NEW")
    assert [each["value"] for each in found] == [str(schedule.id)]


async def test_a_channel_in_which_one_may_not_write_takes_no_schedule(whole: Community) -> None:
    private = whole.sandbox.guild.add_text_channel("private")
    everyone = whole.sandbox.guild.state.everyone.id
    private.overwrites[everyone] = Overwrite(everyone, 0, deny=Permission.SEND_MESSAGES)
    await eventually(lambda: whole.bot.get_channel(private.id) is not None)
    text = await used(whole, "schedule add", text="x", repeat="daily", time="9", channel=private)
    assert text == localized("schedule-not-yours-to-write", channel=str(private.id))


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"repeat": "daily"}, "schedule-no-time"),
        ({"repeat": "daily", "time": "25:00"}, "schedule-no-time"),
        ({"repeat": "weekly", "time": "9:00"}, "schedule-no-weekday"),
        ({"repeat": "monthly", "time": "9:00"}, "schedule-no-day"),
        ({"repeat": "cron"}, "schedule-no-cron"),
        ({"repeat": "cron", "cron": "nine"}, "schedule-no-cron"),
        ({"repeat": "cron", "cron": "0 0 30 2 *"}, "schedule-no-cron"),
        ({"repeat": "daily", "time": "9:00", "text": "  "}, "schedule-no-text"),
    ],
)
async def test_a_schedule_that_nobody_can_follow_is_refused(
    channels: Community, values: dict[str, Any], refusal: str
) -> None:
    text = await used(channels, "schedule add", **{"text": "x", **values})
    assert text == localized(refusal)
    assert await channels.ledger.schedules.active() == ()


async def test_bounds_hold_for_the_number_and_for_the_interval(tmp_path: Path) -> None:
    async with community(tmp_path, "channel", start=False) as whole:
        whole.schedules = SchedulesSettings(most_per_server=1, least_minutes=30)
        await whole.start_engine()
        await whole.start_bot()
        text = await used(whole, "schedule add", text="x", repeat="cron", cron="*/10 * * * *")
        assert text == localized("schedule-too-often", minutes=30)
        await added(whole, repeat="cron", cron="*/30 * * * *")
        text = await used(whole, "schedule add", text="x", repeat="daily", time="9")
        assert text == localized("schedules-full", most=1)


async def test_a_schedule_in_direct_messages_asks_there(whole: Community) -> None:
    home = await whole.ada.open_dm()
    seen = await whole.ada.command(home, "schedule add", text="news?", repeat="daily", time="9")
    await whole.until(lambda: seen.done)
    (schedule,) = await whole.ledger.schedules.in_direct_messages(whole.ada.id)
    turn_clock(whole, schedule.due_at)
    assert answer(await whole.finished(home)) == "news?"


async def test_direct_messages_that_are_switched_off_ask_nothing(whole: Community) -> None:
    home = await whole.ada.open_dm()
    seen = await whole.ada.command(home, "schedule add", text="news?", repeat="daily", time="9")
    await whole.until(lambda: seen.done)
    (schedule,) = await whole.ledger.schedules.in_direct_messages(whole.ada.id)
    await whole.stop_bot()
    whole.access = AccessSettings()
    turn_clock(whole, schedule.due_at)
    await whole.start_bot()
    assert (await moved_on(whole, schedule)).problem == "refused-direct_messages"


async def test_a_schedule_of_a_channel_thread_is_answered_there(threads: Community) -> None:
    await threads.restart_bot(look_seconds=0.02)
    thread = await threads.thread_of(await threads.ask("one"))
    await threads.finished(thread)
    seen = await threads.ada.command(thread, "schedule add", text="two", repeat="daily", time="9")
    await threads.until(lambda: seen.done)
    (schedule,) = await threads.ledger.schedules.active()
    turn_clock(threads, schedule.due_at)
    assert answer(await threads.finished(thread, 2)) == "two"
    assert len([role for role, _ in await threads.on_thread(thread) if role == "user"]) == 2


async def test_a_broken_rule_rests_and_the_others_go_on(whole: Community) -> None:
    broken, kept = await added(whole, "broken?"), await added(whole, "kept?")
    # A later version may have stored such a rule.
    later = f'UPDATE schedules SET rule = \'{{"repeat":"hourly"}}\' WHERE id = {broken.id}'
    await execute(whole.directory / "bot.db", later)
    turn_clock(whole, kept.due_at)
    await whole.finished(whole.general)
    assert await questions(whole) == ["kept?"]
    assert localized("schedule-problem.broken") in await used(whole, "schedule list")


async def test_schedules_speak_japanese(whole: Community) -> None:
    whole.ada.user.locale = "ja"
    whole.sandbox.guild.make_community("ja")
    schedule = await added(whole, "お知らせは？", repeat="monthly", day=31, time="午後9時")
    text = await used(whole, "schedule list")
    with using("ja"):
        assert localized("schedule-month-end", time="21:00") in text
    turn_clock(whole, schedule.due_at)
    reply = await whole.finished(whole.general)
    with using("ja"):
        note = localized("asked-on-schedule", name="Ada", text="お知らせは？")
    assert note in reply.content


async def test_a_member_sees_gets_and_deletes_schedules_as_stored_data(whole: Community) -> None:
    await added(whole, "secret?")
    assert localized("privacy-schedules", count=1) in await used(whole, "privacy show")
    exported = await whole.ada.command(whole.general, "privacy export")
    await whole.until(lambda: exported.original is not None and exported.original.attachments)
    assert exported.original is not None
    with ZipFile(BytesIO(exported.original.attachments[0].data)) as packed:
        (listed,) = msgspec.json.decode(packed.read("data.json"))["schedules"]
    assert (listed["text"], listed["when"]) == ("secret?", {"repeat": "daily"})
    await whole.ledger.forgetting.forget_member(whole.ada.id)
    assert await whole.ledger.schedules.active() == ()


async def test_schedules_of_a_server_that_is_forgotten_leave_with_it(whole: Community) -> None:
    await added(whole)
    guild_id = whole.sandbox.guild.id
    assert guild_id in await whole.ledger.forgetting.guilds()
    await whole.ledger.forgetting.forget_guild(guild_id)
    assert await whole.ledger.schedules.active() == ()
