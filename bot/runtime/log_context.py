"""The id under which the log shows the work of one question, or of one HTTP request.

The id is a context variable: tasks inherit it, so that a question's turn, its run and the calls of
the model are logged under the question's id.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

LOG_ID: Final[ContextVar[str]] = ContextVar("LOG_ID", default="")
"""The id of the work under way; empty for work that belongs to neither a question nor a request."""


@contextmanager
def logged_as(log_id: str) -> Iterator[None]:
    """Log the work of the block, and of the tasks that it starts, under an id."""
    token = LOG_ID.set(log_id)
    try:
        yield
    finally:
        LOG_ID.reset(token)
