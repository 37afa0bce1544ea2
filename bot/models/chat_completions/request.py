"""A `ModelRequest` as a chat completions body, in the spelling that most servers understand."""

from typing import Any, Literal

from msgspec import Struct, field

from bot.models.http.errors import Told, refused_parameter, refused_role
from bot.models.types import (
    AssistantMessage,
    FunctionSpec,
    Image,
    Item,
    ModelRequest,
    NamedFunction,
    SystemMessage,
    Text,
    UserMessage,
)

# What a model may refuse and an answer is still right without; people are told of all else.
_OPTIONAL = frozenset(
    {
        "temperature",
        "top_p",
        "stream_options",
        "parallel_tool_calls",
        "reasoning_effort",
        "user",
        "safety_identifier",
    }
)


class ChatDialect(Struct):
    """What one model at one endpoint takes; learned from its refusals, kept for later requests."""

    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    user: Literal["user", "safety_identifier"] = "user"
    # Where instructions go: "user" puts them before the first thing the person said, for models
    # whose template has no place for a system message.
    instructions: Literal["system", "developer", "user"] = "system"
    obfuscated: bool = False  # pads its chunks unless told not to
    left_out: set[str] = field(default_factory=set)
    limit_swapped: bool = False

    @classmethod
    def openai(cls) -> "ChatDialect":
        """What OpenAI's own hosts take."""
        return cls(limit="max_completion_tokens", user="safety_identifier", obfuscated=True)


def chat_body(request: ModelRequest, model: str, dialect: ChatDialect) -> dict[str, Any]:
    """The request's JSON; what the dialect leaves out is not in it."""
    options: dict[str, Any] = {"include_usage": True}
    if dialect.obfuscated:
        options["include_obfuscation"] = False
    body: dict[str, Any] = {
        "model": model,
        "messages": _messages(request.items, dialect.instructions),
        "stream": True,
        "stream_options": options,
        "temperature": request.temperature,
        "top_p": request.top_p,
        dialect.limit: request.max_tokens,
        "response_format": _response_format(request.response_format),
        "reasoning_effort": request.reasoning_effort,
        dialect.user: request.user_key,
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        choice = request.tool_choice
        if isinstance(choice, NamedFunction):
            body["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
        else:
            body["tool_choice"] = choice
        # True is what endpoints do anyway, and some models refuse to be told.
        if request.parallel_tool_calls is False:
            body["parallel_tool_calls"] = False
    return {
        name: value
        for name, value in body.items()
        if value is not None and name not in dialect.left_out
    }


def learn(dialect: ChatDialect, told: Told, body: dict[str, Any]) -> str | None:
    """Take a refusal of `body` as a lesson; says what will be done, None if it teaches nothing."""
    if refused_role(told) and dialect.instructions != "user":
        # Only OpenAI's models know "developer"; elsewhere a template has no place for either.
        to_developer = dialect.obfuscated and dialect.instructions == "system"
        dialect.instructions = "developer" if to_developer else "user"
        return f"instructions go as {dialect.instructions} messages from now on ({told.message})"
    name = refused_parameter(told, (_OPTIONAL | {dialect.limit}) & body.keys())
    if name is None:
        return None
    if name == dialect.limit:
        if dialect.limit_swapped:
            return None
        dialect.limit_swapped = True
        dialect.limit = "max_completion_tokens" if dialect.limit == "max_tokens" else "max_tokens"
        return f"the limit is sent as {dialect.limit} from now on ({told.message})"
    dialect.left_out.add(name)
    return f"{name} is left out from now on ({told.message})"


def _messages(
    items: tuple[Item, ...], instructions: Literal["system", "developer", "user"]
) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    held: list[str] = []
    for item in items:
        if isinstance(item, SystemMessage):
            if instructions == "user":
                held.append(item.text)
            else:
                messages.append({"role": instructions, "content": item.text})
        elif isinstance(item, UserMessage):
            messages.append(
                {"role": "user", "content": _content(item, "\n\n".join(held) if held else None)}
            )
            held.clear()
        elif isinstance(item, AssistantMessage):
            messages.append(_assistant(item))
        else:
            messages.append({"role": "tool", "tool_call_id": item.call_id, "content": item.output})
    if held:
        messages.append({"role": "user", "content": "\n\n".join(held)})
    return messages


def _content(message: UserMessage, before: str | None) -> str | list[dict[str, Any]]:
    """Plain text where there is nothing else: many servers take no lists without images."""
    parts: list[Text | Image] = list(message.parts)
    if before is not None:
        parts.insert(0, Text(before))
    texts = [part.text for part in parts if isinstance(part, Text)]
    if len(texts) == len(parts):
        return "\n\n".join(texts)
    return [
        {"type": "text", "text": part.text}
        if isinstance(part, Text)
        else {"type": "image_url", "image_url": {"url": part.url, "detail": part.detail}}
        for part in parts
    ]


def _assistant(item: AssistantMessage) -> dict[str, Any]:
    # A refusal goes as text: its own field is unknown to most servers, and a message with neither
    # text nor calls is refused by some.
    message: dict[str, Any] = {"role": "assistant", "content": item.text or item.refusal}
    if item.tool_calls:
        message["content"] = message["content"] or None
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in item.tool_calls
        ]
    return message


def _tool(tool: FunctionSpec) -> dict[str, Any]:
    function: dict[str, Any] = {
        "name": tool.name,
        # None means a function without parameters; the empty schema says so to everyone.
        "parameters": tool.parameters or {"type": "object", "properties": {}},
    }
    if tool.description is not None:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _response_format(asked: dict[str, Any] | str | None) -> dict[str, Any] | None:
    """None where plain text is asked, which is what every endpoint does when nothing is said."""
    if asked is None or isinstance(asked, str) or asked.get("type") == "text":
        return None
    return asked
