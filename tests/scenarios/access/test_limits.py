"""Limits: how often members may ask, how many runs they have, and what may be spent."""

from typing import Any

import pytest
from msgspec.structs import replace

from bot.chat.access.question_gate import LIMITED
from bot.chat.texts.fluent import localized, using
from bot.config.limits import LimitSettings, ModelPrice, PriceSettings, SpendingLimit
from bot.sandbox import Channel, DiscordMessage
from bot.store.ledger import Spend
from tests.scenarios.community import Community, answer, labels
from tests.support import model_turns as turns
from tests.support.eventually import eventually
from tests.support.gate import Gate
from tests.support.model_turns import TokenUsage

PRICES = PriceSettings(
    models={"scripted-model": ModelPrice(input=2.0, cached_input=0.5, output=8.0)}
)
THOUSAND = TokenUsage(prompt=900, completion=100)


async def limited(whole: Community, **limits: Any) -> None:
    """Start the bot with these limits, and with prices."""
    whole.spending, whole.prices = LimitSettings(**limits), PRICES
    await whole.restart_bot()
    whole.model.otherwise = lambda asked: turns.say(asked.question, usage=THOUSAND)


async def marked(whole: Community, message: DiscordMessage) -> None:
    """Wait until a question has the reaction of one beyond a limit."""
    await whole.until(lambda: [one.emoji_name for one in message.reactions] == [LIMITED])


def shows(message: DiscordMessage, scope: str, span: str = "day") -> bool:
    """Whether a message says that this limit is reached, and when it ends."""
    whole = localized(f"limit-{scope}", span=localized(f"limit-span-{span}"), until="|")
    before, after = whole.split("|")
    return message.content.startswith(before) and message.content.endswith(after)


async def test_whoever_asks_too_often_is_told_when_to_ask_again(channels: Community) -> None:
    await limited(channels, questions_per_minute=2, burst=2)
    for number in (1, 2):
        await channels.ask(f"q{number}")
        await channels.finished(channels.general, number)
    third = await channels.ask("q3")
    await marked(channels, third)
    told = await channels.reply(channels.general, 3)
    assert told.content.startswith(localized("limit-rate", most=2, wait="|").split("|")[0])
    # Told once, not with each question; others are not affected.
    await marked(channels, await channels.ask("q4"))
    await channels.ask("q5", channels.ben)
    assert answer(await channels.finished(channels.general, 4)) == "Ben: q5"
    assert len(channels.replies(channels.general)) == 4


async def test_a_spent_budget_of_a_member_ends_at_midnight(channels: Community) -> None:
    await limited(channels, member=SpendingLimit(tokens_per_day=1_000))
    await channels.ask("one")
    await channels.finished(channels.general)
    refused = await channels.ask("two")
    await marked(channels, refused)
    assert shows(await channels.reply(channels.general, 2), "member")
    assert await channels.ledger.questions.known([refused.id]) == frozenset()
    await channels.ask("three", channels.ben)
    assert answer(await channels.finished(channels.general, 3)) == "Ben: three"
    channels.clock.later += 86_400
    await channels.ask("four")
    assert answer(await channels.finished(channels.general, 4)) == "Ada: four"


@pytest.mark.parametrize("scope", ["total", "server", "channel"])
async def test_a_budget_that_all_share_stops_everybody(channels: Community, scope: str) -> None:
    await limited(channels, **{scope: SpendingLimit(money_per_month=0.0026)})
    await channels.ask("one")
    await channels.finished(channels.general)
    await marked(channels, await channels.ask("two", channels.ben))
    assert shows(await channels.reply(channels.general, 2), scope, "month")
    elsewhere = channels.sandbox.guild.add_text_channel("elsewhere")
    question = await channels.ask("three", channel=elsewhere)
    if scope == "channel":
        assert answer(await channels.finished(elsewhere)) == "three"
    else:
        await marked(channels, question)


async def test_the_total_stops_commands_and_buttons_but_not_cancel(channels: Community) -> None:
    await limited(channels, total=SpendingLimit(tokens_per_day=1_000))
    owner = await channels.sandbox.people[0].open_dm()
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    used = await channels.ada.command(channels.general, "runs list")
    pressed = await channels.ada.click(reply, "Show steps")
    for each in (used, pressed):
        await channels.until(lambda each=each: each.done)
        assert each.original is not None
        assert shows(each.original, "total")
    told = (await channels.reply(owner)).content
    whole = localized("alert-limit-total", span=localized("limit-span-day"), until="|")
    assert told.startswith(whole.split("|")[0])
    assert len(channels.replies(owner)) == 1


async def test_questions_by_button_or_command_are_limited_too(
    channels: Community,
) -> None:
    await limited(channels, questions_per_minute=1, burst=1)
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    for asking in (
        await channels.ada.click(reply, "Answer again"),
        await channels.ada.command(channels.general, "runs retry", run="1"),
        await channels.ada.command(channels.general, "schedule run", schedule="1"),
    ):
        await channels.until(lambda asking=asking: asking.done)
        assert asking.original is not None
        assert asking.original.content.startswith(
            localized("limit-rate", most=1, wait="|").split("|")[0]
        )
    assert len(channels.model.requests) == 1


async def test_a_role_raises_the_budget_of_its_members(channels: Community) -> None:
    guild, backend = channels.sandbox.guild, channels.sandbox.backend
    helpers = backend.guilds.add_role(guild.state, "Helpers", guild.state.everyone.permissions)
    await limited(
        channels,
        member=SpendingLimit(tokens_per_day=1_000),
        roles={
            str(helpers.id): SpendingLimit(tokens_per_day=50_000),
            "1": SpendingLimit(tokens_per_day=90_000),
        },
    )
    backend.guilds.give_role(guild.state, channels.ada.user, helpers)
    for number in (1, 2):
        await channels.ask(f"q{number}")
        assert answer(await channels.finished(channels.general, number)) == f"q{number}"


