"""Hand-over to people: the assistant is silent until it is told to resume."""

from functools import partial
from pathlib import Path

import pytest

from bot.assistants.schema.requests import ModifyAssistant
from bot.assistants.validation import from_raw
from bot.chat.reply.waiting_reactions import WAITING
from bot.chat.texts.fluent import Language, localized, using
from bot.sandbox import Channel, DiscordMessage, Permission, Role
from bot.tools.functions import Functions
from tests.scenarios.bot_process import killed
from tests.scenarios.commands.test_assistants import told
from tests.scenarios.community import Community, answer, community, labels
from tests.support.eventually import eventually


def add_role(whole: Community, *, mentionable: bool = True) -> Role:
    """Add the role of the people in charge, with Ben in it."""
    guilds, guild = whole.sandbox.backend.guilds, whole.sandbox.guild.state
    role = guilds.add_role(guild, "Helpers", Permission(0))
    role.mentionable = mentionable
    guilds.set_role_permissions(guild, role, role.permissions)
    guilds.give_role(guild, whole.ben.user, role)
    return role


def calls(whole: Community, channel: Channel, role: Role) -> list[DiscordMessage]:
    """The bot's messages in a channel that mention a role."""
    return [each for each in whole.replies(channel) if f"<@&{role.id}>" in each.content]


async def with_role(whole: Community, *, mentionable: bool = True) -> tuple[Role, Channel]:
    """Choose the role that is called, and ask a question in a channel thread."""
    role = add_role(whole, mentionable=mentionable)
    await told(whole, whole.admin, whole.general, "channel set", people_role=role)
    home = await whole.thread_of(await whole.ask("one"))
    await whole.finished(home)
    await whole.ended_turns(1)
    return role, home


async def test_people_are_called_and_the_assistant_is_silent_until_resume(
    threads: Community,
) -> None:
    role, home = await with_role(threads)
    assert await told(threads, threads.ada, home, "thread handover") == localized("handover-begun")
    await threads.until(lambda: calls(threads, home, role))
    assert len(calls(threads, home, role)) == 1
    await threads.ask("Anybody?", channel=home)
    await threads.ben.say(home, "I am here.")

    async def taken() -> bool:
        known = await threads.ledger.handovers.of_channel(home.id)
        return known == (threads.ada.id, threads.ben.id)

    await eventually(taken)
    await threads.restart_bot()
    await threads.ada.say(home, "still silent?")
    # An answer elsewhere shows that the bot has read on.
    await threads.finished(await threads.thread_of(await threads.ask("elsewhere")))
    stranger = threads.sandbox.add_member("cleo")
    refused = await told(threads, stranger, home, "thread resume")
    assert refused == localized("handover-not-yours")
    ended = await told(threads, threads.ben, home, "thread resume")
    assert ended == localized("handover-ended")
    await threads.ada.say(home, "two")
    await threads.until(lambda: answer(threads.replies(home)[-1]) == "two")
    asked = [text for kind, text in await threads.on_thread(home) if kind == "user"]
    assert [text.rpartition(": ")[2] for text in asked] == ["one", "two"]
    again = await told(threads, threads.ben, home, "thread resume")
    assert again == localized("handover-none")


