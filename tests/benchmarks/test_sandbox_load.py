"""The load benchmark of the sandbox runs, on a small load."""

import pytest

from tests.benchmarks.sandbox_load import Load, measure


async def test_a_small_load_is_carried_and_reported(capsys: pytest.CaptureFixture[str]) -> None:
    await measure(Load(channels=20, conversations=10, rounds=2))
    told = capsys.readouterr().out
    assert "requests a second" in told
    assert "events a second" in told
