"""The same words tell what is wrong with a value of config.toml and of a request."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct, inspect

from bot.config.errors import TOML
from bot.runtime.problems import JSON, Problem, Terms, problem_of
from bot.runtime.violations import violation_of


class Settings(Struct, forbid_unknown_fields=True):
    size: Annotated[int, Meta(ge=1, le=9)] = 1
    share: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    title: Annotated[str, Meta(min_length=1, max_length=3)] | None = "x"
    pair: Annotated[tuple[int, ...], Meta(min_length=2, max_length=2)] = (1, 2)
    name: Annotated[str, Meta(pattern=r"\A\d+\Z")] = "1"
    one: Literal["a"] = "a"
    two: Literal["a", "b"] = "a"
    three: Literal["a", "b", "c"] = "a"
    step: Annotated[int, Meta(multiple_of=5)] = 5
    begin: datetime | None = None


def problem(raw: dict[str, Any], terms: Terms) -> Problem:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(raw, Settings)
    return problem_of(violation_of(caught.value, raw, inspect.type_info(Settings)), terms)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({"size": 0}, "Invalid X: integer below minimum value. Expected a value >= 1, but got 0 "
         "instead."),
        ({"size": 10}, "Invalid X: integer above maximum value. Expected a value <= 9, but got 10 "
         "instead."),
        ({"share": 0.0}, "Invalid X: decimal below minimum value. Expected a value > 0, but got "
         "0.0 instead."),
        ({"share": 1}, "Invalid X: decimal above maximum value. Expected a value < 1, but got 1 "
         "instead."),
        ({"title": ""}, "Invalid X: string too short. Expected a string with minimum length 1, "
         "but got a string with length 0 instead."),
        ({"title": "long"}, "Invalid X: string too long. Expected a string with maximum length 3, "
         "but got a string with length 4 instead."),
        ({"pair": [1]}, "Invalid X: array too short. Expected an array with minimum length 2, but "
         "got an array with length 1 instead."),
        ({"pair": [1, 2, 3]}, "Invalid X: array too long. Expected an array with maximum length "
         "2, but got an array with length 3 instead."),
        ({"name": "a"}, r"Invalid X: string does not match pattern. Expected a string that "
         r"matches the pattern '^\d+$'."),
        ({"one": "d"}, "Invalid value for X: 'd'. Supported values are: 'a'."),
        ({"two": "d"}, "Invalid value for X: 'd'. Supported values are: 'a' and 'b'."),
        ({"three": "d"}, "Invalid value for X: 'd'. Supported values are: 'a', 'b', and 'c'."),
        ({"begin": "noon"}, "Invalid value for X: 'noon'."),
        ({"step": 3}, "Invalid X: Expected int that's a multiple of 5."),
        ({"size": 16**600}, f"Invalid X: integer above maximum value. Expected a value <= 9, but "
         f"got 0x1{'0' * 96}… instead."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("terms", [JSON, TOML], ids=["request", "config.toml"])
def test_a_violation_is_told_alike_of_a_request_and_of_config_toml(
    raw: dict[str, Any], sentence: str, terms: Terms
) -> None:
    assert problem(raw, terms).sentence("X") == sentence


@pytest.mark.parametrize(
    ("raw", "of_a_request", "of_config_toml"),
    [
        ({"title": 1}, "Invalid type for X: expected a string or null, but got an integer instead.",
         "Invalid type for X: expected a string in quotes, but got a whole number instead."),
        ({"size": {}}, "Invalid type for X: expected an integer, but got an object instead.",
         "Invalid type for X: expected a whole number, but got a table instead."),
        ({"sice": 1}, "Unknown parameter: X.", "Unknown key: X."),
    ],
)  # fmt: skip
def test_fields_and_types_have_the_names_of_their_format(
    raw: dict[str, Any], of_a_request: str, of_config_toml: str
) -> None:
    assert problem(raw, JSON).sentence("X") == of_a_request
    assert problem(raw, TOML).sentence("X") == of_config_toml


@given(st.text(min_size=4))
def test_a_quoted_value_is_bounded(text: str) -> None:
    # A control character takes ten characters where it is escaped.
    assert len(problem({"three": text}, JSON).end) < 10 * 100 + 100
