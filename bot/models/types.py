"""What a model is asked and what it yields, as data; it ends with ``Finished`` or ModelError."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Literal, Protocol, runtime_checkable

from msgspec import Struct


class Text(Struct, frozen=True):
    """Text a person wrote."""

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
    """What a person said, in the order of its parts."""

    parts: tuple[Part, ...]


class ToolCall(Struct, frozen=True):
    """A function the model asked for; ``arguments`` is JSON text exactly as the model wrote it."""

    id: str
    name: str
    arguments: str


class AssistantMessage(Struct, frozen=True):
    """What the model said before, and the functions it asked for with it.

    ``continuation`` is what a ``Continuation`` of the same answer carried, empty where none came.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str = ""
    continuation: str = ""


class ToolResult(Struct, frozen=True):
    """The answer to the ``ToolCall`` whose id is ``call_id``."""

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
    """A tool that the model's own endpoint runs; ``options`` are added to it as they are."""

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
    """One call of a model; what is None is left to the endpoint.

    ``max_tokens`` bounds the completion's tokens, ``response_format`` has the Assistants API's
    shape, and ``user_key`` tells end users apart without naming them. An answer can do without the
    tools named in ``optional_tools``, where the model calls none.
    """

    model: str
    items: tuple[Item, ...]
    tools: tuple[FunctionSpec, ...] = ()
    optional_tools: frozenset[str] = frozenset()
    hosted: tuple[HostedTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    response_format: dict[str, Any] | str | None = None
    reasoning_effort: str | None = None
    user_key: str | None = None


class ModelTextDelta(Struct, frozen=True, gc=False):
    """The next piece of the answer's text, never empty."""

    text: str


class TextWithdrawn(Struct, frozen=True, gc=False):
    """All text of this answer so far was the model's thoughts: the answer begins anew from here."""


class ToolsLeftOut(Struct, frozen=True, gc=False):
    """The endpoint has just said that the model calls no tools: this answer is made without them.

    Comes at most once for a model, before anything else of the answer.
    """


class ModelRefusalDelta(Struct, frozen=True, gc=False):
    """The next piece of the model's refusal, never empty."""

    text: str


class ToolCallStarted(Struct, frozen=True, gc=False):
    """The model began a tool call; ``index`` counts the calls of this stream from 0, ids differ."""

    index: int
    id: str
    name: str


class ToolCallDelta(Struct, frozen=True, gc=False):
    """The next piece of the arguments of the call that started with the same ``index``."""

    index: int
    arguments: str


class HostedCall(Struct, frozen=True, gc=False):
    """A call of a hosted tool that is over there: ``input`` is its code or what was searched for.

    ``outputs`` are its logs, pages and the like, as text in their order; empty where none were
    told.
    """

    kind: HostedKind
    id: str
    input: str
    outputs: tuple[str, ...] = ()
    failed: bool = False


class Continuation(Struct, frozen=True, gc=False):
    """What the model needs given back with the outputs of this answer's tool calls.

    Comes at most once, right before ``Finished``, where the calls' own fields do not say it all, as
    with models that reason. ``data`` means something only to who made it; without it the model goes
    on as well, but thinks anew.
    """

    data: str


class Started(Struct, frozen=True, gc=False):
    """The first event of an answer that outlives its connection: ``resume`` reads it by this id."""

    response_id: str


class ModelUsage(Struct, frozen=True, gc=False):
    """Tokens spent; ``estimated`` when the endpoint told none and they were counted by length."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    estimated: bool = False


FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class Finished(Struct, frozen=True):
    """The last event of every stream that did not raise."""

    reason: FinishReason
    usage: ModelUsage | None


ModelEvent = (
    ModelTextDelta
    | TextWithdrawn
    | ToolsLeftOut
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
"""What a refusal is about, where that is known: the key, the account's credit, the model's name or
the endpoint's address, tools, another ability, the conversation's length, or its content."""

_HOPELESS: Final = frozenset({"unauthorized", "unsupported", "context_length", "rejected", "gone"})


class ModelError(Exception):
    """A model call that failed; ``message`` says what was answered and what to do, without secrets.

    ``code`` is what a run's ``last_error`` carries, ``context_window`` the tokens the model takes
    where the failure told it, ``retry_after`` the seconds the endpoint asked to wait, and
    ``hopeless`` that the same request would fail again however often it is sent. The kind "gone"
    says that a response is not there any more to be resumed: asking anew is what remains. ``cause``
    says what a refusal is about.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        code: ErrorCode | None = None,
        context_window: int | None = None,
        retry_after: float | None = None,
        hopeless: bool | None = None,
        cause: ErrorCause | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.code: ErrorCode = code or _code_of(kind)
        self.context_window = context_window
        self.retry_after = retry_after
        self.cause = cause
        if hopeless is None:
            hopeless = kind in _HOPELESS
        self.hopeless = hopeless

    def __str__(self) -> str:
        return self.message


def _code_of(kind: ErrorKind) -> ErrorCode:
    if kind == "rate_limited":
        return "rate_limit_exceeded"
    if kind in ("rejected", "context_length", "unsupported"):
        return "invalid_prompt"
    return "server_error"


class ModelStatus(Struct, frozen=True):
    """Whether a model would answer, with advice in ``sentence``; ``context_window`` in tokens.

    ``answered`` is False where nothing spoke to us at all.
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
        """What it is, for people: "chat completions at http://…, model x"."""

    @property
    def hosts(self) -> frozenset[str]:
        """The kinds of hosted tools it runs itself; asked for another, it fails "unsupported"."""

    async def fetches_images(self) -> bool:
        """Whether it is given ``http(s)`` addresses of images, to fetch them itself.

        False for an endpoint on this machine or in a private network: it would fetch from there.
        """

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the answer as it comes; raises ModelError; closing drops the connection at once."""

    async def check(self) -> ModelStatus:
        """Ask the endpoint whether it would answer; raises nothing, the status tells."""

    async def close(self) -> None:
        """Let go of connections and processes; safe to call twice."""


class ForwardedAnswer(Struct, frozen=True):
    """An endpoint's answer to a forwarded request.

    Reading ``pieces`` raises FailedError where the answer breaks off.
    """

    content_type: str
    pieces: AsyncIterator[bytes]


@runtime_checkable
class ForwardingModel(Model, Protocol):
    """A model whose endpoint also answers requests that were not made here."""

    def forward(
        self, method: str, path: str, body: bytes | None
    ) -> AbstractAsyncContextManager[ForwardedAnswer]:
        """Send a request to the endpoint's ``path``, such as "chat/completions"; leaving ends it.

        A model that is configured replaces the one that the body names. Entering raises
        RefusedError for another status than 200, FailedError for all else, and ModelError after
        ``close``. Nothing is sent twice.
        """


@runtime_checkable
class ResumableModel(Model, Protocol):
    """A model whose answers can go on without us; ``isinstance`` tells one from the others."""

    def resume(self, response_id: str, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield from its beginning an answer that ``Started`` announced; otherwise like ``stream``.

        Raises ModelError "gone" where it is not there any more or was cancelled. ``request`` is the
        one it was asked with.
        """

    async def forget(self, response_id: str) -> None:
        """Have the endpoint delete an answer that is ours now; best effort, raises nothing."""

    async def abandon(self, response_id: str) -> None:
        """Have the endpoint stop and delete an answer that nobody will read; raises nothing."""

    def leave_running(self) -> None:
        """From now on closing a stream leaves its answer at work, to be resumed after a restart."""
