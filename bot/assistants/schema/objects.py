"""The objects of the Assistants API v2, with all fields of the API's description."""

from typing import Any, Final, Generic, Literal, TypeVar

from msgspec import UNSET, Struct, UnsetType

from bot.assistants.schema.content import Content
from bot.assistants.schema.tools import (
    Attachment,
    FunctionCall,
    ResponseFormat,
    Tool,
    ToolCall,
    ToolChoice,
)
from bot.assistants.states import MessageIncompleteReason, MessageStatus, RunStatus, StepStatus

Metadata = dict[str, str]
Role = Literal["user", "assistant"]


class CodeInterpreterResources(Struct, frozen=True):
    """The files that code_interpreter may read."""

    file_ids: tuple[str, ...] = ()


class FileSearchResources(Struct, frozen=True):
    """The vector stores that file_search searches: at most one."""

    vector_store_ids: tuple[str, ...] = ()


class ToolResources(Struct, frozen=True, omit_defaults=True):
    """The files and vector stores of an assistant's or a thread's hosted tools."""

    code_interpreter: CodeInterpreterResources | UnsetType = UNSET
    file_search: FileSearchResources | UnsetType = UNSET


class Assistant(Struct, frozen=True, kw_only=True):
    """A model with instructions and tools; times are seconds since 1970."""

    id: str
    object: Literal["assistant"] = "assistant"
    created_at: int
    name: str | None = None
    description: str | None = None
    model: str
    instructions: str | None = None
    tools: tuple[Tool, ...] = ()
    tool_resources: ToolResources | None = None
    metadata: Metadata | None = None
    temperature: float | None = None
    top_p: float | None = None
    response_format: ResponseFormat | None = "auto"
    reasoning_effort: str | UnsetType | None = UNSET


class Thread(Struct, frozen=True, kw_only=True):
    """A conversation of messages and runs."""

    id: str
    object: Literal["thread"] = "thread"
    created_at: int
    tool_resources: ToolResources | None = None
    metadata: Metadata | None = None


class MessageIncomplete(Struct, frozen=True):
    """Why a message is incomplete."""

    reason: MessageIncompleteReason


class Message(Struct, frozen=True, kw_only=True):
    """One message of a user or an assistant on a thread."""

    id: str
    object: Literal["thread.message"] = "thread.message"
    created_at: int
    thread_id: str
    status: MessageStatus | UnsetType = "completed"
    incomplete_details: MessageIncomplete | None = None
    completed_at: int | None = None
    incomplete_at: int | None = None
    role: Role
    content: tuple[Content, ...]
    assistant_id: str | None = None
    run_id: str | None = None
    attachments: tuple[Attachment, ...] | None = ()
    metadata: Metadata | None = None


OPERATORS: Final = frozenset({"key", "credit", "model", "tools"})
"""The causes that only the operator can remove."""

SUMMARIZE_HISTORY: Final = "summarize_history"
"""The metadata key of a run, a thread or an assistant that asks for summaries of the messages
for which a prompt has no room. "true" asks for summaries; "false" on any of the three forbids them.
"""

DOCUMENTS_CUT: Final = "documents_cut"
"""The metadata key of a message that was written with only the beginnings of documents, because
the model calls no tools; the value names the documents.
"""

TOOLS_LEFT_OUT: Final = "tools_left_out"
"""The metadata key of a message that was written without the tools its assistant has."""


class LastError(Struct, frozen=True):
    """Why a run or a step failed.

    ``cause`` is not part of the API, whose codes are too few to tell a person what would help:
    "key", "credit", "model" (none of that name, or no endpoint there), "tools" (it calls none),
    "ability" (it lacks another), "too_long" or "content"; a server elsewhere may say anything.
    """

    code: str
    message: str
    cause: Any = UNSET


class PromptTokenDetails(Struct, frozen=True):
    """How many tokens of prompts came from the endpoint's cache."""

    cached_tokens: int = 0


class Usage(Struct, frozen=True):
    """The tokens of prompts and completions; the details exist only if any were cached."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_token_details: PromptTokenDetails | UnsetType | None = UNSET

    @property
    def cached_tokens(self) -> int:
        """The tokens of prompts that came from the endpoint's cache."""
        details = self.prompt_token_details
        return details.cached_tokens if isinstance(details, PromptTokenDetails) else 0

    def __add__(self, other: "Usage") -> "Usage":
        cached = self.cached_tokens + other.cached_tokens
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.total_tokens + other.total_tokens,
            PromptTokenDetails(cached) if cached else UNSET,
        )


