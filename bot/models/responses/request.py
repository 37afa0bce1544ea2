"""A ``ModelRequest`` as the body of a Response, without fields that the model refuses."""

import re
from typing import Any, Final

from msgspec import Struct, field

from bot.models.http.errors import ErrorFields, refused_parameter
from bot.models.responses.continuation import unseal
from bot.models.types import (
    AssistantMessage,
    FunctionSpec,
    HostedTool,
    Item,
    ModelRequest,
    NamedFunction,
    NamedHosted,
    SystemMessage,
    Text,
    ToolChoice,
    ToolResult,
    UserMessage,
)

ABANDONED: Final = "This call was abandoned: it has no output, and none will come."
_FEWEST_TOKENS: Final = 16  # the API refuses a lower limit
_LONGEST_USER: Final = 64

# Parameters that a request can go without; a refusal of any other one is an error.
_OPTIONAL: Final = frozenset(
    {
        "temperature",
        "top_p",
        "parallel_tool_calls",
        "reasoning",
        "include",
        "safety_identifier",
        "stream_options",
        "background",
    }
)
_REASONS: Final = re.compile(r"o\d|gpt-5(?!.*chat)")
_SUMMARY: Final = re.compile(r"reasoning.?summar", re.IGNORECASE)
_PLAIN: Final = re.compile(r"gpt-(?:3\.5|4)|chatgpt-|gpt-5.*chat")


class ResponsesDialect(Struct):
    """What one model accepts, known from its name or learned from its refusals."""

    samples: bool = True  # accepts temperature and top_p
    seals: bool = True  # returns its reasoning encrypted
    summarizes: bool = True  # returns a summary of its reasoning
    calls_tools: bool = True
    left_out: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, model: str) -> "ResponsesDialect":
        """Return the dialect of a model by its name; an unknown model gets all fields."""
        name = model.rpartition("/")[2].removeprefix("ft:")
        plain = bool(_PLAIN.match(name))
        return cls(samples=not _REASONS.match(name), seals=not plain, summarizes=not plain)

    def learn(self, fields: ErrorFields, body: dict[str, Any]) -> str | None:
        """Learn what to change from a refusal of ``body``; return it as a sentence, or None."""
        name = refused_parameter(fields, _OPTIONAL & body.keys())
        encrypted = re.search(r"encrypted[ _]content", fields.message, re.IGNORECASE)
        words = f"{fields.param} {fields.message}"
        if self.seals and (name == "include" or (encrypted and "not supported" in fields.message)):
            self.seals = False
            return f"its reasoning is not asked for from now on ({fields.logged})"
        if "summary" in body.get("reasoning", {}) and (
            name == "reasoning" or _SUMMARY.search(words)
        ):
            # Some organizations and models get no summaries; the effort may still be taken.
            self.summarizes = False
            return f"summaries of its reasoning are not asked for from now on ({fields.logged})"
        if name is None:
            return None
        self.left_out.add(name)
        return f"{name} is left out from now on ({fields.logged})"


def response_body(
    request: ModelRequest,
    model: str,
    dialect: ResponsesDialect,
    *,
    background: bool = False,
    sealed: bool = True,
) -> dict[str, Any]:
    """Return the request's JSON; without ``sealed`` it carries no encrypted reasoning."""
    instructions, items = _head(request.items)
    background = background and "background" not in dialect.left_out
    body: dict[str, Any] = {
        "model": model,
        "instructions": instructions,
        "input": _input(items, sealed),
        "stream": True,
        "stream_options": {"include_obfuscation": False},
        "store": background,
        "background": True if background else None,
        "max_output_tokens": _limit(request.max_tokens),
        "text": _text_format(request.response_format),
        "safety_identifier": (request.user_key or "")[:_LONGEST_USER] or None,
        "include": included(request, dialect) or None,
    }
    effort = request.reasoning_effort
    reasoning = {} if effort is None else {"effort": effort}
    if request.thoughts and dialect.summarizes and effort != "none":
        reasoning["summary"] = "auto"
    body["reasoning"] = reasoning or None
    if dialect.samples or effort == "none":
        body["temperature"], body["top_p"] = request.temperature, request.top_p
    if request.tools or request.hosted:
        body["tools"] = [*map(_tool, request.tools), *map(_hosted, request.hosted)]
        body["tool_choice"] = _tool_choice(request.tool_choice)
        # True is every model's default, and some models refuse the field.
        body["parallel_tool_calls"] = False if request.parallel_tool_calls is False else None
    return {
        name: value
        for name, value in body.items()
        if value is not None and name not in dialect.left_out
    }


