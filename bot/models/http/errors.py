"""Turns an endpoint's refusals into a ``ModelError``, or into a change to the request."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from bot.models.http.leniency import END, parse
from bot.models.types import ErrorCause, ErrorCode, ErrorKind, ModelError
from bot.runtime.quoted_text import without_quotes
from bot.wire.bodies import excerpt

_WINDOW: Final = (
    # Each finds the context window in the wording of a server in use.
    re.compile(r"maximum (?:context|model|sequence) length (?:is|of) (\d+)", re.IGNORECASE),
    re.compile(r"(\d+) maximum context length", re.IGNORECASE),
    re.compile(r"context (?:length|size|window)[^.\d]{0,30}?(\d+)", re.IGNORECASE),
    re.compile(r"maximum number of tokens allowed \((\d+)\)", re.IGNORECASE),
    re.compile(r"\d+ tokens > (\d+) maximum", re.IGNORECASE),
    re.compile(r"max_new_tokens.{0,3} must be <= (\d+)", re.IGNORECASE),
    re.compile(r"while limit is (\d+)", re.IGNORECASE),
    re.compile(r"tokens in the prompt cannot exceed (\d+)", re.IGNORECASE),
    re.compile(r"input length should be \[\d+ (\d+)\]", re.IGNORECASE),
    re.compile(r"context limit: \d+ \+ \d+ > (\d+)", re.IGNORECASE),
)
_TOO_LONG: Final = re.compile(
    r"maximum (?:context|model|sequence) length|context length|context size|context window|n_ctx"
    r"|context limit|prompt is too long|input token count|too large for model|input is too long"
    r"|max_new_tokens|reduce the length of the messages|too many (?:input )?tokens"
    r"|tokens in the prompt|range of input length|request (?:entity )?too large|超长",
    re.IGNORECASE,
)
_UNSUPPORTED: Final = re.compile(
    r"unsupported|not supported|n't support|not support|that support|unrecognized|unknown"
    r"|unexpected|extra (?:inputs|fields)|not permitted|not allowed|no such (?:field|parameter)"
    r"|not enabled|deprecated|cannot both",
    re.IGNORECASE,
)
_NO_TOOLS: Final = re.compile(
    r"\b(?:tool|function)s?(?:[\s_-]?(?:calls?|calling|use|choice|param\w*))?\b.{0,60}"
    r"(?:unsupported|not supported|n't support|not enabled|not available|unavailable|disabled"
    r"|requires? --|not allowed|not permitted)"
    r"|(?:unsupported|not support\w*|n't support|unrecognized|unknown|extra (?:inputs|fields)"
    r"|no endpoints found that support|does not (?:have|allow|accept)).{0,60}"
    r"\b(?:tools?|functions?)\b",
    re.IGNORECASE,
)
_ONE_TOOL: Final = re.compile(
    r"schema|parameters\b|properties|keyword|strict\b|tools?[\[.]\d|functions?[\[.]\d|parallel"
    r"|function name|for function",
    re.IGNORECASE,
)
_PASSING: Final = re.compile(
    r"tool_use_failed|output_parse_failed|failed to call a function|malformed.function.call"
    r"|(?:error|failed) (?:to parse|parsing) (?:the )?(?:tool|function|model output|input at pos)"
    r"|failed to (?:generate|parse) .{0,30}(?:tool|function) call",
    re.IGNORECASE,
)
_STREAM_STATUSES: Final = (
    (429, ("rate_limit", "quota")),
    (401, ("api_key", "authentication")),
    (403, ("permission",)),
    (503, ("overloaded",)),
    (400, ("invalid", "bad_request", "badrequest", "context", "image", "policy", "unsupported",
           "content_filter", "moderation", "safety", "not_found")),
)  # fmt: skip
"""The HTTP statuses that words in the type or code of a stream's error stand for, in order."""

