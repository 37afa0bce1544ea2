"""Vector stores: made, filled, changed, emptied, deleted; what belongs to what."""

from collections.abc import Awaitable

import pytest

from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.chunking import AutoChunking, StaticChunking, StaticChunks
from bot.assistants.schema.objects import Deleted
from bot.assistants.schema.requests import Page
from bot.assistants.schema.vector_stores import (
    CreateFileBatch,
    CreateVectorStore,
    CreateVectorStoreFile,
    FileCounts,
    ModifyVectorStore,
    ModifyVectorStoreFile,
    SearchVectorStore,
    StoreExpiration,
    StoreFilePage,
    VectorStore,
)
from bot.store.engine.rows import MOST_PAGE_BYTES
from tests.contract.described import assert_described, needs_description
from tests.contract.refusals import refused
from tests.support.assistants import House
from tests.support.files import content, ended, searchable, settled, upload

DEFAULT = StaticChunking(StaticChunks(max_chunk_size_tokens=800, chunk_overlap_tokens=400))


def static(size: int, overlap: int) -> StaticChunking:
    return StaticChunking(StaticChunks(max_chunk_size_tokens=size, chunk_overlap_tokens=overlap))


async def test_a_vector_store_keeps_what_it_was_made_with(home: House) -> None:
    now = int(home.clock.now())
    made = await home.api.create_vector_store(
        CreateVectorStore(
            name="Handbook",
            expires_after=StoreExpiration(anchor="last_active_at", days=2),
            metadata={"team": "blue"},
        )
    )
    assert made == VectorStore(
        id=made.id,
        created_at=now,
        name="Handbook",
        expires_after=StoreExpiration(anchor="last_active_at", days=2),
        expires_at=now + 2 * 86_400,
        last_active_at=now,
        metadata={"team": "blue"},
    )
    assert await home.api.retrieve_vector_store(made.id) == made


async def test_a_vector_store_is_changed_where_a_request_says_so(home: House) -> None:
    made = await home.api.create_vector_store(CreateVectorStore(name="a", metadata={"k": "v"}))
    days = StoreExpiration(anchor="last_active_at", days=365)
    changed = await home.api.modify_vector_store(
        made.id, ModifyVectorStore(name="b", expires_after=days)
    )
    assert (changed.name, changed.metadata) == ("b", {"k": "v"})
    assert changed.expires_at == int(home.clock.now()) + 365 * 86_400
    for_ever = await home.api.modify_vector_store(made.id, ModifyVectorStore(expires_after=None))
    assert for_ever.expires_at is None
    assert for_ever.name == "b"


async def test_files_become_searchable_and_are_counted(api: AssistantsAPI) -> None:
    store, ids = await searchable(api, bees="Bees dance.", ants="Ants march.")
    assert store.status == "completed"
    assert store.file_counts == FileCounts(completed=2, total=2)
    assert store.usage_bytes > 0
    file = await api.retrieve_store_file(store.id, ids["bees"])
    assert file.chunking_strategy == DEFAULT
    assert (file.status, file.last_error, file.attributes) == ("completed", None, {})
    text = await api.store_file_content(store.id, ids["bees"])
    assert [part.text for part in text.data] == ["Bees dance."]
    assert not text.has_more


async def test_a_large_text_comes_in_pages(api: AssistantsAPI) -> None:
    text = "\n".join(f"Line {n} has {'words ' * 600}." for n in range(1200))
    file = await upload(api, "long.txt", text)
    request = CreateVectorStore(file_ids=(file.id,), chunking_strategy=static(4096, 0))
    store = await api.create_vector_store(request)
    await ended(api, store.id, file.id)
    found: list[str] = []
    token: str | None = None
    pages = 0
    while pages == 0 or token is not None:
        page = await api.store_file_content(store.id, file.id, page=token)
        assert sum(len(part.text) for part in page.data) <= MOST_PAGE_BYTES
        assert page.has_more is (page.next_page is not None)
        found += [part.text for part in page.data]
        token, pages = page.next_page, pages + 1
    assert pages == 2
    assert "".join("".join(found).split()) == "".join(text.split())
    for wrong in ("", "-1", "two", "9" * 10, "1\n"):
        error = await refused(api.store_file_content(store.id, file.id, page=wrong))
        assert (error.status, error.param) == (400, "page")


async def test_a_file_is_cut_as_asked(api: AssistantsAPI) -> None:
    words = " ".join(f"word{n}" for n in range(2000))
    file = await upload(api, "long.txt", words)
    counts = []
    for strategy in (static(100, 0), static(4096, 2048), AutoChunking()):
        store = await api.create_vector_store(
            CreateVectorStore(file_ids=(file.id,), chunking_strategy=strategy)
        )
        done = await ended(api, store.id, file.id)
        wanted = DEFAULT if isinstance(strategy, AutoChunking) else strategy
        assert done.chunking_strategy == wanted
        counts.append(len((await api.store_file_content(store.id, file.id)).data))
    assert counts[0] > counts[2] > counts[1]


