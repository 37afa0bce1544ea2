"""Model requests and events as data; a stream ends with ``Finished`` or ``ModelError``."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Literal, Protocol, runtime_checkable

from msgspec import Struct

from bot.runtime.quoted_text import without_quotes


class Text(Struct, frozen=True):
    """Text of a user."""

    text: str


class Image(Struct, frozen=True):
    """An image by its ``data:`` URL, or by an ``http(s)`` URL where the model fetches images."""

    url: str
    detail: Literal["auto", "low", "high"] = "auto"


Part = Text | Image


class SystemMessage(Struct, frozen=True):
    """Instructions to the model."""

    text: str


class UserMessage(Struct, frozen=True):
    """A message of a user, as parts in order."""

    parts: tuple[Part, ...]


class ToolCall(Struct, frozen=True):
    """A function call of the model; ``arguments`` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


class AssistantMessage(Struct, frozen=True):
    """An earlier answer of the model: its text and its function calls.

    ``continuation`` is the data of that answer's ``Continuation`` event, empty without one.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str = ""
    continuation: str = ""


class ToolResult(Struct, frozen=True):
    """The output of the ``ToolCall`` with the id ``call_id``."""

    call_id: str
    output: str


Item = SystemMessage | UserMessage | AssistantMessage | ToolResult


class FunctionSpec(Struct, frozen=True):
    """A function the model may call; ``parameters`` is its JSON Schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


HostedKind = Literal["code_interpreter", "web_search"]


class HostedTool(Struct, frozen=True):
    """A tool that the endpoint runs; ``options`` are added to its JSON unchanged."""

    kind: HostedKind
    options: dict[str, Any] = {}


class NamedFunction(Struct, frozen=True):
    """The tool choice that makes the model call this function."""

    name: str


class NamedHosted(Struct, frozen=True):
    """The tool choice that makes the model use this hosted tool."""

    kind: HostedKind


ToolChoice = Literal["auto", "none", "required"] | NamedFunction | NamedHosted


