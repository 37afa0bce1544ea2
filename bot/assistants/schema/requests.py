"""The requests of the API's operations: types tell the limits, ``UNSET`` is an absent field.

Every array has a maximum length. Where the API names none, the limit is this project's
own: messages of one request, a message's parts and attachments, tool outputs.
"""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from bot.assistants.schema.base import FIRST_PAGE as FIRST_PAGE
from bot.assistants.schema.base import Metadata as Metadata
from bot.assistants.schema.base import Modification
from bot.assistants.schema.base import Page as Page
from bot.assistants.schema.base import Request as Request
from bot.assistants.schema.chunking import ChunkingRequest
from bot.assistants.schema.content import MAX_CONTENT, ContentInput
from bot.assistants.schema.objects import TruncationStrategy
from bot.assistants.schema.tools import NewAttachment, ResponseFormat, Tool, ToolChoice

SEARCH_RESULT_CONTENT: Final = "step_details.tool_calls[*].file_search.results[*].content"
"""The only value of ``include``: it adds the passages to the search results in run steps."""

Name = Annotated[str, Meta(max_length=256)]
Description = Annotated[str, Meta(max_length=512)]
Instructions = Annotated[str, Meta(max_length=256_000)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
TopP = Annotated[float, Meta(ge=0, le=1)]
TokenLimit = Annotated[int, Meta(ge=256)]
AssistantTools = Annotated[tuple[Tool, ...], Meta(max_length=128)]
RunTools = Annotated[tuple[Tool, ...], Meta(max_length=20)]
ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class NewVectorStore(Request, frozen=True, kw_only=True):
    """A vector store that is created with the assistant or thread that uses it."""

    file_ids: Annotated[tuple[str, ...], Meta(max_length=10_000)] = ()
    chunking_strategy: ChunkingRequest | None = None
    metadata: Metadata | None = None


class NewFileSearchResources(Request, frozen=True, kw_only=True):
    """The vector store for file_search: an existing or a new one."""

    vector_store_ids: Annotated[tuple[str, ...], Meta(max_length=1)] = ()
    vector_stores: Annotated[tuple[NewVectorStore, ...], Meta(max_length=1)] = ()


class NewCodeInterpreterResources(Request, frozen=True, kw_only=True):
    """The files that code_interpreter may read."""

    file_ids: Annotated[tuple[str, ...], Meta(max_length=20)] = ()


class NewToolResources(Request, frozen=True, kw_only=True):
    """Files and vector stores for hosted tools, in a request."""

    code_interpreter: NewCodeInterpreterResources | None = None
    file_search: NewFileSearchResources | None = None


class CreateAssistant(Request, frozen=True, kw_only=True):
    """A new assistant."""

    model: Annotated[str, Meta(min_length=1)]
    name: Name | None = None
    description: Description | None = None
    instructions: Instructions | None = None
    reasoning_effort: ReasoningEffort | UnsetType | None = UNSET
    tools: AssistantTools = ()
    tool_resources: NewToolResources | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    response_format: ResponseFormat | None = None


class ModifyAssistant(Modification, frozen=True, kw_only=True):
    """Changes to an assistant."""

    model: Annotated[str, Meta(min_length=1)] | UnsetType = UNSET
    name: Name | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    instructions: Instructions | UnsetType | None = UNSET
    reasoning_effort: ReasoningEffort | UnsetType | None = UNSET
    tools: AssistantTools | UnsetType = UNSET
    tool_resources: NewToolResources | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    temperature: Temperature | UnsetType | None = UNSET
    top_p: TopP | UnsetType | None = UNSET
    response_format: ResponseFormat | UnsetType | None = UNSET


class CreateMessage(Request, frozen=True, kw_only=True):
    """A new message: text, or parts of text and images."""

    role: Literal["user", "assistant"]
    content: (
        Annotated[str, Meta(max_length=MAX_CONTENT)]
        | Annotated[tuple[ContentInput, ...], Meta(min_length=1, max_length=100)]
    )
    attachments: Annotated[tuple[NewAttachment, ...], Meta(max_length=500)] | None = None
    metadata: Metadata | None = None


NewMessages = Annotated[tuple[CreateMessage, ...], Meta(max_length=1000)]


class ModifyMessage(Modification, frozen=True, kw_only=True):
    """Changes to a message."""

    metadata: Metadata | UnsetType | None = UNSET


class CreateThread(Request, frozen=True, kw_only=True):
    """A new thread and its first messages."""

    messages: NewMessages = ()
    tool_resources: NewToolResources | None = None
    metadata: Metadata | None = None


class ModifyThread(Modification, frozen=True, kw_only=True):
    """Changes to a thread."""

    tool_resources: NewToolResources | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class Truncation(Request, frozen=True, kw_only=True):
    """Which messages are in the prompt; for type "last_messages", that field is their number."""

    type: Literal["auto", "last_messages"]
    last_messages: Annotated[int, Meta(ge=1)] | None = None

    def strategy(self) -> TruncationStrategy:
        """Return the strategy as a run has it."""
        return TruncationStrategy(self.type, self.last_messages)


class RunOptions(Request, frozen=True, kw_only=True):
    """The options of a new run; ``None`` and ``UNSET`` take the assistant's value."""

    assistant_id: Annotated[str, Meta(min_length=1)]
    model: Annotated[str, Meta(min_length=1)] | None = None
    reasoning_effort: ReasoningEffort | UnsetType | None = UNSET
    instructions: Instructions | None = None
    tools: RunTools | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    max_prompt_tokens: TokenLimit | None = None
    max_completion_tokens: TokenLimit | None = None
    truncation_strategy: Truncation | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool = True
    response_format: ResponseFormat | None = None


class CreateRun(RunOptions, frozen=True, kw_only=True):
    """A run on a thread that exists."""

    additional_instructions: Instructions | None = None
    additional_messages: NewMessages | None = None


class CreateThreadAndRun(RunOptions, frozen=True, kw_only=True):
    """A thread and a run on it, in one call."""

    thread: CreateThread | None = None
    tool_resources: NewToolResources | None = None


class ModifyRun(Modification, frozen=True, kw_only=True):
    """Changes to a run."""

    metadata: Metadata | UnsetType | None = UNSET


class ToolOutput(Request, frozen=True, kw_only=True):
    """The output of a called function."""

    tool_call_id: str
    output: str = ""


class SubmitToolOutputs(Request, frozen=True, kw_only=True):
    """The outputs of all calls for which a run waits."""

    tool_outputs: Annotated[tuple[ToolOutput, ...], Meta(min_length=1, max_length=1024)]
