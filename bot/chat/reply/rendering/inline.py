"""Converts the inline content of a paragraph, heading or cell to Discord's Markdown."""

import re
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, Literal

from markdown_it.token import Token
from msgspec import Struct

from bot.chat.reply.rendering import html, symbols
from bot.chat.reply.rendering.formulas import as_code, marked, unicode_lines

RULE: Final = "─" * 16

_DUNDERS: Final = frozenset(
    name.strip("_")
    for kind in (object, int, str, list, dict, set, type, float, Exception)
    for name in dir(kind)
    if name.startswith("__")
) | symbols.words(
    "main name file all version author path package spec loader slots enter exit aenter "
    "aexit call next anext aiter await del get set delete post init match args getattr "
    "missing future builtins import"
)
_OPENABLE: Final = re.compile(r"(?:https?|discord)://\S|mailto:\S|tel:\S", re.IGNORECASE)
_MARK: Final = re.compile(r"[\\*_`~|<>#\[\]]")
_STAR: Final = re.compile(r"(?<=[!-)+-~])(?<!\\)\*(?=[!-)+-~])")
_UNDERSCORE: Final = re.compile(r"(?<![_\\])_(?!_)")
_TWO_UNDERSCORES: Final = re.compile(r"(?<=[0-9A-Za-z])__(?=[0-9A-Za-z])")
_WORD: Final = re.compile(r"[0-9A-Za-z_]")

Kind = Literal["text", "mark", "fixed"]


class _Piece(Struct):
    text: str
    kind: Kind


class Rendered(Struct, frozen=True):
    """Converted inline content and the URLs of its links.

    ``live`` content has a link, a spoiler or a mention, which would not work in a code block.
    """

    text: str
    addresses: frozenset[str] = frozenset()
    live: bool = False


def render_inline(token: Token) -> Rendered:
    """Return an ``inline`` token's content as Discord's Markdown."""
    return _Writer(token.children or [], plain=False).written(token.content)


def plain_inline(token: Token) -> Rendered:
    """Return an ``inline`` token's content as text without marks, for a code block."""
    return _Writer(token.children or [], plain=True).written(token.content)


def escaped(text: str) -> str:
    """Return a text with escaped marks, so that Discord reads no markup in the text."""
    return _MARK.sub(r"\\\g<0>", text)


