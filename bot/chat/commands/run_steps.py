"""Describes the steps of a run for members: tool calls, tokens and times."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from bot.assistants.schema.objects import Run, RunStep, ToolCallsDetails, Usage
from bot.assistants.schema.tools import (
    CodeInterpreterCall,
    FileSearchCall,
    FunctionCall,
    LogsOutput,
    ToolCall,
)
from bot.chat.texts.fluent import localized
from bot.chat.texts.plain_text import readable_json
from bot.chat.texts.sentences import plain, whole_duration
from bot.chat.threads.messages.upload_names import original_name

_LIMIT: Final = 1_900
"""The most characters of the message; Discord accepts 2,000."""

_SHORTENED: Final = 300
"""The most characters of one argument or output in the message."""

_FENCES: Final = re.compile("`{3,}")


def describe_steps(
    run: Run, steps: Sequence[RunStep], *, show_thoughts: bool
) -> tuple[str, str | None]:
    """Return a message about a run's steps, oldest first, and the text of a file with all steps.

    The text is None if the message is complete.
    """
    if not show_thoughts:
        steps = [replace(step, thoughts=UNSET) for step in steps]
    whole = "\n".join(_lines(run, steps, None))
    if len(whole) <= _LIMIT:
        return whole, None
    shown: list[str] = []
    note = localized("steps-in-file")
    room = _LIMIT - len(note)
    for block in _lines(run, steps, _SHORTENED):
        if len(block) + 1 > room:
            break
        shown.append(block)
        room -= len(block) + 1
    return "\n".join([*shown, note]), whole


def _lines(run: Run, steps: Sequence[RunStep], most: int | None) -> Iterator[str]:
    ended = max((step.completed_at or 0 for step in steps), default=0) or run.completed_at
    yield _heading(f"**{plain(run.model)}**", _seconds(run.started_at, ended), run.usage)
    number = 0
    for step in steps:
        details = step.step_details
        calls = details.tool_calls if isinstance(details, ToolCallsDetails) else (None,)
        seconds = _seconds(step.created_at, step.completed_at)
        for call in calls:
            number += 1
            name = localized("step-answer") if call is None else f"`{_name(call)}`"
            # The step's time and tokens are those of all its calls together.
            costs = (seconds, step.usage) if call is calls[0] else (None, None)
            heading = _heading(f"**{number}.** {name}", *costs)
            blocks = [*_thoughts(step, most)] if call is calls[0] else []
            blocks += [] if call is None else _call_blocks(call, most)
            yield "\n".join([heading, *blocks])
        if step.status not in ("completed", "in_progress"):
            yield localized(f"step-{step.status}")


def _thoughts(step: RunStep, most: int | None) -> Iterator[str]:
    if isinstance(step.thoughts, str) and step.thoughts:
        yield localized("step-thoughts")
        yield _block(step.thoughts, "", most)


def _name(call: ToolCall) -> str:
    name = call.function.name if isinstance(call, FunctionCall) else _tag(call)
    return name.replace("`", "ʻ")


def _tag(call: ToolCall) -> str:
    return str(call.__struct_config__.tag)


def _call_blocks(call: ToolCall, most: int | None) -> Iterator[str]:
    match call:
        case FunctionCall():
            yield _block(readable_json(call.function.arguments), "json", most)
            if call.function.output is not None:
                yield _block(call.function.output, "", most)
        case CodeInterpreterCall():
            yield _block(call.code_interpreter.input, "py", most)
            for output in call.code_interpreter.outputs:
                if isinstance(output, LogsOutput):
                    yield _block(output.logs, "", most)
        case FileSearchCall():
            results = call.file_search.results
            for result in () if results is UNSET else results:
                name = original_name(result.file_name).replace("`", "ʻ")
                yield f"> `{name}` {result.score:.2f}"


def _block(text: str, language: str, most: int | None) -> str:
    """Return text as a code block, shortened to ``most`` characters."""
    text = text.strip()
    if most is not None and len(text) > most:
        text = f"{text[: most - 1]}…"
    # Discord knows no longer fence than three backticks.
    text = _FENCES.sub(lambda found: "ʻ" * len(found[0]), text)
    return f"```{language}\n{text}\n```"


def _seconds(began: int | None, ended: int | None) -> int | None:
    return None if began is None or ended is None else max(0, ended - began)


def _heading(name: str, seconds: int | None, usage: Usage | None) -> str:
    facts = [name]
    if seconds is not None:
        # The API's times are whole seconds.
        facts.append(whole_duration(seconds))
    if usage is not None:
        facts.append(
            localized(
                "tokens-in-and-out",
                tokens=usage.total_tokens,
                prompt=usage.prompt_tokens,
                completion=usage.completion_tokens,
            )
        )
    return " · ".join(facts)
