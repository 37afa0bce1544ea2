"""Endpoints that are strict: each refuses what it does not take, and is then asked as it wants."""

import asyncio
import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from bot.models.chat_completions.model import ChatCompletions
from bot.models.types import (
    AssistantMessage,
    Continuation,
    FunctionSpec,
    Item,
    ModelEvent,
    ModelRequest,
    SystemMessage,
    Text,
    ToolCall,
    ToolCallStarted,
    ToolResult,
    UserMessage,
)
from tests.models.asking import collect, collect_until_error, said
from tests.support.model_endpoint import Asked, ScriptedModel, turns

SEARCH = FunctionSpec("file_search", "Searches files")
Rule = Callable[[list[dict[str, Any]]], str | None]


def user(text: str) -> UserMessage:
    return UserMessage((Text(text),))


def asking(*items: Item, **fields: Any) -> ModelRequest:
    return ModelRequest(model="m", items=items, **fields)


def strict(rule: Rule, status: int = 400) -> Callable[[Asked], turns.Turn]:
    """A script that refuses what breaks the rule, in the rule's words."""

    def script(asked: Asked) -> turns.Turn:
        problem = rule(asked.messages)
        return turns.say("yes") if problem is None else turns.fail(status, message=problem)

    return script


def alternating(messages: list[dict[str, Any]]) -> str | None:
    roles = [message["role"] for message in messages]
    if roles[:1] == ["system"]:
        roles.pop(0)
    wanted = ["user", "assistant"] * len(roles)
    if roles == wanted[: len(roles)] and roles:
        return None
    return "Conversation roles must alternate user/assistant/user/assistant/..."


def json_arguments(messages: list[dict[str, Any]]) -> str | None:
    for message in messages:
        for call in message.get("tool_calls", ()):
            try:
                if isinstance(json.loads(call["function"]["arguments"]), dict):
                    continue
            except ValueError:
                pass
            return "invalid tool call arguments"
    return None


def non_empty(messages: list[dict[str, Any]]) -> str | None:
    for message in messages:
        content = message["content"]
        parts = (
            [content] if isinstance(content, str) else [p.get("text", "x") for p in content or ()]
        )
        if not all(part.strip() for part in parts):
            return "messages: text content blocks must be non-empty"
    return None


def reasoning_back(messages: list[dict[str, Any]]) -> str | None:
    if all("reasoning_content" in each for each in messages if each["role"] == "assistant"):
        return None
    return "The `reasoning_content` in the thinking mode must be passed back to the API."


def no_reasoning(messages: list[dict[str, Any]]) -> str | None:
    for at, message in enumerate(messages):
        if "reasoning_content" in message:
            return f"'messages.{at}' : property 'reasoning_content' is unsupported"
    return None


def text_content(messages: list[dict[str, Any]]) -> str | None:
    for at, message in enumerate(messages):
        if message["content"] is None:
            return f"messages.{at}.content: Input should be a valid string"
    return None


CALLED = AssistantMessage(tool_calls=(ToolCall("c1", "file_search", ""),))
TALKS: dict[str, tuple[Item, ...]] = {
    "two questions in a row": (SystemMessage("Be kind."), user("a"), user("b")),
    "an answer first": (SystemMessage("Be kind."), AssistantMessage("a"), user("b")),
    "answers in a row": (user("a"), AssistantMessage("b"), AssistantMessage("c"), user("d")),
    "instructions in between": (user("a"), SystemMessage("Be brief."), user("b")),
    "two instructions": (SystemMessage("a"), SystemMessage("b"), user("c")),
    "blank ones": (user(" "), AssistantMessage("\n"), SystemMessage(""), user("a"), user("")),
    "nothing but blank": (user(" \n"),),
}
WITH_CALLS: dict[str, tuple[Item, ...]] = {
    "a call without arguments": (user("a"), CALLED, ToolResult("c1", "")),
    "a call of a blank text": (
        user("a"),
        AssistantMessage(" ", (ToolCall("c1", "file_search", "null"),)),
        ToolResult("c1", "found"),
    ),
}


