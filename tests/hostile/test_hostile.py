"""A neighbour beside each attack, and the soak, both short: ``python -m tests.hostile`` is long."""

from pathlib import Path

from tests.hostile.attacks import ATTACKS
from tests.hostile.soak import soak
from tests.hostile.trial import QUIET, trial

SECONDS = 0.8
MOST_MIB = 400.0


async def test_a_neighbour_lives_on_beside_every_attack(tmp_path: Path) -> None:
    report = await trial(tmp_path, SECONDS)
    assert report.wrong == []
    assert [phase.name for phase in report.phases] == [QUIET, *ATTACKS]
    for phase in report.phases:
        assert phase.latencies["run"], phase.name
        assert phase.peak < MOST_MIB, report.table()
    assert all(phase.rounds for phase in report.phases[1:])
    assert report.table().count("\n") == len(ATTACKS) + 2


async def test_mixed_flows_leave_nothing_in_memory(tmp_path: Path) -> None:
    outcome = await soak(tmp_path, 600)
    assert outcome.wrong == []
    # Databases' caches fill at first; what leaked by the flow would be more.
    assert outcome.tenths[-1] - outcome.tenths[0] < 30, outcome.table()
