"""A clock that jumps while the bot runs and between its starts: each question has one answer."""

import pytest

from tests.scenarios.community import Community, answer

YEAR = 365 * 86_400.0


@pytest.mark.parametrize("jump", [-5 * YEAR, -7_200.0, 7_200.0, 2 * 86_400.0])
async def test_whatever_the_clock_says_all_is_answered_once_and_in_order(
    threads: Community, jump: float
) -> None:
    home = await threads.ada.open_dm()
    gate = threads.model.stall("o", then="ne")
    await threads.ada.say(home, "one")
    await threads.in_state(1, "running")
    # Meanwhile the engine has seen when the first run expires, by the clock before the jump.
    elsewhere = await threads.ben.open_dm()
    await threads.ben.say(elsewhere, "before")
    await threads.finished(elsewhere)
    # Discord's ids are as far ahead of our clock, or behind it, from now on.
    threads.clock.later = jump
    await threads.ada.say(home, "two")
    await threads.waiting(["two"], home)
    await threads.ben.say(elsewhere, "meanwhile")
    await threads.finished(elsewhere, 2)
    gate.open()
    await threads.finished(home, 2)
    await threads.stop_bot()
    await threads.stop_engine()
    await threads.ada.say(home, "three")
    question = await threads.ask("four")
    await threads.start_engine()
    await threads.start_bot()
    await threads.finished(home, 3)
    thread = await threads.thread_of(question)
    await threads.finished(thread)
    # And back.
    threads.clock.later = 0.0
    await threads.ada.say(home, "five")
    await threads.finished(home, 4)
    await threads.settled(7)
    said = [answer(reply) for reply in threads.replies(home)]
    assert said == ["one", "two", "three", "five"]
    assert [answer(reply) for reply in threads.replies(thread)] == ["four"]
    assert threads.replies(threads.general) == []
