"""Searching vector stores, and files that cannot be searched."""

import asyncio
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter

from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.requests import CreateMessage, CreateThread
from bot.assistants.schema.tools import FileSearchTool, NewAttachment
from bot.assistants.schema.vector_stores import (
    CreateFileBatch,
    CreateVectorStore,
    CreateVectorStoreFile,
    SearchPage,
    SearchRanking,
    SearchVectorStore,
)
from tests.contract.refusals import refused
from tests.hosted.extract.files import pdf
from tests.support.assistants import House, Way, house
from tests.support.eventually import PATIENCE
from tests.support.files import ended, searchable, settled, upload


async def found(api: AssistantsAPI, store_id: str, query: Any, **fields: Any) -> SearchPage:
    return await api.search_vector_store(store_id, SearchVectorStore(query=query, **fields))


def names(page: SearchPage) -> list[str]:
    return [hit.filename.removesuffix(".txt") for hit in page.data]


async def test_the_best_file_is_found_first_and_scored(api: AssistantsAPI) -> None:
    store, ids = await searchable(
        api,
        bees="A queen bee lays up to 2,000 eggs a day in summer.",
        hens="A hen lays one egg a day.",
        cars="An engine needs oil.",
    )
    page = await found(api, store.id, "eggs that a queen bee lays")
    assert page.search_query == ("eggs that a queen bee lays",)
    assert page.data[0].file_id == ids["bees"]
    assert page.data[0].filename == "bees.txt"
    assert "2,000 eggs" in page.data[0].content[0].text
    scores = [hit.score for hit in page.data]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert "cars" not in names(page)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("日本で一番高い山", "fuji"),
        ("富士山", "fuji"),
        ("Straßenbahn", "tram"),
        ("трамвай", "tramvai"),
        ("파리의 탑", "tower"),
    ],
)
async def test_any_language_is_found(api: AssistantsAPI, query: str, name: str) -> None:
    store, _ = await searchable(
        api,
        fuji="富士山は日本で一番高い山です。標高は3776メートルです。",
        tokyo="東京は日本の首都です。",
        tram="Die Straßenbahn fährt alle zehn Minuten.",
        tramvai="Трамвай ходит каждые десять минут.",
        tower="에펠탑은 파리의 유명한 탑입니다.",
    )
    assert names(await found(api, store.id, query))[0] == name


async def test_one_search_may_have_several_queries(api: AssistantsAPI) -> None:
    store, _ = await searchable(api, bees="Bees dance.", ants="Ants march.", cars="Cars rust.")
    page = await found(api, store.id, ("bees", "ants"))
    assert sorted(names(page)) == ["ants", "bees"]
    assert page.search_query == ("bees", "ants")


async def test_as_many_results_come_as_are_wanted(api: AssistantsAPI) -> None:
    texts = {f"n{n}": f"Bees number {n} dance." for n in range(12)}
    store, _ = await searchable(api, **texts)
    assert len((await found(api, store.id, "bees")).data) == 10
    assert len((await found(api, store.id, "bees", max_num_results=3)).data) == 3
    assert len((await found(api, store.id, "bees", max_num_results=50)).data) == 12
    for limit in (0, 51):
        error = await refused(found(api, store.id, "bees", max_num_results=limit))
        assert error.param == "max_num_results"


async def test_results_under_the_threshold_are_left_out(api: AssistantsAPI) -> None:
    store, _ = await searchable(api, bees="Bees dance in summer.", ants="Summer is here.")
    everything = await found(api, store.id, "bees dance in summer")
    assert len(everything.data) == 2
    best, worst = (hit.score for hit in everything.data)
    assert best > worst
    ranking = SearchRanking(score_threshold=(best + worst) / 2)
    assert names(await found(api, store.id, "bees dance in summer", ranking_options=ranking)) == [
        "bees"
    ]
    error = await refused(
        found(api, store.id, "x", ranking_options=SearchRanking(score_threshold=1.1))
    )
    assert error.param == "ranking_options.score_threshold"


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"type": "eq", "key": "lang", "value": "en"}, ["a", "b"]),
    ({"type": "ne", "key": "lang", "value": "en"}, ["c", "d"]),
    ({"type": "gt", "key": "year", "value": 2001}, ["c"]),
    ({"type": "gte", "key": "year", "value": 2001}, ["b", "c"]),
    ({"type": "lt", "key": "year", "value": 2001}, ["a"]),
    ({"type": "lte", "key": "year", "value": 2001.0}, ["a", "b"]),
    ({"type": "in", "key": "lang", "value": ["de", "fr"]}, ["c"]),
    ({"type": "nin", "key": "lang", "value": ["de", "fr"]}, ["a", "b", "d"]),
    ({"type": "eq", "key": "draft", "value": True}, ["b"]),
    (
        {
            "type": "and",
            "filters": [
                {"type": "eq", "key": "lang", "value": "en"},
                {
                    "type": "or",
                    "filters": [
                        {"type": "eq", "key": "year", "value": 2000},
                        {"type": "eq", "key": "year", "value": 2002},
                    ],
                },
            ],
        },
        ["a"],
    ),
]


