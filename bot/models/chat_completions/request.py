"""A ``ModelRequest`` as the body of a chat completion, in the form most servers accept."""

import json
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from bot.models.chat_completions.continuation import give_back
from bot.models.chat_completions.dialect import ChatDialect, in_turns
from bot.models.types import (
    AssistantMessage,
    FunctionSpec,
    Image,
    Item,
    ModelRequest,
    NamedFunction,
    SystemMessage,
    Text,
    ToolResult,
    UserMessage,
)

_EMPTY_QUESTION: Final = "(This message is empty.)"
_EMPTY_OUTPUT: Final = "(The tool gave no output.)"


def chat_body(request: ModelRequest, model: str, dialect: ChatDialect) -> dict[str, Any]:
    """Return the request's JSON without the fields that the dialect leaves out."""
    items, tools = request.items, request.tools
    if not tools and not dialect.calls_tools:
        items = tuple(_without_calls(items))
    options: dict[str, Any] = {"include_usage": True}
    if dialect.obfuscated:
        options["include_obfuscation"] = False
    body: dict[str, Any] = {
        "model": model,
        "messages": _messages(items, dialect),
        "stream": True,
        "stream_options": options,
        "temperature": request.temperature,
        "top_p": request.top_p,
        dialect.limit: request.max_tokens,
        "response_format": _response_format(request.response_format),
        "reasoning_effort": request.reasoning_effort,
        dialect.user: request.user_key,
    }
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
        choice = request.tool_choice
        if isinstance(choice, NamedFunction):
            body["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
        else:
            body["tool_choice"] = choice
        # True is every endpoint's default, and some models refuse the field.
        if request.parallel_tool_calls is False:
            body["parallel_tool_calls"] = False
    return {
        name: value
        for name, value in body.items()
        if value is not None and name not in dialect.left_out
    }


def _without_calls(items: Iterable[Item]) -> Iterable[Item]:
    """Yield a conversation with its tool calls written as text."""
    for item in items:
        if isinstance(item, ToolResult):
            yield UserMessage((Text(f"(Output of a tool:)\n{item.output}"),))
        elif isinstance(item, AssistantMessage):
            yield AssistantMessage(item.text, (), item.refusal)
        else:
            yield item


def _messages(items: tuple[Item, ...], dialect: ChatDialect) -> list[dict[str, Any]]:
    """Return the messages without blank ones, which some endpoints refuse."""
    messages: list[dict[str, Any]] = []
    held: list[str] = []
    for item in items:
        if isinstance(item, SystemMessage):
            if not item.text.strip():
                continue
            if dialect.instructions == "user" or (dialect.alternating and messages):
                held.append(item.text)
            else:
                messages.append({"role": dialect.instructions, "content": item.text})
        elif isinstance(item, UserMessage):
            if content := _content(item, "\n\n".join(held) if held else None):
                messages.append({"role": "user", "content": content})
                held.clear()
        elif isinstance(item, AssistantMessage):
            if message := _assistant(item, dialect):
                messages.append(message)
        else:
            output = item.output if item.output.strip() else _EMPTY_OUTPUT
            messages.append({"role": "tool", "tool_call_id": item.call_id, "content": output})
    if held:
        messages.append({"role": "user", "content": "\n\n".join(held)})
    asked = any(isinstance(item, UserMessage) for item in items)
    if asked and not any(message["role"] in ("user", "tool") for message in messages):
        messages.append({"role": "user", "content": _EMPTY_QUESTION})
    return in_turns(messages) if dialect.alternating else messages


def _content(message: UserMessage, before: str | None) -> str | list[dict[str, Any]]:
    """Return a message's content: a list with images, else a string, as many servers demand."""
    parts: list[Text | Image] = list(message.parts)
    if before is not None:
        parts.insert(0, Text(before))
    parts = [part for part in parts if isinstance(part, Image) or part.text.strip()]
    texts = [part.text for part in parts if isinstance(part, Text)]
    if len(texts) == len(parts):
        return "\n\n".join(texts)
    return [
        {"type": "text", "text": part.text}
        if isinstance(part, Text)
        else {"type": "image_url", "image_url": {"url": part.url, "detail": part.detail}}
        for part in parts
    ]


def _assistant(item: AssistantMessage, dialect: ChatDialect) -> dict[str, Any] | None:
    """Return the message of an earlier answer; None for an empty answer."""
    # A refusal is sent as text: most servers don't know its own field.
    said = item.text if item.text.strip() else item.refusal
    message: dict[str, Any] = {"role": "assistant", "content": said}
    if item.tool_calls:
        if not said.strip():
            message["content"] = None if dialect.null_content else ""
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": object_text(call.arguments)},
            }
            for call in item.tool_calls
        ]
        give_back(message, item, dialect.left_out)
    elif not said.strip():
        return None
    if dialect.needs_reasoning:
        message.setdefault("reasoning_content", "")
    return message


def object_text(arguments: str) -> str:
    """Return a call's arguments as the JSON of an object, which templates parse.

    No arguments become ``{}``; other text is wrapped in an object, so that the model sees it again.
    """
    try:
        value = msgspec.json.decode(arguments)
        if isinstance(value, str) and value.lstrip().startswith("{"):
            # The object's JSON as a JSON string.
            arguments, value = value, msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        value = _loosely(arguments)
        if isinstance(value, dict):
            return json.dumps(_finite(value))
    if isinstance(value, dict):
        return arguments
    empty = value is None or not arguments.strip()
    return "{}" if empty else json.dumps({"text": value if isinstance(value, str) else arguments})


def _loosely(arguments: str) -> Any:
    """Return the value of a JSON text with control characters or NaN; else the text."""
    try:
        return json.loads(arguments, strict=False)
    except (ValueError, RecursionError):
        return arguments


def _finite(value: Any) -> Any:
    """Return the value without NaN and Infinity, which are not JSON."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and value - value != 0 else value


def _tool(tool: FunctionSpec) -> dict[str, Any]:
    function: dict[str, Any] = {
        "name": tool.name,
        # None means a function without parameters, for which every server takes the empty schema.
        "parameters": tool.parameters or {"type": "object", "properties": {}},
    }
    if tool.description is not None:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _response_format(asked: dict[str, Any] | str | None) -> dict[str, Any] | None:
    """Return the response format; None for plain text, every endpoint's default."""
    if asked is None or isinstance(asked, str) or asked.get("type") == "text":
        return None
    return asked