async def test_no_button_command_or_schedule_makes_the_assistant_speak_before_resume(
    threads: Community,
) -> None:
    home = await threads.thread_of(await threads.ask("one"))
    answered = await threads.finished(home)
    threads.model.fail(400)
    await threads.ada.say(home, "two")
    failed = await threads.finished(home, 2)
    await threads.ended_turns(2)
    added = await told(
        threads, threads.ada, home, "schedule add", text="three", repeat="daily", time="9:00"
    )
    assert "three" in added
    await told(threads, threads.ada, home, "thread handover")
    silent = localized("help-ask-people")
    for reply, label in ((failed, "Retry"), (answered, "Answer again")):
        pressed = await threads.ada.click(reply, label)
        await threads.until(lambda pressed=pressed: pressed.responses)
        assert [each.content for each in pressed.responses] == [silent]
        assert pressed.responses[0].ephemeral
    assert await told(threads, threads.ada, home, "runs retry", run="2") == silent
    problem = localized("schedule-problem.handed-over")
    assert await told(threads, threads.ada, home, "schedule run", schedule="1") == problem
    # A mention without words gets no hint either.
    await threads.ask("", channel=home)
    threads.clock.later += 86_400
    await threads.restart_bot()

    async def skipped() -> bool:
        (schedule,) = await threads.ledger.schedules.of_guild(threads.sandbox.guild.id)
        return schedule.problem == "handed-over"

    await eventually(skipped)
    assert [answer(each) for each in threads.replies(home)][2:] == []
    await told(threads, threads.ada, home, "thread resume")
    await threads.ada.click(threads.replies(home)[1], "Retry")
    await threads.until(lambda: "two" in [answer(each) for each in threads.replies(home)])


async def test_the_answer_under_way_is_finished_and_what_waits_is_left_to_the_people(
    threads: Community,
) -> None:
    gate = threads.model.gate()
    threads.model.say("First. Done.", gate=gate)
    home = await threads.thread_of(await threads.ask("one"))
    gate.let(1)
    await threads.in_state(1, "running")
    waiting = await threads.ada.say(home, "two")
    await threads.until(lambda: [one.emoji_name for one in waiting.reactions] == [WAITING])
    await told(threads, threads.ada, home, "thread handover")
    await threads.until(lambda: waiting.reactions == [])
    gate.open()
    assert answer(await threads.finished(home)) == "First. Done."
    await told(threads, threads.ada, home, "thread resume")
    await threads.ada.say(home, "three")
    await threads.until(lambda: answer(threads.replies(home)[-1]) == "three")
    assert len(threads.replies(home)) == 2


async def test_the_role_is_mentioned_at_most_once_an_hour(threads: Community) -> None:
    role, home = await with_role(threads)
    await told(threads, threads.ada, home, "thread handover")
    await threads.until(lambda: calls(threads, home, role))
    told_again = await told(threads, threads.ben, home, "thread handover")
    assert localized("handover-under-way") in told_again
    assert localized("handover-called-before") in told_again
    await told(threads, threads.ben, home, "thread resume")
    assert localized("handover-called-before") in await told(
        threads, threads.ada, home, "thread handover"
    )
    assert len(calls(threads, home, role)) == 1
    threads.clock.later += 3_700
    await told(threads, threads.ada, home, "thread handover")
    await threads.until(lambda: len(calls(threads, home, role)) == 2)


async def test_a_role_that_cannot_be_mentioned_is_named(threads: Community) -> None:
    role, home = await with_role(threads, mentionable=False)
    shown = await told(threads, threads.ada, home, "thread handover")
    assert localized("handover-not-mentionable", role=str(role.id)) in shown
    assert calls(threads, home, role) == []
    await threads.ask("Anybody?", channel=home)
    await told(threads, threads.ada, home, "thread resume")
    assert len(threads.replies(home)) == 1


async def test_without_a_role_or_a_channel_thread_the_command_says_so(threads: Community) -> None:
    home = await threads.thread_of(await threads.ask("one"))
    await threads.finished(home)
    assert localized("handover-no-role") in await told(
        threads, threads.ada, home, "thread handover"
    )
    outside = await told(threads, threads.ada, threads.general, "thread handover")
    assert outside == localized("handover-no-channel-thread")


async def test_a_button_calls_a_person_where_a_role_is_chosen(threads: Community) -> None:
    role, home = await with_role(threads)
    reply = threads.replies(home)[0]
    assert "Ask a person" in labels(reply)
    pressed = await threads.ben.click(reply, "Ask a person")
    await threads.until(lambda: pressed.original is not None and pressed.original.content)
    assert pressed.original is not None
    assert pressed.original.ephemeral
    assert pressed.original.content == localized("handover-begun")
    await threads.until(lambda: calls(threads, home, role))
    await threads.ada.say(home, "silent?")
    # In the channel itself nobody is called.
    await told(threads, threads.admin, threads.general, "channel set", reply_in="channel")
    await threads.ask("here")
    assert "Ask a person" not in labels(await threads.finished(threads.general))