async def test_questions_at_once_are_refused_by_what_runs_under_way_have_reserved(
    threads: Community,
) -> None:
    await limited(threads, server=SpendingLimit(tokens_per_day=8_000))
    gate = Gate()
    threads.model.then(turns.say("held", gate=gate, usage=THOUSAND))
    first = await threads.thread_of(await threads.ask("one"))
    await threads.in_state(1, "running")
    second = await threads.thread_of(await threads.ask("two", threads.ben))
    reply = await threads.finished(second)
    assert reply.content == localized("limit-in-use")
    assert labels(reply) == ["Retry"]
    gate.open()
    await threads.finished(first)
    await threads.ben.click(reply, "Retry")
    await threads.until(lambda: answer(threads.replies(second)[0]) == "two")


async def test_the_runs_of_a_member_at_once_are_limited(threads: Community) -> None:
    await limited(threads, runs_per_member=1)
    gate = Gate()
    threads.model.then(turns.say("held", gate=gate))
    first = await threads.thread_of(await threads.ask("one"))
    await threads.in_state(1, "running")
    second = await threads.thread_of(await threads.ask("two"))
    await threads.until(
        lambda: any(m.content == localized("limit-runs") for m in threads.replies(second))
    )
    other = await threads.thread_of(await threads.ask("three", threads.ben))
    assert answer(await threads.finished(other)) == "three"
    gate.open()
    await threads.finished(first)
    assert answer(await threads.finished(second)) == "two"


async def test_an_answer_is_cut_at_the_configured_maximum_and_costs_no_more(
    channels: Community,
) -> None:
    await limited(channels, completion_tokens=256)
    await channels.ask("one")
    await channels.finished(channels.general)
    assert channels.model.requests[0].body["max_tokens"] == 256


async def spent(whole: Community, turn: int, attempt: int = 1) -> Spend:
    """What an attempt used, once that is settled."""
    found = await eventually(
        lambda: whole.ledger.spending.of_attempt(turn, attempt), lambda spend: spend is not None
    )
    assert isinstance(found, Spend)
    return found


async def test_what_is_settled_is_the_runs_own_usage_and_its_price(channels: Community) -> None:
    await limited(channels)
    channels.model.say("1", usage=TokenUsage(prompt=900, completion=100, cached=400))
    await channels.ask("one")
    await channels.finished(channels.general)
    (run,) = await channels.runs_on(channels.general)
    assert run.usage is not None
    assert await spent(channels, 1) == Spend(
        model="scripted-model",
        prompt_tokens=900,
        cached_tokens=400,
        completion_tokens=100,
        tokens=run.usage.total_tokens,
        cost=500 * 2_000 + 400 * 500 + 100 * 8_000,
    )


async def test_a_cancelled_run_is_settled_by_what_it_used(channels: Community) -> None:
    await limited(channels)
    gate = Gate()
    channels.model.then(turns.say("a long answer", gate=gate))
    question = await channels.ask("one")
    await channels.in_state(1, "running")
    await channels.ada.delete(question)
    await channels.ended_turns(1)
    use = await spent(channels, 1)
    gate.open()
    (run,) = await channels.runs_on(channels.general)
    assert run.usage is not None
    assert use.tokens == run.usage.total_tokens


async def test_charges_that_a_stopped_bot_left_are_settled_by_the_next_start(
    channels: Community,
) -> None:
    await limited(channels)
    gate = Gate()
    channels.model.then(turns.say("held", gate=gate, usage=THOUSAND))
    await channels.ask("one")
    await channels.in_state(1, "running")
    await channels.stop_bot()
    gate.open()
    await channels.start_bot()
    await channels.finished(channels.general)
    assert (await spent(channels, 1)).tokens == 1_000
    assert await channels.ledger.spending.open_charges() == ()


async def test_limits_are_told_in_the_servers_language(channels: Community) -> None:
    await limited(channels, member=SpendingLimit(tokens_per_month=1_000))
    await channels.ledger.locales.set_guild(channels.sandbox.guild.id, "ja")
    await channels.ask("one")
    await channels.finished(channels.general)
    await marked(channels, await channels.ask("two"))
    told = await channels.reply(channels.general, 2)
    with using("ja"):
        assert shows(told, "member", "month")


async def test_a_direct_message_has_a_budget_of_its_own(channels: Community) -> None:
    await limited(channels, member=SpendingLimit(tokens_per_day=1_000))
    home: Channel = await channels.ada.open_dm()
    await channels.ada.say(home, "one")
    await channels.finished(home)
    refused = await channels.ada.say(home, "two")
    await marked(channels, refused)
    await channels.ask("three")
    assert answer(await channels.finished(channels.general)) == "three"


async def test_the_cost_stands_below_the_answer_if_configured(channels: Community) -> None:
    channels.settings = replace(channels.settings, footer=("tokens", "cost"))
    await limited(channels)
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    assert reply.content.splitlines()[-1] == (
        f"-# {localized('tokens', tokens=1_000)} · 0.0026 USD"
    )
    listed = await channels.ada.command(channels.general, "runs list")
    shown = await channels.ada.command(channels.general, "runs show", run="1")
    for each in (listed, shown):
        await channels.until(lambda each=each: each.original is not None and each.original.content)
        assert each.original is not None
        assert " · 1,000 tokens · 0.0026 USD · Ada · " in each.original.content
