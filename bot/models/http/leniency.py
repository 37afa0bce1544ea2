"""Reads malformed JSON, numbers and errors leniently.

Model endpoints disagree in every field that most clients ignore. A stream is first decoded
strictly, which is fast; these functions read the events for which that fails.
"""

import json
import re
import secrets
import string
from typing import Any, Final, Literal

from bot.models.types import FinishReason

END: Final = object()
"""Stands for the marker of a stream's end, ``[DONE]`` in any spelling."""

_END: Final = re.compile(r"[\W_]*(?:done|end|eos|eof)[\W_]*", re.IGNORECASE)
_PREFIX: Final = re.compile(r"(?:\s*data:)+\s*", re.IGNORECASE)
_BETWEEN: Final = re.compile(r"(?:[\s\x1e]|data:)*", re.IGNORECASE)
_HALF_LAST: Final = re.compile(rb'(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2})"')
_OTHER_HALF_FIRST: Final = re.compile(rb'"(?=\\u[dD][c-fC-F][0-9a-fA-F]{2})')
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_ID_LETTERS: Final = string.ascii_letters + string.digits
_MOST_TOKENS: Final = 2**53
_NO_ERROR: Final = frozenset(
    {"", "0", "200", "none", "null", "nil", "ok", "success", "succeeded", "false", "undefined"}
)
WORDS: Final = ("message", "msg", "error_msg", "detail", "reason", "exception")
"""Fields in which endpoints put the words of an error."""

_ERROR_WORDS: Final = ("message", "msg", "detail", "details", "error", "reason", "type", "code")


def parse(data: bytes) -> list[Any]:
    """Return the JSON values in an event's data, with ``END`` for an end marker.

    Accepts bytes that are not UTF-8, ``NaN``, control characters, a doubled ``data:`` prefix, lone
    surrogates, JSON within a JSON string, and several values in a row, with or without line ends.
    Other text gives no value.
    """
    text = data.decode("utf-8", "replace").strip("\ufeff\x00 \t\r\n")
    if prefix := _PREFIX.match(text):
        text = text[prefix.end() :]
    whole = _value(text)
    if isinstance(whole, str) and isinstance(inner := _value(whole), dict):
        return [inner]
    if whole is not None:
        return [whole]
    if row := _row(text):
        return row
    lines = text.splitlines()
    if len(lines) < 2:
        return []
    values = (_value(line[found.end() :] if (found := _PREFIX.match(line)) else line)
              for line in lines)  # fmt: skip
    return [value for value in values if value is not None]


def _row(text: str) -> list[Any]:
    """Return the objects that follow one another in a text; none if there is other text."""
    decoder = json.JSONDecoder(strict=False)
    values: list[Any] = []
    at = 0
    while at < len(text):
        if _value(text[at : at + 20]) is END:
            return [*values, END]
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return []
        if not isinstance(value, dict | list):
            return []
        values.append(_sayable(value))
        between = _BETWEEN.match(text, end)
        at = end if between is None else between.end()
    return values


class HalfCharacters:
    """Joins the characters that an endpoint cut in two, at a seam between events.

    Programs that count in UTF-16 send the halves of an emoji as two escapes, one in each event.
    ``pending`` is the first half of a character whose other half did not come yet.
    """

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending = b""

    def joined(self, data: bytes) -> bytes:
        """Return an event's data with the pending half, and without a half at its end."""
        if self.pending and (other := _OTHER_HALF_FIRST.search(data)):
            data = data[: other.end()] + self.pending + data[other.end() :]
            self.pending = b""
        if cut := _HALF_LAST.search(data):
            self.pending = cut[2]
            data = data[: cut.start(2)] + data[cut.end(2) :]
        return data


def _value(text: str) -> Any:
    """Return the value of a JSON text; None for other text."""
    if len(text) < 20 and _END.fullmatch(text):
        return END
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return _sayable(value) if _SURROGATE_ESCAPE.search(text) else value


def _sayable(value: Any) -> Any:
    """Return a JSON value without lone surrogates, which UTF-8 can't encode."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_sayable(each) for each in value]
    if isinstance(value, dict):
        return {_sayable(key): _sayable(each) for key, each in value.items()}
    return value


def is_end(name: str, data: bytes) -> bool:
    """Tell whether an event without content marks the stream's end by its name."""
    return _END.fullmatch(name) is not None and data.strip() in (b"", b"{}", b"null", b'""')


