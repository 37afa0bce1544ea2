"""Streams with tool calls, and the calls that they mean, as names and arguments."""

import json

from tests.models.shapes.pieces import CALLED, STOP, call, delta, stream, whole

ROME, OSLO = '{"city":"Rome"}', '{"city":"Oslo"}'
TWO = [("get_weather", ROME), ("get_weather", OSLO)]
ONE = [("get_weather", ROME)]
CALLS: dict[str, tuple[bytes, list[tuple[str, str]]]] = {
    "two on index 0 without ids": (
        stream(
            call("get_weather", ROME, index=0, id=""),
            call("get_weather", OSLO, index=0, id=""),
            CALLED,
        ),
        TWO,
    ),
    "two on index 0 with ids that are null": (
        stream(
            call("get_weather", ROME, index=0, id=None),
            call("get_weather", OSLO, index=0, id=None),
            CALLED,
        ),
        TWO,
    ),
    "two on index 0 with one id": (
        stream(
            call("get_weather", ROME, index=0, id="x"),
            call("get_weather", OSLO, index=0, id="x"),
            CALLED,
        ),
        TWO,
    ),
    "a second without a name": (
        stream(
            call("get_weather", "", index=0, id="c1"),
            call("", ROME, index=0),
            call("", OSLO, index=0),
            CALLED,
        ),
        TWO,
    ),
    "a second without a name in pieces": (
        stream(
            call("get_weather", "", index=0, id="c1"),
            *(call(arguments=piece, index=0) for piece in (ROME[:5], ROME[5:], OSLO[:7], OSLO[7:])),
            CALLED,
        ),
        TWO,
    ),
    "two objects in one piece": (
        stream(call("get_weather", ROME + OSLO, index=0, id="a"), CALLED),
        TWO,
    ),
    "two objects with a comma": (
        stream(call("get_weather", ROME + ",\n" + OSLO, index=0), CALLED),
        TWO,
    ),
    "two in one delta without index": (
        stream(
            delta(
                tool_calls=[
                    {"function": {"name": "get_weather", "arguments": ROME}},
                    {"function": {"name": "get_weather", "arguments": OSLO}},
                ]
            ),
            CALLED,
        ),
        TWO,
    ),
    "interleaved": (
        stream(
            call("get_weather", "", index=0, id="a"),
            call("get_weather", "", index=1, id="b"),
            call(arguments=ROME[:6], index=0),
            call(arguments=OSLO[:6], index=1),
            call(arguments=ROME[6:], index=0),
            call(arguments=OSLO[6:], index=1),
            CALLED,
        ),
        TWO,
    ),
    "interleaved by ids on index 0": (
        stream(
            call("get_weather", "", index=0, id="a"),
            call("get_weather", "", index=0, id="b"),
            call(arguments=ROME, index=0, id="a"),
            call(arguments=OSLO, index=0, id="b"),
            CALLED,
        ),
        TWO,
    ),
    "indexes of text": (
        stream(
            call("get_weather", ROME, index="0", id="a"),
            call("get_weather", OSLO, index="1", id="b"),
            CALLED,
        ),
        TWO,
    ),
    "indexes from 1": (
        stream(
            call("get_weather", ROME, index=1, id="a"),
            call("get_weather", OSLO, index=2, id="b"),
            CALLED,
        ),
        TWO,
    ),
    "without function arguments at first": (
        stream(call("get_weather", index=0, id="a"), call(arguments=ROME, index=0), CALLED),
        ONE,
    ),
    "name and id in every piece": (
        stream(
            call("get_weather", ROME[:5], index=0, id="a"),
            call("get_weather", ROME[5:], index=0, id="a"),
            call("get_weather", "", index=0, id="a"),
            CALLED,
        ),
        ONE,
    ),
    "name in every piece, no id, no index": (
        stream(
            call("get_weather", ""),
            call("get_weather", ROME[:5]),
            call("get_weather", ROME[5:]),
            CALLED,
        ),
        ONE,
    ),
    "an id that changes": (
        stream(
            call("get_weather", ROME[:5], index=0, id="a"),
            call(arguments=ROME[5:], index=0, id="b"),
            CALLED,
        ),
        ONE,
    ),
    "name in every piece, an id that changes": (
        stream(
            call("get_weather", ROME[:5], index=0, id="a"),
            call("get_weather", ROME[5:], index=0, id="b"),
            CALLED,
        ),
        ONE,
    ),
    "an index that counts pieces": (
        stream(
            call("get_weather", "", index=0, id="a"),
            call(arguments=ROME[:5], index=1),
            call(arguments=ROME[5:], index=2),
            CALLED,
        ),
        ONE,
    ),
    "an index that counts pieces with an id": (
        stream(
            call("get_weather", ROME[:5], index=0, id="a"),
            call("get_weather", ROME[5:], index=1, id="a"),
            CALLED,
        ),
        ONE,
    ),
    "a name in pieces": (
        stream(
            call("get_", "", index=0, id="a"),
            call("weather", "", index=0),
            call(arguments=ROME, index=0),
            CALLED,
        ),
        ONE,
    ),
    "a name that grows": (
        stream(call("get_", "", index=0, id="a"), call("get_weather", ROME, index=0), CALLED),
        ONE,
    ),
    "the call again whole": (
        stream(
            call("get_weather", ROME, index=0, id="a"),
            call("get_weather", ROME, index=0, id="a"),
            CALLED,
        ),
        ONE,
    ),
    "a bracket too many": (
        stream(call("get_weather", ROME, index=0, id="a"), call(arguments="}", index=0), CALLED),
        ONE,
    ),
    "a template's token behind it": (
        stream(call("get_weather", ROME + "</tool_call><|im_end|>", index=0, id="a"), CALLED),
        ONE,
    ),
    "a placeholder first": (
        stream(call("get_weather", "{}", index=0, id="a"), call(arguments=ROME, index=0), CALLED),
        ONE,
    ),
    "a null first": (
        stream(call("get_weather", "null", index=0, id="a"), call(arguments=ROME, index=0), CALLED),
        ONE,
    ),
    "arguments as an object": (
        stream(call("get_weather", {"city": "Rome"}, index=0, id="a"), CALLED),
        [("get_weather", '{"city": "Rome"}')],
    ),
    "arguments as a list of pieces": (
        stream(call("get_weather", [ROME[:5], ROME[5:]], index=0, id="a"), CALLED),
        ONE,
    ),
    "arguments as an object in a list": (
        stream(call("get_weather", [{"city": "Rome"}], index=0, id="a"), CALLED),
        [("get_weather", '{"city": "Rome"}')],
    ),
    "half a character at a seam": (
        stream(
            call("glob", '{"p":"\ud83c', index=0, id="a"),
            call(arguments='\udf0d"}', index=0),
            CALLED,
        ),
        [("glob", '{"p":"\U0001f30d"}')],
    ),
    "arguments as input": (
        stream(
            delta(
                tool_calls=[
                    {"index": 0, "id": "a", "name": "get_weather", "input": {"city": "Rome"}}
                ]
            ),
            CALLED,
        ),
        [("get_weather", '{"city": "Rome"}')],
    ),
    "arguments that are JSON in JSON": (
        stream(call("get_weather", json.dumps(ROME), index=0, id="a"), CALLED),
        ONE,
    ),
    "arguments that are JSON in JSON, in pieces": (
        stream(
            call("get_weather", json.dumps(ROME)[:9], index=0, id="a"),
            call(None, json.dumps(ROME)[9:], index=0),
            CALLED,
        ),
        ONE,
    ),
    "arguments in a block of code": (
        stream(call("get_weather", f"```json\n{ROME}\n```", index=0, id="a"), CALLED),
        ONE,
    ),
    "a template's namespace": (
        stream(call("functions.get_weather", ROME, index=0, id="a"), CALLED),
        ONE,
    ),
    "a template's token behind the name": (
        stream(call("get_weather<|channel|>commentary", ROME, index=0, id="a"), CALLED),
        ONE,
    ),
    "a name within blanks": (stream(call(" get_weather\n", ROME, index=0, id="a"), CALLED), ONE),
    "arguments that are null": (
        stream(
            delta(
                tool_calls=[{"index": 0, "id": "a", "function": {"name": "now", "arguments": None}}]
            ),
            CALLED,
        ),
        [("now", "")],
    ),
    "no arguments": (stream(call("now", "", index=0, id="a"), CALLED), [("now", "")]),
    "empty objects": (
        stream(call("now", "{}", index=0, id=""), call("now", "{}", index=0, id=""), CALLED),
        [("now", "{}"), ("now", "{}")],
    ),
    "two functions on index 0": (
        stream(call("now", "", index=0, id=""), call("glob", '{"p":"a"}', index=0, id=""), CALLED),
        [("now", ""), ("glob", '{"p":"a"}')],
    ),
    "the reason is stop": (stream(call("get_weather", ROME, index=0, id="a"), STOP), ONE),
    "no reason": (stream(call("get_weather", ROME, index=0, id="a")), ONE),
    "tool calls that are no list": (
        stream(
            delta(tool_calls={"id": "a", "function": {"name": "get_weather", "arguments": ROME}}),
            CALLED,
        ),
        ONE,
    ),
    "no function around": (
        stream(
            delta(tool_calls=[{"index": 0, "id": "a", "name": "get_weather", "arguments": ROME}]),
            CALLED,
        ),
        ONE,
    ),
    "the old function_call": (
        stream(
            delta(function_call={"name": "get_weather", "arguments": ""}),
            delta(function_call={"arguments": ROME[:4]}),
            delta(function_call={"arguments": ROME[4:]}),
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "function_call"}]},
        ),
        ONE,
    ),
    "the old function_call in one piece": (
        whole({"content": None, "function_call": {"name": "get_weather", "arguments": ROME}}),
        ONE,
    ),
    "an answer in one piece": (
        whole(
            {
                "content": "",
                "tool_calls": [
                    {"function": {"name": "get_weather", "arguments": {"city": "Rome"}}}
                ],
            }
        ),
        [("get_weather", '{"city": "Rome"}')],
    ),
    "brackets in strings": (
        stream(
            call("glob", '{"p":"}{\\"', index=0, id="a"), call(arguments='{"}', index=0), CALLED
        ),
        [("glob", '{"p":"}{\\"{"}')],
    ),
    "code that is no JSON": (
        stream(call("glob", "print({})", index=0, id="a"), call(arguments="\n{}", index=0), CALLED),
        [("glob", "print({})\n{}")],
    ),
    "thoughts first": (
        stream(
            delta(content="<think>hm"),
            delta(content="</think>"),
            call("get_weather", ROME, index=0),
            CALLED,
        ),
        ONE,
    ),
}
