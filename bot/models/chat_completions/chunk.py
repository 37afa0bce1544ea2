"""A chunk of a chat completion: only the fields that are read, of any type."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from bot.models.http.leniency import integer, text_in


class CompletionDelta(Struct, gc=False):
    """A piece of an answer, or a whole answer; its fields are checked where they are used."""

    content: Any = None
    text: Any = None
    refusal: Any = None
    tool_calls: Any = None
    function_call: Any = None
    reasoning: Any = None
    reasoning_content: Any = None
    reasoning_details: Any = None
    thinking_blocks: Any = None
    extra_content: Any = None


class CompletionChoice(Struct, gc=False):
    """A choice; ``message`` is a whole answer, ``text`` the field of old endpoints."""

    index: Any = 0
    delta: CompletionDelta | None = None
    finish_reason: Any = None
    stop_reason: Any = None
    message: CompletionDelta | None = None
    text: Any = None
    error: Any = None
    usage: Any = None


class CompletionChunk(Struct, gc=False):
    """The data of one event."""

    choices: list[CompletionChoice] | None = None
    usage: Any = None
    error: Any = None


class PlainDelta(Struct, gc=False):
    """A piece of text and nothing else; see ``CompletionDelta``."""

    content: str | None = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None
    reasoning: None = None
    reasoning_content: None = None
    reasoning_details: None = None
    thinking_blocks: None = None


class PlainChoice(Struct, gc=False):
    """A choice with a piece of text and nothing else."""

    delta: PlainDelta
    index: int = 0
    finish_reason: None = None
    stop_reason: None = None
    error: None = None


class PlainChunk(Struct, gc=False):
    """The data of nearly every event: a piece of text. Decoding fails if other fields are set."""

    choices: list[PlainChoice]
    usage: None = None
    error: None = None


text_decoder: Final = msgspec.json.Decoder(PlainChunk)
"""Decodes a chunk that holds text and nothing else; ``decoder`` reads other chunks."""

decoder: Final = msgspec.json.Decoder(CompletionChunk)
"""Decodes well-formed chunks; ``chunk_of`` reads all others."""


def chunk_of(value: dict[str, Any]) -> CompletionChunk:
    """Return a malformed chunk, read as far as possible."""
    choices = value.get("choices")
    if isinstance(choices, dict):
        numbered = all(key.isdigit() for key in choices)
        choices = list(choices.values()) if numbered else [choices]
    listed = choices if isinstance(choices, list) else ()
    read = [_choice(choice) for choice in listed if isinstance(choice, dict)]
    return CompletionChunk(choices=read, usage=value.get("usage"), error=value.get("error"))


def _choice(value: dict[str, Any]) -> CompletionChoice:
    choice = CompletionChoice(
        **{name: value.get(name) for name in CompletionChoice.__struct_fields__}
    )
    choice.index = integer(choice.index) or 0
    choice.delta, choice.message = _delta(choice.delta), _delta(choice.message)
    return choice


def _delta(value: object) -> CompletionDelta | None:
    if isinstance(value, dict):
        return CompletionDelta(
            **{name: value.get(name) for name in CompletionDelta.__struct_fields__}
        )
    return CompletionDelta(content=value) if isinstance(value, str | list) else None


_OF_THOUGHTS: Final = ("think", "reason", "thought", "summary")


def parts_of(content: object) -> tuple[str, str, str]:
    """Return text, refusal and reasoning in a message's content: a text or a list of parts."""
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        return text_in(content), "", ""
    texts: list[str] = []
    refusals: list[str] = []
    thoughts: list[str] = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
            continue
        if isinstance(part, list):
            for found, each in zip((texts, refusals, thoughts), parts_of(part), strict=True):
                found.append(each)
            continue
        if not isinstance(part, dict):
            continue
        kind = text_in(part.get("type")).lower()
        if part.get("thought") is True or any(word in kind for word in _OF_THOUGHTS):
            thoughts.append(text_in(part.get("text")) or "…")
        elif "refusal" in kind:
            refusals.append(text_in(part.get("refusal", part.get("text"))))
        else:
            texts.append(text_in(part.get("text")))
    return "".join(texts), "".join(refusals), "".join(thoughts)
