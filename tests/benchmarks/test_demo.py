"""The benchmark of the demo works; skipped aloud without a browser."""

import pytest

from tests.benchmarks.demo import busy_core, measure
from tests.support.browser import CHROMIUM


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to open the demo in")
async def test_the_page_is_painted_and_the_showcase_answers_in_order() -> None:
    with busy_core():
        row = await measure("one round", 1)
    print(row)
    assert row.paint > 0
    assert 0 < row.thinking <= row.answer
