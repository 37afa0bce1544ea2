"""Cases made from the published description: `python -m tests.conformance.fuzz` sends many more."""

import pytest

from tests.conformance.description import needs_description

CASES = 400

pytestmark = [
    needs_description,
    # What its own dependencies do is not ours to be warned of.
    pytest.mark.filterwarnings("default:::schemathesis"),
]


def test_no_case_is_answered_with_anything_but_the_api() -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    from tests.conformance.fuzz import fuzz  # only where schemathesis is

    outcome = fuzz(CASES)
    assert outcome.wrong == []
    assert outcome.statuses.total() >= CASES
    # Were all refused, or all taken, the cases would not be what they are meant to be.
    assert set(outcome.statuses) >= {200, 400, 404}