_NO_KEY: Final = re.compile(
    r"invalid_?api_?key|incorrect api key|api key not valid|(?:invalid|missing|no|expired) api key"
    r"|api key (?:is )?(?:invalid|missing|expired|required)|authentication_error|auth_?unavailable"
    r"|invalid authentication|missing authentication|no auth credentials",
    re.IGNORECASE,
)
_NO_CREDIT: Final = re.compile(
    r"insufficient[_ ](?:quota|balance|credits?|funds)|credit balance|out of credits?"
    r"|exceeded_current_quota|billing_(?:hard_limit|not_active)|requires more credits"
    r"|account is not active|no credits? (?:left|remaining)|payment required|arrearage"
    r"|have any credits|please recharge|api usage limits|余额不足|欠费",
    re.IGNORECASE,
)
_CONTENT: Final = re.compile(
    r"content[_ ](?:filter|policy|management)|responsibleaipolicy|content exists risk|moderation"
    r"|data_inspection_failed|inappropriate content|was flagged|prohibited_content|safety (?:system"
    r"|policy|filter)|violat\w+ .{0,40}polic|sensitive (?:content|words)|敏感内容",
    re.IGNORECASE,
)
_NO_MODEL: Final = re.compile(
    r"model_not_found|model_not_exist|modelnotfound|deploymentnotfound|invalid_model"
    r"|no models? (?:is |are )?(?:loaded|found)|model not exist|not a (?:valid|chat) model"
    r"|model_decommissioned|model identifier is invalid|模型不存在"
    r"|(?:no such|unknown|invalid|could not find|cannot find) (?:\w+ )?model\b"
    r"|\bmodels?\b[^.]{0,80}(?:does not exist|not found|is not available|not loaded"
    r"|decommissioned|no longer (?:supported|available))",
    re.IGNORECASE,
)
_LIMIT: Final = re.compile(r"\bmax_(?:\w+_)?tokens\b", re.IGNORECASE)
_TOO_HIGH: Final = re.compile(
    r"too large|valid range|\d+ > \d+|less than or equal|<= ?\d|exceed|at most|maximum (?:allowed"
    r"|value)",
    re.IGNORECASE,
)
_ROLE: Final = re.compile(
    r"\b(?:system|developer)\b.{0,20}\brole\b|\brole\b.{0,60}\b(?:system|developer)\b"
    r"|does not support '?(?:system|developer)"
    r"|\b(?:system|developer) (?:messages?|prompts?|instructions?)\b",
    re.IGNORECASE,
)
_NAMED_ROLE: Final = re.compile(r"\broles?\b[ :=]*['\"`]\w+['\"`]", re.IGNORECASE)
_KEYS: Final = re.compile(
    r"\b(?:sk|pk|gsk|xai|key)[-_][A-Za-z0-9_*\-]{6,}|Bearer\s+\S+", re.IGNORECASE
)


class ErrorFields(Struct, frozen=True):
    """The fields of an error object; empty where it has none."""

    message: str = ""
    type: str = ""
    code: str = ""
    param: str = ""
    context_window: int | None = None

    @property
    def logged(self) -> str:
        """The message without words that might be a member's."""
        return without_quotes(self.message)

    @property
    def status(self) -> int | None:
        """The HTTP status that fits an error inside a stream."""
        return int(self.code) if re.fullmatch(r"[45]\d\d", self.code) else None


def read_error(body: bytes) -> ErrorFields:
    """Return the error in a refusal's body, in any shape that endpoints use; never raises."""
    values = parse(body)
    if not values or values[0] is END:
        return ErrorFields(message=excerpt(body) if body.strip() else "")
    value = values[0]
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        detail, errors = value.get("detail"), value.get("errors")
        if "error" in value:
            value = value["error"]
        elif isinstance(errors, list) and errors:
            value = errors[0]
        elif isinstance(detail, list) and detail and isinstance(detail[0], dict):
            # The last step of a validation error's location is the field.
            where = detail[0].get("loc") or [""]
            message = f"{where[-1]}: {detail[0].get('msg', '')}"
            return ErrorFields(message=message, param=str(where[-1]))
        elif detail is not None:
            value = detail
    return read_error_object(value)


def read_error_object(value: Any) -> ErrorFields:
    """Return the fields of an error object, or of the text that some servers send instead."""
    if not isinstance(value, dict):
        return ErrorFields(message=value if isinstance(value, str) else _quoted(value))
    window = value.get("n_ctx")
    return ErrorFields(
        message=": ".join(filter(None, (_message_in(value), _cause_in(value)))),
        type=str(value.get("type") or ""),
        code=str(value.get("code") or value.get("status") or ""),
        param=str(value.get("param") or ""),
        context_window=window if isinstance(window, int) else None,
    )


def _message_in(value: dict[str, Any]) -> str:
    for key in ("message", "msg", "error_msg", "detail", "error", "reason"):
        words = value.get(key)
        if isinstance(words, dict):
            words = words.get("message")
        if isinstance(words, str) and words.strip():
            return words
    return _quoted(value)


def _cause_in(value: dict[str, Any]) -> str:
    """Return the error text of the provider behind OpenRouter; its own says only who failed."""
    metadata = value.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    return read_error(raw.encode("utf-8", "replace")).message if isinstance(raw, str) else ""


def _quoted(value: Any) -> str:
    return excerpt(json.dumps(value, default=str).encode())


def refused_parameter(fields: ErrorFields, sent: Iterable[str]) -> str | None:
    """Return which of the parameters ``sent`` the endpoint does not take, if it says so."""
    outright = fields.code in ("unsupported_parameter", "unsupported_value", "unknown_parameter")
    if not outright and not _UNSUPPORTED.search(fields.message):
        return None
    names = sorted(sent, key=len, reverse=True)
    message = _NAMED_ROLE.sub("", fields.message)  # 'user' is a role's name, too
    param = fields.param.rpartition(".")[2] or fields.param
    for name in names:
        if name in (fields.param, param) or fields.param.startswith(f"{name}."):
            return name
    for name in names:
        if re.search(rf"(?<![A-Za-z_]){re.escape(name)}(?![A-Za-z_])", message):
            return name
    return None


def refused_tools(fields: ErrorFields) -> bool:
    """Tell whether a refusal says that the model calls no tools at all."""
    if fields.param not in ("", "tools", "tool_choice") or _ONE_TOOL.search(fields.message):
        return False
    return bool(_NO_TOOLS.search(fields.message))