class ModelRequest(Struct, frozen=True, kw_only=True):
    """One call of a model; the endpoint decides on each field that is None.

    ``max_tokens`` bounds the completion's tokens, ``response_format`` has the Assistants API's
    shape, and ``user_key`` tells end users apart without naming them. The endpoint keeps no answer
    that is not ``resumable``. ``thoughts`` asks for the ``ModelThoughts`` event.
    """

    model: str
    items: tuple[Item, ...]
    tools: tuple[FunctionSpec, ...] = ()
    hosted: tuple[HostedTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    response_format: dict[str, Any] | str | None = None
    reasoning_effort: str | None = None
    user_key: str | None = None
    resumable: bool = True
    thoughts: bool = False


class ModelTextDelta(Struct, frozen=True, gc=False):
    """The next piece of the answer's text, never empty."""

    text: str


class TextWithdrawn(Struct, frozen=True, gc=False):
    """All text of this answer so far was reasoning: it is discarded, and the answer begins here."""


class ModelThoughts(Struct, frozen=True):
    """All reasoning of this answer that can be read; only where the request wants thoughts."""

    text: str


class ModelRefusalDelta(Struct, frozen=True, gc=False):
    """The next piece of the model's refusal, never empty."""

    text: str


class ToolCallStarted(Struct, frozen=True, gc=False):
    """A tool call begins; ``index`` counts the stream's calls from 0, each id is unique."""

    index: int
    id: str
    name: str


class ToolCallDelta(Struct, frozen=True, gc=False):
    """The next piece of the arguments of the call with this ``index``."""

    index: int
    arguments: str


class HostedCall(Struct, frozen=True, gc=False):
    """A finished call of a hosted tool; ``input`` is its code or its search query.

    ``outputs`` are its logs, pages and the like as text, in order; empty if the endpoint sent none.
    """

    kind: HostedKind
    id: str
    input: str
    outputs: tuple[str, ...] = ()
    failed: bool = False


class Continuation(Struct, frozen=True, gc=False):
    """Data to send back to the model with the outputs of this answer's tool calls.

    Comes at most once, right before ``Finished``, if the calls' own fields are not enough, as
    with reasoning models. Only the class that made ``data`` can read it. Without this data the
    model repeats its reasoning.
    """

    data: str


class Started(Struct, frozen=True, gc=False):
    """The first event of an answer that survives a lost connection; ``resume`` takes its id."""

    response_id: str


class ModelUsage(Struct, frozen=True, gc=False):
    """Tokens used; ``estimated`` from text lengths if the endpoint reported none.

    ``cached_tokens`` of the prompt came from the endpoint's cache.
    """

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    estimated: bool = False
    cached_tokens: int = 0


FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class Finished(Struct, frozen=True):
    """The last event of every stream that does not raise."""

    reason: FinishReason
    usage: ModelUsage | None


ModelEvent = (
    ModelTextDelta
    | TextWithdrawn
    | ModelThoughts
    | ModelRefusalDelta
    | ToolCallStarted
    | ToolCallDelta
    | HostedCall
    | Continuation
    | Started
    | Finished
)

ErrorCode = Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
ErrorKind = Literal[
    "unreachable",
    "timeout",
    "unauthorized",
    "rate_limited",
    "overloaded",
    "server",
    "cut",
    "rubbish",
    "rejected",
    "context_length",
    "unsupported",
    "gone",
]


ErrorCause = Literal["key", "credit", "model", "tools", "ability", "too_long", "content"]
"""The subject of a refusal, if known: key, credit of the account, name of the model or address of
the endpoint, tools, another ability, length of the conversation, or its content."""

_HOPELESS: Final = frozenset({"unauthorized", "unsupported", "context_length", "rejected", "gone"})
_CODES: Final[dict[ErrorKind, ErrorCode]] = {
    "rate_limited": "rate_limit_exceeded",
    "rejected": "invalid_prompt",
    "context_length": "invalid_prompt",
    "unsupported": "invalid_prompt",
}
"""The codes of a run's ``last_error``; "server_error" for all other kinds."""


class ModelError(Exception):
    """A model call failed; ``message`` says why and what to do, without secrets.

    ``code`` is the code of a run's ``last_error``, ``context_window`` the model's limit in tokens
    if the error names it, ``retry_after`` the seconds the endpoint asked to wait. ``hopeless``
    means that the same request would fail again. The kind "gone" means that a response can't be
    resumed: a new request is needed. ``cause`` is the subject of a refusal. ``quoted`` is the part
    of the message in the endpoint's words; ``str`` leaves out members' words that it may quote.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        code: ErrorCode | None = None,
        retry_after: float | None = None,
        hopeless: bool | None = None,
        cause: ErrorCause | None = None,
        quoted: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.code: ErrorCode = code or _CODES.get(kind, "server_error")
        self.context_window: int | None = None
        self.retry_after = retry_after
        self.cause = cause
        self._quoted = quoted
        self.hopeless = kind in _HOPELESS if hopeless is None else hopeless

    def __str__(self) -> str:
        if self._quoted not in self.message:  # a secret was taken out of it
            return without_quotes(self.message)
        return self.message.replace(self._quoted, without_quotes(self._quoted))


class ModelStatus(Struct, frozen=True):
    """Whether a model would answer, and advice in ``sentence``; ``context_window`` in tokens.

    ``answered`` is False if no server responded at all.
    """

    ok: bool
    sentence: str
    models: tuple[str, ...] = ()
    context_window: int | None = None
    answered: bool = True


class Model(Protocol):
    """A model endpoint."""

    @property
    def name(self) -> str:
        """A description for people: "chat completions at http://…, model x"."""

    @property
    def hosts(self) -> frozenset[str]:
        """The types of hosted tools that the endpoint runs; others fail as "unsupported"."""

    def calls_tools(self, model: str) -> bool:
        """Tell whether this model may call tools; False once its endpoint has refused them."""

    async def fetches_images(self) -> bool:
        """Tell whether the endpoint gets ``http(s)`` addresses of images and fetches them.

        False for a private endpoint: a URL could lead it to private hosts.
        """

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer's events; raises ``ModelError``. Closing drops the connection."""

    async def check(self) -> ModelStatus:
        """Ask the endpoint whether it would answer; never raises."""

    async def close(self) -> None:
        """Close connections and end processes; safe to call twice."""


class ForwardedAnswer(Struct, frozen=True):
    """An endpoint's answer to a forwarded request.

    Reading ``pieces`` raises ``FailedError`` where the answer is cut.
    """

    content_type: str
    pieces: AsyncIterator[bytes]


@runtime_checkable
class ForwardingModel(Model, Protocol):
    """A model whose endpoint also takes requests from clients of the server."""

    def forward(
        self, method: str, path: str, body: bytes | None
    ) -> AbstractAsyncContextManager[ForwardedAnswer]:
        """Send a request to the endpoint's ``path``, such as "chat/completions".

        A configured model replaces the one in the body. Entering raises ``RefusedError`` for a
        status other than 200, ``FailedError`` for other failures, and ``ModelError`` after
        ``close``. Leaving drops the connection. There are no retries.
        """


@runtime_checkable
class ResumableModel(Model, Protocol):
    """A model whose answers continue while the bot is stopped; checked with ``isinstance``."""

    def resume(self, response_id: str, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer that an earlier ``Started`` announced; else like ``stream``.

        Raises ``ModelError``; its kind is "gone" if the answer was deleted or cancelled.
        ``request`` is the answer's original request.
        """

    async def forget(self, response_id: str) -> None:
        """Delete a finished answer at the endpoint; best effort, never raises."""

    async def abandon(self, response_id: str) -> None:
        """Cancel and delete an answer that nobody will read; best effort, never raises."""

    def leave_running(self) -> None:
        """From now on, closing a stream lets its answer continue, to be resumed after a restart."""
