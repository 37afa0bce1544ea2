import re

from msgspec.structs import replace

from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.sandbox import Interaction, Permission
from bot.sandbox.backend.state.model import Overwrite
from tests.scenarios.community import Community, answer, is_final, labels
from tests.support.eventually import eventually


def shown(interaction: Interaction) -> str:
    assert interaction.original is not None
    assert interaction.original.ephemeral
    return interaction.original.content


async def listed(whole: Community, **values: object) -> str:
    interaction = await whole.ada.command(whole.general, "runs list", wait=True, **values)
    assert interaction.deferred
    await whole.until(lambda: interaction.done)
    return shown(interaction)


async def test_an_empty_list_says_how_to_fill_it(channels: Community) -> None:
    assert await listed(channels) == localized("no-runs")


async def test_runs_are_listed_newest_first_with_all_that_is_known(channels: Community) -> None:
    await channels.ask("one")
    await channels.finished(channels.general)
    channels.model.fail(400)
    await channels.ask("two", channels.ben)
    await channels.finished(channels.general, 2)
    await channels.ended_turns(2)
    gate = channels.model.stall()
    await channels.ask("three")
    await channels.in_state(3, "running")
    lines = (await listed(channels)).splitlines()
    assert lines[::2] == ["> three", "> two", "> one"]
    third, second, first = lines[1::2]
    line = re.compile(
        r"\*\*#(\d+)\*\* (\w+) · <t:\d+:R> · [\d.]+ s · (–|\d+) tokens · (\w+) · \[reply\]\((.+)\)"
    )
    matches = [line.fullmatch(text) for text in (first, second, third)]
    fields = [match.groups() for match in matches if match is not None]
    assert [field[:2] for field in fields] == [("1", "answered"), ("2", "failed"), ("3", "running")]
    assert fields[0][2] != "–"
    assert fields[2][2] == "–"
    assert [field[3] for field in fields] == ["Ada", "Ben", "Ada"]
    guild, reply = channels.sandbox.guild.id, channels.replies(channels.general)[0]
    expected = f"https://discord.com/channels/{guild}/{channels.general.id}/{reply.id}"
    assert fields[0][4] == expected
    gate.open()
    await channels.finished(channels.general, 3)


async def test_the_list_shows_the_same_duration_as_the_reply(channels: Community) -> None:
    # The last edit takes its time, which is no part of what the answer took.
    channels.sandbox.faults.delay_requests(1.2, "PATCH", "/channels/{channel_id}/messages/*")
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    await channels.ended_turns(1)
    took = reply.content.rsplit("-# ", 1)[1].split(" · ")[0]
    assert f" · {took} · " in await listed(channels)


async def test_a_run_with_a_complete_reply_is_listed_by_its_outcome(
    channels: Community,
) -> None:
    await channels.restart_bot(progress_grace=0.05)
    edits = channels.sandbox.faults.hold_requests(
        "PATCH", "/channels/{channel_id}/messages/{message_id}", times=None, after_effect=True
    )
    await channels.ask("one")
    await channels.finished(channels.general)
    assert "**#1** answered · " in await listed(channels)
    channels.sandbox.faults.remove(edits)
    edits.release()
    await channels.ended_turns(1)


async def test_the_list_is_turned_page_by_page(channels: Community) -> None:
    for number in range(1, 8):
        await channels.ask(f"q{number}")
        await channels.finished(channels.general, number)
    await channels.ended_turns(7)
    interaction = await channels.ada.command(channels.general, "runs list")
    await channels.until(lambda: interaction.done)
    message = interaction.original
    assert message is not None
    assert re.findall(r"\*\*#(\d)", message.content) == ["7", "6", "5", "4", "3"]
    assert message.content.endswith("-# page 1 of 2")
    assert labels(message) == ["Newer", "Older"]
    await channels.ada.click(message, "Older")
    await channels.until(lambda: "page 2 of 2" in message.content)
    assert re.findall(r"\*\*#(\d)", message.content) == ["2", "1"]
    await channels.ada.click(message, "Newer")
    await channels.until(lambda: "page 1 of 2" in message.content)
    assert "page 2 of 2" in await listed(channels, page=2)
    assert "page 2 of 2" in await listed(channels, page=99)


