"""Streams of a Response that all say hello, and those that call functions."""

import json
from typing import Any

Event = dict[str, Any]
CREATED: Event = {
    "type": "response.created",
    "response": {"id": "resp_1", "status": "in_progress", "output": []},
}
MESSAGE: Event = {
    "id": "m1",
    "type": "message",
    "status": "completed",
    "content": [{"type": "output_text", "text": "hello"}],
}


def delta(text: Any = "hello", **told: Any) -> Event:
    """A piece of the text."""
    event = {"type": "response.output_text.delta", "item_id": "m1", "output_index": 0}
    return {**event, "content_index": 0, "delta": text, **told}


def done(item: Event, index: Any = 0, kind: str = "done") -> Event:
    """An item that is done, or was added."""
    return {"type": f"response.output_item.{kind}", "output_index": index, "item": item}


def completed(*output: Event, **told: Any) -> Event:
    """The end."""
    response = {"id": "resp_1", "status": "completed", "output": list(output)}
    return {"type": "response.completed", "response": {**response, **told}}


def call(name: str = "get_weather", arguments: Any = "", at: str = "1") -> Event:
    """An item that is a call."""
    item = {"id": f"fc_{at}", "type": "function_call", "call_id": f"call_{at}", "name": name}
    return {**item, "arguments": arguments, "status": "completed"}


def arguments(text: Any, at: str = "1", **told: Any) -> Event:
    """A piece of a call's arguments."""
    kind = "response.function_call_arguments.delta"
    return {"type": kind, "item_id": f"fc_{at}", "output_index": 0, "delta": text, **told}


def stream(*events: Event | bytes, named: bool = True) -> bytes:
    """The events as a stream; bytes stand as they are."""
    sent = b""
    for event in events:
        if isinstance(event, bytes):
            sent += event
            continue
        name = b"event: %b\n" % str(event.get("type")).encode() if named else b""
        sent += b"%bdata: %b\n\n" % (name, json.dumps(event).encode())
    return sent


def typeless(event: Event) -> bytes:
    """An event whose type is its name alone."""
    data = json.dumps({key: value for key, value in event.items() if key != "type"})
    return f"event: {event['type']}\ndata: {data}\n\n".encode()


