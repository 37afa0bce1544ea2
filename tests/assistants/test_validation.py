"""A request is checked once, and each violation is worded as OpenAI's API words it."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from bot.assistants.errors import APIError
from bot.assistants.schema.requests import (
    CreateAssistant,
    CreateMessage,
    CreateRun,
    CreateThread,
    Page,
    Request,
)
from bot.assistants.schema.vector_stores import CreateVectorStoreFile
from bot.assistants.validation import checked, from_raw


def test_a_request_that_was_parsed_is_not_checked_again() -> None:
    parsed = from_raw(CreateMessage, {"role": "user", "content": "hi"})
    assert checked(parsed) is parsed


def test_the_mark_of_a_checked_request_is_neither_compared_nor_encoded() -> None:
    parsed, built = from_raw(Page, {"limit": 3}), Page(limit=3)
    assert (parsed.is_checked, built.is_checked) == (True, False)
    assert parsed == built
    assert hash(parsed) == hash(built)
    assert msgspec.json.encode(parsed) == msgspec.json.encode(built) == b'{"limit":3}'


@pytest.mark.parametrize("parsed", [True, False])
def test_a_changed_copy_of_a_request_is_checked(parsed: bool) -> None:
    page = from_raw(Page, {"limit": 3}) if parsed else Page(limit=3)
    with pytest.raises(APIError, match="Expected a value <= 100, but got 1000 instead"):
        checked(replace(page, limit=1000))


ASSISTANT: dict[str, Any] = {"model": "m"}
RUN: dict[str, Any] = {"assistant_id": "a"}


@pytest.mark.parametrize(
    ("kind", "raw", "param", "code", "message"),
    [
        (CreateAssistant, {}, "model", "missing_required_parameter",
         "Missing required parameter: 'model'."),
        (CreateAssistant, {**ASSISTANT, "tools": [{}]}, "tools[0].type",
         "missing_required_parameter", "Missing required parameter: 'tools[0].type'."),
        (CreateAssistant, {**ASSISTANT, "colour": 1}, "colour", "unknown_parameter",
         "Unknown parameter: 'colour'."),
        (CreateRun, {**RUN, "max_prompt_tokens": 300.5}, "max_prompt_tokens", "invalid_type",
         "Invalid type for 'max_prompt_tokens': expected an integer or null, but got a number "
         "instead."),
        (CreateMessage, {"role": "user", "content": True}, "content", "invalid_type",
         "Invalid type for 'content': expected a string or an array, but got a boolean instead."),
        (CreateAssistant, {"model": None}, "model", "invalid_type",
         "Invalid type for 'model': expected a string, but got null instead."),
        (CreateVectorStoreFile, {"file_id": "f", "attributes": {"a": []}}, "attributes.a",
         "invalid_type", "Invalid type for 'attributes.a': expected a boolean or a number or a "
         "string, but got an array instead."),
        (CreateAssistant, {**ASSISTANT, "temperature": 3}, "temperature",
         "decimal_above_max_value", "Invalid 'temperature': decimal above maximum value. Expected "
         "a value <= 2, but got 3 instead."),
        (CreateAssistant, {**ASSISTANT, "top_p": -0.5}, "top_p", "decimal_below_min_value",
         "Invalid 'top_p': decimal below minimum value. Expected a value >= 0, but got -0.5 "
         "instead."),
        (CreateRun, {**RUN, "max_prompt_tokens": 10}, "max_prompt_tokens",
         "integer_below_min_value", "Invalid 'max_prompt_tokens': integer below minimum value. "
         "Expected a value >= 256, but got 10 instead."),
        (CreateAssistant, {"model": ""}, "model", "string_below_min_length",
         "Invalid 'model': string too short. Expected a string with minimum length 1, but got a "
         "string with length 0 instead."),
        (CreateAssistant, {**ASSISTANT, "name": "x" * 257}, "name", "string_above_max_length",
         "Invalid 'name': string too long. Expected a string with maximum length 256, but got a "
         "string with length 257 instead."),
        (CreateRun, {**RUN, "tools": [{"type": "file_search"}] * 21}, "tools",
         "array_above_max_length", "Invalid 'tools': array too long. Expected an array with "
         "maximum length 20, but got an array with length 21 instead."),
        (CreateMessage, {"role": "user", "content": []}, "content", "array_below_min_length",
         "Invalid 'content': array too short. Expected an array with minimum length 1, but got an "
         "array with length 0 instead."),
        (CreateThread, {"metadata": {"k" * 65: "v"}}, "metadata", "string_above_max_length",
         "Invalid 'metadata': key too long. Expected a key with maximum length 64, but got one "
         "with length 65 instead."),
        (CreateThread, {"metadata": {"k": "v" * 513}}, "metadata", "string_above_max_length",
         "Invalid 'metadata': value too long. Expected a value with maximum length 512, but got "
         "one with length 513 instead."),
        (CreateThread, {"metadata": dict.fromkeys(map(str, range(17)), "v")}, "metadata",
         "object_above_max_properties", "Invalid 'metadata': too many properties. Expected an "
         "object with at most 16 properties, but got an object with 17 properties instead."),
        (CreateThread, {"messages": [{"role": "bot", "content": "x"}]}, "messages[0].role",
         "invalid_value", "Invalid value for 'messages[0].role': 'bot'. Supported values are: "
         "'assistant' and 'user'."),
        (CreateAssistant, {**ASSISTANT, "tools": [{"type": "x" * 150}]}, "tools[0].type",
         "invalid_value", f"Invalid value for 'tools[0].type': '{'x' * 99}…'. Supported values are"
         ": 'code_interpreter', 'file_search', and 'function'."),
        (CreateRun, {**RUN, "tool_choice": "some"}, "tool_choice", "invalid_value",
         "Invalid value for 'tool_choice': 'some'. Supported values are: 'auto', 'none', and "
         "'required'."),
        (CreateAssistant,
         {**ASSISTANT, "tools": [{"type": "function", "function": {"name": "a b"}}]},
         "tools[0].function.name", "invalid_value", "Invalid 'tools[0].function.name': string does "
         "not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."),
        (CreateMessage, {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "x"}}]}, "content[0].image_url.url",
         "invalid_value", "Invalid 'content[0].image_url.url'. Expected a valid URL, but got a "
         "value with an invalid format."),
        (CreateThread, [], None, None,
         "The request's body must be an object, but an array was sent."),
    ],
)  # fmt: skip
def test_a_violation_is_told_in_the_words_of_openais_api(
    kind: type[Request], raw: object, param: str | None, code: str | None, message: str
) -> None:
    with pytest.raises(APIError) as caught:
        from_raw(kind, raw)
    assert caught.value.message == message
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)
