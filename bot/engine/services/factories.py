"""Creates objects from checked requests, with the API's defaults."""

from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from bot.assistants.ids import new_id
from bot.assistants.schema.content import (
    MAX_CONTENT,
    Content,
    ContentInput,
    ImageFilePart,
    ImageUrl,
    ImageUrlInput,
    ImageUrlPart,
    TextInput,
    TextPart,
    TextValue,
)
from bot.assistants.schema.objects import (
    Assistant,
    Message,
    Run,
    Thread,
    ToolResources,
    TruncationStrategy,
)
from bot.assistants.schema.requests import (
    CreateAssistant,
    CreateMessage,
    CreateRun,
    CreateThread,
    CreateThreadAndRun,
    Request,
)
from bot.assistants.validation import refused
from bot.runtime.problems import wrong_length

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)


def new_assistant(request: CreateAssistant, resources: ToolResources, now: int) -> Assistant:
    """Return a new assistant."""
    return Assistant(
        id=new_id("asst"),
        created_at=now,
        name=request.name,
        description=request.description,
        model=request.model,
        instructions=request.instructions,
        tools=request.tools,
        tool_resources=resources,
        metadata=request.metadata or {},
        temperature=_or(request.temperature, 1.0),
        top_p=_or(request.top_p, 1.0),
        response_format=request.response_format or "auto",
        reasoning_effort=request.reasoning_effort,
    )


def new_thread(request: CreateThread, resources: ToolResources, now: int) -> Thread:
    """Return a new thread; its messages are created separately."""
    return Thread(
        id=new_id("thread"),
        created_at=now,
        tool_resources=resources,
        metadata=request.metadata or {},
    )


def new_message(request: CreateMessage, thread_id: str, now: int) -> Message:
    """Return a new message, whose files the caller checks; raises ``APIError`` 400."""
    return Message(
        id=new_id("msg"),
        created_at=now,
        thread_id=thread_id,
        role=request.role,
        content=_content(request),
        attachments=request.attachments or (),
        metadata=request.metadata or {},
        completed_at=None,
    )


def new_run(
    request: CreateRun | CreateThreadAndRun,
    assistant: Assistant,
    thread_id: str,
    now: int,
    expires_at: int,
) -> Run:
    """Return a new queued run with the request's options, else the assistant's."""
    instructions = request.instructions
    if instructions is None:
        instructions = assistant.instructions or ""
    if isinstance(request, CreateRun) and request.additional_instructions:
        instructions = "\n".join(filter(None, (instructions, request.additional_instructions)))
    effort = request.reasoning_effort
    truncation = request.truncation_strategy
    return Run(
        id=new_id("run"),
        created_at=now,
        thread_id=thread_id,
        assistant_id=assistant.id,
        status="queued",
        expires_at=expires_at,
        model=request.model or assistant.model,
        instructions=instructions,
        tools=assistant.tools if request.tools is None else request.tools,
        metadata=request.metadata or {},
        temperature=_or(request.temperature, assistant.temperature),
        top_p=_or(request.top_p, assistant.top_p),
        max_prompt_tokens=request.max_prompt_tokens,
        max_completion_tokens=request.max_completion_tokens,
        truncation_strategy=truncation.strategy() if truncation else TruncationStrategy(),
        tool_choice=request.tool_choice or "auto",
        parallel_tool_calls=request.parallel_tool_calls,
        response_format=request.response_format or assistant.response_format,
        reasoning_effort=assistant.reasoning_effort if effort in (UNSET, None) else effort,
    )


def changed(stored: S, request: Request, **replaced: object) -> S:
    """Return a stored object with a request's changes; null clears a field.

    ``replaced`` has values that take the place of the request's.
    """
    changes = {
        name: value
        for name in request.__struct_fields__
        if not isinstance(value := getattr(request, name), UnsetType)
    }
    if changes.get("metadata", {}) is None:
        changes["metadata"] = {}
    return msgspec.structs.replace(stored, **{**changes, **replaced})


def _content(request: CreateMessage) -> tuple[Content, ...]:
    if isinstance(request.content, str):
        return (TextPart(TextValue(request.content)),)
    parts = tuple(map(_part, request.content))
    size = sum(len(part.text) for part in request.content if isinstance(part, TextInput))
    if size > MAX_CONTENT:
        raise refused(
            wrong_length("content", kind="str", relation="<=", limit=MAX_CONTENT, length=size)
        )
    return parts


def _part(part: ContentInput) -> Content:
    """Return a request's content part as a message has it."""
    match part:
        case TextInput(text):
            return TextPart(TextValue(text))
        case ImageUrlInput(image):
            return ImageUrlPart(ImageUrl(image.url, image.detail))
        case ImageFilePart():
            return part


def _or(first: T | None, second: T) -> T:
    return second if first is None else first
