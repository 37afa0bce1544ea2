"""Calls to the Assistants API, made until they are answered or patience is at its end.

What a refusal means for a thread is told apart here and nowhere else.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from bot.assistants.errors import APIError
from bot.chat.texts.sentences import FailureKind
from bot.runtime.backoff import backoff
from bot.runtime.clock import Clock

T = TypeVar("T")

PATIENCE_SECONDS: Final = 120.0
"""How long a server that does not answer is asked again, in seconds."""

LONGEST_WAIT: Final = 10.0
"""Between two tries, in seconds."""


class TurnError(Exception):
    """A turn that can't go on; ``kind`` is our own word for why."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind: FailureKind = kind


class ThreadLostError(Exception):
    """The thread is gone, or can't be used any more."""


async def insist(clock: Clock, call: Callable[[], Awaitable[T]], patience: float) -> T:
    """Make a call until it is answered; raises ``APIError`` where it is refused.

    For calls that may be made twice. Raises ``TurnError`` once ``patience`` seconds are over.
    """
    give_up = clock.monotonic() + patience
    attempt = 0
    while True:
        try:
            return await call()
        except APIError as error:
            if not passing(error):
                raise
            wait = max(error.retry_after or 0.0, backoff(attempt, LONGEST_WAIT))
            if clock.monotonic() + wait > give_up:
                kind: FailureKind = "rate_limited" if error.status == 429 else "unreachable"
                raise TurnError(kind, str(error)) from error
        attempt += 1
        await clock.sleep(wait)


def passing(error: APIError) -> bool:
    """Whether the same call may go through later."""
    return error.status in (408, 429) or error.status >= 500


def unusable(error: BaseException | None) -> bool:
    """Whether an answer came, and can't be read: on a server that is there otherwise."""
    if isinstance(error, TurnError):
        error = error.__cause__
    return isinstance(error, APIError) and error.code == "invalid_response"


def gone(error: APIError) -> bool:
    """Whether what was asked for is not there."""
    return error.status in (404, 410)


def refusal(error: APIError) -> FailureKind:
    """Return our own word for a refusal that is about the request, or about who makes it."""
    return "not_allowed" if error.status in (401, 403) else "refused"


def locked(error: APIError) -> bool:
    """Whether an active run is in the way."""
    text = error.message.lower()
    return error.status in (400, 409) and (
        "already has an active run" in text or ("while a run" in text and "is active" in text)
    )


def full(error: APIError) -> bool:
    """Whether the thread holds all the messages that it can."""
    text = error.message.lower()
    return error.status in (400, 409, 413) and "maximum" in text and "messages" in text
