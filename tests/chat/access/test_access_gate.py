"""The gate's verdicts on whatever rules and visitors there may be."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.chat.access.access_gate import AccessGate, AccessRequest
from bot.config import AccessSettings
from bot.runtime.clock import SystemClock
from bot.store.ledger import AccessRule, Ledger, RuleKind, TooManyRulesError
from bot.store.ledger.settings.access_rules import MOST_RULES

GUILD, ADA, BEN, HELPERS, STRANGERS = 1, 11, 12, 21, 22
GENERAL, CATEGORY, THREAD = 31, 32, 33


def visit(
    user_id: int = ADA,
    *roles: int,
    guild_id: int | None = GUILD,
    channels: tuple[int, ...] = (THREAD, GENERAL, CATEGORY),
    command: str = "",
    is_manager: bool = False,
) -> AccessRequest:
    return AccessRequest(
        entry="command" if command else "question",
        user_id=user_id,
        guild_id=guild_id,
        channel_ids=channels,
        role_ids=frozenset({*roles, GUILD}),
        command=command,
        is_manager=is_manager,
    )


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(tmp_path / "bot.db", SystemClock().now)
    yield opened
    await opened.close()


async def verdict(ledger: Ledger, request: AccessRequest, **operator: object) -> str | None:
    refusal = await AccessGate(AccessSettings(**operator), ledger).check(request)  # type: ignore[arg-type]  # lists
    return None if refusal is None else refusal.reason


async def rule(ledger: Ledger, target_id: int, kind: RuleKind, *, allowed: bool) -> None:
    await ledger.access_rules.set(
        GUILD, AccessRule(target_id=target_id, kind=kind, allowed=allowed)
    )


async def test_without_rules_a_server_is_open_and_direct_messages_are_closed(
    ledger: Ledger,
) -> None:
    direct = visit(guild_id=None, channels=(99,))
    assert await verdict(ledger, visit()) is None
    assert await verdict(ledger, direct) == "direct_messages"
    assert await verdict(ledger, direct, direct_messages=True) is None


@pytest.mark.parametrize(
    ("operator", "reason"),
    [
        ({"deny_members": (ADA,)}, "member"),
        ({"deny_members": (BEN,)}, None),
        ({"allow_members": (BEN,)}, "member"),
        ({"allow_members": (ADA,)}, None),
        ({"allow_members": (BEN,), "allow_roles": (HELPERS,)}, None),
        ({"allow_members": (ADA,), "deny_members": (ADA,)}, "member"),
        ({"allow_members": (ADA,), "deny_roles": (HELPERS,)}, "member"),
        ({"allow_roles": (STRANGERS,)}, "member"),
        ({"allow_roles": (GUILD,)}, None),
        ({"deny_roles": (GUILD,)}, "member"),
        ({"deny_channels": (CATEGORY,)}, "channel"),
        ({"deny_channels": (GENERAL,)}, "channel"),
        ({"allow_channels": (CATEGORY,)}, None),
        ({"allow_channels": (GENERAL,), "deny_channels": (THREAD,)}, "channel"),
        ({"allow_channels": (77,)}, "channel"),
        ({"allow_servers": (GUILD,)}, None),
        ({"allow_servers": (2,)}, "server"),
        ({"allow_servers": (GUILD,), "deny_servers": (GUILD,)}, "server"),
        ({"allow_servers": (GUILD,), "allow_channels": (77,)}, "channel"),
    ],
)
async def test_of_the_operators_rules_deny_beats_allow_and_an_empty_list_admits_everybody(
    ledger: Ledger, operator: dict[str, object], reason: str | None
) -> None:
    assert await verdict(ledger, visit(ADA, HELPERS), **operator) == reason


async def test_the_bot_in_somebodys_own_account_is_off_unless_switched_on(ledger: Ledger) -> None:
    elsewhere = replace(visit(), by_user_install=True)
    in_private = replace(visit(guild_id=None), by_user_install=True)
    for request in (elsewhere, in_private):
        assert await verdict(ledger, request) == "user_installs"
        assert await verdict(ledger, request, direct_messages=True) == "user_installs"
        assert await verdict(ledger, request, user_installs=True) is None
    denied = await verdict(ledger, elsewhere, user_installs=True, deny_servers=(GUILD,))
    assert denied == "server"


async def test_whoever_has_left_is_refused_even_where_everybody_is_allowed(ledger: Ledger) -> None:
    assert await verdict(ledger, replace(visit(), role_ids=None)) == "left"


async def test_a_servers_rules_narrow_the_operators_and_never_widen_them(ledger: Ledger) -> None:
    await rule(ledger, ADA, "member", allowed=True)
    assert await verdict(ledger, visit(ADA), deny_members=(ADA,)) == "member"
    assert await verdict(ledger, visit(BEN)) == "member_by_server"
    await rule(ledger, GENERAL, "channel", allowed=False)
    assert await verdict(ledger, visit(ADA)) == "channel_by_server"
    assert await verdict(ledger, visit(ADA, channels=(88,))) is None


async def test_about_the_same_id_the_operators_rule_counts(ledger: Ledger) -> None:
    await rule(ledger, ADA, "member", allowed=False)
    await rule(ledger, GENERAL, "channel", allowed=False)
    assert await verdict(ledger, visit(ADA)) == "member_by_server"
    assert await verdict(ledger, visit(ADA), allow_members=(ADA,)) == "channel_by_server"
    allowed = {"allow_members": (ADA,), "allow_channels": (GENERAL,)}
    assert await verdict(ledger, visit(ADA), **allowed) is None


async def test_a_server_may_deny_one_member_of_a_role_that_the_operator_allows(
    ledger: Ledger,
) -> None:
    await rule(ledger, ADA, "member", allowed=False)
    assert await verdict(ledger, visit(ADA, HELPERS), allow_roles=(HELPERS,)) == "member_by_server"
    assert await verdict(ledger, visit(BEN, HELPERS), allow_roles=(HELPERS,)) is None


async def test_a_server_may_allow_fewer_roles_than_the_operator(ledger: Ledger) -> None:
    await rule(ledger, STRANGERS, "role", allowed=True)
    one = visit(ADA, HELPERS)
    assert await verdict(ledger, one, allow_roles=(HELPERS,)) == "member_by_server"
    assert await verdict(ledger, one, allow_members=(ADA,)) is None


async def test_managers_can_undo_their_rules_but_not_the_operators(ledger: Ledger) -> None:
    await rule(ledger, GUILD, "role", allowed=False)
    manager = visit(ADA, command="access", is_manager=True)
    assert await verdict(ledger, manager) is None
    assert await verdict(ledger, visit(ADA, command="runs", is_manager=True)) == "member_by_server"
    assert await verdict(ledger, visit(ADA, command="access")) == "member_by_server"
    assert await verdict(ledger, manager, deny_members=(ADA,)) == "member"


async def test_nobody_is_refused_what_is_stored_about_them(ledger: Ledger) -> None:
    own = visit(ADA, command="privacy")
    assert await verdict(ledger, own, deny_members=(ADA,), deny_servers=(GUILD,)) is None


async def test_rules_of_one_server_hold_in_no_other(ledger: Ledger) -> None:
    await rule(ledger, ADA, "member", allowed=False)
    assert await verdict(ledger, visit(ADA, guild_id=2)) is None


async def test_a_rule_replaces_the_one_about_the_same_target_and_can_be_removed(
    ledger: Ledger,
) -> None:
    await rule(ledger, ADA, "member", allowed=False)
    await rule(ledger, ADA, "member", allowed=True)
    assert await verdict(ledger, visit(ADA)) is None
    assert await verdict(ledger, visit(BEN)) == "member_by_server"
    assert await ledger.access_rules.remove(GUILD, ADA)
    assert not await ledger.access_rules.remove(GUILD, ADA)
    assert await verdict(ledger, visit(BEN)) is None


async def test_rules_outlive_the_process(tmp_path: Path) -> None:
    async def opened() -> Ledger:
        return await Ledger.open(tmp_path / "other.db", SystemClock().now)

    first = await opened()
    await rule(first, ADA, "member", allowed=False)
    await first.close()
    second = await opened()
    assert await verdict(second, visit(ADA)) == "member_by_server"
    await second.close()


async def test_a_server_has_no_endless_number_of_rules(ledger: Ledger) -> None:
    for number in range(MOST_RULES):
        await rule(ledger, 1_000 + number, "member", allowed=False)
    with pytest.raises(TooManyRulesError):
        await rule(ledger, ADA, "member", allowed=False)
    assert await verdict(ledger, visit(ADA)) is None
    await rule(ledger, 1_000, "member", allowed=True)


async def test_a_person_is_told_once_a_day_whatever_the_clock_does(tmp_path: Path) -> None:
    times = [100_000.0]
    told = await Ledger.open(tmp_path / "told.db", lambda: times[0])
    day = 86_400.0
    assert await told.access_rules.tell_refused(ADA, every=day)
    assert not await told.access_rules.tell_refused(ADA, every=day)
    assert await told.access_rules.tell_refused(BEN, every=day)
    times[0] += day
    assert await told.access_rules.tell_refused(ADA, every=day)
    times[0] -= 10 * day  # the clock was wrong
    assert await told.access_rules.tell_refused(ADA, every=day)
    await told.close()


IDS = st.lists(st.sampled_from((ADA, BEN, HELPERS, STRANGERS, GUILD)), max_size=3).map(tuple)
PLACES = st.lists(st.sampled_from((GENERAL, CATEGORY, THREAD, 77)), max_size=2).map(tuple)


@given(allowed=IDS, denied=IDS, places=PLACES, closed=PLACES, roles=IDS)
def test_whoever_is_denied_anywhere_by_the_operator_is_never_let_in(
    allowed: tuple[int, ...],
    denied: tuple[int, ...],
    places: tuple[int, ...],
    closed: tuple[int, ...],
    roles: tuple[int, ...],
) -> None:
    request = visit(ADA, *roles)
    settings = AccessSettings(
        allow_members=allowed, deny_roles=denied, allow_channels=places, deny_channels=closed
    )
    reason = AccessGate(settings, _NoRules()).refused_by_operator(request)  # type: ignore[arg-type]  # unread
    people, channels = {ADA, GUILD, *roles}, {THREAD, GENERAL, CATEGORY}
    if people & set(denied) or channels & set(closed):
        assert reason is not None
    elif (not allowed or people & set(allowed)) and (not places or channels & set(places)):
        assert reason is None
    else:
        assert reason is not None


class _NoRules:
    access_rules = None
