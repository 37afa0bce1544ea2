"""What each process of the tests does once."""

import gc

from hypothesis import settings

# A slow or busy machine is no defect: no example of a property has a deadline.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_collection_finish() -> None:
    """Leave modules and collected tests, which stay to the end, out of every garbage collection."""
    gc.collect()
    gc.freeze()
