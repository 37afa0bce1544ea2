"""A short run of the harness; the long one is ``python -m tests.faults``."""

from pathlib import Path

import pytest

from tests.faults.rounds import run


@pytest.mark.parametrize(("seed", "remote"), [(7, False), (8, True)])
async def test_killed_again_and_again_in_all_kinds_of_trouble_nothing_is_lost_or_doubled(
    tmp_path: Path, seed: int, remote: bool
) -> None:
    outcome = await run(tmp_path, seed, 6, remote=remote)
    assert outcome.verdict.wrong == [], f"replay with --seed {seed}"
    assert outcome.kills >= 6
    assert outcome.verdict.questions >= 6
