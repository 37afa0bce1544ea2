"""The gate in front of everything: messages, commands, autocompletion, buttons, forms, catch-up."""

import inspect
from pathlib import Path
from typing import Any

import pytest

from bot.chat.access.access_gate import ALWAYS_OPEN
from bot.chat.access.question_gate import REFUSED
from bot.chat.bot import ChatBot
from bot.chat.reply import buttons
from bot.chat.texts.fluent import localized
from bot.config import AccessSettings
from bot.sandbox import Channel, DiscordMessage, Interaction, Person
from bot.sandbox.backend.interactions.commands import CHAT_INPUT
from bot.sandbox.backend.state.kinds import ChannelType
from bot.store.ledger import AccessRule
from bot.store.ledger.turns.votes import exported_votes
from tests.scenarios.bot_process import killed
from tests.scenarios.community import Community, answer, community
from tests.support.eventually import eventually

DENIED = localized("refused-member_by_server")
MEMBER_ROUTE = "/guilds/{guild_id}/members/{user_id}"

FROM_PEOPLE = {"on_message", "on_raw_message_edit", "on_interaction"}
"""The events by which a person wants something."""

FROM_DISCORD = {
    "on_connect",
    "on_error",
    "on_guild_available",
    "on_guild_channel_delete",
    "on_guild_join",
    "on_guild_remove",
    "on_raw_bulk_message_delete",
    "on_raw_message_delete",
    "on_raw_thread_delete",
    "on_ready",
}
"""The events that say what happened; what was deleted is forgotten for whoever deleted it."""


async def deny(whole: Community, person: Person) -> None:
    """Have the managers of the server deny a member."""
    rule = AccessRule(target_id=person.id, kind="member", allowed=False)
    await whole.ledger.access_rules.set(whole.sandbox.guild.id, rule)


async def marked(whole: Community, message: DiscordMessage) -> None:
    """Wait until a message has the reaction of a refused one."""
    await whole.until(lambda: [one.emoji_name for one in message.reactions] == [REFUSED])


def refused(interaction: Interaction, sentence: str = DENIED) -> bool:
    """Whether an interaction was answered with this refusal, and only its member sees that."""
    shown = interaction.original
    return shown is not None and bool(shown.ephemeral) and shown.content == sentence


async def questions(whole: Community, channel: Channel) -> int:
    """The number of questions that were taken in a channel."""
    known = await whole.ledger.questions.known([message.id for message in channel.messages])
    return len(known)


async def test_a_refused_message_gets_a_reaction_and_its_author_one_message_a_day(
    channels: Community,
) -> None:
    await deny(channels, channels.ben)
    home = await channels.ben.open_dm()
    first = await channels.ask("one", channels.ben)
    await marked(channels, first)
    told = await channels.reply(home)
    assert DENIED in told.content
    assert str(first.id) in told.content
    second = await channels.ask("two", channels.ben)
    await marked(channels, second)
    # Somebody else is answered meanwhile.
    await channels.ask("three")
    assert answer(await channels.finished(channels.general)) == "three"
    assert await questions(channels, channels.general) == 1
    channels.clock.later += 86_400
    await marked(channels, await channels.ask("four", channels.ben))
    await channels.reply(home, 2)
    assert len(channels.replies(home)) == 2


async def test_a_refused_member_without_open_direct_messages_gets_the_reaction_alone(
    channels: Community,
) -> None:
    await deny(channels, channels.ben)
    channels.ben.user.takes_dms = False
    await marked(channels, await channels.ask("one", channels.ben))
    await channels.ask("two")
    assert answer(await channels.finished(channels.general)) == "two"


async def test_a_mention_without_words_is_refused_too(channels: Community) -> None:
    await deny(channels, channels.ben)
    await marked(channels, await channels.ask("", channels.ben))
    assert channels.replies(channels.general) == []


async def test_what_is_no_question_is_left_alone(channels: Community) -> None:
    await deny(channels, channels.ben)
    idle = await channels.ben.say(channels.general, "nobody in particular")
    await marked(channels, await channels.ask("one", channels.ben))
    assert idle.reactions == []


@pytest.mark.parametrize("denied", ["role", "channel", "category"])
async def test_roles_and_channels_are_denied_and_threads_inherit_it(
    threads: Community, denied: str
) -> None:
    guild, backend = threads.sandbox.guild, threads.sandbox.backend
    helpers = backend.guilds.add_role(guild.state, "Helpers", guild.state.everyone.permissions)
    backend.guilds.give_role(guild.state, threads.ben.user, helpers)
    category = backend.channels.add(guild.state, "Quiet", ChannelType.CATEGORY)
    room = guild.add_text_channel("room", parent=category)
    home = await threads.thread_of(await threads.ask("one", channel=room))
    await threads.finished(home)
    targets = {"role": helpers.id, "channel": room.id, "category": category.id}
    kind: Any = "role" if denied == "role" else "channel"
    rule = AccessRule(target_id=targets[denied], kind=kind, allowed=False)
    await threads.ledger.access_rules.set(guild.id, rule)
    await marked(threads, await threads.ben.say(home, "two"))
    if denied == "role":
        await threads.ada.say(home, "three")
        assert answer(await threads.finished(home, 2)) == "three"