@pytest.mark.parametrize(("size", "overlap"), [(99, 0), (4097, 0), (100, 51), (100, -1)])
async def test_chunks_have_sizes_the_api_takes(api: AssistantsAPI, size: int, overlap: int) -> None:
    file = await upload(api)
    store = await api.create_vector_store(CreateVectorStore())
    request = CreateVectorStoreFile(file_id=file.id, chunking_strategy=static(size, overlap))
    error = await refused(api.create_store_file(store.id, request))
    assert error.param is not None
    assert error.param.startswith("chunking_strategy.static")


async def test_a_store_is_made_with_500_files_at_most(api: AssistantsAPI) -> None:
    file = await upload(api)
    await api.create_vector_store(CreateVectorStore(file_ids=(file.id,) * 500))
    error = await refused(api.create_vector_store(CreateVectorStore(file_ids=(file.id,) * 501)))
    assert (error.param, error.code) == ("file_ids", "array_above_max_length")


async def test_a_batch_has_1_to_2000_files(api: AssistantsAPI) -> None:
    file = await upload(api)
    store = await api.create_vector_store(CreateVectorStore())
    for count in (0, 2001):
        request = CreateFileBatch(file_ids=(file.id,) * count)
        assert (await refused(api.create_file_batch(store.id, request))).param == "file_ids"
    error = await refused(api.create_file_batch(store.id, CreateFileBatch()))
    assert error.message == "Missing required parameter: 'file_ids'."
    both = CreateFileBatch(file_ids=(file.id,), files=(CreateVectorStoreFile(file_id=file.id),))
    await refused(api.create_file_batch(store.id, both))
    full = CreateFileBatch(file_ids=(file.id,) * 2000)
    assert (await api.create_file_batch(store.id, full)).vector_store_id == store.id


@pytest.mark.parametrize(
    ("attributes", "ok"),
    [
        ({f"k{n}": "v" for n in range(16)}, True),
        ({f"k{n}": "v" for n in range(17)}, False),
        ({"k" * 64: "v" * 512}, True),
        ({"k" * 65: "v"}, False),
        ({"k": "v" * 513}, False),
        ({"text": "a", "number": 1.5, "yes": True}, True),
    ],
)
async def test_attributes_have_the_apis_limits(
    api: AssistantsAPI, attributes: dict[str, str | float | bool], ok: bool
) -> None:
    file = await upload(api)
    store = await api.create_vector_store(CreateVectorStore())
    request = CreateVectorStoreFile(file_id=file.id, attributes=attributes)
    if not ok:
        assert (await refused(api.create_store_file(store.id, request))).param == "attributes"
        return
    made = await api.create_store_file(store.id, request)
    assert made.attributes == attributes
    changed = await api.modify_store_file(
        store.id, file.id, ModifyVectorStoreFile(attributes={"only": "this"})
    )
    assert changed.attributes == {"only": "this"}
    none = ModifyVectorStoreFile(attributes=None)
    assert (await api.modify_store_file(store.id, file.id, none)).attributes == {}


async def test_attributes_changed_while_a_file_is_read_stay(api: AssistantsAPI) -> None:
    file = await upload(api, data="word " * 20_000)
    store = await api.create_vector_store(CreateVectorStore(file_ids=(file.id,)))
    await api.modify_store_file(store.id, file.id, ModifyVectorStoreFile(attributes={"a": "b"}))
    done = await ended(api, store.id, file.id)
    assert (done.status, done.attributes) == ("completed", {"a": "b"})


async def test_a_batch_is_counted_and_listed_by_itself(api: AssistantsAPI) -> None:
    store, ids = await searchable(api, first="Alone here.")
    more = [(await upload(api, f"{n}.txt", f"Text {n}.")).id for n in range(3)]
    own = static(200, 50)
    batch = await api.create_file_batch(
        store.id,
        CreateFileBatch(
            files=tuple(
                CreateVectorStoreFile(file_id=id_, chunking_strategy=own, attributes={"n": n})
                for n, id_ in enumerate(more)
            )
        ),
    )
    assert batch.id.startswith("vsfb_")
    assert batch.file_counts.total == 3
    for id_ in more:
        await ended(api, store.id, id_)
    done = await api.retrieve_file_batch(store.id, batch.id)
    assert (done.status, done.file_counts) == ("completed", FileCounts(completed=3, total=3))
    listed = await api.list_store_files(store.id, StoreFilePage(order="asc"), batch_id=batch.id)
    assert [file.id for file in listed.data] == more
    assert [file.attributes for file in listed.data] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert {file.chunking_strategy for file in listed.data} == {own}
    everything = await api.list_store_files(store.id, StoreFilePage(order="asc", limit=2))
    assert [file.id for file in everything.data] == [ids["first"], more[0]]
    assert everything.has_more
    rest = await api.list_store_files(
        store.id, StoreFilePage(order="asc", after=everything.last_id)
    )
    assert [file.id for file in rest.data] == more[1:]


