"""Removes the reasoning that a model writes into the text of its answer.

Reasoning models open their text with ``<think>…</think>``; where the prompt's template has the
opening tag, only the closing one arrives. An answer that mentions such tags stays as it is.
"""

import re
from typing import Final, Literal

_NAMES: Final = r"(?:(?:seed|mm|antml):)?(?:think(?:ing)?|thoughts?|reasoning)"
_OPENING: Final = re.compile(
    rf"<{_NAMES}>|\[think\]|◁think▷|<\|begin_of_thought\|>"
    r"|(?:<\|start\|>assistant)?<\|channel\|>analysis<\|message\|>",
    re.IGNORECASE,
)
_CLOSING: Final = re.compile(
    rf"</{_NAMES}>|\[/think\]|◁/think▷|<\|end_of_thought\|>"
    r"|<\|end\|>(?:<\|start\|>assistant)?(?:<\|channel\|>final<\|message\|>)?",
    re.IGNORECASE,
)
_FINAL: Final = "<|end|><|start|>assistant<|channel|>final<|message|>"
_ALONE: Final = re.compile(rf"</{_NAMES}>|\[/think\]", re.IGNORECASE)
"""The closing tags that end reasoning even without an opening one."""

_TAGS: Final = (
    *(
        f"<{prefix}{name}>"
        for prefix in ("", "/", "seed:", "/seed:", "mm:", "/mm:", "antml:", "/antml:")
        for name in ("think", "thinking", "thought", "thoughts", "reasoning")
    ),
    "[think]",
    "[/think]",
    "◁think▷",
    "◁/think▷",
    "<|begin_of_thought|>",
    "<|channel|>analysis<|message|>",
    "<|start|>assistant<|channel|>analysis<|message|>",
)
_LONGEST: Final = 64
"""More characters than any tag has."""

_TALK: Final = re.compile(
    r"[ \t]+(?:is|are|was|and|or|in|tags?|marks?|means?|stands|opens|begins|starts|blocks?"
    r"|elements?)\b"
)
"""The words after a tag that a sentence mentions."""

_MAYBE_TALK: Final = re.compile(r"(?:[ \t]+[a-z]{0,8})?\Z")
_SENTENCE_ENDS: Final = tuple(".!?…。！？")


