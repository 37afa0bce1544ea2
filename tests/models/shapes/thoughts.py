"""Streams of text with thoughts in it, or about thoughts, and the text that is the answer."""

from tests.models.shapes.pieces import STOP, Chunk, delta, stream


def thought(*pieces: str, finish: str = "stop") -> bytes:
    """A stream of these pieces of text."""
    end: Chunk = {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
    return stream(*(delta(content=piece) for piece in pieces), end)


THOUGHTS: dict[str, tuple[bytes, str]] = {
    "tags": (thought("<think>\nBe rude? No.\n</think>\n\n", "hello"), "hello"),
    "tags in pieces": (
        thought("<th", "ink", ">rude?", "</", "think", ">", "\n\n", "hello"),
        "hello",
    ),
    "one tag": (thought("Be rude? No.\n</think>\n\nHello"), "Hello"),
    "one tag in pieces": (thought("Be rude?", " No.\n", "</th", "ink>", "\n\n", "Hello"), "Hello"),
    "one tag on its line": (thought("Be rude? No. ", "</think>", "Hello"), "Hello"),
    "one tag first": (thought("</think>\n\n", "Hello"), "Hello"),
    "empty thoughts": (thought("<think>\n\n</think>\n\nHello"), "Hello"),
    "two thoughts": (thought("<think>a</think>\n<think>b</think>\nHello"), "Hello"),
    "white space first": (thought("\n ", "<think>", "a</think>Hello"), "Hello"),
    "capitals": (thought("<THINK>a</Think>Hello"), "Hello"),
    "thinking": (thought("<thinking>a</thinking>Hello"), "Hello"),
    "thought": (thought("<thought>a</thought>Hello"), "Hello"),
    "brackets": (thought("[THINK]a[/THINK]Hello"), "Hello"),
    "triangles": (thought("◁think▷a◁/think▷Hello"), "Hello"),
    "a prefix": (thought("<seed:think>a</seed:think>Hello"), "Hello"),
    "channels": (
        thought(
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant",
            "<|channel|>final",
            "<|message|>Hello",
        ),
        "Hello",
    ),
    "no end, cut": (thought("<think>Be rude", finish="length"), ""),
    "no end": (thought("<think>\nBe rude"), ""),
    "an answer that names tags": (
        thought("Use <think> and", " </think> around it."),
        "Use <think> and </think> around it.",
    ),
    "an answer that ends with a tag": (thought("It ends with </think>"), "It ends with </think>"),
    "an answer about a tag in code": (
        thought("Look.\n`</think>`\n\nDone."),
        "Look.\n`</think>`\n\nDone.",
    ),
    "an answer with a tag in a block": (
        thought("```\nrude?\n</think>\n\nhi\n```\n"),
        "```\nrude?\n</think>\n\nhi\n```\n",
    ),
    "an answer that begins with a tag": (
        thought("<think> is a tag", " of models."),
        "<think> is a tag of models.",
    ),
    "an answer that begins like a tag": (thought("<thi", "ng> & <think>"), "<thing> & <think>"),
    "an answer that is a beginning": (thought("<thin"), "<thin"),
    "white space is kept": (thought("\n", "\n Hello"), "\n\n Hello"),
    "other tags": (thought("<b>Hello</b>"), "<b>Hello</b>"),
    "brackets of a list": (thought("[1]", " a"), "[1] a"),
    "no UTF-8": (
        stream(b'data: {"choices":[{"index":0,"delta":{"content":"caf\xe9 "}}]}\n\n', STOP),
        "caf\ufffd ",
    ),
    "half a character at a seam": (
        stream(delta(content="a\ud83c"), delta(content="\udf0db"), delta(content="c"), STOP),
        "a\U0001f30dbc",
    ),
    "half a character": (
        stream(b'data: {"choices":[{"delta":{"content":"a\\ud83d"}}]}\n\n', STOP),
        "a\ufffd",
    ),
    "a number": (stream(delta(content=42), STOP), "42"),
}