async def test_the_list_is_filtered_and_its_buttons_keep_the_filter(
    channels: Community,
) -> None:
    elsewhere = channels.sandbox.guild.add_text_channel("elsewhere")
    for number in range(1, 7):
        await channels.ask(f"q{number}", channels.ben)
        await channels.finished(channels.general, number)
    channels.model.fail(400)
    await channels.ask("broken", channels.ada, elsewhere)
    await channels.finished(elsewhere)
    await channels.ended_turns(7)

    async def numbers(**values: object) -> list[str]:
        return re.findall(r"\*\*#(\d)", await listed(channels, **values))

    assert await numbers(state="failed") == ["7"]
    assert await numbers(state="active") == []
    assert await numbers(member=channels.ada) == ["7"]
    assert await numbers(channel=elsewhere) == ["7"]
    assert await listed(channels, channel=elsewhere, member=channels.ben) == localized(
        "no-such-runs"
    )
    interaction = await channels.ada.command(
        channels.general, "runs list", member=channels.ben, state="answered"
    )
    await channels.until(lambda: interaction.done)
    message = interaction.original
    assert message is not None
    await channels.ada.click(message, "Older")
    await channels.until(lambda: "page 2 of 2" in message.content)
    assert re.findall(r"\*\*#(\d)", message.content) == ["1"]


async def test_a_failed_run_is_retried_by_command_once_and_by_those_who_may(
    channels: Community,
) -> None:
    channels.model.fail(400)
    await channels.ask("one")
    await channels.finished(channels.general)
    await channels.ended_turns(1)
    offered = await channels.ada.autocomplete(channels.general, "runs retry", focused="run")
    assert [choice["value"] for choice in offered] == ["1"]
    assert await channels.ben.autocomplete(channels.general, "runs retry", focused="run") == []
    for who, told in (
        (channels.ben, localized("not-yours-to-retry")),
        (channels.ada, localized("retrying", number="1")),
    ):
        asked = await who.command(channels.general, "runs retry", run="1")
        await channels.until(lambda i=asked: i.done)
        assert shown(asked) == told
    await channels.until(lambda: answer(channels.replies(channels.general)[0]) == "one")
    await channels.ended_turns(1)
    late = await channels.ada.command(channels.general, "runs retry", run="1")
    await channels.until(lambda: late.done)
    assert shown(late) == localized("too-late-to-retry")


async def test_show_tells_what_was_asked_and_how_it_went(channels: Community) -> None:
    channels.model.fail(400)
    await channels.ask("what is *this*?")
    await channels.finished(channels.general)
    await channels.ended_turns(1)
    for name in ("1", "#1", (await channels.runs_on(channels.general))[0].id):
        interaction = await channels.ada.command(channels.general, "runs show", run=name)
        await channels.until(lambda i=interaction: i.done)
        text = shown(interaction)
        assert text.startswith("**#1** failed")
        assert sentences.failure("rejected") in text
        assert r"> what is \*this\*?" in text
        assert "run_" in text
    missing = await channels.ada.command(channels.general, "runs show", run="77")
    await channels.until(lambda: missing.done)
    assert shown(missing) == sentences.no_such_run("77")


async def test_cancel_without_a_name_cancels_this_channels_run(channels: Community) -> None:
    channels.model.stall()
    await channels.ask("one")
    await channels.model.until_request()
    elsewhere = channels.sandbox.guild.add_text_channel("elsewhere")
    nothing = await channels.ada.command(elsewhere, "runs cancel")
    await channels.until(lambda: nothing.done)
    assert shown(nothing) == localized("nothing-running")
    done = await channels.ada.command(channels.general, "runs cancel")
    await channels.until(lambda: done.done)
    assert shown(done) == "Cancelling #1."
    assert (await channels.finished(channels.general)).content == "-# Cancelled by Ada."


async def test_cancel_offers_the_active_runs_and_cancels_the_one_named(
    channels: Community,
) -> None:
    await channels.ask("over")
    await channels.finished(channels.general)
    channels.model.stall()
    await channels.ask("still going")
    await channels.in_state(2, "running")
    elsewhere = channels.sandbox.guild.add_text_channel("elsewhere")
    choices = await channels.ada.autocomplete(elsewhere, "runs cancel", focused="run")
    assert [choice["value"] for choice in choices] == ["2"]
    assert re.fullmatch(r"#2 · running · [\d.]+ s · Ada · still going", choices[0]["name"])
    assert await channels.ada.autocomplete(elsewhere, "runs cancel", focused="run", value="x") == []
    assert await channels.ben.autocomplete(elsewhere, "runs cancel", focused="run") == []
    assert len(await channels.admin.autocomplete(elsewhere, "runs cancel", focused="run")) == 1
    assert len(await channels.ben.autocomplete(elsewhere, "runs show", focused="run")) == 2
    refused = await channels.ben.command(elsewhere, "runs cancel", run="2")
    await channels.until(lambda: refused.done)
    assert shown(refused) == localized("not-yours-to-cancel")
    done = await channels.ada.command(elsewhere, "runs cancel", run="2")
    await channels.until(lambda: done.done)
    assert shown(done) == "Cancelling #2."
    reply = await channels.finished(channels.general, 2)
    assert reply.content == "-# Cancelled by Ada."
    late = await channels.ada.command(elsewhere, "runs cancel", run="2")
    await channels.until(lambda: late.done)
    assert shown(late) == localized("too-late-to-cancel")


