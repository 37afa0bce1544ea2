"""Odd fields of a message: what can be filled is, and discord.py reads the rest."""

from typing import Any

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.transport.message_payload import filled

SENT = "2026-05-06T10:00:00+00:00"
MESSAGE: dict[str, Any] = {
    "id": "5",
    "channel_id": "6",
    "type": 0,
    "content": "hello",
    "timestamp": SENT,
    "edited_timestamp": None,
    "author": {"id": "7", "username": "ada", "discriminator": "0", "avatar": None},
    "mentions": [],
    "mention_roles": [],
    "mention_everyone": False,
    "attachments": [],
    "embeds": [],
    "tts": False,
    "pinned": False,
}
FILE = {"id": "8", "filename": "a.txt", "url": "https://x.example/a.txt", "size": 3}
POLL = {
    "question": {"text": "Tea?"},
    "answers": [{"answer_id": 1, "poll_media": {"text": "Yes"}}],
    "expiry": SENT,
    "results": {"is_finalized": False, "answer_counts": []},
}


def parsed(**told: Any) -> discord.Message:
    """Parse a message with these fields, after its gaps were filled."""
    client = discord.Client(intents=discord.Intents.none())
    channel: Any = client.get_partial_messageable(6)
    data: Any = filled(MESSAGE | told)
    state: Any = client._connection  # noqa: SLF001 - a message is made with its state
    return discord.Message(state=state, channel=channel, data=data)


@pytest.mark.parametrize("kind", ["0", None])
def test_a_type_that_is_no_number_is_read(kind: Any) -> None:
    assert parsed(type=kind).type is discord.MessageType.default


@pytest.mark.parametrize(("size", "read"), [("3", 3), (None, 0), (-1, 0), (2**70, 0), ([], 0)])
def test_an_invalid_size_of_a_file_is_replaced(size: Any, read: int) -> None:
    (file,) = parsed(attachments=[FILE | {"size": size}]).attachments
    assert (file.size, file.proxy_url) == (read, FILE["url"])


@pytest.mark.parametrize("key", ["filename", "url"])
def test_a_file_without_name_or_address_is_no_file(key: str) -> None:
    with pytest.raises(TypeError, match="no name or no address"):
        filled(MESSAGE | {"attachments": [FILE | {key: None}]})


def test_an_author_without_a_name_is_called_unknown() -> None:
    author = parsed(author={"id": "7", "username": None, "global_name": 5, "avatar": 9}).author
    assert author.display_name == "unknown"


def test_a_preview_keeps_what_can_be_read_of_it() -> None:
    fields = [{"name": "a"}, {"name": None, "value": "b"}, 3, {"name": "c", "value": "d"}]
    preview = {"title": "T", "description": 5, "footer": "x", "color": "red", "fields": fields}
    (embed,) = parsed(embeds=[None, preview]).embeds
    assert (embed.title, embed.description, embed.footer.text) == ("T", None, None)
    assert [(field.name, field.value) for field in embed.fields] == [("a", ""), ("c", "d")]


@pytest.mark.parametrize("told", [{"expiry": None}, {"results": None}, {"question": {"text": 5}}])
def test_a_poll_needs_neither_an_end_nor_votes(told: dict[str, Any]) -> None:
    poll = parsed(poll=POLL | told).poll
    assert poll is not None
    assert [answer.text for answer in poll.answers] == ["Yes"]


@pytest.mark.parametrize("reference", [{}, "x", {"message_id": None, "channel_id": None}])
def test_a_reply_to_nowhere_is_a_reply(reference: Any) -> None:
    found = parsed(message_reference=reference).reference
    assert found is not None
    assert found.message_id is None
    assert parsed(message_reference=None).reference is None


@pytest.mark.parametrize(
    "told", [{}, {"embeds": None, "attachments": None, "flags": None, "type": None}]
)
def test_a_forwarded_message_needs_its_text_alone(told: dict[str, Any]) -> None:
    (snapshot,) = parsed(
        message_snapshots=[{"message": {"content": "hi", **told}}]
    ).message_snapshots
    assert snapshot.content == "hi"
    assert parsed(message_snapshots=None).message_snapshots == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "url", "filename", "size", "text", "question", "answers", "message",
                         "content", "name", "fields", "channel_id", "type"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
FIELDS = st.sampled_from(
    [*MESSAGE, "poll", "message_reference", "message_snapshots", "application_id", "member"]
)


@given(st.dictionaries(FIELDS, JSON, max_size=4))
def test_no_payload_raises_anything_but_a_type_error(told: dict[str, Any]) -> None:
    try:
        data = filled(MESSAGE | told)
    except TypeError:
        return
    assert isinstance(data["content"], str)
    assert filled(data) == data
