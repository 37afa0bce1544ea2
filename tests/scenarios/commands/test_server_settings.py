"""``/access`` and ``/settings``: what managers decide within Discord, and what is refused."""

import time
from pathlib import Path
from typing import Any

from bot.chat.access.question_gate import REFUSED
from bot.chat.places.server_settings import server_settings
from bot.chat.texts.fluent import localized, using
from bot.config import AccessSettings
from bot.sandbox import Channel, Interaction, Permission, Person
from bot.sandbox.backend.interactions.interactions import COMMAND
from tests.scenarios.community import Community, answer, community
from tests.scenarios.questions.test_place import system_prompt


async def used(whole: Community, path: str, **values: Any) -> str:
    """The private answer to a command of the admin."""
    return await shown(whole, await whole.admin.command(whole.general, path, **values))


async def shown(whole: Community, interaction: Interaction) -> str:
    await whole.until(lambda: interaction.done)
    assert interaction.original is not None
    assert interaction.original.ephemeral
    return interaction.original.content


def forced(
    whole: Community, who: Person, channel: Channel, path: str, *options: dict[str, Any]
) -> Interaction:
    """A command that Discord shows to managers alone, or with options that Discord refuses."""
    name, sub = path.split()
    command = next(each for each in whole.sandbox.backend.commands.all(None) if each.name == name)
    data = {
        "id": str(command.id),
        "name": name,
        "type": 1,
        "options": [{"name": sub, "type": 1, "options": list(options)}],
    }
    owners = {"0": str(channel.guild.id if channel.guild else 0)}
    return whole.sandbox.backend.interactions.begin(COMMAND, who.user, channel, data, owners=owners)


def managers_paths(whole: Community) -> list[str]:
    """Every command that is for managers."""
    groups = whole.sandbox.backend.commands.all(None)
    return [
        *(
            f"{group.name} {part['name']}"
            for group in groups
            if group.name in ("access", "settings", "limits")
            for part in group.options
            if part["name"] != "reset"  # it needs to know what
        ),
        "usage server",
    ]


async def test_whoever_may_not_manage_the_server_is_refused_and_nobody_sets_anything_elsewhere(
    channels: Community,
) -> None:
    home = await channels.admin.open_dm()
    paths = managers_paths(channels)
    assert len(paths) > 9
    for path in paths:
        wrong = forced(channels, channels.ada, channels.general, path)
        assert await shown(channels, wrong) == localized("needs-manage-server"), path
        misplaced = forced(channels, channels.admin, home, path)
        assert await shown(channels, misplaced) == localized("only-in-servers"), path


async def test_amounts_that_discord_refuses_are_refused_here_too(channels: Community) -> None:
    for name, kind, value in (
        ("tokens_per_day", 4, -5),
        ("tokens_per_month", 4, 10**15),
        ("money_per_day", 10, -0.5),
        ("tokens_per_day", 4, "many"),
    ):
        option = {"name": name, "type": kind, "value": value}
        wrong = forced(channels, channels.admin, channels.general, "limits set", option)
        assert await shown(channels, wrong) == localized("command-failed")
    # What another version stored is no limit, and stops nobody.
    guild_id = channels.sandbox.guild.id
    name = f"limit.{guild_id}.server"
    await channels.ledger.settings.set(guild_id, guild_id, {name: '{"tokens_an_hour":0}'})
    await channels.ask("one")
    assert answer(await channels.finished(channels.general)) == "one"


async def test_a_manager_without_other_permissions_may_manage_the_bot(channels: Community) -> None:
    guilds, guild = channels.sandbox.backend.guilds, channels.sandbox.guild.state
    managers = guilds.add_role(guild, "Managers", Permission.MANAGE_GUILD)
    guilds.give_role(guild, channels.ada.user, managers)
    seen = await channels.ada.command(channels.general, "access show")
    assert await shown(channels, seen) == localized("access-open")


async def test_a_manager_denies_and_allows_members_roles_and_channels(channels: Community) -> None:
    ben, general = channels.ben, channels.general
    text = await used(channels, "access deny", who=ben)
    assert text == localized("access-denied-people", names=ben.mention)
    question = await channels.ask("one", ben)
    await channels.until(lambda: [one.emoji_name for one in question.reactions] == [REFUSED])
    text = await used(channels, "access allow", who=ben, channel=general)
    assert text.splitlines() == [
        localized("access-allowed-people", names=ben.mention),
        localized("access-allowed-channels", names=general.mention),
    ]
    await channels.ask("two", ben)
    assert answer(await channels.finished(general)) == "two"
    refused = await channels.ask("three")
    await channels.until(lambda: [one.emoji_name for one in refused.reactions] == [REFUSED])
    await used(channels, "access remove", who=ben, channel=general)
    assert await used(channels, "access show") == localized("access-open")