async def test_a_moderator_cancels_from_another_channel(channels: Community) -> None:
    channels.model.stall()
    await channels.ask("one")
    await channels.model.until_request()
    elsewhere = channels.sandbox.guild.add_text_channel("elsewhere")
    await channels.admin.command(elsewhere, "runs cancel", run="1")
    assert (await channels.finished(channels.general)).content.startswith("-# Cancelled by Mira")


async def test_runs_in_channels_one_cannot_read_are_not_shown(channels: Community) -> None:

    secret = channels.sandbox.guild.add_text_channel("secret")
    everyone = channels.sandbox.guild.id
    bot = channels.sandbox.bot_user.id
    secret.overwrites[everyone] = Overwrite(everyone, 0, deny=Permission.VIEW_CHANNEL)
    secret.overwrites[bot] = Overwrite(bot, 1, allow=Permission.VIEW_CHANNEL)
    channels.sandbox.world.emit_channel("CHANNEL_UPDATE", secret)
    await channels.admin.say(secret, "hush", mention_bot=True)
    await channels.finished(secret)
    dm = await channels.ben.open_dm()
    await channels.ben.say(dm, "private")
    await channels.finished(dm)
    await channels.ended_turns(2)
    assert await listed(channels) == localized("no-runs")
    for run in ("1", "2"):
        asked = await channels.ada.command(channels.general, "runs show", run=run)
        await channels.until(lambda i=asked: i.done)
        assert shown(asked) == sentences.no_such_run(run)
    mine = await channels.ben.command(dm, "runs list")
    await channels.until(lambda: mine.done)
    assert "**#2**" in shown(mine)
    assert "**#1**" not in shown(mine)


async def test_commands_are_registered_only_when_they_changed(channels: Community) -> None:
    def syncs() -> int:
        return sum(
            request.method == "PUT" and request.route.endswith("/commands")
            for request in channels.sandbox.requests
        )

    assert syncs() == 1
    await channels.stop_bot()
    await channels.start_bot()
    assert syncs() == 1
    await channels.ledger.set_fact("discord.commands", "those of an older version")
    await channels.stop_bot()
    await channels.start_bot()
    assert syncs() == 2


async def test_commands_are_registered_for_one_server_alone_where_that_is_configured(
    channels: Community,
) -> None:
    commands, guild = channels.sandbox.backend.commands, channels.sandbox.guild.id
    everywhere = channels.settings
    names = {command.name for command in commands.all(None)}
    assert "runs" in names
    channels.settings = replace(everywhere, guild=guild)
    await channels.restart_bot()
    await eventually(lambda: {command.name for command in commands.all(guild)} == names)
    await eventually(lambda: commands.all(None) == [])
    await channels.ask("one")
    await channels.finished(channels.general)
    asked = await channels.ada.command(channels.general, "runs list")
    await channels.until(lambda: asked.done)
    assert "**#1**" in shown(asked)
    channels.settings = everywhere
    await channels.restart_bot()
    await eventually(lambda: {command.name for command in commands.all(None)} == names)
    await eventually(lambda: commands.all(guild) == [])


async def test_commands_that_discord_refuses_stop_nothing_and_are_tried_again(
    channels: Community,
) -> None:
    route = "/applications/{application_id}/commands"
    refusal = channels.sandbox.faults.fail_next("PUT", route, status=400, code=50035, times=None)
    await channels.ledger.set_fact("discord.commands", "those of an older version")
    await channels.restart_bot()
    await channels.ask("one")
    assert answer(await channels.finished(channels.general)) == "one"
    assert await channels.ledger.fact("discord.commands") == "those of an older version"
    channels.sandbox.faults.remove(refusal)
    await channels.restart_bot()
    await eventually(
        lambda: channels.ledger.fact("discord.commands"),
        lambda fact: fact != "those of an older version",
    )


async def test_buttons_of_before_a_restart_still_work(channels: Community) -> None:
    channels.model.fail(400)
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    await channels.ended_turns(1)
    await channels.stop_bot()
    await channels.start_bot()
    await channels.ada.click(reply, "Retry")
    await channels.until(lambda: is_final(reply) and answer(reply) == "one")