class ThoughtFilter:
    """Filters the reasoning from the beginning of one answer, piece by piece.

    While ``passes`` is true, a piece without ``>`` and ``]``, the ends of closing tags, may be
    passed on unchanged: the caller gives it to ``note`` instead of ``feed``. ``withdrawn`` turns
    true when text that was passed on proves to be reasoning, because a closing tag without an
    opening one follows. ``unopened`` says that the model is known to write no opening tag: then
    nothing is passed on before the closing tag. With ``keep`` the reasoning is kept in
    ``thoughts``.
    """

    def __init__(self, *, unopened: bool = False, keep: bool = False) -> None:
        self.passes = False
        self.withdrawn = False
        self.closed_unopened = False
        self._state: Literal["opening", "thinking", "unopened", "answer"] = (
            "unopened" if unopened else "opening"
        )
        self._after_thoughts = False
        self._buffer = ""
        self._scanned = 0
        self._said: list[str] = []
        self._watching = True
        self.note = self._said.append
        self._keep = keep
        self._thoughts: list[str] = []

    @property
    def thoughts(self) -> str:
        """The reasoning that was filtered out, if it is kept."""
        return "".join(self._thoughts).strip()

    def _drop(self, text: str) -> None:
        if self._keep:
            self._thoughts.append(text)

    @property
    def holds_unopened(self) -> bool:
        """Whether text is held back because the model never opens its reasoning."""
        return self._state == "unopened"

    def feed(self, text: str) -> str:
        """Take the next piece; return the text that it adds to the answer, often none."""
        if self._state == "answer":
            return self._answer(text)
        self._buffer += text
        if self._state == "unopened":
            return self._until_closed()
        if self._state == "thinking":
            return self._until_end()
        return self._at_opening()

    def release(self) -> str:
        """Return the text held back: it is no reasoning, because that came in another field."""
        if self._state != "unopened":
            return ""
        self._state = "opening"
        return self._at_opening()

    def end(self, *, cut: bool) -> str:
        """Return the rest of the answer; a ``cut`` one may end inside its reasoning."""
        held, self._buffer = self._buffer, ""
        if self._state == "thinking":
            self._drop(held)
        if self._state == "opening" and not _OPENING.match(held.lstrip()):
            return held.lstrip() if self._after_thoughts else held
        return held if self._state == "unopened" and not cut else ""

    def _at_opening(self) -> str:
        """Return the text to pass on, once it shows whether it begins with reasoning."""
        begin = self._buffer.lstrip(" \t\r\n\ufeff\u200b")
        if not begin:
            return ""
        if opened := _OPENING.match(begin):
            rest = begin[opened.end() :]
            if not self._after_thoughts:
                if _TALK.match(rest):
                    return self._begin_answer(self._buffer)
                if _MAYBE_TALK.match(rest):
                    return ""
            self._state = "thinking"
            self._buffer = rest
            return self._until_end()
        if closed := _CLOSING.match(begin):
            return self._after_closing(begin, closed)
        start = begin[:_LONGEST].lower()
        if len(begin) < _LONGEST and any(tag.startswith(start) for tag in _TAGS):
            return ""
        return self._begin_answer(begin if self._after_thoughts else self._buffer)

    def _until_end(self) -> str:
        """Drop reasoning up to its closing tag; return the text behind the tag."""
        closed = _CLOSING.search(self._buffer)
        if closed is None:
            self._drop(self._buffer[:-_LONGEST])
            self._buffer = self._buffer[-_LONGEST:]
            return ""
        if _FINAL.startswith(self._buffer[closed.start() :].lower()) and closed[0] != _FINAL:
            return ""  # the rest of gpt-oss's marker may follow
        return self._after_closing(self._buffer, closed)

    def _until_closed(self) -> str:
        """Drop unopened reasoning up to its closing tag; return the text behind the tag."""
        if _OPENING.match(self._buffer.lstrip()):
            return self.release()
        closed = _ALONE.search(self._buffer, max(0, self._scanned - _LONGEST))
        if closed is None:
            self._scanned = len(self._buffer)
            return ""
        self.closed_unopened = True
        return self._after_closing(self._buffer, closed)

    def _after_closing(self, text: str, closed: re.Match[str]) -> str:
        """Drop the reasoning before its closing tag; return the text behind the tag."""
        self._drop(text[: closed.start()])
        self._state = "opening"
        self._after_thoughts = True
        self._buffer = text[closed.end() :]
        return self._at_opening()

    def _begin_answer(self, text: str) -> str:
        self._state = "answer"
        self._buffer = ""
        self.passes = True
        self._watching = self._watching and not self._after_thoughts
        return self._answer(text)

    def _answer(self, text: str) -> str:
        """Return a piece of the answer, or the text after reasoning that ends only now."""
        if not self._watching:
            return text
        self._said.append(text)
        tail = "".join(self._said[-_LONGEST:])
        if _ALONE.search(tail, max(0, len(tail) - len(text) - _LONGEST)) is None:
            return text
        whole = "".join(self._said)
        self._said.clear()
        self._watching = False  # only the first closing tag can end reasoning
        closed = _ALONE.search(whole)
        if closed is None or not _ends_thoughts(whole, closed):
            return text
        self.closed_unopened = True
        self.withdrawn = len(whole) > len(text)
        self.passes = False
        return self._after_closing(whole, closed)


def _ends_thoughts(text: str, closed: re.Match[str]) -> bool:
    """Tell whether a closing tag ends reasoning, instead of being mentioned in the answer."""
    before, after = text[: closed.start()], text[closed.end() :]
    if _OPENING.search(before) or before.count("```") % 2:
        return False
    line = before[before.rfind("\n") + 1 :]
    if line.count("`") % 2 or after.startswith(("`", '"', "'", "”")) or _TALK.match(after):
        return False
    if not line.strip() or after.startswith(("\n\n", "\r\n\r\n")):
        return True
    return line.rstrip().endswith(_SENTENCE_ENDS)