def integer(value: object) -> int | None:
    """Return a non-negative whole number, also of ``"3"`` or ``3.0``; else None."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 17:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MOST_TOKENS else None


def text_in(value: object) -> str:
    """Return a field's text, also of a number or of an object around the text."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dict):  # the Assistants API's shape: {"value": "…"}
        return text_in(value.get("value", value.get("text")))
    return ""


def says_something(error: object) -> bool:
    """Tell whether an error field holds an error: not ``{}``, ``""``, ``false`` or code 0."""
    if isinstance(error, dict):
        known = [error[key] for key in _ERROR_WORDS if key in error]
        return any(map(says_something, known or error.values()))
    if isinstance(error, list):
        return any(map(says_something, error))
    if isinstance(error, str):
        return error.strip().lower() not in _NO_ERROR
    return bool(error) and error != 200


def error_in(value: dict[str, Any]) -> Any:
    """Return the error of an event without an answer, in any shape that endpoints use."""
    for key in ("error", "errors"):
        error = value.get(key)
        if says_something(error):
            if error is True:
                return value
            return error[0] if isinstance(error, list) else error
    base = value.get("base_resp")
    if isinstance(base, dict) and says_something(base.get("status_code")):
        return {"message": text_in(base.get("status_msg")), "code": base["status_code"]}
    kind = f"{value.get('object')} {value.get('type')} {value.get('status')}".lower()
    failed = "error" in kind or "fail" in kind or value.get("success") is False
    codes = [value.get(key) for key in ("code", "error_code", "status_code", "status")]
    if not failed:
        failed = any(says_something(code) for code in codes) and any(
            says_something(value.get(key)) for key in ("message", "msg", "error_msg", "detail")
        )
    if failed or says_something(value.get("detail")) or says_something(value.get("error_msg")):
        return value
    return None


StopReason = FinishReason | Literal["error"]
"""Why a model stopped; "error" where the endpoint failed."""

_SPELLINGS: Final[dict[StopReason, tuple[str, ...]]] = {
    "length": (
        "length", "max_tokens", "max_output_tokens", "max_completion_tokens", "max_new_tokens",
        "max_length", "model_length", "token_limit", "limit", "context_length_exceeded",
        "model_context_window_exceeded", "error_limit"),
    "content_filter": (
        "content_filter", "content_filtered", "safety", "image_safety", "recitation", "blocklist",
        "prohibited_content", "spii", "sensitive", "refusal", "guardrail_intervened",
        "error_toxic", "moderation"),
    "tool_calls": (
        "tool_calls", "tool_call", "tool_use", "tools", "function_call", "function_calls"),
    "error": (
        "error", "abort", "aborted", "network_error", "insufficient_system_resource",
        "malformed_function_call", "unexpected_tool_call"),
}  # fmt: skip
"""The words of endpoints for each reason but "stop"."""

_REASONS: Final = {word: reason for reason, words in _SPELLINGS.items() for word in words}
_NO_REASON: Final = frozenset({"", "null", "none", "unspecified", "not_finished", "in_progress"})


def stop_reason(reason: object) -> StopReason | None:
    """Return why the model stopped; None without a reason.

    An unknown reason counts as "stop".
    """
    if isinstance(reason, dict):
        reason = reason.get("type", reason.get("reason"))
    if not isinstance(reason, str):
        return "stop" if reason else None
    words = reason.strip().lower().replace("-", "_").replace(" ", "_")
    words = words.removeprefix("finish_reason_").removeprefix("finishreason.")
    if words in _NO_REASON:
        return None
    # Gemini's endpoint writes "content_filter: PROHIBITED_CONTENT" and the like.
    before, _, after = words.partition(":")
    return _REASONS.get(after.strip("_")) or _REASONS.get(before.strip("_"), "stop")


class CallIds:
    """Gives each tool call of an answer an id of its own."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def of(self, endpoint_id: object) -> str:
        """Return the endpoint's id, or a new one if it is missing or repeated."""
        known = isinstance(endpoint_id, str) and endpoint_id and endpoint_id not in self._used
        call_id = str(endpoint_id) if known else new_call_id()
        self._used.add(call_id)
        return call_id


def new_call_id() -> str:
    """Return a new tool call id of nine letters and digits, as Mistral's templates demand."""
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(9))
