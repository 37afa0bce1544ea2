"""Questions in any language against a real full-text table."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.hosted.search.query import parse_query, searchable
from tests.hosted.search.benchmark_search import recall
from tests.hosted.search.corpus import load_corpus
from tests.hosted.search.search_index import SearchIndex


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("The invoices were paid.", "INVOICE"),
        ("Rechnungsbeträge überweisen", "Rechnung"),
        ("Die Straße ist größer", "GROSSER STRASSE"),
        ("Un café à Paris", "cafe"),
        ("caf\u0065\u0301", "café"),
        ("東京都に住む猫", "猫"),
        ("東京都に住む猫", "東京"),
        ("東京都に住む猫", "京都に住む"),
        ("ガイドブック", "ｶﾞｲﾄﾞ"),
        ("カ\u3099イト\u3099", "ガイド"),
        ("全角ＡＢＣ１２３です", "abc123"),
        ("退款将在七天内退回", "怎么退款"),
        ("환불은 상품을 반품한", "환불이 언제"),
        ("ร้านเปิดทุกวัน", "เปิดวันไหน"),
        ("Возврат денег", "ВОЗВРАТ"),
        ("हिन्दी में लिखा", "हिन्दी"),
        ("مَرْحَبًا بالعالم", "مرحبا"),
        ("def parseHttpHeader(x):", "http header"),
        ("def parse_http_header(x):", "parseHttpHeader"),
        ("raise HTTPServerError", "server error"),
        ("MAX_RETRY_COUNT = 3", "retry count"),
        ("version x86_64", "x86"),
        ("error E4711 occurred", "what is E4711?"),
        ("call foo.bar(baz)", "foo.bar"),
        ('it\'s "quoted"', '"quoted"'),
    ],
)
def test_a_text_is_found_by_what_a_person_would_type(text: str, question: str) -> None:
    with SearchIndex({"wanted": text, "other": "zzz 別 иное"}) as index:
        assert index.bm25(question)[:1] == ["wanted"]


@pytest.mark.parametrize(
    "question",
    [
        '"',
        '""" OR *',
        "NOT",
        "a AND",
        "NEAR(a b, 2)",
        "terms: x",
        "name:x - ^y +z {a b}",
        "(((",
        "'; DROP TABLE found; --",
        "*",
        "\x00 a \x00",
        '日本 OR "',
        "\ud800",
        "a" * 100_000,
        "word " * 10_000,
    ],
)
def test_no_query_raises_an_error(question: str) -> None:
    with SearchIndex({"one": "not near a term x y z 日本 drop table"}) as index:
        index.search(question)


def test_a_query_without_words_finds_nothing() -> None:
    assert parse_query("?! … \n").match == ""
    with SearchIndex({"one": "text"}) as index:
        assert index.search("?!") == []


@settings(max_examples=120, deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_can_be_searched_with_any_query(text: str, question: str) -> None:
    with SearchIndex({"one": text}) as index:
        for _, score in index.search(question):
            assert 0.0 <= score <= 1.0


@settings(max_examples=120, deadline=None)
@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "Z"]), min_size=1, max_size=60))
def test_a_text_is_found_by_itself(text: str) -> None:
    if not parse_query(text).match:
        return
    with SearchIndex({"one": text}) as index:
        assert index.bm25(text) == ["one"]


def test_the_score_grows_with_rank_and_coverage_and_is_1_at_most() -> None:
    question = parse_query("refund policy")
    both, one = searchable("the refund policy"), searchable("the refund desk")
    assert question.coverage(both) == 1.0
    assert 0.0 < question.coverage(one) < 1.0
    assert question.coverage(searchable("nothing of it")) == 0.0
    scores = [question.score(-rank, one) for rank in (0.0, 1e-6, 0.5, 3.0, 100.0)]
    assert scores == sorted(scores)
    assert len(set(scores)) == len(scores)
    assert scores[-1] < question.score(-1.0, both) <= 1.0
    assert question.score(2.0, one) == scores[0]


def test_a_store_of_one_text_still_tells_a_good_answer_from_a_bad_one() -> None:
    with SearchIndex({"one": load_corpus().passages["refund"]}) as index:
        ((_, good),) = index.search("When are refunds paid to the card?")
        ((_, bad),) = index.search("When is the next train to Berlin?")
    assert good > 0.5 > 0.2 > bad


def test_common_questions_find_their_passage() -> None:
    corpus = load_corpus()
    with SearchIndex(corpus.passages) as index:
        assert recall(corpus, index.names, 1) >= 0.95
        assert recall(corpus, index.names, 3) == 1.0


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Cats are kept indoors.", "cat"),
        ("A cat is kept indoors.", "cats"),
        ("two boxes", "box"),
        ("the city council", "cities"),
        ("she was running late", "run"),
        ("policies", "policy"),
        ("the last trains", "train"),
        ("the studies of bees", "study of a bee"),
    ],
)
def test_another_form_of_an_english_word_is_found_and_counts(text: str, question: str) -> None:
    with SearchIndex({"wanted": text, "other": "nothing of the kind"}) as index:
        ((name, score), *_) = index.search(question)
    assert name == "wanted"
    assert score > 0.3
