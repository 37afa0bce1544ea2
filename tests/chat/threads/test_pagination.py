"""The newest of a list, whatever order and pages a server likes."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from bot.assistants.schema.objects import ListPage, Run
from bot.assistants.schema.requests import Page
from bot.chat.threads.pagination import newest


def run(number: int, second: int) -> Run:
    return Run(
        id=f"run_{number}",
        created_at=second,
        thread_id="thread_1",
        assistant_id="asst_1",
        status="completed",
        model="m",
    )


class Lister:
    """A server's list in pages."""

    def __init__(self, runs: Sequence[Run], *, rising: bool, size: int | None) -> None:
        self.runs = list(runs) if rising else list(runs)[::-1]
        self.size = size
        self.asked = 0

    async def page(self, page: Page) -> ListPage[Run]:
        self.asked += 1
        ids = [each.id for each in self.runs]
        begin = ids.index(page.after) + 1 if page.after else 0
        found = self.runs[begin:][: self.size or page.limit]
        more = begin + len(found) < len(self.runs)
        return ListPage(data=tuple(found), has_more=more)


@given(
    seconds=st.lists(st.integers(1, 5), max_size=30).map(sorted),
    rising=st.booleans(),
    size=st.none() | st.integers(2, 7),
)
async def test_the_newest_are_among_them_and_newest_first(
    seconds: list[int], rising: bool, size: int | None
) -> None:
    runs = [run(number, second) for number, second in enumerate(seconds)]
    found = await newest(Lister(runs, rising=rising, size=size).page, 5)
    assert {each.id for each in runs[-2:]} <= {each.id for each in found}
    told = [each.created_at for each in found]
    assert told == sorted(told, reverse=True) or len(set(told)) == 1


async def test_a_server_that_keeps_to_the_order_is_asked_once() -> None:
    lister = Lister([run(n, n) for n in range(500)], rising=False, size=None)
    assert [each.id for each in await newest(lister.page, 20)][:2] == ["run_499", "run_498"]
    assert lister.asked == 1


@given(limit=st.integers(1, 25), size=st.integers(1, 7))
async def test_short_pages_are_read_until_there_are_enough_items(limit: int, size: int) -> None:
    lister = Lister([run(n, n) for n in range(500)], rising=False, size=size)
    found = await newest(lister.page, limit)
    assert len(found) >= min(limit, 20 * size)
    assert [each.id for each in found] == [f"run_{499 - n}" for n in range(len(found))]


async def test_reading_ends_with_pages_that_repeat_or_never_end() -> None:
    class Stuck(Lister):
        async def page(self, page: Page) -> ListPage[Run]:
            self.asked += 1
            return ListPage(data=(run(1, 1),), has_more=True)

    class Endless(Lister):
        async def page(self, page: Page) -> ListPage[Run]:
            self.asked += 1
            return ListPage(data=(run(self.asked, self.asked),), has_more=True)

    for kind, most in ((Stuck, 2), (Endless, 30)):
        lister = kind([], rising=True, size=None)
        assert await newest(lister.page, 20)
        assert lister.asked <= most