USUAL = (CREATED, delta(), done(MESSAGE), completed(MESSAGE))
HELLOS: dict[str, bytes] = {
    "as it should be": stream(*USUAL),
    "without names": stream(*USUAL, named=False),
    "names instead of types": b"".join(map(typeless, USUAL)),
    "an event without data": stream(CREATED, b"data: \n\n", *USUAL),
    "nothing behind the last event": stream(*USUAL).rstrip(),
    "CRLF": stream(*USUAL).replace(b"\n", b"\r\n"),
    "no space behind the colon": stream(*USUAL).replace(b"data: ", b"data:"),
    "an end marker behind it": stream(*USUAL, b"data: [DONE]\n\n"),
    "an end marker for an end": stream(CREATED, delta(), b"data: [done]\n\n"),
    "an end marker in the middle": stream(
        CREATED, delta("hel"), b"data: [DONE]\n\n", delta("lo"), completed()
    ),
    "an end without a response": stream(CREATED, delta(), {"type": "response.completed"}),
    "an end of the old name": stream(CREATED, delta(), {"type": "response.done", "response": {}}),
    "rubbish in the middle": stream(CREATED, b"data: {oops\n\n", *USUAL, b"data: \xff\n\n"),
    "a status in capitals": stream(CREATED, delta(), completed(status="COMPLETED")),
    "numbers that count": stream(
        *({**event, "sequence_number": at} for at, event in enumerate(USUAL))
    ),
    "numbers that stand still": stream(
        *(
            {**event, "sequence_number": 0}
            for event in (CREATED, delta("hel"), delta("lo"), completed(MESSAGE))
        )
    ),
    "numbers of text": stream(
        *({**event, "sequence_number": str(at)} for at, event in enumerate(USUAL))
    ),
    "numbers that are none": stream(*({**event, "sequence_number": "x"} for event in USUAL)),
    "an index of text": stream(
        CREATED, delta(output_index="0", content_index="0"), completed(MESSAGE)
    ),
    "an index that is null": stream(
        CREATED, delta(output_index=None, content_index=None), completed(MESSAGE)
    ),
    "no index": stream(
        CREATED, {"type": "response.output_text.delta", "delta": "hello"}, completed()
    ),
    "ids that change": stream(
        CREATED,
        done({**MESSAGE, "id": "a", "content": [], "status": "in_progress"}, kind="added"),
        delta(item_id="b"),
        done({**MESSAGE, "id": "c"}),
        completed({**MESSAGE, "id": "d"}),
    ),
    "a piece that was not readable": stream(
        CREATED, delta("hel"), delta("lo"), done(MESSAGE), completed(MESSAGE)
    ),
    "only the end": stream(CREATED, completed(MESSAGE)),
    "content as text": stream(CREATED, completed({**MESSAGE, "content": "hello"})),
    "usage of odd types": stream(
        CREATED, delta(), completed(usage={"input_tokens": "3", "output_tokens": None})
    ),
    "an error that says nothing": stream(CREATED, {**delta(), "error": {}}, completed(error=None)),
    "thoughts": stream(
        CREATED,
        {"type": "response.reasoning_text.delta", "delta": "rude?"},
        delta("<thi"),
        delta("nk>rude?"),
        delta("</think>\n\n"),
        delta(),
        completed(),
    ),
    "thoughts without their beginning": stream(
        CREATED, delta("Be rude? No.\n"), delta("</think>\n\nhello"), completed()
    ),
    "thoughts that are done": stream(
        CREATED,
        done({"id": "r1", "type": "reasoning", "summary": [{"text": "rude?"}]}),
        done(MESSAGE, 1),
        completed(),
    ),
    "in one piece": json.dumps(completed(MESSAGE)["response"]).encode(),
    "an end whose status is not updated": stream(
        CREATED, delta(), completed(MESSAGE, status="in_progress")
    ),
    "an end whose status is null": stream(CREATED, delta(), completed(status=None)),
    "an end whose status is another word": stream(CREATED, delta(), completed(status="succeeded")),
    "an end whose output is null": stream(CREATED, delta(), completed(output=None)),
    "numbers that begin again": stream(
        *(
            {**event, "sequence_number": number}
            for number, event in zip(
                (5, 6, 5, 6), (CREATED, delta("hel"), delta("lo"), completed(MESSAGE)), strict=True
            )
        )
    ),
    "numbers of the item": stream(
        *(
            {**event, "sequence_number": number}
            for number, event in zip(
                (0, 1, 0, 1, 2),
                (
                    CREATED,
                    done(MESSAGE | {"content": []}, kind="added"),
                    delta("hel"),
                    delta("lo"),
                    completed(),
                ),
                strict=True,
            )
        )
    ),
    "an error event without words": stream(
        CREATED,
        {"type": "error", "error": None},
        b"event: error\ndata: null\n\n",
        delta(),
        b"event: error\ndata: {}\n\n",
        completed(),
    ),
    "items that are null": stream(
        CREATED,
        {"type": "response.output_item.added", "item": None},
        delta(),
        {"type": "response.output_item.done", "item": None},
        completed(MESSAGE),
    ),
    "only text at the end": stream(CREATED, completed(output_text="hello")),
    "content without types": stream(
        CREATED, completed({**MESSAGE, "content": [{"text": "hello"}]})
    ),
    "an item without a type": stream(
        CREATED,
        completed({"role": "assistant", "content": [{"type": "output_text", "text": "hello"}]}),
    ),
    "content that is one part": stream(
        CREATED, completed({**MESSAGE, "content": {"type": "output_text", "text": "hello"}})
    ),
    "output that is one item": stream(CREATED, completed(output=MESSAGE)),
    "in one piece, without a status": json.dumps({"id": "resp_1", "output": [MESSAGE]}).encode(),
    "in one piece, of another status": json.dumps(
        {"id": "resp_1", "status": "succeeded", "output": [MESSAGE]}
    ).encode(),
    "in one piece, wrapped": json.dumps({"response": completed(MESSAGE)["response"]}).encode(),
    "an index from 1 and an end without": stream(
        CREATED, delta(output_index=1), completed(MESSAGE)
    ),
    "thoughts that only the end has": stream(
        CREATED, delta(), completed({"type": "reasoning", "id": "r1", "summary": []}, MESSAGE)
    ),
    "thoughts that only the end has, and other ids": stream(
        CREATED,
        delta(),
        completed({"type": "reasoning", "id": "r1", "summary": []}, {**MESSAGE, "id": "m9"}),
    ),
    "text in the part alone": stream(
        CREATED,
        {
            "type": "response.content_part.done",
            "item_id": "m1",
            "output_index": 0,
            "part": {"type": "output_text", "text": "hello"},
        },
        completed(),
    ),
    "text in the wrong field": stream(
        CREATED, {"type": "response.output_text.delta", "text": "hello"}, completed()
    ),
    "text that is no UTF-8 elsewhere": stream(
        CREATED, b'data: {"type": "x", "y": "\xe9"}\n\n', delta(), completed()
    ),
}