@pytest.fixture
async def attributed(api: AssistantsAPI) -> str:
    """A vector store of four files with the same text and different attributes."""
    attributes: dict[str, dict[str, str | float | bool]] = {
        "a": {"lang": "en", "year": 2000},
        "b": {"lang": "en", "year": 2001, "draft": True},
        "c": {"lang": "de", "year": 2002},
        "d": {},
    }
    store = await api.create_vector_store(CreateVectorStore())
    files = [
        CreateVectorStoreFile(
            file_id=(await upload(api, f"{name}.txt", "Bees dance.")).id, attributes=given
        )
        for name, given in attributes.items()
    ]
    await api.create_file_batch(store.id, CreateFileBatch(files=tuple(files)))
    await settled(api, store.id)
    return store.id


async def test_only_files_that_pass_the_filters_are_found(
    api: AssistantsAPI, attributed: str
) -> None:
    for filters, expected in FILTERS:
        page = await found(api, attributed, "bees", filters=filters)
        assert sorted(names(page)) == expected, filters


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"type": "like", "key": "lang", "value": "en"},
        {"type": "eq", "key": "lang"},
        {"type": "eq", "key": "lang", "value": {"a": 1}},
        {"type": "and", "filters": [{"type": "eq"}]},
        {"type": "and", "filters": "all"},
        {"type": "eq", "key": "lang", "value": "en", "more": 1},
    ],
)
async def test_invalid_filters_are_refused(
    api: AssistantsAPI, attributed: str, filters: dict[str, Any]
) -> None:
    error = await refused(found(api, attributed, "bees", filters=filters))
    assert error.param is not None
    assert error.param.startswith("filters")


SYNTAX = ["{}", "   {}", "!!!{}", '"{}', "{} AND", "NEAR({}", "{} *", "\x00{}\x00", "🐝 {}"]


@pytest.mark.parametrize("query", SYNTAX)
async def test_any_text_can_be_asked_for_and_its_words_are_found(
    api: AssistantsAPI, query: str
) -> None:
    store, files = await searchable(api, bees="Bees dance.", ants="Ants march.")
    results = (await found(api, store.id, query.format("bees"))).data
    assert [result.file_id for result in results] == [files["bees"]]


@pytest.mark.parametrize("query", SYNTAX)
async def test_a_text_without_a_word_of_any_file_finds_nothing(
    api: AssistantsAPI, query: str
) -> None:
    store, _ = await searchable(api, bees="Bees dance.", ants="Ants march.")
    assert (await found(api, store.id, query.format(""))).data == ()


async def test_a_search_without_a_query_is_refused(api: AssistantsAPI) -> None:
    store = await api.create_vector_store(CreateVectorStore())
    assert (await refused(found(api, store.id, ()))).param == "query"


async def test_a_search_has_at_most_20_queries(api: AssistantsAPI) -> None:
    store, _ = await searchable(api, bees="Bees dance.")
    full = tuple(f"bees {number}" for number in range(20))
    assert names(await found(api, store.id, full)) == ["bees"]
    error = await refused(found(api, store.id, (*full, "and one more")))
    assert (error.param, error.code) == ("query", "array_above_max_length")
    await refused(found(api, store.id, ("bees",) * 100_000))


