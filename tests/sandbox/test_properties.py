"""Properties of history, timers, ids, permissions and mentions for all orders, sizes and texts."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox import Permission, Sandbox, SandboxClock
from bot.sandbox.backend.messages.content.drafts import Draft
from bot.sandbox.backend.messages.mentions import AllowedMentions
from bot.sandbox.backend.state.model import DiscordMessage
from bot.sandbox.backend.state.permissions import in_channel
from bot.sandbox.snowflake import Snowflakes, created_at

BITS = st.integers(0, (1 << 53) - 1).map(Permission)


@given(count=st.integers(0, 40), page=st.integers(1, 15), gone=st.sets(st.integers(0, 39)))
def test_paging_through_the_history_finds_every_message_once_in_order(
    count: int, page: int, gone: set[int]
) -> None:
    sandbox = Sandbox()
    messages, general = sandbox.backend.messages, sandbox.guild.text_channel("general")
    said = [messages.post(general, sandbox.admin.user, Draft(content="x")) for _ in range(count)]
    for index in gone:
        if index < count:
            messages.delete(said[index], None)
    there = [message for message in said if not message.deleted]
    back: list[DiscordMessage] = []
    while True:
        before = back[-1].id if back else None
        found = messages.history(general, sandbox.bot_user, before=before, limit=page)
        back += found
        if not found:
            break
    assert back == there[::-1]
    on: list[DiscordMessage] = []
    while found := messages.history(
        general, sandbox.bot_user, after=on[-1].id if on else 0, limit=page
    ):
        on += found[::-1]
    assert on == there


@given(st.lists(st.one_of(st.floats(0, 50), st.tuples(st.floats(0, 20)))))
def test_timers_fire_in_order_none_early_and_none_lost(steps: list[float | tuple[float]]) -> None:
    async def run() -> None:
        clock = SandboxClock(wall=lambda: 1000.0)
        due: list[float] = []
        fired: list[tuple[float, float]] = []
        for step in steps:
            if isinstance(step, tuple):
                clock.advance(step[0])
            else:
                when = clock.now() + step
                due.append(when)
                clock.call_at(when, lambda when=when: fired.append((when, clock.now())))  # type: ignore[misc] # a default binds it
        clock.advance(100)
        assert [when for when, _ in fired] == sorted(due)
        assert all(at >= when for when, at in fired)
        clock.stop()

    asyncio.run(run())


@given(st.lists(st.floats(0, 5), max_size=50))
def test_ids_only_grow_and_carry_their_time(skips: list[float]) -> None:
    clock = SandboxClock(wall=lambda: 1_700_000_000.0)
    ids = Snowflakes(clock)
    found = []
    for skip in skips:
        clock.advance(skip)
        found.append(ids.next())
        assert abs(created_at(found[-1]) - clock.now()) < 0.01
    assert found == sorted(set(found))


@given(everyone=BITS, role=BITS, denied=BITS, allowed=BITS, own_deny=BITS, own_allow=BITS)
def test_a_members_own_overwrite_has_the_last_word(
    everyone: Permission,
    role: Permission,
    denied: Permission,
    allowed: Permission,
    own_deny: Permission,
    own_allow: Permission,
) -> None:
    sandbox = Sandbox()
    ada, general = sandbox.members[0].user, sandbox.guild.text_channel("general")
    sandbox.guild.state.everyone.permissions = everyone & ~Permission.ADMINISTRATOR
    added = sandbox.backend.guilds.add_role(
        sandbox.guild.state, "r", role & ~Permission.ADMINISTRATOR
    )
    sandbox.backend.guilds.give_role(sandbox.guild.state, ada, added)
    general.deny(added, denied)
    general.allow(added, allowed)
    general.deny(ada, own_deny)
    general.allow(ada, own_allow | Permission.VIEW_CHANNEL)
    found = in_channel(general, ada)
    assert found & own_allow == own_allow
    refused = own_deny & ~own_allow & ~Permission.VIEW_CHANNEL
    assert not found & refused
    untouched = ~(denied | allowed | own_deny | own_allow | Permission.VIEW_CHANNEL)
    assert found & untouched == (everyone | role) & ~Permission.ADMINISTRATOR & untouched
    assert in_channel(general, sandbox.admin.user) & own_deny == own_deny


TEXTS = st.lists(
    st.sampled_from(["ADA", "BEN", "@everyone", "`", "```", " words ", "\n", "\\", "MIRA"]),
    max_size=12,
)


@given(words=TEXTS, users=st.sets(st.sampled_from(["ADA", "BEN", "MIRA"])))
def test_nobody_is_notified_whom_the_sender_did_not_allow(
    words: list[str], users: set[str]
) -> None:
    sandbox = Sandbox()
    people = dict(zip(("MIRA", "ADA", "BEN"), sandbox.people, strict=True))
    text = "".join(words)
    for name, person in people.items():
        text = text.replace(name, person.mention)
    allowed = AllowedMentions(parse=set(), users={people[name].id for name in users})
    draft = Draft(content=f"x{text}", allowed_mentions=allowed)
    general = sandbox.guild.text_channel("general")
    message = sandbox.backend.messages.post(general, sandbox.bot_user, draft)
    named = {people[word].id for word in words if word in people}
    assert message.pings <= {people[name].id for name in users} & named
    assert not message.mention_everyone
    if "`" not in text:
        assert message.pings == {people[name].id for name in users} & named
