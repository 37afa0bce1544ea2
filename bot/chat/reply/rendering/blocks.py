"""Rewrites the blocks that Discord would show wrongly, such as tables and deep headings."""

import re
from collections.abc import Sequence
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.rules_block.table import escapedSplit
from markdown_it.token import Token
from msgspec import Struct

from bot.chat.reply.rendering.formulas import FORMULA, display, marked, on_one_line, tex_of
from bot.chat.reply.rendering.inline import RULE, footnote_mark, plain_inline, render_inline
from bot.chat.reply.rendering.tables import Cell, Table, table_lines

_CARRIAGE_RETURN: Final = re.compile(r"\r\n?")
_PREFIX: Final = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+[ \t>]*)*")
_QUOTE: Final = re.compile(r"[ \t]*(?:>[ \t]?)*")
_MARKER: Final = re.compile(r"[^ \t>]")
_PLUS: Final = re.compile(r"([ \t>\-*0-9.)]*)\+(?=[ \t]|\Z)")
_TASK: Final = re.compile(r"\[([ xX])\](?=\s)")
_CLOSED_HEADING: Final = re.compile(r"\s#+\s*\Z")
_UNDERLINED: Final = re.compile(r"[^\n]{0,60}[^\n.:;,!?。：！？]")
_SPOILER: Final = re.compile(r"\|\|[^|\s][^|]*\|\|")
_BACKTICKS: Final = re.compile("`{3,}")
_EMPTY_QUOTE: Final = re.compile(r"[ \t]*>(?:[ \t]*>)*")
_FENCE: Final = "```"
_BOXES: Final = {" ": "☐", "x": "☑", "X": "☑"}


class DisplayFormula(Struct, frozen=True):
    """A display formula: its TeX, and the text that is shown instead of a picture."""

    tex: str
    text: str


Block = str | DisplayFormula
"""Text in Discord's Markdown, or a display formula between two texts."""


def rendered_blocks(parser: MarkdownIt, markdown: str) -> tuple[Block, ...]:
    """Return Markdown in which the lines that Discord would show wrongly are rewritten.

    A formula inside a spoiler stays text: a picture would show what the spoiler hides.
    """
    blocks: list[Block] = []
    lines: list[str] = []
    hidden = False
    for line in _rendered(parser, markdown).split("\n"):
        match = FORMULA.search(line)
        prefix = line[: match.start()] if match else line
        if match is None or not _PREFIX.fullmatch(prefix) or FORMULA.search(line, match.end()):
            lines.append(FORMULA.sub(lambda found: on_one_line(tex_of(found)), line))
            hidden ^= line.count("||") % 2 == 1
            continue
        tex, behind = tex_of(match), line[match.end() :].strip()
        text = display(tex)
        text += f"\n{behind}" if behind and text.endswith(_FENCE) else behind
        written = _prefixed(prefix, text)
        if hidden:
            lines += written
            continue
        # The number of a list's item stays in front of a formula that is all of the item.
        lines += [prefix.rstrip()] if prefix.strip(" \t>") else []
        blocks += ["\n".join(lines), DisplayFormula(tex, "\n".join(written))]
        lines = [behind] if behind.strip(".,;:。、") else []
    blocks.append("\n".join(lines))
    return tuple(block for block in blocks if block)


def _rendered(parser: MarkdownIt, markdown: str) -> str:
    env: dict[str, Any] = {}
    # The parser counts a carriage return as the end of a line, too.
    markdown = _CARRIAGE_RETURN.sub("\n", markdown)
    page = _Page(markdown.split("\n"), parser.parse(markdown, env))
    page.write()
    page.drop_references(env.get("references", {}))
    return page.text()