class _Writer:
    """Converts the tokens of one inline content."""

    def __init__(self, tokens: Sequence[Token], *, plain: bool) -> None:
        self._tokens = tokens
        self._plain = plain
        self._pieces: list[_Piece] = []
        self._changed = False
        self._live = False
        self._addresses: set[str] = set()
        self._literal: list[bool] = []
        self._links: list[tuple[int, Token]] = []
        self._tags: list[tuple[str, int, str]] = []
        self._partners = _partners(tokens)

    def written(self, content: str) -> Rendered:
        for number, token in enumerate(self._tokens):
            write = self._WRITERS.get(token.type)
            if write is None:
                self._add(token.markup or token.content, "mark")
            else:
                write(self, token, number)
        if not self._plain:
            self._escape_literals()
        text = "".join(piece.text for piece in self._pieces)
        if not self._plain:
            text = text.strip("\n") if self._changed else content
        live = self._live or (self._plain and "||" in text)
        return Rendered(text, frozenset(self._addresses), live)

    def _add(self, text: str, kind: Kind) -> None:
        if text:
            self._pieces.append(_Piece(text, kind))

    def _last(self) -> str:
        return self._pieces[-1].text[-1:] if self._pieces else ""

    def _text(self, token: Token, _: int) -> None:
        self._add(token.content, "text")

    def _special(self, token: Token, _: int) -> None:
        if self._plain:
            self._add(token.content, "fixed")
        elif token.info == "entity":
            self._changed = True
            self._add(escaped(token.content), "fixed")
        else:
            self._add(token.markup, "fixed")

    def _break(self, token: Token, _: int) -> None:
        if self._pieces and self._last() != "\n":
            self._add("\\\n" if token.markup == "\\" and not self._changed else "\n", "fixed")

    def _code(self, token: Token, _: int) -> None:
        text = token.content
        if not self._plain:
            edge = " " if text.startswith("`") or text.endswith("`") else ""
            text = f"{token.markup}{edge}{text}{edge}{token.markup}"
        self._add(text, "fixed")

    def _verbatim(self, token: Token, _: int) -> None:
        self._live = True
        self._add(token.content, "fixed")

    def _open(self, token: Token, number: int) -> None:
        literal = self._is_literal(token, self._tokens[number + 1 : number + 3])
        self._literal.append(literal)
        self._mark(token.markup, literal=literal)

    def _close(self, token: Token, _: int) -> None:
        self._mark(token.markup, literal=self._literal.pop())

    def _mark(self, markup: str, *, literal: bool) -> None:
        if self._plain:
            self._add(markup if literal else "", "fixed")
        elif literal:
            self._changed = True
            self._add("".join(f"\\{each}" for each in markup), "fixed")
        else:
            self._add(markup, "mark")

    def _is_literal(self, token: Token, following: Sequence[Token]) -> bool:
        """Return whether marks are literal, as in ``2*3*4`` and ``__init__``."""
        inside = following[0].content if following else ""
        if token.markup == "__":
            return len(following) == 2 and following[1].nesting < 0 and inside.lower() in _DUNDERS
        before, first = self._last(), inside[:1]
        return (
            token.markup.startswith("*")
            and before.isascii()
            and before.isalnum()
            and first.isascii()
            and first.isalnum()
        )

    def _link_open(self, token: Token, _: int) -> None:
        self._links.append((len(self._pieces), token))
        self._live = True

    def _link_close(self, _token: Token, _number: int) -> None:
        start, token = self._links.pop()
        label = "".join(piece.text for piece in self._pieces[start:])
        address, title = str(token.attrs["href"]), str(token.attrs.get("title") or "")
        if token.markup == "autolink":
            del self._pieces[start:]
            bare = address.removeprefix("mailto:")
            self._add(f"<{bare}>" if not self._plain else bare, "fixed")
            return
        self._addresses.add(address)
        if not _OPENABLE.match(address):
            self._changed = True
            self._add(f" ({address})" if label else address, "fixed")
        elif label in (address, ""):
            self._changed = True
            del self._pieces[start:]
            self._add(address, "fixed")
        else:
            self._pieces.insert(start, _Piece("[", "fixed"))
            self._add(f"]({_target(address, title)})", "fixed")
            self._changed = self._changed or "label" in token.meta

    def _image(self, token: Token, _: int) -> None:
        self._changed = self._live = True
        self._show_image(str(token.attrs["src"]), token.content)

    def _show_image(self, address: str, alt: str) -> None:
        alt = " ".join(alt.split())
        self._addresses.add(address)
        if not _OPENABLE.match(address):
            self._add(f"{escaped(alt)} ({address})" if alt else address, "fixed")
        elif alt and not self._links:
            self._add(f"[{escaped(alt)}]({_target(address, '')})", "fixed")
        else:
            self._add(escaped(alt) or address, "fixed")

    def _formula(self, token: Token, _: int) -> None:
        self._changed = True
        lines = unicode_lines(token.content)
        if lines is not None and len(lines) == 1:
            text = lines[0]
            self._add(text.replace("\\", "") if self._plain else text, "fixed")
        elif self._plain:
            self._add(token.markup, "fixed")
        else:
            self._add(as_code(token.content), "fixed")

    def _display(self, token: Token, number: int) -> None:
        if self._plain:
            self._formula(token, number)
            return
        self._changed = True
        if self._pieces and self._last() != "\n":
            self._pieces[-1].text = self._pieces[-1].text.rstrip(" ")
            self._add("\n", "fixed")
        self._add(marked(token.content), "fixed")
        following = self._tokens[number + 1 : number + 2]
        if following and following[0].type != "softbreak":
            if following[0].type == "text":
                following[0].content = following[0].content.lstrip(" ")
            self._add("\n", "fixed")

    def _footnote(self, token: Token, _: int) -> None:
        self._changed = True
        self._add(footnote_mark(str(token.meta["label"])), "fixed")

    def _html(self, token: Token, number: int) -> None:
        found = html.tag_name(token.content)
        if token.content.startswith("<!--"):
            self._changed = True
            return
        if found is None:
            self._add(token.content, "fixed")
            return
        name, ends = found
        known = name in html.MARKS or name in html.BLOCKS or name in html.SILENT
        if name in ("br", "hr", "img"):
            self._void(name, token.content)
        elif known:
            self._changed = True
            self._tag(name, token.content, ends=ends, paired=number in self._partners)
        else:
            self._add(token.content, "fixed")

    def _void(self, name: str, source: str) -> None:
        self._changed = True
        if name == "img":
            given = html.attributes(source)
            self._live = True
            self._show_image(given.get("src", ""), given.get("alt", ""))
        elif self._plain:
            self._add(" ", "fixed")
        elif name == "hr":
            self._line_break()
            self._add(f"{RULE}\n", "fixed")
        else:
            self._add("\n", "fixed")

    def _tag(self, name: str, source: str, *, ends: bool, paired: bool) -> None:
        if name in html.BLOCKS and not (ends and name in html.MARKS):
            self._line_break()
        if name == "li" and not ends:
            self._add("- ", "fixed")
        if name in html.MARKS and paired:
            self._add("" if self._plain else html.MARKS[name], "mark")
        elif name == "q":
            self._add("”" if ends else "“", "fixed")
        elif paired and name in ("sub", "sup", "a"):
            if ends:
                self._end_tag(name)
            else:
                self._tags.append((name, len(self._pieces), source))
        if name in html.BLOCKS and ends and name in html.MARKS:
            self._line_break()
        if name == "td" and ends:
            self._add(" ", "fixed")

    def _end_tag(self, name: str) -> None:
        opened, start, source = self._tags.pop()
        assert opened == name
        inside = "".join(piece.text for piece in self._pieces[start:])
        if name == "a":
            address = html.attributes(source).get("href", "")
            self._live = True
            if _OPENABLE.match(address) and inside.strip():
                self._pieces.insert(start, _Piece("[", "fixed"))
                self._add(f"]({_target(address, '')})", "fixed")
            elif address:
                self._add(f" ({address})" if inside else address, "fixed")
            return
        small = (symbols.superscript if name == "sup" else symbols.subscript)(
            inside.replace("-", "−")
        )
        mark = "^" if name == "sup" else "_" if self._plain else "\\_"
        if small is not None:
            del self._pieces[start:]
            self._add(small, "fixed")
        elif inside:
            self._pieces.insert(start, _Piece(f"{mark}(", "fixed"))
            self._add(")", "fixed")

    def _line_break(self) -> None:
        if self._pieces and self._last() != "\n":
            self._add(" " if self._plain else "\n", "fixed")

    def _escape_literals(self) -> None:
        """Escape the marks that are literal in Markdown, but a pair of marks to Discord."""
        whole = "".join(piece.text for piece in self._pieces)
        if not any(mark in whole for mark in "*_"):
            return
        places: set[int] = set()
        within = self._within_text()
        stars = [match.start() for match in _STAR.finditer(whole) if within[match.start()]]
        if len(stars) > 1:
            places.update(stars)
        doubles = [m.start() for m in _TWO_UNDERSCORES.finditer(whole) if within[m.start()]]
        if len(doubles) > 1:
            places.update(doubles, (place + 1 for place in doubles))
        singles = [m.start() for m in _UNDERSCORE.finditer(whole) if within[m.start()]]
        places.update(
            place for place in singles[1:] if not _WORD.match(whole[place + 1 : place + 2])
        )
        if not places:
            return
        self._changed = True
        shown = (f"\\{each}" if place in places else each for place, each in enumerate(whole))
        self._pieces = [_Piece("".join(shown), "fixed")]

    def _within_text(self) -> list[bool]:
        """Return for each character whether it is text, not a mark."""
        within: list[bool] = []
        for piece in self._pieces:
            within += [piece.kind == "text"] * len(piece.text)
        return within

    _WRITERS: ClassVar[dict[str, Callable[["_Writer", Token, int], None]]] = {
        "text": _text,
        "text_special": _special,
        "softbreak": _break,
        "hardbreak": _break,
        "code_inline": _code,
        "verbatim": _verbatim,
        "em_open": _open,
        "em_close": _close,
        "strong_open": _open,
        "strong_close": _close,
        "s_open": _open,
        "s_close": _close,
        "link_open": _link_open,
        "link_close": _link_close,
        "image": _image,
        "formula": _formula,
        "formula_display": _display,
        "footnote_ref": _footnote,
        "html_inline": _html,
    }


