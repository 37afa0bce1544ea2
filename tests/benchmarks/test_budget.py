"""The benchmark of budgets works, and its budget holds."""

from tests.benchmarks.budget import main


async def test_one_budget_holds_against_strangers_who_ask_at_once() -> None:
    rows = [[cell.strip() for cell in row.split("|")] for row in await main(120)]
    assert [row[1] for row in rows] == ["not counted", "none", "one"]
    assert [int(row[4]) for row in rows[:2]] == [120, 120]
    answered, spent, budget = (int(cell) for cell in rows[2][4:7])
    assert spent == answered * 5_000
    assert 0 < spent <= budget
    assert answered < 120
