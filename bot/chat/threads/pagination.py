"""Reads lists of the Assistants API page by page, also from servers that ignore the order."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, TypeVar

from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.objects import ListPage, Message, Run, RunStep
from bot.assistants.schema.requests import Page

T = TypeVar("T", Message, Run, RunStep)

_MOST_PAGES: Final = 20
_MOST_PAGES_OF_ALL: Final = 1_000
_PAGE: Final = 100


async def newest(
    fetch: Callable[[Page], Awaitable[ListPage[T]]],
    limit: int,
    enough: Callable[[Sequence[T]], bool] | None = None,
    *,
    most_pages: int = _MOST_PAGES,
) -> list[T]:
    """Return a list's newest items, newest first, by reading pages of ``limit`` items.

    Reading ends once ``enough`` returns True; without ``enough`` it ends after ``limit`` items. A
    page may have fewer items than requested although more follow: servers also limit its bytes.
    """
    found: list[T] = []
    page = await fetch(Page(limit=limit))
    for _ in range(most_pages):
        found += page.data
        # If the list ascends, or all items are of one second, the last page may have the newest.
        if (
            not page.has_more
            or not page.data
            or (_is_descending(found) and (enough(found) if enough else len(found) >= limit))
        ):
            break
        behind = found[-1].id
        page = await fetch(Page(limit=limit, after=behind))
        if page.data and page.data[-1].id == behind:
            break  # the server ignores ``after``
    return found[::-1] if _is_descending(found[::-1]) else found


async def every_message(api: AssistantsAPI, thread_id: str) -> AsyncIterator[Message]:
    """Yield the messages of a thread; raises what ``list_messages`` raises."""
    after: str | None = None
    for _ in range(_MOST_PAGES_OF_ALL):
        page = await api.list_messages(thread_id, Page(limit=100, order="asc", after=after))
        for message in page.data:
            yield message
        if not page.has_more or not page.data or page.data[-1].id == after:
            return
        after = page.data[-1].id


async def up_to(fetch: Callable[[Page], Awaitable[ListPage[T]]], most: int) -> list[T]:
    """Return about ``most`` of a list's newest items, newest first; all if the list has fewer."""
    return await newest(
        fetch, _PAGE, lambda found: len(found) >= most, most_pages=most // _PAGE + 1
    )


def _is_descending(items: Sequence[Message | Run | RunStep]) -> bool:
    return len(items) > 1 and items[0].created_at > items[-1].created_at
