"""A request is checked once: when it is parsed, or else when an operation takes it."""

import msgspec
import pytest
from msgspec.structs import replace

from bot.assistants.errors import APIError
from bot.assistants.schema.requests import CreateMessage, Page
from bot.assistants.validation import checked, from_raw


def test_a_request_that_was_parsed_is_not_checked_again() -> None:
    parsed = from_raw(CreateMessage, {"role": "user", "content": "hi"})
    assert checked(parsed) is parsed


def test_the_mark_of_a_checked_request_is_neither_compared_nor_encoded() -> None:
    parsed, built = from_raw(Page, {"limit": 3}), Page(limit=3)
    assert (parsed.is_checked, built.is_checked) == (True, False)
    assert parsed == built
    assert hash(parsed) == hash(built)
    assert msgspec.json.encode(parsed) == msgspec.json.encode(built) == b'{"limit":3}'


@pytest.mark.parametrize("parsed", [True, False])
def test_a_changed_copy_of_a_request_is_checked(parsed: bool) -> None:
    page = from_raw(Page, {"limit": 3}) if parsed else Page(limit=3)
    with pytest.raises(APIError, match="Expected a value <= 100, but got 1000 instead"):
        checked(replace(page, limit=1000))