class IncompleteDetails(Struct, frozen=True, omit_defaults=True):
    """The token limit that ended a run."""

    reason: Literal["max_completion_tokens", "max_prompt_tokens"] | UnsetType = UNSET


class FunctionArguments(Struct, frozen=True):
    """A function to call and the JSON text of its arguments."""

    name: str
    arguments: str


class RequiredToolCall(Struct, frozen=True, kw_only=True):
    """A function call for whose output a run waits."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionArguments


class RequiredToolOutputs(Struct, frozen=True):
    """The calls for whose outputs a run waits; one submission has all of them."""

    tool_calls: tuple[RequiredToolCall, ...]


class RequiredAction(Struct, frozen=True, kw_only=True):
    """The action for which a run in ``requires_action`` waits."""

    type: Literal["submit_tool_outputs"] = "submit_tool_outputs"
    submit_tool_outputs: RequiredToolOutputs


class TruncationStrategy(Struct, frozen=True):
    """Which messages of a long thread are in the model's prompt."""

    type: Literal["auto", "last_messages"] = "auto"
    last_messages: int | None = None


class Run(Struct, frozen=True, kw_only=True):
    """One execution of an assistant on a thread."""

    id: str
    object: Literal["thread.run"] = "thread.run"
    created_at: int
    thread_id: str
    assistant_id: str
    status: RunStatus
    required_action: RequiredAction | None = None
    last_error: LastError | None = None
    expires_at: int | None = None
    started_at: int | None = None
    cancelled_at: int | None = None
    failed_at: int | None = None
    completed_at: int | None = None
    incomplete_details: IncompleteDetails | None = None
    model: str
    instructions: str = ""
    tools: tuple[Tool, ...] = ()
    metadata: Metadata | None = None
    usage: Usage | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_prompt_tokens: int | None = None
    max_completion_tokens: int | None = None
    truncation_strategy: TruncationStrategy | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool = True
    response_format: ResponseFormat | None = "auto"
    reasoning_effort: str | UnsetType | None = UNSET


class CreatedMessage(Struct, frozen=True):
    """The message that a step created."""

    message_id: str


class MessageCreationDetails(Struct, frozen=True, tag_field="type", tag="message_creation"):
    """The details of a step that created a message."""

    message_creation: CreatedMessage


class ToolCallsDetails(Struct, frozen=True, tag_field="type", tag="tool_calls"):
    """The details of a step that called tools."""

    tool_calls: tuple[ToolCall, ...]

    def functions(self) -> tuple[FunctionCall, ...]:
        """Return the function calls, whose outputs the API's caller submits."""
        return tuple(call for call in self.tool_calls if isinstance(call, FunctionCall))


StepDetails = MessageCreationDetails | ToolCallsDetails


class RunStep(Struct, frozen=True, kw_only=True):
    """One step of a run: a message or tool calls.

    ``thoughts`` is not part of the API: the model's reasoning before the step, if it is kept.
    """

    id: str
    object: Literal["thread.run.step"] = "thread.run.step"
    created_at: int
    assistant_id: str
    thread_id: str
    run_id: str
    type: Literal["message_creation", "tool_calls"]
    status: StepStatus
    step_details: StepDetails
    last_error: LastError | None = None
    expired_at: int | None = None
    cancelled_at: int | None = None
    failed_at: int | None = None
    completed_at: int | None = None
    metadata: Metadata | None = None
    usage: Usage | None = None
    thoughts: str | UnsetType = UNSET


class Deleted(Struct, frozen=True):
    """The answer to a deletion."""

    id: str
    object: Literal[
        "assistant.deleted",
        "thread.deleted",
        "thread.message.deleted",
        "file",
        "vector_store.deleted",
        "vector_store.file.deleted",
    ]
    deleted: bool = True


T = TypeVar("T")


class ListPage(Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list; an empty page has empty ``first_id`` and ``last_id``."""

    object: Literal["list"] = "list"
    data: tuple[T, ...]
    first_id: str | None = ""
    last_id: str | None = ""
    has_more: bool = False