async def hand_over(whole: Community) -> None:
    """Ask in a channel thread, and hand it over."""
    role = add_role(whole)
    await told(whole, whole.admin, whole.general, "channel set", people_role=role)
    home = await whole.thread_of(await whole.ask("one"))
    await whole.until(lambda: whole.replies(home) and "tokens" in whole.replies(home)[0].content)
    await whole.ada.command(home, "thread handover", wait=False)


async def test_killed_before_people_were_called_the_next_start_calls_them_once(
    asleep: Community,
) -> None:
    await killed(asleep, "after handovers.begin", partial(hand_over, asleep))
    await asleep.start_engine()
    await asleep.start_bot()
    (home,) = asleep.sandbox.guild.threads
    role = next(
        role for role in asleep.sandbox.guild.state.roles.values() if role.name == "Helpers"
    )
    await asleep.until(lambda: calls(asleep, home, role))
    await asleep.ada.say(home, "silent?")
    await asleep.restart_bot()
    assert len(calls(asleep, home, role)) == 1
    assert len(asleep.replies(home)) == 2


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_the_call_is_in_the_servers_language_and_the_answer_in_the_members(
    threads: Community, language: Language
) -> None:
    threads.sandbox.guild.make_community(language)
    guild = threads.bot.get_guild(threads.sandbox.guild.id)
    assert guild is not None
    await eventually(lambda: guild.preferred_locale.value == language)
    role, home = await with_role(threads)
    other: Language = "en" if language == "ja" else "ja"
    threads.ada.user.locale = other
    shown = await told(threads, threads.ada, home, "thread handover")
    await threads.until(lambda: calls(threads, home, role))
    with using(other):
        assert shown == localized("handover-begun")
    with using(language):
        assert calls(threads, home, role)[0].content == localized(
            "people-called", role=str(role.id), member=str(threads.ada.id)
        )


async def test_the_assistant_hands_over_by_a_function_and_says_what_became_of_it(
    tmp_path: Path,
) -> None:
    async with community(tmp_path, "thread", start=False) as whole:
        whole.functions = Functions()
        await whole.functions.reload()
        await whole.start_engine()
        request = from_raw(ModifyAssistant, {"tools": whole.functions.definitions(["ask_a_*"])})
        await whole.api.modify_assistant(whole.assistant_id, request)
        await whole.start_bot()
        role = add_role(whole)
        await told(whole, whole.admin, whole.general, "channel set", people_role=role)

        async def said(text: str, channel: Channel | None = None) -> tuple[str, Channel]:
            """What the function tells the model, and the channel of the answer."""
            whole.model.call_tools(("ask_a_person", {}))
            whole.model.say(text)
            asked = await whole.ask("I want a person", channel=channel)
            home = channel or await whole.thread_of(asked)
            await whole.until(lambda: text in [answer(each) for each in whole.replies(home)])
            messages = whole.model.requests[-1].messages
            return str(next(m["content"] for m in reversed(messages) if m["role"] == "tool")), home

        output, home = await said("Somebody comes.")
        assert "They are being called now." in output
        await whole.until(lambda: calls(whole, home, role))
        assert await whole.ledger.handovers.of_channel(home.id) == (whole.ada.id, None)
        await whole.ada.say(home, "silent?")
        await told(whole, whole.ada, home, "thread resume")
        output, _ = await said("Called before.", home)
        assert "less than an hour ago" in output
        assert len(calls(whole, home, role)) == 1
        # Where nobody is chosen, and where there is no channel thread, the model is told so.
        await told(whole, whole.admin, whole.general, "channel reset")
        output, _ = await said("Nobody.")
        assert "Nobody could be called" in output
        await told(whole, whole.admin, whole.general, "channel set", reply_in="channel")
        output, _ = await said("Not here.", whole.general)
        assert output.startswith("Error: People can be called in a Discord thread only.")
