"""Streams that all say hello."""

import json

from tests.models.shapes.pieces import DONE, HELLO, STOP, delta, stream, whole

HELLOS: dict[str, bytes] = {
    "as it should be": stream(HELLO, STOP),
    "role first, then text": stream(delta(role="assistant", content=""), HELLO, STOP),
    "role and null": stream(delta(role="assistant", content=None), HELLO, STOP),
    "an event without data": stream(b"data: \n\n", HELLO, b"data:\n\n", STOP),
    "comments": stream(b": OPENROUTER PROCESSING\n\n", HELLO, b":\n\n", STOP),
    "event names and ids": b"event: message\nid: 1\n" + stream(HELLO) + stream(STOP),
    "no space behind the colon": stream(HELLO, STOP).replace(b"data: ", b"data:"),
    "two spaces behind the colon": stream(HELLO, STOP).replace(b"data: ", b"data:  "),
    "a field in capitals": stream(HELLO, STOP).replace(b"data:", b"Data:"),
    "a prefix twice": stream(HELLO, STOP).replace(b"data: ", b"data: data: "),
    "CRLF": stream(HELLO, STOP).replace(b"\n", b"\r\n"),
    "CR": stream(HELLO, STOP).replace(b"\n", b"\r"),
    "a byte order mark": b"\xef\xbb\xbf" + stream(HELLO, STOP),
    "blank lines first": b"\n\n\n" + stream(HELLO, STOP),
    "data in two lines": stream(
        HELLO, b'data: {"choices": [{"index": 0,\ndata: "delta": {}, "finish_reason": "stop"}]}\n\n'
    ),
    "no blank lines between events": stream(HELLO, STOP).replace(b"\n\n", b"\n"),
    "no end marker": stream(HELLO, STOP, end=b""),
    "nothing behind the last event": stream(HELLO, STOP, end=b"").rstrip(),
    "an end marker without blank line": stream(HELLO, STOP, end=b"data: [DONE]"),
    "no reason, an end marker": stream(HELLO),
    "an end marker in small letters": stream(HELLO, end=b"data: [done]\n\n"),
    "an end marker in quotes": stream(HELLO, end=b'data: "[DONE]"\n\n'),
    "an end marker without brackets": stream(HELLO, end=b"data: DONE\n\n"),
    "an end marker with spaces": stream(HELLO, end=b"data:  [DONE] \n\n"),
    "an end marker as an object": stream(HELLO, end=b'data: {"done": true}\n\n'),
    "an end marker without data": stream(HELLO, STOP, end=b"[DONE]\n\n"),
    "rubbish behind the reason": stream(HELLO, STOP, b"data: {oops\n\n"),
    "an error behind the reason": stream(HELLO, STOP, {"error": {"message": "late"}}),
    "a named error behind the reason": stream(HELLO, STOP, b"event: error\ndata: late\n\n"),
    "an endless event behind the reason": stream(HELLO, STOP, b"data: " + b"x" * 8_400_000),
    "rubbish in the middle": stream(b"data: {oops\n\n", HELLO, b"data: \xff\xfe\n\n", STOP),
    "pings": stream(b"event: ping\ndata: {}\n\n", {"type": "ping"}, HELLO, STOP),
    "an empty error object": stream({**HELLO, "error": {}}, {**STOP, "error": {}}),
    "an error of null, false and no words": stream(
        {**HELLO, "error": None},
        {"choices": [], "error": False},
        {**STOP, "error": {"message": "", "code": 0, "type": None}},
    ),
    "an error that is none": stream({**HELLO, "error": "success"}, STOP),
    "a status of success": stream({**HELLO, "base_resp": {"status_code": 0}}, STOP),
    "choices that are null or empty": stream(
        {"choices": None, "usage": None}, {"choices": [], "prompt_filter_results": []}, HELLO, STOP
    ),
    "a choice that is null": stream({"choices": [None]}, HELLO, STOP),
    "a choice that is no list": stream({"choices": {"delta": {"content": "hello"}}}, STOP),
    "a choice without a number": stream({"choices": [{"delta": {"content": "hello"}}]}, STOP),
    "choices counted from 1": stream(
        {"choices": [{"index": 1, "delta": {"content": "hello"}}]},
        {"choices": [{"index": 1, "delta": {}, "finish_reason": "stop"}]},
    ),
    "an index of text": stream(
        {"choices": [{"index": "0", "delta": {"content": "hel"}}]},
        {"choices": [{"index": 0, "delta": {"content": "lo"}}]},
        STOP,
    ),
    "an index that is null": stream(
        {"choices": [{"index": None, "delta": {"content": "hello"}}]}, STOP
    ),
    "a delta that is null": stream({"choices": [{"index": 0, "delta": None}]}, HELLO, STOP),
    "a delta that is text": stream({"choices": [{"index": 0, "delta": "hello"}]}, STOP),
    "the old field of text": stream({"choices": [{"index": 0, "text": "hello"}]}, STOP),
    "text and delta say the same": stream(
        {"choices": [{"index": 0, "text": "hello", "delta": {"content": "hello"}}]}, STOP
    ),
    "content in parts": stream(delta(content=[{"type": "text", "text": "hello"}]), STOP),
    "content in output parts": stream(
        delta(content=[{"type": "output_text", "text": "hello"}]), STOP
    ),
    "content in parts of bare text": stream(delta(content=["hel", "lo"]), STOP),
    "content in one part": stream(delta(content={"type": "text", "text": "hello"}), STOP),
    "parts of an unknown kind": stream(
        delta(
            content=[{"type": "reference", "reference_ids": [1]}, {"type": "text", "text": "hello"}]
        ),
        STOP,
    ),
    "empty tool calls": stream(delta(content="hello", tool_calls=[]), STOP),
    "tool calls and function that are null": stream(
        delta(content="hello", tool_calls=None, function_call=None, refusal=None), STOP
    ),
    "logprobs that are no JSON": stream(
        b'data: {"choices":[{"index":0,"delta":{"content":"hello"},"logprobs":NaN}]}\n\n', STOP
    ),
    "a control character in the JSON": stream(
        b'data: {"choices":[{"index":0,"delta":{"content":"hello"}}],"id":"a\tb"}\n\n', STOP
    ),
    "numbers of any size": stream({**HELLO, "created": 10**30}, STOP),
    "a reason that is a number": stream(
        HELLO, {"choices": [{"index": 0, "delta": {}, "finish_reason": 1}]}
    ),
    "a reason that is an object": stream(
        HELLO, {"choices": [{"index": 0, "delta": {}, "finish_reason": {"type": "stop"}}]}
    ),
    "reasons that are none": stream(
        {"choices": [{"index": 0, "delta": {"content": "hel"}, "finish_reason": ""}]},
        {"choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "null"}]},
        STOP,
    ),
    "a reason with every chunk": stream(
        {"choices": [{"index": 0, "delta": {"content": "hel"}, "finish_reason": "stop"}]},
        {"choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}]},
    ),
    "a reason in capitals": stream(
        HELLO, {"choices": [{"index": 0, "delta": {}, "finish_reason": "STOP"}]}
    ),
    "usage of odd types": stream(
        {**HELLO, "usage": "none"},
        {**STOP, "usage": {"prompt_tokens": "12", "completion_tokens": 3.0, "total_tokens": None}},
        {"choices": [], "usage": {"prompt_tokens": -1, "completion_tokens": True}},
    ),
    "the whole message behind its pieces": stream(
        HELLO,
        {"choices": [{"index": 0, "message": {"content": "hello"}, "finish_reason": "stop"}]},
    ),
    "messages that grow": stream(
        {"choices": [{"index": 0, "message": {"content": "hel"}}]},
        {"choices": [{"index": 0, "message": {"content": "hello"}, "finish_reason": "stop"}]},
    ),
    "messages in pieces": stream(
        {"choices": [{"index": 0, "message": {"content": "hel"}}]},
        {"choices": [{"index": 0, "message": {"content": "lo"}, "finish_reason": "stop"}]},
    ),
    "an event named done": stream(HELLO, b"event: done\ndata: {}\n\n", end=b""),
    "an event named end, without data": stream(HELLO, b"event: end\ndata:\n\n", end=b""),
    "NULs first": b"\x00" * 4 + stream(HELLO, STOP),
    "NULs within": stream(HELLO, b"data: \x00\x00\n\n", STOP),
    "choices by their number": stream({"choices": {"0": HELLO["choices"][0]}}, STOP),
    "two chunks in one event": b"data: " + json.dumps(HELLO).encode() + json.dumps(STOP).encode(),
    "two events in one line": stream(HELLO, STOP).replace(b"\n\n", b""),
    "chunks in several lines without data": json.dumps(HELLO, indent=1).encode()
    + b"\n"
    + json.dumps(STOP, indent=1).encode(),
    "an index that counts chunks": stream(
        *(
            {"choices": [{"index": number, "delta": {"content": piece}, "finish_reason": reason}]}
            for number, (piece, reason) in enumerate((("h", None), ("el", None), ("lo", "stop")))
        )
    ),
    "a reason of another name": stream(
        HELLO, {"choices": [{"index": 0, "delta": {}, "stop_reason": "end_turn"}]}, end=b""
    ),
    "chunks in text": stream(
        *(b"data: %b\n\n" % json.dumps(json.dumps(each)).encode() for each in (HELLO, STOP))
    ),
    "chunks in an object": stream({"data": HELLO}, {"data": STOP}),
    "chunks in an output": stream({"output": HELLO, "usage": {}}, {"output": STOP, "usage": {}}),
    "an answer in one piece, in a result": json.dumps(
        {"result": json.loads(whole({"content": "hello"})), "success": True, "errors": []}
    ).encode(),
    "content in lists of parts": stream(delta(content=[["hel"], [{"text": "lo"}]]), STOP),
    "text for content": stream(delta(text="hello"), STOP),
    "an answer in one piece": whole({"role": "assistant", "content": "hello"}),
    "an answer in one piece, indented": json.dumps(
        json.loads(whole({"content": "hello"})), indent=2
    ).encode(),
    "an answer in one piece within an event": b"data: "
    + whole({"content": "hello"})
    + b"\n\n"
    + DONE,
    "a chunk a line without data": json.dumps(HELLO).encode() + b"\n" + json.dumps(STOP).encode(),
    "a list of chunks": json.dumps([HELLO, STOP]).encode(),
    "thoughts of their own": stream(
        delta(reasoning_content="rude?"), delta(reasoning="no"), HELLO, STOP
    ),
    "thoughts beside the text": stream(
        delta(reasoning_content="rude?", content="hel"), delta(reasoning="no", content="lo"), STOP
    ),
    "thoughts in details": stream(
        delta(content="", reasoning_details=[{"type": "reasoning.text", "text": "rude?"}]),
        HELLO,
        STOP,
    ),
    "thoughts in parts": stream(
        delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "rude?"}]}]),
        HELLO,
        STOP,
    ),
    "thoughts in blocks": stream(
        delta(content="", thinking_blocks=[{"type": "thinking", "thinking": "rude?"}]), HELLO, STOP
    ),
    "thoughts in a summary": stream(
        delta(
            content=[{"type": "summary_text", "text": "rude?"}, {"type": "text", "text": "hello"}]
        ),
        STOP,
    ),
    "thoughts in parts of reasoning": stream(
        delta(content=[{"type": "reasoning", "text": "rude?"}, {"type": "text", "text": "hello"}]),
        STOP,
    ),
}