@pytest.mark.parametrize("talk", TALKS)
@pytest.mark.parametrize("rule", [alternating, non_empty, json_arguments, reasoning_back])
async def test_a_strict_endpoint_gets_requests_that_follow_its_rules(
    endpoint: ScriptedModel, chat: ChatCompletions, rule: Rule, talk: str
) -> None:
    endpoint.otherwise = strict(rule)
    for _ in range(2):
        assert said(await collect(chat, asking(*TALKS[talk]))) == "yes"
    assert len(endpoint.requests) <= 3, "what was learned is kept"


@pytest.mark.parametrize(
    "words",
    [
        "Conversation roles must alternate user/assistant/user/assistant/...",
        "After the (optional) system message(s), user and assistant roles should be alternating.",
        "user or tool message(s) should alternate with assistant message(s).",
        "Please ensure that multiturn requests alternate between user and model.",
        "A conversation must start with a user message.",
        "Expected last role User or Tool for serving but got assistant",
        "roles must alternate between user and assistant, but found multiple 'user' roles in a row",
    ],
)
async def test_that_roles_alternate_is_learned_from_every_wording(
    endpoint: ScriptedModel, chat: ChatCompletions, words: str
) -> None:
    endpoint.otherwise = strict(lambda messages: words if alternating(messages) else None)
    talk = asking(SystemMessage("Be kind."), user("a"), user("b"), user_key="u1", temperature=0.5)
    assert said(await collect(chat, talk)) == "yes"
    assert {"user", "temperature"} <= set(endpoint.requests[-1].body)


@pytest.mark.parametrize(
    "words", ["Unexpected role 'user' after role 'tool'", "Conversation roles must alternate"]
)
async def test_a_question_after_a_tools_output_gets_an_answer_before_it_where_roles_alternate(
    endpoint: ScriptedModel, chat: ChatCompletions, words: str
) -> None:
    def follows(messages: list[dict[str, Any]]) -> str | None:
        pairs = itertools.pairwise(messages)
        odd = any((a["role"], b["role"]) == ("tool", "user") for a, b in pairs)
        return words if odd else None

    endpoint.otherwise = strict(follows)
    talk = asking(user("a"), CALLED, ToolResult("c1", "found"), user("b"), user_key="u1")
    assert said(await collect(chat, talk)) == "yes"
    roles = [message["role"] for message in endpoint.requests[-1].messages]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]
    assert "user" in endpoint.requests[-1].body


@pytest.mark.parametrize("talk", WITH_CALLS)
@pytest.mark.parametrize(
    "rule", [non_empty, json_arguments, reasoning_back, no_reasoning, text_content]
)
async def test_a_strict_endpoint_takes_earlier_calls(
    endpoint: ScriptedModel, chat: ChatCompletions, rule: Rule, talk: str
) -> None:
    endpoint.otherwise = strict(rule)
    request = asking(*WITH_CALLS[talk], tools=(SEARCH,))
    assert said(await collect(chat, request)) == "yes"


async def test_joined_messages_keep_all_that_was_said(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.otherwise = strict(alternating)
    await collect(chat, asking(SystemMessage("Be kind."), user("one"), user("two")))
    assert endpoint.requests[-1].messages == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "one\n\ntwo"},
    ]


