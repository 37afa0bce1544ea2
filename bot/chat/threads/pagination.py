"""The newest of a list, also from a server that orders and filters as it likes; always bounded."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from bot.assistants.schema.objects import ListPage, Message, Run
from bot.assistants.schema.requests import Page

T = TypeVar("T", Message, Run)

_MOST_PAGES: Final = 20


async def newest(
    fetch: Callable[[Page], Awaitable[ListPage[T]]],
    limit: int,
    enough: Callable[[Sequence[T]], bool] | None = None,
) -> list[T]:
    """Return a list's newest items, newest first: pages of ``limit`` until they are ``enough``.

    Without ``enough``, that is ``limit`` items: a page may hold fewer than it was asked for, and
    more may follow, because servers bound pages by bytes as well.
    """
    found: list[T] = []
    page = await fetch(Page(limit=limit))
    for _ in range(_MOST_PAGES):
        found += page.data
        # Where they rise, or all are of one second, the newest may be on the last page.
        if (
            not page.has_more
            or not page.data
            or (_falls(found) and (enough(found) if enough else len(found) >= limit))
        ):
            break
        behind = found[-1].id
        page = await fetch(Page(limit=limit, after=behind))
        if page.data and page.data[-1].id == behind:
            break  # it can't turn pages
    return found[::-1] if _falls(found[::-1]) else found


def _falls(items: Sequence[Message | Run]) -> bool:
    return len(items) > 1 and items[0].created_at > items[-1].created_at
