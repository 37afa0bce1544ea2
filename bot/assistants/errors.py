"""Every error of the API: its HTTP status, type, code, param and message."""

from collections.abc import Collection
from typing import Final, Literal

from msgspec import Struct

from bot.assistants.states import RunStatus

Noun = Literal[
    "assistant", "thread", "message", "run", "run step", "file", "vector store", "file batch"
]


INTERRUPTED_RUN: Final = "The engine was stopped three times while it executed this run."
"""The ``last_error.message`` of a run that failed because the engine was stopped, not the model."""


class ErrorBody(Struct, frozen=True):
    """The object inside ``{"error": …}``."""

    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None


class APIError(Exception):
    """An operation was refused or failed; ``status`` is the HTTP status of the answer.

    ``retry_after`` is the time in seconds after which the server wants the next attempt, if known.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",  # noqa: A002 - the field's name on the wire
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = ErrorBody(message, type, param, code)
        self.retry_after = retry_after

    @property
    def message(self) -> str:
        """The sentence that tells the caller what is wrong."""
        return self.body.message

    @property
    def param(self) -> str | None:
        """The field of the request that is wrong, if it is one field."""
        return self.body.param

    @property
    def code(self) -> str | None:
        """The error code for programs, if there is one."""
        return self.body.code


class UnreachableError(APIError):
    """A server elsewhere gave no usable answer: the operation may have taken place or not."""

    def __init__(self, message: str) -> None:
        super().__init__(503, message, type="server_error", code="connection_failed")


def not_found(noun: Noun, id: str) -> APIError:  # noqa: A002 - the API's own word
    """Return the error for an id that the project does not have."""
    return APIError(404, f"No {noun} found with id '{id}'.")


def unreadable(noun: Noun, id: str) -> APIError:  # noqa: A002 - the API's own word
    """Return the error for a damaged stored object; no retry helps, so not a 5xx.

    422 is this server's own choice: the API has no such case.
    """
    return APIError(
        422,
        f"The {noun} '{id}' cannot be read: its stored data is damaged. Delete it, or ask whoever "
        "runs the server to look at its log.",
        code="unreadable_object",
    )


def calls_unreadable(run_id: str) -> APIError:
    """Return the error for tool outputs whose calls are lost with a damaged run step.

    422 is this server's own choice, as for ``unreadable``.
    """
    return APIError(
        422,
        f"The tool calls that run '{run_id}' waits for cannot be read: the stored data of their "
        "run step is damaged. Cancel the run and start another one, or ask whoever runs the "
        "server to look at its log.",
        code="unreadable_object",
    )


def thread_locked(thread_id: str, run_id: str) -> APIError:
    """Return the error for a message while the thread has an unfinished run."""
    return APIError(400, f"Can't add messages to {thread_id} while a run {run_id} is active.")


def run_active(thread_id: str, run_id: str) -> APIError:
    """Return the error for a run while the thread has an unfinished run."""
    return APIError(400, f"Thread {thread_id} already has an active run {run_id}.")


def outputs_refused(status: RunStatus) -> APIError:
    """Return the error for tool outputs to a run that waits for none."""
    return APIError(400, f'Runs in status "{status}" do not accept tool outputs.')


def outputs_mismatch(expected: Collection[str], got: Collection[str]) -> APIError:
    """Return the error for tool outputs that are not those of all waiting calls."""
    return APIError(
        400,
        f"Expected tool outputs for call_ids {_ids(expected)}, got {_ids(got)}",
        param="tool_outputs",
    )


def cannot_cancel(status: RunStatus) -> APIError:
    """Return the error for cancelling a run that has ended or is being cancelled."""
    return APIError(400, f"Cannot cancel run with status '{status}'")


def too_many_messages(thread_id: str, limit: int) -> APIError:
    """Return the error for a message to a full thread."""
    return APIError(400, f"Thread {thread_id} already has the maximum of {limit} messages.")


def too_many_runs(limit: int) -> APIError:
    """Return the error for a run of a project with too many unfinished runs."""
    return APIError(
        429,
        f"Too many unfinished runs: a project has {limit} at most. Try again when one of them has "
        "ended.",
        code="rate_limit_exceeded",
        retry_after=1,
    )


def file_too_large(limit: int) -> APIError:
    """Return the error for a file of more than ``limit`` bytes."""
    return APIError(
        413, f"File is too large. The maximum size is {limit // 1024 // 1024} MB.", param="file"
    )


def store_expired(store_id: str) -> APIError:
    """Return the error for the use of an expired vector store."""
    return APIError(400, f"Vector store {store_id} is expired.")


def search_too_long(seconds: float) -> APIError:
    """Return the error for a stopped search; 400: the same search would fail again."""
    return APIError(
        400,
        f"The search took longer than {seconds:g} seconds and was stopped. Ask for less at once: "
        "fewer queries, rarer words, simpler filters, or a smaller vector store.",
        code="search_too_long",
    )


def missing_beta_header() -> APIError:
    """Return the error for a request without the header of the API's version."""
    return APIError(
        400,
        "You must provide the 'OpenAI-Beta' header to access the Assistants API. "
        "Please try again by setting the header 'OpenAI-Beta: assistants=v2'.",
        code="invalid_beta",
    )


def old_beta_version() -> APIError:
    """Return the error for API version 1, which OpenAI ended in December 2024."""
    return APIError(
        400,
        "The v1 Assistants API has been deprecated. Please try again by setting the header "
        "'OpenAI-Beta: assistants=v2'. See the migration guide for more information: "
        "https://platform.openai.com/docs/assistants/migration.",
        code="invalid_beta",
    )


def invalid(message: str, param: str | None = None, code: str | None = None) -> APIError:
    """Return the error for a request with an invalid field."""
    return APIError(400, message, param=param, code=code)


def storage_unavailable() -> APIError:
    """Return the error for an operation that can't be stored now."""
    return APIError(
        503,
        "The server can't write its data right now (its disk is full or busy). Nothing was "
        "changed; try again later.",
        type="server_error",
        code="storage_unavailable",
    )


def server_error(message: str) -> APIError:
    """Return the error for a fault of the server; the log has the details."""
    return APIError(500, message, type="server_error")


def _ids(ids: Collection[str]) -> str:
    return "[" + ", ".join(f"'{id_}'" for id_ in ids) + "]"
