"""Lists: their order, their pages, and that nothing is shown twice or left out."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.assistants.schema.objects import ListPage
from bot.assistants.schema.requests import CreateMessage, Page
from bot.assistants.schema.vector_stores import CreateVectorStore
from bot.store.engine.rows import MOST_PAGE_BYTES
from tests.contract.refusals import refused
from tests.contract.tooling import outputs, tool
from tests.support.assistants import House, text_of

List = Callable[[Page], Awaitable[ListPage[Any]]]


async def assistants(home: House, count: int) -> tuple[List, list[str]]:
    ids = [await home.assistant(name=str(n)) for n in range(count)]
    return home.api.list_assistants, ids


async def messages(home: House, count: int) -> tuple[List, list[str]]:
    thread_id = await home.thread()
    ids = [
        (await home.api.create_message(thread_id, CreateMessage(role="user", content=str(n)))).id
        for n in range(count)
    ]
    return lambda page: home.api.list_messages(thread_id, page), ids


async def runs(home: House, count: int) -> tuple[List, list[str]]:
    thread_id = await home.thread("hi")
    assistant_id = await home.assistant()
    ids = [
        (await home.until(await home.run(thread_id, assistant_id), "completed")).id
        for _ in range(count)
    ]
    return lambda page: home.api.list_runs(thread_id, page), ids


async def steps(home: House, count: int) -> tuple[List, list[str]]:
    for _ in range(count - 1):
        home.model.call_tools(("f", {"x": 1}))
    thread_id = await home.thread("hi")
    run = await home.run(thread_id, await home.assistant(tools=(tool("f"),)))
    for _ in range(count - 1):
        run = await home.until(run, "requires_action")
        run = await home.api.submit_tool_outputs(thread_id, run.id, outputs(run))
    await home.until(run, "completed")
    everything = await home.api.list_steps(thread_id, run.id, Page(limit=100, order="asc"))
    return (
        lambda page: home.api.list_steps(thread_id, run.id, page),
        [step.id for step in everything.data],
    )


@pytest.fixture(params=[assistants, messages, runs, steps], ids=lambda make: make.__name__)
def kind(request: pytest.FixtureRequest) -> Callable[[House, int], Awaitable[tuple[List, Any]]]:
    kind: Callable[[House, int], Awaitable[tuple[List, Any]]] = request.param
    return kind


def ids_of(page: ListPage[Any]) -> list[str]:
    return [each.id for each in page.data]


async def test_objects_created_in_the_same_second_keep_their_order(
    home: House, kind: Callable[[House, int], Awaitable[tuple[List, Any]]]
) -> None:
    read, ids = await kind(home, 5)  # the test's clock stands still
    assert ids_of(await read(Page(order="asc"))) == ids
    assert ids_of(await read(Page(order="desc"))) == ids[::-1]
    assert ids_of(await read(Page())) == ids[::-1]


async def test_pages_go_on_where_the_last_one_ended(
    home: House, kind: Callable[[House, int], Awaitable[tuple[List, Any]]]
) -> None:
    read, ids = await kind(home, 5)
    for order, expected in (("asc", ids), ("desc", ids[::-1])):
        found: list[str] = []
        after: str | None = None
        while True:
            page = await read(Page(limit=2, order=order, after=after))  # type: ignore[arg-type]  # one of the two
            found += ids_of(page)
            assert (page.first_id, page.last_id) == (page.data[0].id, page.data[-1].id)
            assert page.has_more is (len(found) < 5)
            if not page.has_more:
                break
            after = page.last_id
        assert found == expected


async def test_before_lists_the_objects_in_front_of_an_id(
    home: House, kind: Callable[[House, int], Awaitable[tuple[List, Any]]]
) -> None:
    read, ids = await kind(home, 5)
    assert ids_of(await read(Page(order="asc", before=ids[3]))) == ids[:3]
    assert ids_of(await read(Page(order="desc", before=ids[2]))) == ids[:2:-1]
    within = await read(Page(order="asc", after=ids[0], before=ids[4]))
    assert ids_of(within) == ids[1:4]


async def test_a_page_that_takes_exactly_all_has_no_more(
    home: House, kind: Callable[[House, int], Awaitable[tuple[List, Any]]]
) -> None:
    read, ids = await kind(home, 3)
    page = await read(Page(limit=3, order="asc"))
    assert (ids_of(page), page.has_more) == (ids, False)
    page = await read(Page(limit=2, order="asc"))
    assert (ids_of(page), page.has_more) == (ids[:2], True)
    page = await read(Page(order="asc", after=ids[-1]))
    assert (ids_of(page), page.has_more) == ([], False)


async def test_an_empty_list_has_the_form_of_a_list(home: House) -> None:
    page = await home.api.list_messages(await home.thread())
    assert (page.object, page.data, page.has_more) == ("list", (), False)
    assert not page.first_id
    assert not page.last_id


async def test_a_page_without_a_limit_has_twenty_objects(home: House) -> None:
    read, ids = await messages(home, 21)
    page = await read(Page())
    assert ids_of(page) == ids[:0:-1]
    assert page.has_more


@pytest.mark.parametrize("limit", [0, -1, 101])
async def test_a_limit_out_of_bounds_is_refused(home: House, limit: int) -> None:
    error = await refused(home.api.list_assistants(Page(limit=limit)))
    assert error.param == "limit"


async def test_deleting_what_a_page_ended_with_does_not_break_paging(home: House) -> None:
    thread_id = await home.thread("1", "2", "3", "4")
    first = await home.api.list_messages(thread_id, Page(limit=2, order="asc"))
    everything = ids_of(await home.api.list_messages(thread_id, Page(order="asc")))
    await home.api.delete_message(thread_id, everything[0])
    page = await home.api.list_messages(thread_id, Page(order="asc", after=first.last_id))
    assert ids_of(page) == everything[2:]


async def test_a_page_is_bounded_by_bytes_and_the_next_goes_on_behind_it(home: House) -> None:
    thread_id = await home.thread()
    ids = []
    for number in range(24):
        text = str(number) * (256_000 if number < 10 else 128_000)
        message = CreateMessage(role="user", content=text)
        ids.append((await home.api.create_message(thread_id, message)).id)
    for order, expected in (("asc", ids), ("desc", ids[::-1])):
        found: list[str] = []
        after: str | None = None
        while True:
            wanted = Page(limit=100, order=order, after=after)  # type: ignore[arg-type]  # one of the two
            page = await home.api.list_messages(thread_id, wanted)
            assert 0 < len(page.data) < 24
            assert sum(len(text_of(message)) for message in page.data) <= MOST_PAGE_BYTES
            found += ids_of(page)
            assert page.has_more is (len(found) < 24)
            if not page.has_more:
                break
            after = page.last_id
        assert found == expected
    # What stands in front of an item: the page ends there, and more stands before it.
    before = await home.api.list_messages(thread_id, Page(limit=100, order="asc", before=ids[-1]))
    assert ids_of(before) == ids[-1 - len(before.data) : -1]
    assert before.has_more


async def test_one_row_larger_than_a_page_is_a_page(home: House) -> None:
    name = "x" * (MOST_PAGE_BYTES + 1)
    stores = [await home.api.create_vector_store(CreateVectorStore(name=name)) for _ in range(2)]
    page = await home.api.list_vector_stores(Page(limit=100))
    assert (ids_of(page), page.has_more) == ([stores[1].id], True)
    page = await home.api.list_vector_stores(Page(limit=100, after=stores[1].id))
    assert (ids_of(page), page.has_more) == ([stores[0].id], False)