ROME, OSLO = '{"city":"Rome"}', '{"city":"Oslo"}'
ONE = [("get_weather", ROME)]
TWO = [("get_weather", ROME), ("get_weather", OSLO)]
CALLS: dict[str, tuple[bytes, list[tuple[str, str]]]] = {
    "as it should be": (
        stream(
            CREATED,
            done(call(), kind="added"),
            arguments(ROME[:5]),
            arguments(ROME[5:]),
            done(call(arguments=ROME)),
            completed(call(arguments=ROME)),
        ),
        ONE,
    ),
    "a placeholder first": (
        stream(
            CREATED,
            done(call(arguments="{}"), kind="added"),
            arguments(ROME),
            done(call(arguments=ROME)),
            completed(),
        ),
        ONE,
    ),
    "only its beginning and its pieces": (
        stream(CREATED, done(call(), kind="added"), arguments(ROME), completed()),
        ONE,
    ),
    "a name that comes late": (
        stream(
            CREATED,
            done(call(name=""), kind="added"),
            arguments(ROME),
            done(call(arguments=ROME)),
            completed(),
        ),
        ONE,
    ),
    "arguments as an object": (
        stream(CREATED, done(call(arguments={"city": "Rome"})), completed()),
        ONE,
    ),
    "arguments spelled anew": (
        stream(
            CREATED,
            done(call(), kind="added"),
            arguments(ROME),
            done(call(arguments='{ "city": "Rome" }')),
            completed(),
        ),
        ONE,
    ),
    "two on index 0": (
        stream(
            CREATED,
            done(call(at="1"), kind="added"),
            arguments(ROME, "1"),
            done(call(arguments=ROME, at="1")),
            done(call(at="2"), kind="added"),
            arguments(OSLO, "2"),
            done(call(arguments=OSLO, at="2")),
            completed(call(arguments=ROME, at="1"), call(arguments=OSLO, at="2")),
        ),
        TWO,
    ),
    "half a character at a seam": (
        stream(
            CREATED,
            done(call(), kind="added"),
            arguments('{"city":"\ud83c'),
            arguments('\udf0d"}'),
            completed(),
        ),
        [("get_weather", '{"city":"\U0001f30d"}')],
    ),
    "another word for a call": (
        stream(CREATED, completed({**call(arguments=ROME), "type": "tool_call"})),
        ONE,
    ),
    "pieces of text before it": (
        stream(
            CREATED,
            delta(""),
            done(call(arguments=ROME), 1),
            completed({**MESSAGE, "content": []}, call(arguments=ROME)),
        ),
        ONE,
    ),
    "two at the end": (
        stream(CREATED, completed(call(arguments=ROME, at="1"), call(arguments=OSLO, at="2"))),
        TWO,
    ),
}
