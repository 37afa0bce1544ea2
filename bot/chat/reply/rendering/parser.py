"""Parses models' Markdown: CommonMark with tables, strikethrough, footnotes and formulas."""

import re
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from mdit_py_plugins.footnote import footnote_plugin

_LONGEST_FORMULA: Final = 12_000
_DEEPEST: Final = 20
_INTERRUPTS: Final = ["paragraph", "reference", "blockquote", "list"]
_ENVIRONMENT: Final = re.compile(
    r"\\begin\{((?:align|aligned|alignat|equation|gather|gathered|multline|eqnarray|cases"
    r"|[pbBvV]?matrix|array|split)\*?)\}"
)
"""The TeX environments that some models write without the delimiters of a formula."""

_CLOSERS: Final = {r"\[": r"\]", "$$": "$$", r"\(": r"\)"}
_URL: Final = re.compile(r"://[^\s<>|`\"]+")
_SCHEME: Final = re.compile(r"(?:https?|discord)\Z")
_DISCORD: Final = re.compile(
    r"<(?:@[!&]?\d+|#\d+|t:-?\d+(?::\w)?|a?:\w+:\d+|/[^<>:\n]{1,100}:\d+|id:\w+)>"
)
_MATHS: Final = re.compile(r"[\\^_=+<>/]|\A.?\Z")
_WORDS: Final = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{3,}|[^\W\d_a-zA-Z\u0370-\u03ff]{2,}")
_AMOUNT: Final = re.compile(r"\d[\d,.]*(?:\s*[kKmMbB]|\s*(?:million|billion))?\s*[-–/+,]?\s*")
_LISTED: Final = re.compile(r"\d[\d,.]*[kKmMbB]?[;:!?)]\s")
_TEXT: Final = re.compile(r"\\(?:text|mathrm|operatorname|mbox)\*?\s*\{[^{}]*\}")


def parser() -> MarkdownIt:
    """Return a parser whose tokens keep URLs unchanged."""
    markdown = MarkdownIt("commonmark", {"maxNesting": _DEEPEST, "store_labels": True})
    markdown.enable(["table", "strikethrough"])
    # HTML blocks would hide the Markdown in <details> and the like; escapes are written again.
    markdown.disable(["html_block", "text_join"])
    footnote_plugin(markdown, inline=False, move_to_end=False)
    markdown.normalizeLink = str  # type: ignore[method-assign,assignment]  # addresses stay as written
    markdown.validateLink = bool  # type: ignore[method-assign,assignment]  # they are shown, not opened
    markdown.block.ruler.before("fence", "formula", _formula_block, {"alt": _INTERRUPTS})
    markdown.inline.ruler.before("escape", "formula", _formula)
    markdown.inline.ruler.before("escape", "discord", _discord)
    markdown.inline.ruler.before("escape", "address", _address)
    return markdown


def _formula_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Read a formula that begins at the start of a line and ends at the end of a line."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    opener = state.src[start : start + 2]
    environment = _ENVIRONMENT.match(state.src, start)
    if environment is not None:
        closer = f"\\end{{{environment[1]}}}"
    elif opener in (r"\[", "$$"):
        closer = _CLOSERS[opener]
    else:
        return False
    if state.is_code_block(start_line):
        return False
    last = state.eMarks[end_line - 1]
    close = state.src.find(closer, start + 2, min(last, start + _LONGEST_FORMULA))
    if close < 0:
        return False
    end = close + len(closer)
    line = start_line
    while state.eMarks[line] < end:
        line += 1
        if line >= end_line or (state.sCount[line] < state.blkIndent and not state.isEmpty(line)):
            return False
    if state.src[end : state.eMarks[line]].strip(" \t.,;"):
        return False
    if silent:
        return True
    text = state.getLines(start_line, line + 1, state.blkIndent, False).strip()
    token = state.push("formula_block", "", 0)
    formula, _, behind = text.rpartition(closer)
    token.content = f"{formula}{closer}" if environment is not None else formula[2:].strip()
    token.info = behind.strip()
    token.map = [start_line, line + 1]
    state.line = line + 1
    return True


def _formula(state: StateInline, silent: bool) -> bool:
    """Read a formula within a paragraph."""
    position, source = state.pos, state.src
    opener = source[position : position + 2]
    if opener in _CLOSERS:
        closer = _CLOSERS[opener]
    elif opener[:1] == "$":
        opener = closer = "$"
    else:
        return False
    inside = position + len(opener)
    limit = min(state.posMax, inside + _LONGEST_FORMULA)
    end = source.find(closer, inside, limit)
    while end > 0 and closer == "$" and source[end - 1] == "\\":
        end = source.find(closer, end + 1, limit)
    if end < 0:
        return False
    content = source[inside:end]
    after = source[end + 1 : end + 2]
    if not content.strip() or "`" in content:
        return False
    if closer == "$" and not _is_formula(source[position - 1 : position], content, after):
        return False
    if not silent:
        display = opener in (r"\[", "$$")
        token = state.push("formula_display" if display else "formula", "", 0)
        token.content = content.strip()
        token.markup = source[position : end + len(closer)]
    state.pos = end + len(closer)
    return True


def _is_formula(before: str, content: str, after: str) -> bool:
    """Return whether text between dollar signs is a formula, not text between two amounts."""
    if content[0].isspace() or content[-1].isspace() or "\n\n" in content:
        return False
    if after.isdigit() or (before.isascii() and before.isalnum()) or before in ("$", "\\"):
        return False
    if _AMOUNT.fullmatch(content) and not content.isdigit():
        # The content ends before the next amount, as in "$5-$" and "$1.50/$".
        return False
    if _LISTED.match(content):
        return False
    if content[0].isdigit() and "\\" not in content and _WORDS.search(content):
        return False
    words = len(_WORDS.findall(_TEXT.sub("", content)))
    return words == 0 or (words < 3 and _MATHS.search(content) is not None)


def _discord(state: StateInline, silent: bool) -> bool:
    """Read Discord's own syntax: a mention, a custom emoji or a timestamp."""
    if state.src[state.pos] != "<":
        return False
    match = _DISCORD.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("verbatim", "", 0).content = match[0]
    state.pos = match.end()
    return True


def _address(state: StateInline, silent: bool) -> bool:
    """Read a bare URL, in which Discord reads no markup; called at the URL's colon."""
    if state.src[state.pos] != ":":
        return False
    match = _URL.match(state.src, state.pos, state.posMax)
    scheme = _SCHEME.search(state.src[max(0, state.pos - 8) : state.pos])
    if match is None or scheme is None:
        return False
    text = match[0]
    while text[-1] in "*_~.,:;!?'])" and not (text[-1] == ")" and "(" in text):
        text = text[:-1]
    if len(text) <= len("://"):
        return False
    if not silent:
        if not state.pending.endswith(scheme[0]):
            return False
        state.pending = state.pending.removesuffix(scheme[0])
        state.push("verbatim", "", 0).content = scheme[0] + text
    state.pos += len(text)
    return True