def refused_seal(fields: ErrorFields) -> bool:
    """Tell whether a refusal says that the encrypted reasoning can't be decrypted."""
    words = f"{fields.code} {fields.message}".lower()
    return "encrypted_content" in words or "encrypted content" in words


def _head(items: tuple[Item, ...]) -> tuple[str | None, tuple[Item, ...]]:
    """Return the leading instructions and the rest, which is never empty."""
    count = 0
    while count < len(items) and isinstance(items[count], SystemMessage):
        count += 1
    if count in (0, len(items)):
        return None, items
    head = [item.text for item in items[:count] if isinstance(item, SystemMessage)]
    return "\n\n".join(head), items[count:]


def _input(items: tuple[Item, ...], sealed: bool) -> list[dict[str, Any]]:
    answered = {item.call_id for item in items if isinstance(item, ToolResult)}
    entries: list[dict[str, Any]] = []
    for item in items:
        if isinstance(item, SystemMessage):
            entries.append(_message("developer", item.text))
        elif isinstance(item, UserMessage):
            entries.append(_message("user", _content(item)))
        elif isinstance(item, ToolResult):
            entries.append(_output(item.call_id, item.output))
        else:
            entries += (unseal(item) if sealed else None) or _assistant(item)
            abandoned = [call.id for call in item.tool_calls if call.id not in answered]
            # The API refuses a conversation that has a call without an output.
            entries += [_output(call_id, ABANDONED) for call_id in abandoned]
    return entries


def _message(role: str, content: str | list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content}


def _content(message: UserMessage) -> str | list[dict[str, Any]]:
    texts = [part.text for part in message.parts if isinstance(part, Text)]
    if len(texts) == len(message.parts):
        return "\n\n".join(texts)
    return [
        {"type": "input_text", "text": part.text}
        if isinstance(part, Text)
        else {"type": "input_image", "image_url": part.url, "detail": part.detail}
        for part in message.parts
    ]


def _assistant(message: AssistantMessage) -> list[dict[str, Any]]:
    said = message.text or message.refusal
    entries = [_message("assistant", said)] if said or not message.tool_calls else []
    entries += [
        {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
        }
        for call in message.tool_calls
    ]
    return entries


def _output(call_id: str, output: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def _tool(tool: FunctionSpec) -> dict[str, Any]:
    # The default of ``strict`` is true in the Responses API, but false in the Assistants API.
    strict = bool(tool.strict)
    nothing: dict[str, Any] = {"type": "object", "properties": {}}
    if strict:
        nothing["additionalProperties"] = False
    described = {} if tool.description is None else {"description": tool.description}
    return {
        "type": "function",
        "name": tool.name,
        **described,
        "parameters": tool.parameters or nothing,
        "strict": strict,
    }


def _hosted(tool: HostedTool) -> dict[str, Any]:
    if tool.kind == "code_interpreter":
        return {"type": "code_interpreter", "container": {"type": "auto"}, **tool.options}
    return {"type": tool.kind, **tool.options}


def _tool_choice(choice: ToolChoice | None) -> str | dict[str, Any] | None:
    if isinstance(choice, NamedFunction):
        return {"type": "function", "name": choice.name}
    if isinstance(choice, NamedHosted):
        if choice.kind == "code_interpreter":
            return {"type": "code_interpreter"}
        return {"type": "allowed_tools", "mode": "required", "tools": [{"type": choice.kind}]}
    return choice


def included(request: ModelRequest, dialect: ResponsesDialect) -> list[str]:
    """Return the ``include`` list: fields that a response has only on request."""
    kinds = {tool.kind for tool in request.hosted}
    wanted = {
        "reasoning.encrypted_content": dialect.seals,
        "code_interpreter_call.outputs": "code_interpreter" in kinds,
        "web_search_call.action.sources": "web_search" in kinds,
    }
    return [name for name, included in wanted.items() if included]


def _limit(tokens: int | None) -> int | None:
    return None if tokens is None else max(tokens, _FEWEST_TOKENS)


def _text_format(asked: dict[str, Any] | str | None) -> dict[str, Any] | None:
    """Return the response format in the shape of ``text``; None for plain text."""
    if asked is None or isinstance(asked, str) or asked.get("type") == "text":
        return None
    described = asked.get("json_schema")
    if not isinstance(described, dict):
        return {"format": asked}
    schema = {key: value for key, value in described.items() if value is not None}
    return {"format": {"schema": {"type": "object"}, **schema, "type": "json_schema"}}