def footnote_mark(label: str) -> str:
    """Return a footnote's number in superscript, or its name in brackets."""
    return (symbols.superscript(label) if label.isdigit() else None) or f"[{label}]"


def _target(address: str, title: str) -> str:
    if any(each in address for each in "() "):
        address = f"<{address}>"
    if title:
        return f'{address} "{title}"' if '"' not in title else address
    return address


def _partners(tokens: Sequence[Token]) -> frozenset[int]:
    """Return the indexes of the HTML tags that have a matching tag among these tokens."""
    paired: set[int] = set()
    opened: dict[str, list[int]] = {}
    stack: list[int] = []
    for number, token in enumerate(tokens):
        found = html.tag_name(token.content) if token.type == "html_inline" else None
        if found is None:
            continue
        name, ends = found
        if not ends:
            opened.setdefault(name, []).append(number)
            stack.append(number)
        elif opened.get(name):
            start = opened[name].pop()
            # Tags that overlap other tags or links have no partner.
            while stack and stack[-1] != start:
                opened_inside = html.tag_name(tokens[stack.pop()].content)
                if opened_inside is not None and opened.get(opened_inside[0]):
                    opened[opened_inside[0]].pop()
            stack.pop()
            if tokens[start].level == token.level:
                paired.update((start, number))
    return frozenset(paired)
