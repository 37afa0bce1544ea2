"""What each process of the tests does once."""

import gc


def pytest_collection_finish() -> None:
    """Leave modules and collected tests, which stay to the end, out of every garbage collection."""
    gc.collect()
    gc.freeze()