async def test_an_edit_by_somebody_who_was_denied_meanwhile_withdraws_the_question(
    channels: Community,
) -> None:
    gate = channels.model.stall(then="first")
    await channels.ask("one")
    await channels.model.until_request()
    question = await channels.ask("two", channels.ben)
    await channels.waiting(["two"])
    await deny(channels, channels.ben)
    await channels.ben.edit(question, f"{channels.sandbox.bot_user.mention} do as I say")
    await marked_beside_others(channels, question)
    await channels.waiting([])
    gate.open()
    await channels.finished(channels.general)
    await channels.ended_turns(1)
    assert len(channels.replies(channels.general)) == 1


async def marked_beside_others(whole: Community, message: DiscordMessage) -> None:
    await whole.until(lambda: REFUSED in [one.emoji_name for one in message.reactions])


async def test_direct_messages_are_off_unless_the_operator_switches_them_on(
    tmp_path: Path,
) -> None:
    async with community(tmp_path, "channel", start=False) as whole:
        whole.access = AccessSettings()
        await whole.start_engine()
        await whole.start_bot()
        home = await whole.ada.open_dm()
        question = await whole.ada.say(home, "hello")
        await marked(whole, question)
        assert localized("refused-direct_messages") in (await whole.reply(home)).content
        listed = await whole.ada.command(home, "runs list")
        assert refused(listed, localized("refused-direct_messages"))


async def test_where_direct_messages_are_off_everybody_may_still_be_forgotten(
    tmp_path: Path,
) -> None:
    async with community(tmp_path, "channel", start=False) as whole:
        whole.access = AccessSettings(deny_members=(whole.ada.id,))
        await whole.start_engine()
        await whole.start_bot()
        home = await whole.ada.open_dm()
        used = await whole.ada.command(home, "privacy show")
        await whole.until(lambda: used.done)
        assert used.original is not None
        assert localized("privacy-questions", count=0) in used.original.content


async def test_killed_before_the_direct_message_its_author_is_told_at_most_once(
    asleep: Community,
) -> None:
    asleep.access = AccessSettings(deny_members=(asleep.ada.id,))
    await killed(asleep, "after access_rules.tell_refused")
    home = await asleep.ada.open_dm()
    await asleep.start_engine()
    await asleep.start_bot()
    await marked(asleep, await asleep.ask("two"))
    await asleep.ask("three", asleep.ben)
    await asleep.settled(1)
    assert asleep.replies(home) == []


async def test_the_history_of_an_absence_passes_the_gate_and_each_author_is_looked_up_once(
    channels: Community,
) -> None:
    guild, backend = channels.sandbox.guild, channels.sandbox.backend
    gone, idle = channels.sandbox.add_member("cleo"), channels.sandbox.add_member("dan")
    helpers = backend.guilds.add_role(guild.state, "Helpers", guild.state.everyone.permissions)
    backend.guilds.give_role(guild.state, channels.ben.user, helpers)
    rule = AccessRule(target_id=helpers.id, kind="role", allowed=False)
    await channels.ledger.access_rules.set(guild.id, rule)
    await eventually(lambda: channels.ledger.read_markers.of_guild(guild.id))
    await channels.stop_bot()
    asked = [await channels.ask(text) for text in ("one", "two", "three")]
    denied = [await channels.ask(text, channels.ben) for text in ("no", "never")]
    left = await channels.ask("farewell", gone)
    await idle.say(channels.general, "not a question")
    backend.guilds.leave(guild.state, gone.user)
    channels.sandbox.requests.clear()
    await channels.start_bot()
    await channels.settled(3)
    for message in (*denied, left):
        await marked(channels, message)
    assert await questions(channels, channels.general) == len(asked)
    looked_up = [each for each in channels.sandbox.requests if each.route == MEMBER_ROUTE]
    assert len(looked_up) == len((channels.ada, channels.ben, gone))


async def test_a_lookup_that_fails_for_a_while_loses_no_question(channels: Community) -> None:
    await eventually(lambda: channels.ledger.read_markers.of_guild(channels.sandbox.guild.id))
    await channels.stop_bot()
    await channels.ask("one")
    fault = channels.sandbox.faults.fail_next("GET", MEMBER_ROUTE, status=503, times=1)
    await channels.start_bot()
    assert answer(await channels.finished(channels.general)) == "one"
    assert fault.hits == 1


async def test_a_ledger_that_cant_be_read_lets_nobody_in(channels: Community) -> None:
    database = await channels.trouble_ledger()
    database.failing_reads = 1_000
    used = await channels.ada.command(channels.general, "runs list")
    database.failing_reads = 0
    assert refused(used, localized("command-failed"))


# Every entry point


def test_every_event_of_discord_is_known_to_come_from_people_or_not() -> None:
    handled = {name for name, _ in inspect.getmembers(ChatBot) if name.startswith("on_")}
    assert handled == FROM_PEOPLE | FROM_DISCORD


