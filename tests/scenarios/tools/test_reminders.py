"""Reminders: set by a command or by the assistant, each given once, whatever happens."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.assistants.schema.requests import ModifyAssistant
from bot.assistants.validation import from_raw
from bot.chat.schedules.due_questions import NO_ACCESS
from bot.chat.texts.fluent import localized, using
from bot.config import SchedulesSettings
from bot.sandbox import Permission
from bot.store.ledger import Schedule
from bot.tools.functions import Functions
from tests.scenarios.commands.test_ask import asked, shown_answer
from tests.scenarios.commands.test_assistants import told
from tests.scenarios.community import Community, answer, community
from tests.scenarios.tools.test_late_decisions import DAY
from tests.scenarios.tools.test_schedules import added, moved_on, questions, turn_clock, used
from tests.support.eventually import eventually


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Community]:
    """A community whose assistant has the functions that come with the bot."""
    async with community(tmp_path, "channel", start=False) as made:
        made.limits = type(made.limits)(look_seconds=0.02)
        made.functions = Functions()
        await made.functions.reload()
        await made.start_engine()
        request = from_raw(ModifyAssistant, {"tools": made.functions.definitions(["*"])})
        await made.api.modify_assistant(made.assistant_id, request)
        await made.start_bot()
        yield made


async def reminded(whole: Community, when: str = "2 hours", text: str = "tea") -> Schedule:
    """A reminder that Ada sets with the command."""
    shown = await told(whole, whole.ada, whole.general, "schedule remind", when=when, text=text)
    assert "**#" in shown, shown
    return (await whole.ledger.schedules.active())[-1]


async def gone(whole: Community, schedule: Schedule) -> None:
    await eventually(lambda: whole.ledger.schedules.get(schedule.id), lambda found: found is None)


def outputs(whole: Community) -> list[str]:
    """What the model was told by functions in its newest request."""
    messages = whole.model.requests[-1].messages
    return [str(each["content"]) for each in messages if each["role"] == "tool"]


async def test_a_reminder_notifies_its_member_once_and_is_gone_then(whole: Community) -> None:
    schedule = await reminded(whole)
    assert (schedule.due_at or 0) == pytest.approx(whole.clock.now() + 7_200, abs=600)
    listed = await told(whole, whole.ada, whole.general, "schedule list")
    assert localized("schedule-once", when=f"<t:{int(schedule.due_at or 0)}:f>") in listed
    gate = whole.model.gate()
    whole.model.say("It is time for tea.", first=gate)
    await whole.restart_bot()
    turn_clock(whole, schedule.due_at)
    reply = await whole.reply(whole.general)
    # The member reads the reminder even while the model thinks, or if it fails.
    note = localized("reminder-note", member=str(whole.ada.id), text="tea")
    await whole.until(lambda: whole.ada.user in reply.mentions and note in reply.content)
    gate.open()
    await whole.finished(whole.general)
    assert answer(reply) == "It is time for tea."
    assert note in reply.content
    question = str(whole.model.requests[-1].messages[-1]["content"])
    assert question.startswith("[A reminder that Ada set earlier is due now.")
    assert question.endswith("]\ntea")
    await gone(whole, schedule)
    # Neither a restart nor a clock that was set gives it again.
    whole.clock.later -= 3_600
    await whole.restart_bot()
    whole.clock.later += 2 * DAY
    await whole.ask("done?")
    await whole.finished(whole.general, 2)
    assert await questions(whole) == ["tea", "done?"]


async def test_a_reminder_that_was_missed_is_given_late_even_where_schedules_skip(
    whole: Community,
) -> None:
    schedule = await reminded(whole)
    await whole.stop_bot()
    whole.schedules = SchedulesSettings(missed="skip")
    whole.clock.later += 3 * DAY
    await whole.start_bot()
    assert answer(await whole.finished(whole.general)).endswith("tea")
    await gone(whole, schedule)


async def test_a_change_of_the_time_zone_does_not_move_a_reminder(whole: Community) -> None:
    schedule = await reminded(whole)
    await told(whole, whole.admin, whole.general, "settings set", time_zone="Asia/Tokyo")
    moved = await eventually(
        lambda: whole.ledger.schedules.get(schedule.id),
        lambda found: found is not None and found.zone == "Asia/Tokyo",
    )
    assert moved is not None
    assert moved.due_at == schedule.due_at


async def test_the_assistant_sets_lists_and_deletes_the_askers_reminders(whole: Community) -> None:
    whole.model.call_tools(("remind_me", {"text": "tea", "when": "2 hours"}))
    whole.model.call_tools(("remind_me", {"text": "cake", "when": "soon"}), ids=["a"])
    whole.model.call_tools(("list_reminders", {}), ids=["b"])
    whole.model.say("I will.")
    await whole.ask("remind me of tea in 2 hours")
    await whole.finished(whole.general)
    first, second, third = outputs(whole)
    assert "Reminder 1 is set for" in first
    assert second == f"Error: {localized('reminder-no-moment')}"
    assert third.endswith(": tea")
    # Another member can't see or delete it.
    whole.model.call_tools(("list_reminders", {}), ("delete_reminder", {"number": 1}))
    whole.model.say("No.")
    await whole.ask("and mine?", whole.ben)
    await whole.finished(whole.general, 2)
    assert outputs(whole)[-2].endswith("There are none.")
    assert outputs(whole)[-1] == "Error: The member has no reminder 1."
    (schedule,) = await whole.ledger.schedules.active()
    whole.model.say("Tea!")
    turn_clock(whole, schedule.due_at)
    reply = await whole.finished(whole.general, 3)
    assert answer(reply) == "Tea!"
    assert localized("reminder-note", member=str(whole.ada.id), text="tea") in reply.content
    await gone(whole, schedule)


async def test_a_reminder_that_is_asked_for_by_command_is_given_in_that_channel_unless_private(
    whole: Community,
) -> None:
    whole.model.call_tools(("remind_me", {"text": "tea", "when": "2 hours"}))
    whole.model.say("I will.")
    assert await shown_answer(whole, await asked(whole, "remind me")) == "I will."
    (schedule,) = await whole.ledger.schedules.active()
    assert schedule.channel_id == whole.general.id
    whole.model.call_tools(("remind_me", {"text": "secret", "when": "2 hours"}))
    whole.model.say("I can't.")
    assert await shown_answer(whole, await asked(whole, "remind me", private=True)) == "I can't."
    assert outputs(whole)[-1].startswith("Error: No reminder can be set here")
    turn_clock(whole, schedule.due_at)
    assert answer(await whole.finished(whole.general)).endswith("tea")
    await gone(whole, schedule)


async def test_a_paused_reminder_whose_time_passed_is_given_once_it_goes_on(
    whole: Community,
) -> None:
    schedule = await reminded(whole)
    number = str(schedule.id)
    await told(whole, whole.ada, whole.general, "schedule pause", schedule=number)
    whole.clock.later += DAY
    await told(whole, whole.ada, whole.general, "schedule pause", schedule=number)
    assert answer(await whole.finished(whole.general)).endswith("tea")
    await gone(whole, schedule)


async def test_a_reminder_in_a_thread_that_people_answer_waits_for_the_assistant(
    whole: Community,
) -> None:
    await told(whole, whole.admin, whole.general, "channel set", reply_in="thread")
    home = await whole.thread_of(await whole.ask("one"))
    await whole.finished(home)
    await told(whole, whole.ada, home, "schedule remind", when="2 hours", text="tea")
    (schedule,) = await whole.ledger.schedules.active()
    await told(whole, whole.ada, home, "thread handover")
    turn_clock(whole, schedule.due_at)
    # A later look finds the reminder still due.
    news = await added(whole, repeat="daily", time="0:00")
    turn_clock(whole, news.due_at)
    await moved_on(whole, news)
    assert await whole.ledger.schedules.get(schedule.id) == schedule
    await told(whole, whole.ada, home, "thread resume")
    await whole.finished(home, 2)
    await gone(whole, schedule)


async def test_a_reminder_of_somebody_who_may_not_ask_any_more_says_why(whole: Community) -> None:
    schedule = await reminded(whole)
    await used(whole, "access deny", whole.admin, who=whole.ada)
    turn_clock(whole, schedule.due_at)
    assert (await moved_on(whole, schedule)).problem == "refused-member_by_server"
    assert await questions(whole) == []


async def test_somebody_who_may_not_write_in_the_channel_any_more_is_not_asked_for(
    whole: Community,
) -> None:
    schedule = await added(whole)
    reminder = await reminded(whole)

    async def may_write(is_allowed: bool) -> None:
        change = whole.general.allow if is_allowed else whole.general.deny
        change(whole.ada.user, Permission.SEND_MESSAGES)
        whole.sandbox.backend.channels.changed(whole.general)
        channel = whole.bot.get_channel(whole.general.id)
        assert isinstance(channel, discord.TextChannel)
        ada = discord.Object(whole.ada.id)
        await eventually(
            lambda: channel.overwrites_for(ada).send_messages,
            lambda can: bool(can) is is_allowed,
        )

    await may_write(False)
    turn_clock(whole, max(schedule.due_at or 0, reminder.due_at or 0))
    later = await moved_on(whole, schedule)
    assert (later.problem, later.paused) == (NO_ACCESS, False)
    assert (await moved_on(whole, reminder)).problem == NO_ACCESS
    listed = await used(whole, "schedule list")
    assert listed.count(localized("schedule-problem.no-access")) == 2
    # Whoever runs it by hand needs the same right.
    shown = await used(whole, "schedule run", schedule=str(schedule.id))
    assert shown == localized("schedule-problem.no-access")
    assert await questions(whole) == []
    await may_write(True)
    turn_clock(whole, later.due_at)
    await whole.finished(whole.general)
    assert await questions(whole) == ["news?"]


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"when": "soon"}, "reminder-no-moment"),
        ({"when": "2020-01-01"}, "reminder-past"),
        ({"when": "999 weeks"}, "reminder-too-far"),
        ({"text": "   "}, "reminder-no-text"),
    ],
)
async def test_a_reminder_without_a_text_or_a_time_in_reach_is_refused(
    whole: Community, values: dict[str, Any], refusal: str
) -> None:
    given = {"when": "2 hours", "text": "tea", **values}
    shown = await told(whole, whole.ada, whole.general, "schedule remind", **given)
    assert shown == localized(refusal)
    assert await whole.ledger.schedules.active() == ()


async def test_the_reminders_of_each_member_are_limited_and_can_be_deleted(
    whole: Community,
) -> None:
    await whole.stop_bot()
    whole.schedules = SchedulesSettings(most_reminders=1, most_per_server=1)
    await whole.start_bot()
    schedule = await reminded(whole)
    given = {"when": "1 day", "text": "cake"}
    shown = await told(whole, whole.ada, whole.general, "schedule remind", **given)
    assert shown == localized("reminders-full", most=1)
    await told(whole, whole.ben, whole.general, "schedule remind", **given)
    await told(
        whole, whole.ada, whole.general, "schedule add", text="news?", repeat="daily", time="9"
    )
    assert len(await whole.ledger.schedules.active()) == 3
    deleted = {"schedule": str(schedule.id)}
    await told(whole, whole.ada, whole.general, "schedule delete", **deleted)
    assert len(await whole.ledger.schedules.active()) == 2


async def test_a_reminder_in_direct_messages_speaks_japanese(whole: Community) -> None:
    whole.ada.user.locale = "ja"
    home = await whole.ada.open_dm()
    shown = await told(whole, whole.ada, home, "schedule remind", when="30分後", text="お茶")
    (schedule,) = await whole.ledger.schedules.active()
    with using("ja"):
        when = f"<t:{int(schedule.due_at or 0)}:f>"
        assert localized("schedule-once", when=when) in shown
        note = localized("reminder-note", member=str(whole.ada.id), text="お茶")
    turn_clock(whole, schedule.due_at)
    reply = await whole.finished(home)
    assert note in reply.content
