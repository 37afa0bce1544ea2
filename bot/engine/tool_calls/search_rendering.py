"""Renders search results: as text for the model, and as fields for the API's callers."""

from contextlib import aclosing

from msgspec import UNSET
from msgspec.structs import replace

from bot.assistants.api import EventStream
from bot.assistants.events import StreamEvent
from bot.assistants.schema.objects import RunStep, ToolCallsDetails
from bot.assistants.schema.requests import SEARCH_RESULT_CONTENT
from bot.assistants.schema.tools import CalledSearch, FileSearchCall, SearchResult
from bot.engine.tool_calls.annotations import marker


def render_for_model(found: CalledSearch, number: int) -> str:
    """Return a search's results as text for the model, each with its citation marker."""
    results = found.results if isinstance(found.results, tuple) else ()
    passages = [
        f"{marker(number, index, result.file_name)}\n{_text(result)}"
        for index, result in enumerate(results)
    ]
    if isinstance(found.notice, str):
        passages.append(found.notice)
    return "\n\n".join(passages) or "Nothing was found. Try other words, or say so."


def _public_search(found: CalledSearch, *, passages: bool) -> CalledSearch:
    """Return a search as the API returns it, with the passages only on request."""
    results = found.results
    if isinstance(results, tuple) and not passages:
        results = tuple(replace(result, content=UNSET) for result in results)
    return replace(found, results=results, queries=UNSET, notice=UNSET)


def with_included(step: RunStep, include: tuple[str, ...]) -> RunStep:
    """Return a step as the API returns it for a request's ``include``."""
    details = step.step_details
    if not isinstance(details, ToolCallsDetails):
        return step
    if not any(isinstance(call, FileSearchCall) for call in details.tool_calls):
        return step
    calls = tuple(
        replace(
            call,
            file_search=_public_search(call.file_search, passages=SEARCH_RESULT_CONTENT in include),
        )
        if isinstance(call, FileSearchCall)
        else call
        for call in details.tool_calls
    )
    return replace(step, step_details=ToolCallsDetails(calls))


async def events_with_included(events: EventStream, include: tuple[str, ...]) -> EventStream:
    """Yield a run's events with their steps as the API returns them for ``include``."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event.data, RunStep):
                event = StreamEvent(event.event, with_included(event.data, include))
            yield event


def _text(result: SearchResult) -> str:
    return "\n".join(part.text for part in result.content) if result.content else ""
