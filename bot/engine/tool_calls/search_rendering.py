"""What a search found, as the model reads it and as the API shows it."""

from contextlib import aclosing

from msgspec import UNSET
from msgspec.structs import replace

from bot.assistants.api import EventStream
from bot.assistants.events import StreamEvent
from bot.assistants.schema.objects import RunStep, ToolCallsDetails
from bot.assistants.schema.tools import CalledSearch, FileSearchCall, SearchResult
from bot.engine.tool_calls.annotations import marker

PASSAGES = "step_details.tool_calls[*].file_search.results[*].content"
"""What a request includes to be shown the passages that a search found."""


def shown(found: CalledSearch, number: int) -> str:
    """Return a search's results as the model reads them, each with the marker to quote it by."""
    results = found.results if isinstance(found.results, tuple) else ()
    passages = [
        f"{marker(number, index, result.file_name)}\n{_text(result)}"
        for index, result in enumerate(results)
    ]
    if isinstance(found.notice, str):
        passages.append(found.notice)
    return "\n\n".join(passages) or "Nothing was found. Try other words, or say so."


def _as_shown(found: CalledSearch, *, passages: bool) -> CalledSearch:
    """Return a search as the API shows it: the passages only where they are asked for."""
    results = found.results
    if isinstance(results, tuple) and not passages:
        results = tuple(replace(result, content=UNSET) for result in results)
    return replace(found, results=results, queries=UNSET, notice=UNSET)


def as_asked(step: RunStep, include: tuple[str, ...]) -> RunStep:
    """Return a step as a request asked to see it: with the passages found, or without."""
    details = step.step_details
    if not isinstance(details, ToolCallsDetails):
        return step
    if not any(isinstance(call, FileSearchCall) for call in details.tool_calls):
        return step
    calls = tuple(
        replace(call, file_search=_as_shown(call.file_search, passages=PASSAGES in include))
        if isinstance(call, FileSearchCall)
        else call
        for call in details.tool_calls
    )
    return replace(step, step_details=ToolCallsDetails(calls))


async def as_asked_for(events: EventStream, include: tuple[str, ...]) -> EventStream:
    """Return a run's events with their steps as a request asked to see them."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event.data, RunStep):
                event = StreamEvent(event.event, as_asked(event.data, include))
            yield event


def _text(result: SearchResult) -> str:
    return "\n".join(part.text for part in result.content) if result.content else ""
