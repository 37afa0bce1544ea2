"""The benchmark of the gate works."""

from tests.benchmarks.gate import main


async def test_the_gate_is_measured_with_and_without_rules() -> None:
    rows = await main(50)
    assert [row.split("|")[1].strip() for row in rows] == ["0", "20", "500"]
