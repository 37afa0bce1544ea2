"""Estimates of token counts from text lengths, for endpoints that report no usage."""

import msgspec

from bot.models.types import ModelRequest, SystemMessage, Text, ToolResult, UserMessage


def estimate_prompt(request: ModelRequest) -> int:
    """Estimate the tokens of a request's messages and tools."""
    size = 0
    for item in request.items:
        size += 16  # a message's frame costs about four tokens
        if isinstance(item, UserMessage):
            for part in item.parts:
                size += len(part.text) if isinstance(part, Text) else 3000
        elif isinstance(item, SystemMessage):
            size += len(item.text)
        elif isinstance(item, ToolResult):
            size += len(item.output)
        else:
            size += len(item.text)
            size += sum(len(call.name) + len(call.arguments) for call in item.tool_calls)
    if request.tools:
        size += len(msgspec.json.encode(request.tools))
    return estimate_tokens(size)


def estimate_tokens(characters: int) -> int:
    """Estimate the tokens of a text by its number of characters."""
    return (characters + 3) // 4