async def test_everyone_can_be_denied_and_its_managers_can_undo_it(channels: Community) -> None:
    everyone = channels.sandbox.guild.state.everyone
    text = await used(channels, "access deny", who=everyone)
    assert text == localized("access-denied-people", names="@everyone")
    listed = await channels.admin.command(channels.general, "runs list")
    assert await shown(channels, listed) == localized("refused-member_by_server")
    assert await used(channels, "access remove", who=everyone) == localized("access-open")


async def test_nonsense_changes_no_rule(channels: Community) -> None:
    for path in ("allow", "deny", "remove"):
        assert await used(channels, f"access {path}") == localized("access-nothing-named")
    ben = channels.ben
    text = await used(channels, "access remove", who=ben)
    assert text == localized("access-no-rule", names=ben.mention)
    assert await used(channels, "access show") == localized("access-open")


async def test_the_operators_choice_cannot_be_denied_in_a_server(tmp_path: Path) -> None:
    async with community(tmp_path, "channel", start=False) as whole:
        whole.access = AccessSettings(allow_members=(whole.ada.id, whole.admin.id))
        await whole.start_engine()
        await whole.start_bot()
        text = await used(whole, "access deny", who=whole.ada)
        assert text == localized("access-kept-by-operator", names=whole.ada.mention)
        text = await used(whole, "access deny", who=whole.ben)
        assert localized("access-operator") in text


async def test_many_rules_are_shown_in_a_file(channels: Community) -> None:
    rooms = [channels.sandbox.guild.add_text_channel(f"room-{n}") for n in range(18)]
    for room in rooms:
        seen = await channels.admin.command(channels.general, "access deny", channel=room)
        text = await shown(channels, seen)
    assert localized("and-more", count=2) in text
    assert len(text) < 2_000
    assert seen.original is not None
    (file,) = seen.original.files
    assert file.filename == "access.txt"


async def test_rules_outlive_a_restart(channels: Community) -> None:
    text = await used(channels, "access deny", who=channels.ben)
    await channels.restart_bot()
    assert await used(channels, "access show") == text


async def test_the_settings_of_a_server_are_shown_and_set_together(channels: Community) -> None:
    before = await used(channels, "settings show")
    assert localized("settings-no-alerts") in before
    text = await used(
        channels,
        "settings set",
        language="ja",
        time_zone="asia/tokyo",
        alert_channel=channels.general,
        retention_days=30,
    )
    assert "日本語" in text
    assert "Asia/Tokyo" in text
    assert channels.general.mention in text
    assert localized("settings-retention-is", days=30) in text
    settings = await server_settings(channels.ledger, channels.sandbox.guild.id)
    assert (settings.alert_channel_id, settings.retention_days) == (channels.general.id, 30)
    await channels.restart_bot()
    assert await used(channels, "settings show") == text
    channels.model.fail(400)
    await channels.ask("こんにちは")
    with using("ja"):
        assert localized("failure-rejected") in (await channels.finished(channels.general)).content
    for setting in ("language", "time_zone", "alert_channel", "retention_days"):
        text = await used(channels, "settings reset", setting=setting)
    assert text == before


async def test_the_servers_time_zone_decides_what_day_the_model_is_told(
    channels: Community,
) -> None:
    await used(channels, "settings set", time_zone="Pacific/Kiritimati")
    await channels.ask("what day is it?")
    await channels.finished(channels.general)
    there = time.gmtime(channels.clock.now() + 14 * 3_600)
    told = system_prompt(channels)
    assert f"{time.strftime('%A', there)}, {there.tm_mday} " in told
    assert "in the time zone Pacific/Kiritimati." in told


async def test_a_time_zone_is_completed_by_what_was_typed(channels: Community) -> None:
    offered = await channels.admin.autocomplete(
        channels.general, "settings set", focused="time_zone", value="new y"
    )
    assert [each["value"] for each in offered] == ["America/New_York"]
    offered = await channels.admin.autocomplete(
        channels.general, "settings set", focused="time_zone", value=""
    )
    assert len(offered) == 25


async def test_nonsense_changes_no_setting(channels: Community) -> None:
    before = await used(channels, "settings show")
    assert localized("settings-no-retention") in before
    assert await used(channels, "settings set") == localized("settings-nothing-to-set")
    for name in ("Mars/Olympus", "../../etc/passwd", "localtime", "\x00"):
        text = await used(channels, "settings set", time_zone=name, retention_days=3)
        assert text.startswith("I know no time zone")
    closed = channels.sandbox.guild.add_text_channel("closed")
    channels.sandbox.troubles.forbid_sending(closed)
    text = await used(channels, "settings set", alert_channel=closed, language="ja")
    assert text == localized("cannot-write-there", channel=str(closed.id))
    assert await used(channels, "settings show") == before
