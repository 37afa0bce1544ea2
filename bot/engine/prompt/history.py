"""Builds the prompt of a run: the newest messages that fit, then the run's own steps."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from bot.assistants.schema.content import (
    Content,
    ImageFilePart,
    ImageUrlPart,
    RefusalPart,
    TextPart,
    TextValue,
)
from bot.assistants.schema.objects import (
    Message,
    MessageCreationDetails,
    Run,
    RunStep,
    ToolCallsDetails,
)
from bot.assistants.schema.tools import (
    CalledCode,
    CalledFunction,
    CodeInterpreterCall,
    FileSearchCall,
    FunctionCall,
    LogsOutput,
    SearchContent,
    SearchResult,
)
from bot.assistants.schema.tools import ToolCall as StepCall
from bot.engine.prompt.images import (
    MOST_BYTES_TOGETHER,
    TOO_LARGE_NOTICE,
    LinkedImage,
    PromptItem,
    PromptMessage,
    PromptPart,
    StoredImage,
)
from bot.engine.tool_calls.search_rendering import render_for_model
from bot.engine.tool_calls.streamed_calls import CODE, SEARCH
from bot.models.types import (
    AssistantMessage,
    Item,
    SystemMessage,
    Text,
    ToolCall,
    ToolResult,
    UserMessage,
)

_FILE_SCHEME: Final = "file-id:"
"""The scheme of image URLs in messages that earlier versions stored."""

_IMAGE_TOKENS: Final = 800
_ITEM_TOKENS: Final = 6
BYTES_A_TOKEN: Final = 3.2
"""Bytes of UTF-8 in a token, estimated low: English has about 4, Japanese about 3."""

_MOST_CALL_BYTES: Final = 16 * 1024 * 1024
"""The most bytes of a run's tool calls and their outputs in a request; no model reads more."""

_LEFT_OUT: Final = "(Left out: the calls of this run and their outputs are too large together.)"


class Prompt(NamedTuple):
    """The items of a prompt; ``room`` is how many tokens the messages in it may take.

    ``complete`` is False if messages of the thread were left out.
    """

    items: tuple[PromptItem, ...]
    room: int
    complete: bool


class PromptSource(NamedTuple):
    """What a prompt is made of.

    ``newest`` yields the thread's messages newest first and is read only as far as needed.
    ``steps`` are the run's finished steps, oldest first. ``continuations`` has, by step id, the
    data with which the model goes on after that step. The texts of ``background`` come before the
    messages.
    """

    newest: Iterable[Message]
    steps: Sequence[RunStep] = ()
    continuations: Mapping[str, str] = MappingProxyType({})
    background: Sequence[str] = ()


def build(run: Run, source: PromptSource, budget: int) -> Prompt:
    """Return the prompt of a model call of ``run``, at most about ``budget`` tokens.

    The newest question and the run's own steps are always included, even beyond the budget.
    """
    newest = iter(source.newest)
    own: dict[str, Message] = {}
    earlier: Iterable[Message] = ()
    for message in newest:
        # The run's own messages are the newest: its thread is locked.
        if message.run_id != run.id:
            earlier = chain((message,), newest)
            break
        own[message.id] = message
    head: list[PromptItem] = [SystemMessage(run.instructions)] if run.instructions else []
    head += [PromptMessage((Text(text),)) for text in source.background]
    own_items = _own_items(source, own)
    room = left = budget - sum(map(tokens, head)) - sum(map(tokens, own_items))
    images_left = MOST_BYTES_TOGETHER
    shown: list[PromptItem] = []
    most, complete = message_limit(run), True
    for number, message in enumerate(earlier):
        if number == most:
            complete = False
            break
        message, images_left = _with_bounded_images(message, images_left)
        item = message_item(message)
        if item is None:
            continue
        left -= tokens(item)
        if shown and (left < 0 or images_left < -MOST_BYTES_TOGETHER):
            complete = False
            break  # images far beyond their bound: older messages would lose all of theirs
        shown.append(item)
    return Prompt((*head, *reversed(shown), *own_items), room, complete)


def bounded_steps(newest: Iterable[RunStep]) -> list[RunStep]:
    """Return a run's steps oldest first; ``newest`` yields them newest first.

    Beyond a bound in bytes, the oldest calls keep only their ids and names; a notice replaces their
    outputs.
    """
    left = _MOST_CALL_BYTES
    steps: list[RunStep] = []
    for step in newest:
        details = step.step_details
        if isinstance(details, ToolCallsDetails):
            calls: list[StepCall] = []
            for call in reversed(details.tool_calls):
                size = len(msgspec.json.encode(call))
                left -= size
                calls.append(call if left >= 0 else _without_output(call))
            step = replace(step, step_details=ToolCallsDetails(tuple(reversed(calls))))
        steps.append(step)
    return steps[::-1]


