"""What managers see, set and lift: `/usage` and `/limits`, and what they are told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.chat.places.server_settings import ALERT_CHANNEL
from bot.chat.texts.fluent import localized
from bot.config.limits import SpendingLimit
from bot.sandbox import DiscordMessage
from tests.scenarios.access.test_limits import THOUSAND, limited, marked
from tests.scenarios.community import Community, answer
from tests.support import model_turns as turns
from tests.support.eventually import eventually
from tests.support.gate import Gate


async def used(whole: Community, path: str, **values: Any) -> DiscordMessage:
    """The private answer to a command of the admin."""
    interaction = await whole.admin.command(whole.general, path, **values)
    await whole.until(lambda: interaction.done and interaction.original is not None)
    assert interaction.original is not None
    assert interaction.original.ephemeral
    return interaction.original


async def asked(whole: Community, times: int) -> None:
    """Have Ada ask so many questions, each a thousand tokens."""
    for number in range(1, times + 1):
        await whole.ask(f"q{number}")
        await whole.finished(whole.general, number)


async def test_a_member_and_the_managers_see_what_was_used_to_the_token(
    channels: Community,
) -> None:
    await limited(channels)
    await asked(channels, 2)
    runs = await channels.runs_on(channels.general)
    tokens = sum(run.usage.total_tokens for run in runs if run.usage is not None)
    assert tokens == 2_000
    amount = f"{localized('tokens', tokens=tokens)} · 0.0052 USD"
    mine = await channels.ada.command(channels.general, "usage me")
    await channels.until(lambda: mine.done and mine.original is not None)
    assert mine.original is not None
    total = localized("usage-total", days=30, amount=amount)
    assert mine.original.content.splitlines()[0] == total
    for by, name in (
        ("member", channels.ada.mention),
        ("channel", channels.general.mention),
        ("model", "scripted\\-model"),
    ):
        shown = await used(channels, "usage server", by=by, file=True)
        assert shown.content.splitlines() == [total, f"`{'█' * 10}` {name} · {amount}"]
    (table,) = shown.attachments
    assert table.filename == "usage.csv"
    others = await used(channels, "usage me")
    assert others.content == localized("usage-none", days=30)


async def test_only_managers_see_what_their_server_used(channels: Community) -> None:
    refused = await channels.ada.command(channels.general, "usage server")
    await channels.until(lambda: refused.done and refused.original is not None)
    assert refused.original is not None
    assert refused.original.content == localized("needs-manage-server")


async def test_usage_can_be_seen_while_the_total_is_spent(channels: Community) -> None:
    await limited(channels, total=SpendingLimit(tokens_per_day=1_000))
    await asked(channels, 1)
    shown = await used(channels, "usage server")
    assert localized("tokens", tokens=1_000) in shown.content


@pytest.mark.parametrize("of", ["member", "channel", "server", "everyone", "role"])
async def test_managers_limit_and_lift_within_discord(channels: Community, of: str) -> None:
    await limited(channels)
    guild, backend = channels.sandbox.guild, channels.sandbox.backend
    helpers = backend.guilds.add_role(guild.state, "Helpers", guild.state.everyone.permissions)
    backend.guilds.give_role(guild.state, channels.ada.user, helpers)
    targets: dict[str, dict[str, Any]] = {
        "member": {"who": channels.ada},
        "role": {"who": helpers},
        "channel": {"channel": channels.general},
        "server": {},
        "everyone": {"whom": "everyone"},
    }
    target = targets[of]
    shown = await used(channels, "limits set", tokens_per_day=1_000, **target)
    assert localized("limits-tokens_per_day", amount="1,000") in shown.content
    await asked(channels, 1)
    await marked(channels, await channels.ask("q2"))
    lifted: dict[str, Any] = {"who": channels.ada} if of in ("role", "everyone") else target
    await used(channels, "limits lift", **lifted)
    await channels.ask("q3")
    assert answer(await channels.finished(channels.general, 3)) == "q3"


async def test_a_reached_limit_is_told_once_in_the_alert_channel(channels: Community) -> None:
    await limited(channels, member=SpendingLimit(tokens_per_day=1_000))
    guild = channels.sandbox.guild
    alerts = guild.add_text_channel("alerts")
    await channels.ledger.settings.set(guild.id, guild.id, {ALERT_CHANNEL: str(alerts.id)})
    await asked(channels, 1)
    for number in (2, 3):
        await marked(channels, await channels.ask(f"q{number}"))
    told = await channels.reply(alerts)
    span, who = localized("limit-span-day"), str(channels.ada.id)
    whole = localized("alert-limit-member", id=who, span=span, until="|")
    assert told.content.startswith(whole.split("|")[0])
    # A restart repeats nothing; the next day is told anew, and a forgotten member is not named.
    await channels.restart_bot()
    await marked(channels, await channels.ask("q4"))
    channels.clock.later += 86_400
    await channels.ask("q5")
    await channels.ended_turns(2)
    await marked(channels, await channels.ask("q6"))
    assert (await channels.reply(alerts, 2)).content.startswith(whole.split("|")[0])
    assert len(channels.replies(alerts)) == 2
    await eventually(channels.ledger.alerts.all, lambda known: len(known) == 2)
    await channels.ledger.forgetting.forget_member(channels.ada.id)
    assert await channels.ledger.alerts.all() == {}


async def test_what_managers_lift_stays_so_until_its_own_period_ends(channels: Community) -> None:
    await limited(channels, member=SpendingLimit(tokens_per_month=1_000))
    await used(channels, "limits set", tokens_per_day=9_000, channel=channels.general)
    await asked(channels, 1)
    shown = (await used(channels, "limits show")).content.splitlines()
    now = datetime.fromtimestamp(channels.clock.now(), UTC)
    ends = (datetime(now.year, now.month, 1, tzinfo=UTC) + timedelta(days=32)).replace(day=1)
    until, name = str(int(ends.timestamp())), channels.ada.mention
    span = localized("limit-span-month")
    assert shown[0] == localized("limits-reached", name=name, span=span, until=until)
    limit = localized("limits-tokens_per_day", amount="9,000")
    assert localized("limits-with-use", limit=limit, used="1,000") in shown[1]
    lifted = await used(channels, "limits lift", who=channels.ada)
    assert lifted.content == localized("limits-lifted", name=name, until=until)
    await channels.restart_bot()
    shown = (await used(channels, "limits show")).content.splitlines()
    assert shown[0] == localized("limits-is-lifted", name=name, until=until)
    channels.clock.later += max(0.0, ends.timestamp() - channels.clock.now() - 3_600)
    await channels.ask("two")
    assert answer(await channels.finished(channels.general, 2)) == "two"
    # The next month has its own budget, which is not lifted.
    channels.clock.later += 7_200
    await channels.ask("three")
    assert answer(await channels.finished(channels.general, 3)) == "three"
    await marked(channels, await channels.ask("four"))


async def test_a_channel_without_a_limit_has_that_of_its_category(channels: Community) -> None:
    await limited(channels)
    guild = channels.sandbox.guild
    category = guild.add_category("projects")
    rooms = [guild.add_text_channel(name, parent=category) for name in ("red", "blue")]
    await used(channels, "limits set", tokens_per_day=1_000, channel=category)
    for room in rooms:
        await channels.ask("one", channel=room)
        await channels.finished(room)
    await marked(channels, await channels.ask("two", channel=rooms[0]))
    await used(channels, "limits set", tokens_per_day=90_000, channel=rooms[1])
    await used(channels, "limits lift", channel=rooms[0])
    for room, number in zip(rooms, (3, 2), strict=True):
        await channels.ask("three", channel=room)
        assert answer(await channels.finished(room, number)) == "three"


async def test_a_run_keeps_its_day_while_midnight_passes_and_limits_change(
    channels: Community,
) -> None:
    await limited(channels, member=SpendingLimit(tokens_per_day=1_000))
    gate = Gate()
    channels.model.then(turns.say("held", gate=gate, usage=THOUSAND))
    await channels.ask("one")
    await channels.in_state(1, "running")
    await used(channels, "limits set", tokens_per_day=500, channel=channels.general)
    today = datetime.fromtimestamp(channels.clock.now(), UTC).date()
    channels.clock.later += 86_400
    gate.open()
    await channels.ended_turns(1)
    (line,) = await channels.ledger.usage.lines("day", today.isoformat())
    assert (line.key, line.tokens) == (today.isoformat(), 1_000)
    # The new day has both budgets whole; the lower one is used up by the next answer.
    await channels.ask("two")
    assert answer(await channels.finished(channels.general, 2)) == "two"
    await channels.ended_turns(2)
    await marked(channels, await channels.ask("three", channels.ben))
    await used(channels, "limits set", channel=channels.general)
    await channels.ask("four", channels.ben)
    assert answer(await channels.finished(channels.general, 4)) == "Ben: four"


async def test_who_leaves_and_comes_back_finds_what_was_used(channels: Community) -> None:
    await limited(channels, member=SpendingLimit(tokens_per_day=1_000))
    await asked(channels, 1)
    guild, guilds = channels.sandbox.guild.state, channels.sandbox.backend.guilds
    guilds.leave(guild, channels.ada.user)
    guilds.join(guild, channels.ada.user)
    await marked(channels, await channels.ask("two"))