def passing_fault(fields: ErrorFields) -> bool:
    """Tell whether the model wrote a malformed call: the same request may succeed."""
    return bool(_PASSING.search(f"{fields.code} {fields.type} {fields.message}"))


def refused_role(fields: ErrorFields) -> bool:
    """Tell whether a refusal says that the role of the instructions is unknown."""
    return bool(_ROLE.search(fields.message) and _UNSUPPORTED.search(fields.message))


def error_for(
    endpoint: str, status: int, fields: ErrorFields, *, model: str, retry_after: float | None = None
) -> ModelError:
    """Return the ``ModelError`` for a refusal with this HTTP status."""
    quoted = without_keys(fields.message)
    said = f"{endpoint} answered {status}" + (f": {quoted}" if quoted else "")
    said = said if said.endswith((".", "!", "?", "'")) else said + "."

    def error(
        kind: ErrorKind,
        advice: str,
        cause: ErrorCause | None = None,
        code: ErrorCode | None = None,
        hopeless: bool | None = None,
    ) -> ModelError:
        return ModelError(
            kind,
            f"{said} {advice}",
            code=code,
            retry_after=retry_after,
            hopeless=hopeless,
            cause=cause,
            quoted=quoted,
        )

    words = f"{fields.code} {fields.type} {fields.message}"
    if too_long := _context_length(fields, status):
        advice = (
            f"The conversation is longer than model {model} takes; shorten it."
            " Truncation does that too."
        )
        failure = error("context_length", advice, "too_long")
        failure.context_window = too_long[0]
        return failure
    if status == 401 or _NO_KEY.search(words):
        advice = "The API key is missing, wrong or expired; set the right one."
        return error("unauthorized", advice, "key")
    if status == 402 or _NO_CREDIT.search(words):
        advice = "The account has no credit left; check its plan and billing."
        return error("rate_limited", advice, "credit", hopeless=True)
    if status == 429:
        return error("rate_limited", "It takes no more requests for now; try again later.")
    if _CONTENT.search(words):
        return error("rejected", "Its rules for content refuse what was asked.", "content")
    if status == 403:
        return error("unauthorized", "The API key may not use this model or endpoint.", "key")
    if refused_tools(fields):
        advice = f"Model {model} can't do what was asked of it, calling tools; take one that can."
        return error("unsupported", advice, "tools")
    if _lacks_ability(fields.message):
        advice = f"Model {model} can't do what was asked of it; take one that can."
        return error("unsupported", advice, "ability")
    if status in (404, 405) or _NO_MODEL.search(words):
        return error(
            "rejected",
            f"Check the endpoint's URL (most end in /v1) and that it has model {model}.",
            "model",
            "server_error" if status in (404, 405) else None,
        )
    if status in (503, 529) or "overloaded" in fields.type:
        return error("overloaded", "It is overloaded or still loading; try again later.")
    if status >= 500 or status == 408:
        return error("server", "The fault is at the endpoint; its own log tells more.")
    if 300 <= status < 400:
        advice = "Set the endpoint's URL to where it points."
        return error("rejected", advice, "model", "server_error")
    return error("rejected", "The request as it is will not be taken.")


def stream_error(endpoint: str, fields: ErrorFields, *, model: str) -> ModelError:
    """Return the ``ModelError`` for an error object inside a stream."""
    said = f"{fields.type} {fields.code}".lower()
    known = (status for status, words in _STREAM_STATUSES if any(word in said for word in words))
    return error_for(endpoint, fields.status or next(known, 500), fields, model=model)


def _context_length(fields: ErrorFields, status: int) -> tuple[int | None] | None:
    """Return a tuple with the context window in tokens, or with None if the error names none.

    Returns no tuple, but None, for an error that is not about the context length.
    """
    if not 400 <= status <= 500 or status in (401, 403, 404, 429):
        return None
    plain = fields.message.replace(",", "")
    named = "context_length" in fields.code or "exceed_context_size" in fields.type
    named = named or status == 413
    if not named and fields.context_window is None and not _TOO_LONG.search(plain):
        return None
    if fields.context_window is not None:
        return (fields.context_window,)
    for pattern in _WINDOW:
        if found := pattern.search(plain):
            return (int(found[1]),)
    return (None,) if named or status in (400, 413, 422) else None


def limit_too_large(fields: ErrorFields) -> bool:
    """Tell whether a refusal says that ``max_tokens`` is above the model's own limit."""
    message = fields.message
    named = _LIMIT.search(f"{fields.param} {message}") and _TOO_HIGH.search(message)
    return bool(named or re.search(r"[1-9]\d* in the completion", message))


def _lacks_ability(message: str) -> bool:
    return bool(
        re.search(r"\b(?:tools?|functions?|images?|vision|multimodal|response_format|json_schema)\b",
                  message, re.IGNORECASE)
        and _UNSUPPORTED.search(message)
    )  # fmt: skip


def without_keys(message: str) -> str:
    """Return at most 500 characters of a message, without text that looks like a key."""
    message = " ".join(_KEYS.sub("…", message).split())
    return message if len(message) <= 500 else message[:500] + "…"