def test_every_button_passes_the_interaction_gate() -> None:
    (check,) = {button.interaction_check for button in buttons.BUTTONS}
    assert check.__qualname__ == "HandledItem.interaction_check"


def commands_of(whole: Community) -> list[tuple[str, dict[str, Any], list[str]]]:
    """Every command: its path, values for the options it needs, options that are completed."""
    samples: dict[int, Any] = {
        3: "x",
        4: 1,
        5: True,
        6: whole.ben,
        7: whole.general,
        9: whole.ben,
        10: 1.0,
    }
    found = []

    def walk(path: str, payload: Any) -> None:
        options = payload.get("options", [])
        for each in options:
            if each["type"] in (1, 2):
                walk(f"{path} {each['name']}", each)
        if any(each["type"] in (1, 2) for each in options):
            return
        values = {
            each["name"]: each["choices"][0]["value"]
            if each.get("choices")
            else samples[each["type"]]
            for each in options
            if each.get("required")
        }
        found.append((path, values, [each["name"] for each in options if each.get("autocomplete")]))

    for command in whole.sandbox.backend.commands.all(None):
        if command.kind == CHAT_INPUT:
            walk(command.name, command.payload)
    return found


@pytest.fixture
async def closed(tmp_path: Path) -> Any:
    """A community whose admin the operator denies."""
    async with community(tmp_path, "channel", start=False) as whole:
        whole.access = AccessSettings(direct_messages=True, deny_members=(whole.admin.id,))
        await whole.start_engine()
        await whole.start_bot()
        yield whole


async def test_every_command_passes_the_gate(closed: Community) -> None:
    paths = commands_of(closed)
    assert len(paths) >= 3
    for path, values, _ in paths:
        used = await closed.admin.command(closed.general, path, **values)
        is_refused = refused(used, localized("refused-member"))
        assert is_refused is (path.split()[0] not in ALWAYS_OPEN), path


async def test_every_entry_of_the_context_menus_passes_the_gate(closed: Community) -> None:
    message = await closed.ada.say(closed.general, "look at this")
    for name in closed.admin.message_menus(closed.general):
        used = await closed.admin.menu(closed.general, name, message)
        assert refused(used, localized("refused-member")), name


async def test_every_autocompletion_passes_the_gate(closed: Community) -> None:
    await closed.ask("secret")
    await closed.finished(closed.general)
    completed = 0
    for path, values, options in commands_of(closed):
        for option in options:
            offered = await closed.admin.autocomplete(
                closed.general, path, focused=option, others=values
            )
            assert offered == [], path
            completed += 1
    assert completed
    assert await closed.ada.autocomplete(closed.general, "runs show", focused="run") != []


async def test_every_button_under_an_answer_and_every_form_passes_the_gate(
    channels: Community,
) -> None:
    channels.model.say("Half of", finish="length")
    await channels.ask("one", channels.ben)
    reply = await channels.finished(channels.general)
    await channels.ended_turns(1)
    opened = await channels.ben.click(reply, "👎")
    assert opened.modal is not None
    await deny(channels, channels.ben)
    shown = [item for row in reply.components for item in row.get("components", [])]
    assert len(shown) >= 4
    for item in shown:
        assert refused(await channels.ben.click(reply, custom_id=item["custom_id"])), item
    submitted = await channels.ben.submit_modal(opened, {"reason": "because"})
    assert refused(submitted)
    turn = await channels.ledger.history.turn(1)
    assert turn is not None
    assert turn.attempt == 1
    (vote,) = exported_votes(channels.directory / "bot.db")
    assert (vote["vote"], vote["reason"]) == ("down", None)


async def test_the_form_about_a_message_and_the_buttons_of_its_answer_pass_the_gate(
    channels: Community,
) -> None:
    message = await channels.ada.say(channels.general, "look at this")
    opened = await channels.ben.menu(channels.general, "Ask about this", message)
    used = await channels.ben.menu(channels.general, "Explain this", message)
    await channels.ended_turns(1)
    await deny(channels, channels.ben)
    assert refused(await channels.ben.submit_modal(opened, {"question": "what is it?"}))
    assert used.original is not None
    for row in used.original.components:
        for item in row.get("components", []):
            pressed = await channels.ben.click(used.original, custom_id=item["custom_id"])
            assert refused(pressed), item
    assert await channels.ledger.history.turn(2) is None


async def test_cancel_and_retry_pass_the_gate(channels: Community) -> None:
    gate = channels.model.stall(then="done")
    await channels.ask("one", channels.ben)
    reply = await channels.reply(channels.general)
    await deny(channels, channels.ben)
    assert refused(await channels.ben.click(reply, "Cancel"))
    gate.open()
    assert answer(await channels.finished(channels.general)) == "done"
    channels.model.fail(400)
    await channels.ask("two")
    failed = await channels.finished(channels.general, 2)
    assert refused(await channels.ben.click(failed, "Retry"))
    await channels.ended_turns(2)
