"""Tells what an error of the Assistants API means for a turn."""

from typing import Final

from bot.assistants.errors import APIError
from bot.chat.texts.sentences import FailureKind

LONGEST_WAIT: Final = 10.0
"""The longest backoff between two tries, in seconds."""


class TurnError(Exception):
    """A turn can't continue; ``kind`` is the reason as the ledger stores it."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind: FailureKind = kind


class ThreadLostError(Exception):
    """The thread was deleted, or can't be used any more."""


def may_pass(error: APIError) -> bool:
    """Return whether the same call may succeed later."""
    return error.status in (408, 429) or error.status >= 500


def unusable(error: BaseException | None) -> bool:
    """Return whether the server's response could not be read."""
    if isinstance(error, TurnError):
        error = error.__cause__
    return isinstance(error, APIError) and error.code == "invalid_response"


def gone(error: APIError) -> bool:
    """Return whether the object that the call named does not exist."""
    return error.status in (404, 410)


def refusal(error: APIError) -> FailureKind:
    """Return the failure for a refused request: "not_allowed" if its key was refused."""
    return "not_allowed" if error.status in (401, 403) else "refused"


def locked(error: APIError) -> bool:
    """Return whether an active run locks the thread."""
    text = error.message.lower()
    return error.status in (400, 409) and (
        "already has an active run" in text or ("while a run" in text and "is active" in text)
    )


def full(error: APIError) -> bool:
    """Return whether the thread has as many messages as it may have."""
    text = error.message.lower()
    return error.status in (400, 409, 413) and "maximum" in text and "messages" in text
