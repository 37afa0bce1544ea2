"""The benchmark of runs runs, and its result is far from a regression."""

from tests.benchmarks import growth, runs


async def test_a_whole_run_costs_less_than_the_official_sdks_bare_call() -> None:
    rows = await runs.measure(at_once=(8,), runs=48)
    bare, sdk, engine, served = rows
    assert runs.table(rows).count("\n") == 5
    assert engine.cpu < sdk.cpu
    assert served.cpu < sdk.cpu * 2
    assert bare.cpu < engine.cpu < bare.cpu * 12


async def test_size_costs_next_to_nothing() -> None:
    pairs = await growth.measure(long=2_000, many=20_000, pieces=5_000, rounds=5)
    assert {pair.name: pair.ratio for pair in pairs if pair.ratio >= 3} == {}
