"""Server-sent events: what is decoded is what the rules say, however the bytes were split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.wire.sse import Decoder, EventTooLargeError, ServerSentEvent, encode


def decode(stream: bytes) -> list[ServerSentEvent]:
    return Decoder().feed(stream)


def decode_split(stream: bytes, cuts: list[int]) -> list[ServerSentEvent]:
    decoder, events, at = Decoder(), [], 0
    for cut in [*sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]:
        events += decoder.feed(stream[at:cut])
        at = cut
    return events


def by_the_rules(stream: bytes) -> list[ServerSentEvent]:
    """The event-stream rules, written down word for word and slowly, over characters."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    lines, line, at = [], "", 0
    while at < len(text):
        if text[at] in "\r\n":
            at += 2 if text[at : at + 2] == "\r\n" else 1
            lines.append(line)
            line = ""
        else:
            line += text[at]
            at += 1
    events, data, name, last_id, retry = [], "", "", "", None
    for line in lines:
        if line == "":
            if data:
                events.append(
                    ServerSentEvent(name or "message", data[:-1].encode(), last_id, retry)
                )
            data, name = "", ""
        elif not line.startswith(":"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                data += value + "\n"
            elif field == "event":
                name = value
            elif field == "id" and "\0" not in value:
                last_id = value
            elif field == "retry" and value and all(c in "0123456789" for c in value):
                retry = int(value[:18])
    return events


FRAGMENTS = st.sampled_from(
    [
        *(b"data", b"data:", b"data: ", b"event: ", b"id: ", b"retry: ", b"retry: 12", b":", b" "),
        *(b"\n", b"\r", b"\r\n", b"\n\n", b"\xef\xbb\xbf", b"\xef", b"\xf0\x9f\x98\x80", b"\x00"),
        *("é".encode(), b"x", b"7", b"\xff", b"datax: ", b"id"),
    ]
)
STREAMS = st.lists(FRAGMENTS, max_size=40).map(b"".join)
CUTS = st.lists(st.integers(0, 400), max_size=12)


@given(STREAMS)
def test_a_stream_is_decoded_as_the_rules_say(stream: bytes) -> None:
    told = [ServerSentEvent(e.name, e.text.encode(), e.id, e.retry) for e in decode(stream)]
    assert told == by_the_rules(stream)


@given(STREAMS, CUTS)
def test_any_split_of_the_bytes_gives_the_same_events(stream: bytes, cuts: list[int]) -> None:
    assert decode_split(stream, cuts) == decode(stream)


@given(
    st.lists(
        st.tuples(
            st.none()
            | st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), min_size=1),
            st.text(st.characters(exclude_characters="\r", codec="utf-8")),
        )
    ),
    CUTS,
)
def test_an_encoded_event_is_decoded_unchanged(
    events: list[tuple[str | None, str]], cuts: list[int]
) -> None:
    stream = b"".join(encode(name, data) for name, data in events)
    decoded = [(event.name, event.text) for event in decode_split(stream, cuts)]
    assert decoded == [(name or "message", data) for name, data in events]


def test_every_line_end_in_data_arrives_as_lf() -> None:
    assert decode(encode(None, "a\r\nb\rc\nd"))[0].data == b"a\nb\nc\nd"


def test_a_name_with_a_line_end_is_refused() -> None:
    with pytest.raises(ValueError, match="line end"):
        encode("done\ndata: x", "")


def test_an_event_that_the_stream_does_not_finish_is_dropped() -> None:
    assert decode(b"data: whole\n\ndata: half\n") == [ServerSentEvent("message", b"whole")]


@pytest.mark.parametrize("stream", [b"data: x", b"data: x\n", b"event: a\ndata: x", b"data:x\r"])
def test_an_event_without_a_blank_line_comes_from_end(stream: bytes) -> None:
    decoder = Decoder()
    assert decoder.feed(stream) == []
    assert [event.data for event in decoder.end()] == [b"x"]
    assert decoder.end() == []


def test_a_lenient_decoder_takes_bare_json_and_errors_named_by_their_field() -> None:
    stream = b'{"a": 1}\n\nerror: {"b": 2}\n\nDATA: c\n\n data: d\n\n'
    assert Decoder(lenient=True).feed(stream) == [
        ServerSentEvent("message", b'{"a": 1}'),
        ServerSentEvent("error", b'{"b": 2}'),
        ServerSentEvent("message", b"c"),
        ServerSentEvent("message", b"d"),
    ]
    assert Decoder().feed(stream) == []


def test_the_last_id_holds_until_another_is_set() -> None:
    events = decode(b"id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n")
    assert [event.id for event in events] == ["7", "7", ""]


@pytest.mark.parametrize(
    "stream",
    [
        b"data: " + b"x" * 2000,
        b"data: " + b"x" * 2000 + b"\n",
        b"data: x\n" * 600,
        b": " + b"x" * 2000 + b"\n",
    ],
    ids=["a line without end", "a line", "many lines", "a comment"],
)
@pytest.mark.parametrize("width", [1, 7, 100_000])
def test_an_event_larger_than_agreed_is_an_error(stream: bytes, width: int) -> None:
    decoder = Decoder(max_event_bytes=1000)

    def feed_all() -> None:
        for at in range(0, len(stream), width):
            decoder.feed(stream[at : at + width])

    with pytest.raises(EventTooLargeError, match="1000 bytes"):
        feed_all()


def test_many_events_each_within_the_bound_are_no_error() -> None:
    assert len(Decoder(max_event_bytes=1000).feed(encode(None, "x" * 900) * 50)) == 50


def test_comments_that_keep_a_connection_open_add_up_to_nothing() -> None:
    decoder = Decoder(max_event_bytes=1000)
    for _ in range(2000):
        assert decoder.feed(b": still here\n") == []
    assert decoder.feed(b"data: x\n\n") == [ServerSentEvent("message", b"x")]