def tokens(item: PromptItem | Item) -> int:
    """Estimate the tokens of a prompt item, rather too high than too low."""
    images = 0
    match item:
        case SystemMessage(text) | ToolResult(_, text):
            size = _bytes(text)
        case UserMessage(parts) | PromptMessage(parts):
            size = sum(_bytes(part.text) for part in parts if isinstance(part, Text))
            images = sum(not isinstance(part, Text) for part in parts)
        case AssistantMessage(text, calls, refusal, _):
            called = sum(_bytes(call.name) + _bytes(call.arguments) for call in calls)
            size = _bytes(text) + _bytes(refusal) + called
    return _ITEM_TOKENS + int(size / BYTES_A_TOKEN) + images * _IMAGE_TOKENS


def _without_output(call: StepCall) -> StepCall:
    """Return a call with a notice instead of its arguments and output."""
    match call:
        case FunctionCall(id_, function):
            return FunctionCall(id_, CalledFunction(function.name, "{}", _LEFT_OUT))
        case CodeInterpreterCall(id_, _):
            return CodeInterpreterCall(id_, CalledCode("", (LogsOutput(_LEFT_OUT),)))
        case FileSearchCall(id_, search):
            left_out = SearchResult("", "", 0.0, (SearchContent(_LEFT_OUT),))
            return FileSearchCall(id_, replace(search, results=(left_out,)))


def _call_and_result(call: StepCall, search_numbers: Iterator[int]) -> tuple[ToolCall, ToolResult]:
    """Return a call of the run and its result as items for the model."""
    match call:
        case FunctionCall(id_, function):
            asked = ToolCall(id_, function.name, function.arguments)
            return asked, ToolResult(id_, function.output or "")
        case CodeInterpreterCall(id_, code):
            asked = ToolCall(id_, CODE, json.dumps({"code": code.input}))
            logs = "".join(out.logs for out in code.outputs if isinstance(out, LogsOutput))
            return asked, ToolResult(id_, logs or "(It printed nothing.)")
        case FileSearchCall(id_, search):
            queries = search.queries if isinstance(search.queries, tuple) else ()
            asked = ToolCall(id_, SEARCH, json.dumps({"queries": queries}))
            return asked, ToolResult(id_, render_for_model(search, next(search_numbers)))


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def message_limit(run: Run) -> int | None:
    """Return how many messages of the thread the run's prompt may have; None without a limit."""
    strategy = run.truncation_strategy
    return strategy.last_messages if strategy and strategy.type == "last_messages" else None


def _with_bounded_images(message: Message, left: int) -> tuple[Message, int]:
    """Return a message without the image URLs beyond ``left`` bytes, and the bytes left after it.

    Once an image is left out, the returned number is negative: all older images are left out, too.
    Earlier versions stored ``data:`` URLs of megabytes.
    """
    if not any(isinstance(part, ImageUrlPart) for part in message.content):
        return message, left
    content: list[Content] = []
    for part in message.content:
        if isinstance(part, ImageUrlPart):
            left -= len(part.image_url.url)
            if left < 0:
                part = TextPart(TextValue(TOO_LARGE_NOTICE))
        content.append(part)
    return replace(message, content=tuple(content)), left


def message_item(message: Message) -> PromptItem | None:
    """Return a message as a prompt item; None for an empty message."""
    if message.role == "assistant":
        said = _assistant_message(message)
        return said if said.text or said.refusal else None
    parts = tuple(part for content in message.content if (part := _part(content)))
    return PromptMessage(parts) if parts else None


def _part(content: Content) -> PromptPart | None:
    match content:
        case TextPart(text):
            return Text(text.value)
        case ImageUrlPart(image):
            if image.url.startswith(_FILE_SCHEME):
                return StoredImage(image.url.removeprefix(_FILE_SCHEME), image.detail)
            return LinkedImage(image.url, image.detail)
        case ImageFilePart(image):
            return StoredImage(image.file_id, image.detail)
        case _:
            return None


def _assistant_message(message: Message) -> AssistantMessage:
    texts = [part.text.value for part in message.content if isinstance(part, TextPart)]
    refusals = [part.refusal for part in message.content if isinstance(part, RefusalPart)]
    return AssistantMessage("\n".join(texts), (), "\n".join(refusals))


def _own_items(source: PromptSource, own: dict[str, Message]) -> list[PromptItem]:
    """Return the run's own messages and calls; text before a call joins the call's item."""
    own_items: list[PromptItem] = []
    said = AssistantMessage()
    search_numbers = count()
    for step in source.steps:
        details = step.step_details
        if isinstance(details, MessageCreationDetails):
            if said.text:
                own_items.append(said)
            message = own.get(details.message_creation.message_id)
            said = _assistant_message(message) if message else AssistantMessage()
            continue
        pairs = [_call_and_result(call, search_numbers) for call in details.tool_calls]
        calls = tuple(call for call, _ in pairs)
        continuation = source.continuations.get(step.id, "")
        own_items.append(AssistantMessage(said.text, calls, said.refusal, continuation))
        own_items.extend(output for _, output in pairs)
        said = AssistantMessage()
    if said.text:
        own_items.append(said)
    return own_items