async def test_requests_at_once_learn_the_same(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.otherwise = strict(alternating)
    gate = endpoint.gate()

    def held(_: Asked) -> turns.Turn:
        refusal = turns.fail(400, message="Conversation roles must alternate user/assistant/...")
        return turns.Turn(refusal.steps, refusal.status, refusal.content_type, first=gate)

    endpoint.then(held, held)
    request = asking(user("a"), user("b"))
    answers = [asyncio.ensure_future(collect(chat, request)) for _ in range(2)]
    await gate.until_waiting(2)
    gate.open()
    assert [said(await each) for each in answers] == ["yes", "yes"]


THINKING = [
    turns.Delta({"reasoning_content": "Rome "}),
    turns.Delta({"reasoning_content": "or Oslo?", "content": ""}),
    turns.Delta({"reasoning_details": [{"type": "reasoning.text", "text": "a", "index": 0}]}),
    turns.Delta({"reasoning_details": [
        {"type": "reasoning.text", "text": "b", "index": 0, "signature": "s"},
        {"type": "reasoning.encrypted", "data": "x", "index": 1},
    ]}),
    turns.Delta({"tool_calls": [{
        "index": 0, "id": "c1", "extra_content": {"google": {"thought_signature": "t"}},
        "function": {"name": "file_search", "arguments": "{}"},
    }]}),
]  # fmt: skip


async def called(endpoint: ScriptedModel, chat: ChatCompletions) -> AssistantMessage:
    """What a model that thinks called, with what goes back."""
    endpoint.then(turns.Turn([*THINKING, *turns.say("", tokens=[]).steps]))
    events = await collect(chat, asking(user("a"), tools=(SEARCH,)))
    (continuation,) = [event.data for event in events if isinstance(event, Continuation)]
    assert said(events) == ""
    return AssistantMessage("", (ToolCall("c1", "file_search", "{}"),), "", continuation)


async def test_reasoning_goes_back_unchanged_with_its_own_calls(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    call = await called(endpoint, chat)
    other = AssistantMessage("Before.")
    await collect(chat, asking(user("a"), other, user("b"), call, ToolResult("c1", "x")))
    _, before, _, sent, _ = endpoint.requests[-1].messages
    assert before == {"role": "assistant", "content": "Before."}
    assert sent["reasoning_content"] == "Rome or Oslo?"
    assert sent["reasoning_details"] == [
        {"type": "reasoning.text", "text": "ab", "index": 0, "signature": "s"},
        {"type": "reasoning.encrypted", "data": "x", "index": 1},
    ]
    assert sent["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "t"}}


async def test_reasoning_that_an_endpoint_refuses_is_left_out(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    call = await called(endpoint, chat)
    endpoint.otherwise = strict(no_reasoning)
    for _ in range(2):
        await collect(chat, asking(user("a"), call, ToolResult("c1", "x")))
    assert len(endpoint.requests) == 4
    assert "reasoning_details" in endpoint.requests[-1].messages[1]


async def test_a_continuation_of_another_kind_of_endpoint_is_not_used(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    call = AssistantMessage(
        "", (ToolCall("c1", "file_search", "{}"),), "", '[{"type":"reasoning"}]'
    )
    await collect(chat, asking(user("a"), call, ToolResult("c1", "x")))
    assert set(endpoint.requests[-1].messages[1]) == {"role", "content", "tool_calls"}


NO_TOOLS = [
    (400, "registry.ollama.ai/library/gemma:2b does not support tools"),
    (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
    (500, "tools param requires --jinja flag"),
    (404, "No endpoints found that support tool use. To learn more, visit: https://x.example"),
    (400, "`tool calling` is not supported with this model"),
    (400, "Function calling is not enabled for models/gemma-3-27b-it"),
    (400, "deepseek-reasoner does not support Function Calling"),
    (400, "This model doesn't support tool use in streaming mode."),
    (422, "Unsupported parameter: 'tools'"),
]


@pytest.mark.parametrize(("status", "message"), NO_TOOLS)
async def test_a_model_that_calls_no_tools_is_known_from_its_first_refusal(
    endpoint: ScriptedModel,
    chat: ChatCompletions,
    status: int,
    message: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    endpoint.fail(status, message=message)
    assert chat.calls_tools("m")
    request = asking(user("a"), tools=(SEARCH,), parallel_tool_calls=False)
    _, error = await collect_until_error(chat, request)
    assert error.cause == "tools"
    assert len(endpoint.requests) == 1
    assert not chat.calls_tools("m")
    assert chat.calls_tools("another")
    endpoint.fail(status, message=message)
    await collect_until_error(chat, request)
    assert sum("calls no tools" in record.getMessage() for record in caplog.records) == 1


async def test_a_model_that_calls_no_tools_gets_earlier_calls_as_text(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.fail(400, message="m does not support tools")
    await collect_until_error(chat, asking(user("a"), tools=(SEARCH,)))
    call = AssistantMessage("", (ToolCall("c1", "file_search", "{}"),))
    assert said(await collect(chat, asking(user("a"), call, ToolResult("c1", "found")))) != ""
    assert [message["role"] for message in endpoint.requests[-1].messages] == ["user", "user"]
    assert "found" in endpoint.requests[-1].messages[-1]["content"]


@pytest.mark.parametrize(
    "message",
    [
        "Invalid schema for function 'file_search': 'format' is not supported.",
        "tools.0.function.parameters: unknown keyword 'x'",
        "tools[0].function.strict is not supported",
    ],
)
async def test_one_tool_that_is_refused_takes_no_tools_away(
    endpoint: ScriptedModel, chat: ChatCompletions, message: str
) -> None:
    endpoint.fail(400, message=message)
    request = asking(user("a"), tools=(SEARCH,))
    await collect_until_error(chat, request)
    assert chat.calls_tools("m")
    await collect(chat, request)
    assert "tools" in endpoint.requests[-1].body


PASSING = [
    turns.fail(400, message="Failed to call a function.", error={"code": "tool_use_failed"}),
    turns.fail(400, message="Parsing failed.", error={"code": "output_parse_failed"}),
    turns.error_mid_stream(
        "", {"message": "Failed to call a function.", "code": "tool_use_failed"}
    ),
    turns.Turn([turns.Delta({}, "MALFORMED_FUNCTION_CALL")]),
    turns.Turn([turns.Delta({}, "function_call_filter: MALFORMED_FUNCTION_CALL")]),
]


@pytest.mark.parametrize("fault", PASSING)
async def test_a_fault_of_the_models_that_passes_is_asked_again(
    endpoint: ScriptedModel, chat: ChatCompletions, fault: turns.Turn
) -> None:
    endpoint.then(fault)
    assert said(await collect(chat, asking(user("a"), tools=(SEARCH,)))) == "a"


async def test_a_fault_that_does_not_pass_is_asked_again_once(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.then(*[PASSING[0]] * 5)
    await collect_until_error(chat)
    assert len(endpoint.requests) == 2


async def test_nothing_is_asked_again_once_text_was_shown(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    endpoint.error_mid_stream("So far", {"message": "no", "code": "tool_use_failed"})
    text, _ = await collect_until_error(chat)
    assert text == "So far"
    assert len(endpoint.requests) == 1


async def test_ids_made_here_are_nine_letters_and_digits(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    calls = [{"index": at, "function": {"name": "f", "arguments": "{}"}} for at in range(3)]
    endpoint.then(turns.Turn([turns.Delta({"tool_calls": calls}), *turns.say("").steps]))
    made: list[str] = [
        event.id for event in await collect(chat) if isinstance(event, ToolCallStarted)
    ]
    assert len(set(made)) == 3
    assert all(re.fullmatch(r"[a-zA-Z0-9]{9}", each) for each in made)


async def test_a_model_that_never_opens_its_thoughts_is_known_by_its_first_answer(
    endpoint: ScriptedModel, chat: ChatCompletions
) -> None:
    for text in ("Be rude? No.\n</think>\n\nHello", "Again?\n</think>\n\nHello you", "No tags."):
        endpoint.say(text)
    answers: list[list[ModelEvent]] = [await collect(chat) for _ in range(3)]
    assert [said(events) for events in answers] == ["Hello", "Hello you", "No tags."]
    shown = "".join(getattr(event, "text", "") for event in answers[1])
    assert shown == "Hello you", "from the second answer on no thought is even shown"
