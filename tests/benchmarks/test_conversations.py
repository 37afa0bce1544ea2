"""The benchmark of conversations runs, and its result is far from a regression."""

from tests.benchmarks.conversations import measure


async def test_a_conversation_costs_no_multiple_of_what_the_smallest_bot_takes_for_it() -> None:
    baseline = await measure("baseline", 10, 45, a_second=None, limits=False)
    bot = await measure("bot", 10, 45, a_second=None, limits=False)
    assert bot.cpu < baseline.cpu * 4
    assert bot.memory < 250
