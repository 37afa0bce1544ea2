"""Attribute filters as the API describes them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.hosted.search.filters import Attribute, FilterError, check_filter, matches

FILE: dict[str, Attribute] = {"year": 2024, "lang": "ja", "draft": False, "price": 1.5}


def compare(kind: str, key: str, value: Any) -> dict[str, Any]:
    return {"type": kind, "key": key, "value": value}


@pytest.mark.parametrize(
    ("given_filter", "passes"),
    [
        (compare("eq", "year", 2024), True),
        (compare("eq", "year", 2024.0), True),
        (compare("eq", "year", "2024"), False),
        (compare("eq", "draft", False), True),
        (compare("eq", "draft", 0), False),
        (compare("eq", "none", "x"), False),
        (compare("ne", "lang", "en"), True),
        (compare("ne", "lang", "ja"), False),
        (compare("ne", "none", "x"), True),
        (compare("gt", "year", 2023), True),
        (compare("gt", "year", 2024), False),
        (compare("gte", "year", 2024), True),
        (compare("lt", "price", 2), True),
        (compare("lte", "price", 1.5), True),
        (compare("lt", "price", "2"), False),
        (compare("gt", "lang", "en"), True),
        (compare("gt", "draft", -1), False),
        (compare("gte", "draft", False), False),
        (compare("lt", "none", 5), False),
        (compare("in", "lang", ["en", "ja"]), True),
        (compare("in", "year", ["2024"]), False),
        (compare("in", "none", ["x"]), False),
        (compare("in", "lang", []), False),
        (compare("nin", "lang", ["en"]), True),
        (compare("nin", "lang", ["ja"]), False),
        (compare("nin", "none", ["ja"]), True),
        ({"type": "and", "filters": []}, True),
        ({"type": "or", "filters": []}, False),
        (
            {
                "type": "and",
                "filters": [
                    compare("eq", "lang", "ja"),
                    {
                        "type": "or",
                        "filters": [compare("lt", "year", 2000), compare("gt", "price", 1)],
                    },
                ],
            },
            True,
        ),
        (
            {"type": "and", "filters": [compare("eq", "lang", "ja"), compare("eq", "year", 1)]},
            False,
        ),
    ],
)
def test_a_filter_lets_through_what_it_says(given_filter: dict[str, Any], passes: bool) -> None:
    check_filter(given_filter)
    assert matches(given_filter, FILE) is passes


def nested(depth: int) -> dict[str, Any]:
    made = compare("eq", "a", 1)
    for _ in range(depth):
        made = {"type": "and", "filters": [made]}
    return made


@pytest.mark.parametrize(
    ("given_filter", "path"),
    [
        ("eq", ""),
        ({}, "type"),
        (compare("like", "a", "b"), "type"),
        ({"type": ["eq"], "key": "a", "value": 1}, "type"),
        ({"type": "eq", "key": "a"}, "value"),
        ({"type": "eq", "value": 1}, "key"),
        ({**compare("eq", "a", 1), "more": 1}, "more"),
        ({**compare("eq", "a", 1), "key": 5}, "key"),
        (compare("eq", "a", None), "value"),
        (compare("eq", "a", {}), "value"),
        (compare("gt", "a", [1]), "value"),
        (compare("in", "a", "abc"), "value"),
        (compare("in", "a", [True]), "value"),
        ({"type": "and"}, "filters"),
        ({"type": "and", "filters": "ab"}, "filters"),
        ({"type": "or", "filters": [compare("eq", "a", 1), {"type": "no"}]}, "filters[1].type"),
        (nested(17), ".".join(["filters[0]"] * 16)),
        ({"type": "or", "filters": [compare("eq", "a", 1)] * 600}, "filters[511]"),
    ],
)
def test_an_invalid_filter_is_refused_with_its_path(given_filter: Any, path: str) -> None:
    with pytest.raises(FilterError) as refused:
        check_filter(given_filter)
    assert refused.value.path == path


values = st.one_of(st.text(max_size=3), st.integers(-3, 3), st.booleans(), st.floats(-3, 3))
attributes = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


def test_a_filter_compares_a_bounded_number_of_values() -> None:
    check_filter(compare("in", "year", [2024] * 1000))
    with pytest.raises(FilterError, match="more than 1000 entries") as refused:
        check_filter(compare("nin", "year", [None] * 1001))
    assert refused.value.path == "value"


@given(st.sampled_from("abc"), values, attributes)
def test_ne_is_not_eq_and_nin_is_not_in(key: str, value: Any, have: dict[str, Attribute]) -> None:
    assert matches(compare("eq", key, value), have) != matches(compare("ne", key, value), have)
    assert matches(compare("in", key, [value]), have) != matches(compare("nin", key, [value]), have)
    assert matches(compare("in", key, [value]), have) == matches(compare("eq", key, value), have)