async def test_a_cancelled_batch_leaves_what_was_finished(api: AssistantsAPI) -> None:
    store = await api.create_vector_store(CreateVectorStore())
    ids = tuple([(await upload(api, f"{n}.txt", "word " * 40_000)).id for n in range(12)])
    batch = await api.create_file_batch(store.id, CreateFileBatch(file_ids=ids))
    cancelled = await api.cancel_file_batch(store.id, batch.id)
    assert cancelled.status == "cancelled"
    after = await settled(api, store.id)
    assert after.file_counts.cancelled > 0
    assert after.file_counts.cancelled + after.file_counts.completed == 12
    found = await api.list_store_files(
        store.id, StoreFilePage(filter="cancelled"), batch_id=batch.id
    )
    assert len(found.data) == after.file_counts.cancelled
    again = await api.retrieve_file_batch(store.id, batch.id)
    assert (again.status, again.file_counts.cancelled) == ("cancelled", len(found.data))


async def test_a_file_taken_out_is_found_no_more_but_stays(api: AssistantsAPI) -> None:
    store, ids = await searchable(api, bees="Bees dance.", ants="Ants march.")
    gone = await api.delete_store_file(store.id, ids["bees"])
    assert gone == Deleted(ids["bees"], "vector_store.file.deleted")
    found = await api.search_vector_store(store.id, SearchVectorStore(query="bees dance"))
    assert ids["bees"] not in {hit.file_id for hit in found.data}
    await refused(api.retrieve_store_file(store.id, ids["bees"]), 404)
    assert await content(api, ids["bees"]) == b"Bees dance."
    assert (await api.retrieve_vector_store(store.id)).file_counts.total == 1


async def test_a_deleted_file_leaves_every_store(api: AssistantsAPI) -> None:
    store, ids = await searchable(api, bees="Bees dance.")
    other = await api.create_vector_store(CreateVectorStore(file_ids=(ids["bees"],)))
    await settled(api, other.id)
    await api.delete_file(ids["bees"])
    for store_id in (store.id, other.id):
        assert (await api.list_store_files(store_id)).data == ()
        found = await api.search_vector_store(store_id, SearchVectorStore(query="bees"))
        assert found.data == ()
        assert (await api.retrieve_vector_store(store_id)).usage_bytes == 0


async def test_a_deleted_vector_store_leaves_its_files(api: AssistantsAPI) -> None:
    store, ids = await searchable(api, bees="Bees dance.")
    batch = await api.create_file_batch(store.id, CreateFileBatch(file_ids=(ids["bees"],)))
    gone = await api.delete_vector_store(store.id)
    assert gone == Deleted(store.id, "vector_store.deleted")
    requests: list[Awaitable[object]] = [
        api.retrieve_vector_store(store.id),
        api.delete_vector_store(store.id),
        api.list_store_files(store.id),
        api.retrieve_store_file(store.id, ids["bees"]),
        api.retrieve_file_batch(store.id, batch.id),
        api.search_vector_store(store.id, SearchVectorStore(query="bees")),
    ]
    for request in requests:
        error = await refused(request, 404)
        assert error.message == f"No vector store found with id '{store.id}'."
    assert (await api.list_vector_stores()).data == ()
    assert (await api.retrieve_file(ids["bees"])).filename == "bees.txt"


async def test_stores_are_listed_newest_first_in_pages(api: AssistantsAPI) -> None:
    ids = [(await api.create_vector_store(CreateVectorStore(name=str(n)))).id for n in range(3)]
    first = await api.list_vector_stores(Page(limit=2))
    assert [store.id for store in first.data] == ids[:0:-1]
    assert first.has_more
    rest = await api.list_vector_stores(Page(after=first.last_id))
    assert [store.id for store in rest.data] == ids[:1]
    before = await api.list_vector_stores(Page(before=ids[1]))
    assert [store.id for store in before.data] == ids[2:]