def locked_zip() -> bytes:
    """A Word file whose parts say that they are encrypted."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", "secret")
    data = bytearray(out.getvalue())
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def encrypted_pdf() -> bytes:
    """A PDF that opens with a password alone."""
    out = io.BytesIO()
    writer = PdfWriter(clone_from=io.BytesIO(pdf("A secret page.")))
    writer.encrypt("user", "owner", algorithm="RC4-128")
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "code", "word"),
    [
        ("empty.txt", b"", "invalid_file", "empty"),
        ("blank.md", b" \n\t ", "invalid_file", "empty"),
        ("broken.docx", b"PK\x03\x04 and nothing more", "invalid_file", ""),
        ("locked.docx", locked_zip(), "invalid_file", "password"),
        ("locked.pdf", encrypted_pdf(), "invalid_file", "encrypted"),
        ("broken.pdf", pdf("A page.")[:60], "invalid_file", ""),
        ("other.docx", b"no packed file", "invalid_file", "broken"),
        ("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(100), "unsupported_file", "image"),
        ("large.txt", b"word " * 4_000_001, "invalid_file", "Split it"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_file_that_cannot_be_searched_says_why(
    api: AssistantsAPI, name: str, data: bytes, code: str, word: str
) -> None:
    good = await upload(api, "good.txt", "All is well in the northern meadow.")
    bad = await upload(api, name, data)
    store = await api.create_vector_store(CreateVectorStore(file_ids=(bad.id, good.id)))
    failed = await ended(api, store.id, bad.id)
    assert failed.status == "failed"
    assert failed.last_error is not None
    assert failed.last_error.code == code
    assert word in failed.last_error.message
    assert (await ended(api, store.id, good.id)).status == "completed"
    counts = (await api.retrieve_vector_store(store.id)).file_counts
    assert (counts.failed, counts.completed, counts.total) == (1, 1, 2)
    assert names(await found(api, store.id, "northern meadow")) == ["good"]


async def test_files_that_were_not_finished_go_on_after_a_restart(tmp_path: Path, way: Way) -> None:
    async with house(tmp_path, way) as home:
        ids = [(await upload(home.api, f"{n}.txt", "bees " * 60_000)).id for n in range(6)]
        store = await home.api.create_vector_store(CreateVectorStore(file_ids=tuple(ids)))
        assert store.file_counts.in_progress == 6
    async with house(tmp_path, way) as again:
        async with asyncio.timeout(PATIENCE):
            done = await settled(again.api, store.id)
        assert (done.file_counts.completed, done.file_counts.total) == (6, 6)
        assert (await found(again.api, store.id, "bees")).data


async def test_attachments_make_a_store_that_a_thread_searches(home: House) -> None:
    file = await upload(home.api, "gate.txt", "The password of the gate is tulip.")
    message = CreateMessage(
        role="user", content="?", attachments=(NewAttachment(file.id, tools=(FileSearchTool(),)),)
    )
    thread = await home.api.create_thread(CreateThread(messages=(message,)))
    assert thread.tool_resources is not None
    resources: Any = thread.tool_resources.file_search
    (store_id,) = resources.vector_store_ids
    await settled(home.api, store_id)
    assert names(await found(home.api, store_id, "password")) == ["gate"]


@pytest.mark.parametrize("end", ["deleted", "expired"])
async def test_an_attachment_to_a_thread_whose_store_is_gone_makes_a_new_one(
    home: House, end: str
) -> None:
    def asking(file_id: str) -> CreateMessage:
        attachments = (NewAttachment(file_id, tools=(FileSearchTool(),)),)
        return CreateMessage(role="user", content="?", attachments=attachments)

    old = await upload(home.api, "old.txt", "The password of the gate is tulip.")
    thread = await home.api.create_thread(CreateThread(messages=(asking(old.id),)))
    (first,) = await store_ids(home, thread.id)
    await settled(home.api, first)
    if end == "expired":
        home.clock.advance(8 * 86_400)
        assert (await home.api.retrieve_vector_store(first)).status == "expired"
    else:
        await home.api.delete_vector_store(first)
    new = await upload(home.api, "new.txt", "The password of the door is rose.")
    message = await home.api.create_message(thread.id, asking(new.id))
    assert message.attachments
    assert message.attachments[0].file_id == new.id
    (store_id,) = await store_ids(home, thread.id)
    assert store_id != first
    await settled(home.api, store_id)
    assert names(await found(home.api, store_id, "password")) == ["new"]


async def store_ids(home: House, thread_id: str) -> tuple[str, ...]:
    thread = await home.api.retrieve_thread(thread_id)
    assert thread.tool_resources is not None
    resources: Any = thread.tool_resources.file_search
    ids: tuple[str, ...] = resources.vector_store_ids
    return ids
