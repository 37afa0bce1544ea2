"""Turns failed requests into errors of the API, without secrets."""

import json
from collections.abc import Callable
from typing import Any, TypeVar, cast

from msgspec.structs import replace

from bot.assistants.errors import APIError, ErrorBody, UnreachableError
from bot.assistants.schema.objects import ListPage, Run, RunStep
from bot.runtime.clock import Clock
from bot.runtime.retry import retry_after
from bot.wire.bodies import excerpt
from bot.wire.http_client import never_connected

T = TypeVar("T")


class ErrorTranslator:
    """Turns failures of one server into ``APIError``; ``scrub`` removes secrets from texts."""

    def __init__(self, server: str, scrub: Callable[[str], str], clock: Clock) -> None:
        self._server = server
        self._clean = scrub
        self._clock = clock

    def unreachable(self, error: BaseException) -> UnreachableError:
        """Return the error for a request without a response."""
        what = "did not answer in time" if isinstance(error, TimeoutError) else "can't be reached"
        if never_connected(error):
            known = "The request was not made."
        else:
            known = "Whether the request took place is unknown."
        detail = self._clean(str(error)) or type(error).__name__
        return UnreachableError(
            f"The server at {self._server} {what} ({detail}). {known} Check its address and that "
            "it runs."
        )

    def cut(self, detail: str) -> UnreachableError:
        """Return the error for a stream that ended before it named its run."""
        return UnreachableError(
            f"The stream from {self._server} ended before its run was known "
            f"({self._clean(detail)}). Whether the run was created is unknown: list the runs."
        )

    def unusable(self, detail: str) -> APIError:
        """Return the error for a response that is not the API's."""
        return APIError(
            502,
            f"The server at {self._server} answered something that is {self._clean(detail)}. "
            "Check that its address is that of an Assistants API (it usually ends in /v1).",
            type="server_error",
            code="invalid_response",
        )

    def refused(self, status: int, headers: Any, body: bytes) -> APIError:
        """Return the error for a refusal: the API's own error object if the body holds one."""
        wait = retry_after(headers, self._clock.now())
        found = _error_object(body)
        if found is None:
            said = (
                f"answered {status}, not as the Assistants API does: {self._clean(excerpt(body))}"
            )
            if status >= 500:
                error: APIError = UnreachableError(
                    f"The server at {self._server} {said}. Whether the request took place is "
                    "unknown."
                )
                error.retry_after = wait
                return error
            where = headers.get("Location") if 300 <= status < 400 else None
            if where:
                said = f"answered {status}: it has moved to {self._clean(where)}"
            return APIError(
                status if status >= 400 else 502,
                f"The server at {self._server} {said}. Check its address.",
                code="invalid_response",
                retry_after=wait,
            )
        message = _text(found.get("message")) or f"The server at {self._server} answered {status}."
        default = "server_error" if status >= 500 else "invalid_request_error"
        return APIError(
            status,
            self._clean(message),
            type=_text(found.get("type")) or default,
            param=_text(found.get("param")),
            code=_text(found.get("code")),
            retry_after=wait,
        )

    def scrubbed(self, error: ErrorBody) -> ErrorBody:
        """Return a stream's error object without the secret."""
        return replace(error, message=self._clean(error.message))

    def cleaned(self, answer: T) -> T:
        """Return an object without the secret in the ``last_error`` of its runs and steps."""
        if isinstance(answer, ListPage):
            items = tuple(self.cleaned(item) for item in answer.data)
            return cast("T", replace(answer, data=items))
        if isinstance(answer, Run | RunStep) and answer.last_error is not None:
            last_error = answer.last_error
            error = replace(
                last_error,
                code=self._clean(last_error.code),
                message=self._clean(last_error.message),
            )
            return cast("T", replace(answer, last_error=error))
        return answer


def names_stream(error: APIError) -> bool:
    """Tell whether a server refused a request because it asks for a stream."""
    return error.status in (400, 422, 501) and (
        error.param == "stream" or "'stream'" in error.message or '"stream"' in error.message
    )


def _error_object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