class _Page:
    """The lines of one answer, and the lines that replace blocks which Discord shows wrongly."""

    def __init__(self, lines: list[str], tokens: Sequence[Token]) -> None:
        self._lines = lines
        self._tokens = tokens
        self._edits: dict[int, tuple[int, list[str]]] = {}
        self._addresses: set[str] = set()

    def write(self) -> None:
        """Rewrite each block that Discord would show wrongly."""
        number = 0
        while number < len(self._tokens):
            token = self._tokens[number]
            match token.type:
                case "list_item_open":
                    self._list_item(token)
                case "footnote_reference_open":
                    self._footnote(token)
                case "paragraph_open":
                    self._paragraph(number)
                case "heading_open":
                    self._heading(token, self._tokens[number + 1])
                case "hr":
                    start, end = _place(token)
                    self._edit(start, end, [self._prefix(start) + RULE])
                case "blockquote_open":
                    self._quote(token)
                case "fence":
                    self._fence(token)
                case "code_block":
                    self._indented(token)
                case "formula_block":
                    self._formula(token)
                case "table_open":
                    number = self._table(number)
            number += 1

    def drop_references(self, references: dict[str, Any]) -> None:
        """Drop the reference definitions whose URLs were written into the links."""
        for reference in references.values():
            if reference["href"] in self._addresses:
                start, end = reference["map"]
                self._edit(start, end, [])

    def text(self) -> str:
        """Return the rewritten answer."""
        lines: list[str] = []
        number = 0
        while number < len(self._lines):
            edit = self._edits.get(number)
            if edit is None:
                lines.append(self._lines[number])
                number += 1
                continue
            end, written = edit
            lines += written
            if not written and end < len(self._lines) and not self._lines[end].strip():
                end += 1
            number = end
        return "\n".join(lines)

    def _edit(self, start: int, end: int, lines: list[str]) -> None:
        self._edits[start] = (end, lines)

    def _prefix(self, number: int) -> str:
        """Return the marks of quotes and lists at the beginning of a line."""
        match = _PREFIX.match(self._lines[number])
        return match[0] if match else ""

    def _list_item(self, token: Token) -> None:
        number = _place(token)[0]
        line = self._lines[number]
        if token.markup == "+":
            line = _PLUS.sub(r"\1-", line, count=1)
        tabs = len(line) - len(line.lstrip("\t"))
        self._lines[number] = "  " * tabs + line[tabs:]

    def _footnote(self, token: Token) -> None:
        number, label = _place(token)[0], str(token.meta["label"])
        self._lines[number] = self._lines[number].replace(f"[^{label}]:", footnote_mark(label), 1)

    def _paragraph(self, number: int) -> None:
        inline = self._tokens[number + 1]
        start, end = _place(inline)
        written = render_inline(inline)
        self._addresses |= written.addresses
        text = written.text
        before = self._tokens[number - 1] if number else None
        if before is not None and before.type == "list_item_open":
            task = _TASK.match(text)
            text = _BOXES[task[1]] + text[task.end() :] if task else text
        if text == inline.content:
            return
        first = self._first_prefix(start, inline.content)
        self._edit(start, end, _prefixed(first, text) if text.strip() else [])

    def _first_prefix(self, number: int, content: str) -> str:
        line, shown = self._lines[number].rstrip(), content.split("\n", 1)[0].rstrip()
        return line.removesuffix(shown) if shown and line.endswith(shown) else self._prefix(number)

    def _heading(self, token: Token, inline: Token) -> None:
        start, end = _place(token)
        written = render_inline(inline)
        self._addresses |= written.addresses
        level = int(token.tag[1])
        atx = token.markup.startswith("#")
        underline = self._lines[end - 1].strip(" \t>")
        if not atx and (len(underline) < 3 or not _UNDERLINED.fullmatch(inline.content)):
            self._underlined(token, inline, written.text)
            return
        closed = _CLOSED_HEADING.search(self._lines[start]) is not None
        if level <= 3 and atx and not closed and written.text == inline.content:
            return
        # A display formula ends the line of the heading.
        one_line = FORMULA.search(written.text) is None
        text = " ".join(written.text.split("\n")) if one_line else written.text
        if atx and level > 3:
            bare = text.replace("**", "").strip()
            text = f"**{bare}**" if bare and "\n" not in bare else bare
        elif text:
            text = f"{'#' * level} {text}"
        prefix = self._lines[start].split("#", 1)[0] if atx else self._prefix(start)
        self._edit(start, end, _prefixed(prefix, text))

    def _underlined(self, token: Token, inline: Token, text: str) -> None:
        """Rewrite an underlined heading (setext): its underline may have been meant as a rule."""
        start, end = _place(token)
        prefix = self._first_prefix(start, inline.content)
        rule = self._lines[end - 1].strip(" \t>")
        if len(rule) > 2:
            self._edit(start, end, [*_prefixed(prefix, text), _continued(prefix) + RULE])
        elif text != inline.content:
            self._edit(start, end - 1, _prefixed(prefix, text))

    def _quote(self, token: Token) -> None:
        """Add a space to the empty lines of a quote: Discord takes a lone ">" for text."""
        start, end = _place(token)
        for number in range(start, end):
            if _EMPTY_QUOTE.fullmatch(self._lines[number]):
                self._lines[number] += " "

    def _fence(self, token: Token) -> None:
        """Rewrite a fence of tildes or of more than three backticks, which Discord lacks."""
        if token.markup == _FENCE:
            return
        start, end = _place(token)
        lines = self._lines[start + 1 : end]
        quote = self._prefix(start)
        last = lines[-1].strip(" \t>") if lines else ""
        if last.startswith(token.markup) and not last.strip(token.markup[0]):
            lines.pop()
        written = [f"{quote}{_FENCE}{token.info.strip()}", *map(_without_fences, lines)]
        self._edit(start, end, [*written, f"{_continued(quote)}{_FENCE}"])

    def _indented(self, token: Token) -> None:
        start, end = _place(token)
        match = _QUOTE.match(self._lines[start])
        quote = match[0].rstrip(" \t") if match else ""
        quote = f"{quote} " if quote else ""
        code = _without_fences(token.content.rstrip("\n")).split("\n")
        self._edit(start, end, [quote + line for line in (_FENCE, *code, _FENCE)])

    def _formula(self, token: Token) -> None:
        start, end = _place(token)
        text = marked(token.content) if token.content else token.content
        text += token.info
        self._edit(start, end, _prefixed(self._prefix(start), text))

    def _table(self, number: int) -> int:
        """Rewrite the table that begins at a token; return the index of its last token."""
        start, end = _place(self._tokens[number])
        rows: list[list[Cell]] = []
        alignments: list[str] = []
        while self._tokens[number].type != "table_close":
            token = self._tokens[number]
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                inline = self._tokens[number + 1]
                plain, markdown = plain_inline(inline), render_inline(inline)
                self._addresses |= markdown.addresses
                shown, bare = " ".join(markdown.text.split()), " ".join(plain.text.split())
                rows[-1].append(Cell(shown, bare, plain.live))
                if token.type == "th_open":
                    style = str(token.attrs.get("style", ""))
                    alignments.append(style.removeprefix("text-align:"))
            number += 1
        # The parser cuts cells at the bars of spoilers, and drops cells beyond the last column.
        if not any(
            _SPOILER.search(line) or _columns(line) > len(alignments)
            for line in self._lines[start:end]
        ):
            lines = table_lines(Table(rows[0], rows[1:], alignments))
            self._edit(start, end, _prefixed(self._prefix(start), "\n".join(lines)))
        return number


def _place(token: Token) -> tuple[int, int]:
    assert token.map is not None
    return token.map[0], token.map[1]


def _columns(line: str) -> int:
    """Return the number of cells of a row, without the outer bars."""
    cells = escapedSplit(line.strip(" \t>"))
    return len(cells) - (not cells[0]) - (len(cells) > 1 and not cells[-1])


def _continued(prefix: str) -> str:
    """Return the prefix of the further lines of a block whose first line has this prefix."""
    return _MARKER.sub(" ", prefix)


def _prefixed(prefix: str, text: str) -> list[str]:
    first, *others = text.split("\n")
    behind = _continued(prefix)
    # The mark of a quote needs a space after it, also in an empty line.
    empty = f"{behind.rstrip()} " if ">" in behind else ""
    return [prefix + first, *(behind + line if line else empty for line in others)]


def _without_fences(code: str) -> str:
    """Return code without three adjacent backticks, which would end Discord's code block."""
    return _BACKTICKS.sub(lambda found: "\u200b".join(found[0]), code)