async def test_the_error_for_a_missing_object_names_its_kind(api: AssistantsAPI) -> None:
    store = await api.create_vector_store(CreateVectorStore())
    file = await upload(api)
    batch_error = await refused(api.retrieve_file_batch(store.id, "vsfb_no"), 404)
    assert batch_error.message == "No file batch found with id 'vsfb_no'."
    requests: list[Awaitable[object]] = [
        api.retrieve_store_file(store.id, "file-no"),
        api.store_file_content(store.id, "file-no"),
        api.delete_store_file(store.id, "file-no"),
        api.create_store_file(store.id, CreateVectorStoreFile(file_id="file-no")),
        api.create_file_batch(store.id, CreateFileBatch(file_ids=(file.id, "file-no"))),
        api.create_vector_store(CreateVectorStore(file_ids=("file-no",))),
    ]
    for request in requests:
        error = await refused(request, 404)
        assert error.message == "No file found with id 'file-no'."
    assert (await api.retrieve_vector_store(store.id)).file_counts.total == 0
    assert len((await api.list_vector_stores()).data) == 1


async def test_an_expired_store_says_so_and_is_not_searched(home: House) -> None:
    store = await home.api.create_vector_store(
        CreateVectorStore(expires_after=StoreExpiration(anchor="last_active_at", days=1))
    )
    home.clock.advance(86_399)
    await home.api.search_vector_store(store.id, SearchVectorStore(query="anything"))
    home.clock.advance(86_399)
    assert (await home.api.retrieve_vector_store(store.id)).status == "completed"
    home.clock.advance(2)
    assert (await home.api.retrieve_vector_store(store.id)).status == "expired"
    request = SearchVectorStore(query="anything")
    error = await refused(home.api.search_vector_store(store.id, request))
    assert error.message == f"Vector store {store.id} is expired."


async def test_one_projects_stores_do_not_exist_in_another(home: House) -> None:
    store, ids = await searchable(home.api, bees="Bees dance.")
    batch = await home.api.create_file_batch(store.id, CreateFileBatch(file_ids=(ids["bees"],)))
    theirs = await upload(home.other)
    other = home.other
    requests: list[Awaitable[object]] = [
        other.retrieve_vector_store(store.id),
        other.modify_vector_store(store.id, ModifyVectorStore(name="mine")),
        other.delete_vector_store(store.id),
        other.search_vector_store(store.id, SearchVectorStore(query="bees")),
        other.create_store_file(store.id, CreateVectorStoreFile(file_id=theirs.id)),
        other.list_store_files(store.id),
        other.list_store_files(store.id, batch_id=batch.id),
        other.retrieve_store_file(store.id, ids["bees"]),
        other.modify_store_file(store.id, ids["bees"], ModifyVectorStoreFile(attributes={})),
        other.delete_store_file(store.id, ids["bees"]),
        other.store_file_content(store.id, ids["bees"]),
        other.create_file_batch(store.id, CreateFileBatch(file_ids=(theirs.id,))),
        other.retrieve_file_batch(store.id, batch.id),
        other.cancel_file_batch(store.id, batch.id),
    ]
    for request in requests:
        error = await refused(request, 404)
        assert error.message == f"No vector store found with id '{store.id}'."
    mine = await other.create_vector_store(CreateVectorStore())
    foreign = CreateVectorStoreFile(file_id=ids["bees"])
    assert (
        "No file found" in (await refused(other.create_store_file(mine.id, foreign), 404)).message
    )
    assert [each.id for each in (await other.list_vector_stores()).data] == [mine.id]


@needs_description
async def test_stores_and_their_files_are_as_described(api: AssistantsAPI) -> None:
    store, ids = await searchable(api, bees="Bees dance.")
    assert_described("VectorStoreObject", store, but={"expires_after"})
    lasting = await api.create_vector_store(
        CreateVectorStore(expires_after=StoreExpiration(anchor="last_active_at", days=1))
    )
    assert_described("VectorStoreObject", lasting)
    assert_described("ListVectorStoresResponse", await api.list_vector_stores())
    assert_described("VectorStoreFileObject", await api.retrieve_store_file(store.id, ids["bees"]))
    assert_described("ListVectorStoreFilesResponse", await api.list_store_files(store.id))
    batch = await api.create_file_batch(store.id, CreateFileBatch(file_ids=(ids["bees"],)))
    assert_described("VectorStoreFileBatchObject", batch)
    await settled(api, store.id)
    assert_described(
        "VectorStoreFileContentResponse", await api.store_file_content(store.id, ids["bees"])
    )
    found = await api.search_vector_store(store.id, SearchVectorStore(query="bees"))
    assert found.data
    assert_described("VectorStoreSearchResultsPage", found)
    taken = await api.delete_store_file(store.id, ids["bees"])
    assert_described("DeleteVectorStoreFileResponse", taken)
    assert_described("DeleteVectorStoreResponse", await api.delete_vector_store(store.id))
