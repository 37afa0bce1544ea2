"""Discord markup as plain text, and text that the database can store."""

import contextlib
import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

CODE: Final = r"```.*?(?:```|\Z)|(?P<ticks>`{1,2})(?!`).+?(?<!`)(?P=ticks)(?!`)"
"""A pattern (``re.DOTALL``) for code, in which Discord reads no other markup."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_EMOJI: Final = r"<a?:(?P<emoji>\w{1,64}):\d{1,20}>"
_TIME: Final = r"<t:(?P<time>-?\d{1,15})(?::[a-zA-Z])?>"
_COMMAND: Final = r"</(?P<command>[^:<>\n]{1,100}):\d{1,20}>"
_PLACE: Final = r"<id:(?P<place>customize|browse|guide|linked-roles)(?::\d{1,20})?>"
_NAMED: Final = re.compile(f"(?P<code>{CODE})|{_EMOJI}|{_TIME}|{_COMMAND}|{_PLACE}", re.DOTALL)
_PLACES: Final = {
    "customize": "Channels & Roles",
    "browse": "Browse Channels",
    "guide": "Server Guide",
    "linked-roles": "Linked Roles",
}
"""What Discord shows for its own pages of a server."""

_URL: Final = r"https?://[^\s<>]+"
_SPANS: Final = re.compile(
    r"(?P<escaped>\\[^\w\s])"
    r"|```(?:[\w+\-.#]*\n)?(?P<fenced>.*?)(?:```|\Z)"
    rf"|(?P<code>(?P<ticks>`{{1,2}})(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|\|\|(?P<spoiler>.+?)\|\|"
    rf"|\[(?P<label>[^\[\]\n]+)\]\(<?https?://[^\s()]*(?:\([^\s()]*\)[^\s()]*)*>?(?:\s\"[^\"]*\")?\)"
    rf"|<(?P<bare>{_URL})>|(?P<url>{_URL})",
    re.DOTALL,
)
_PREFIX: Final = re.compile(r"(?:#{1,3}|-#|[-*])\s+(?=\S)")
_QUOTE: Final = re.compile(r"(?P<all>>>>\s+)|>\s+")
_HEADING: Final = re.compile(r"\[[^\[\]]+\]")
_WORD: Final = re.compile(r"[a-z0-9_]+")

# Private-use characters stand for text that the Markdown parser must not change.
_HIDDEN: Final = "\ue000"
_KEPT: Final = re.compile("\ue001(\\d+)\ue002")
_PRIVATE: Final = re.compile("[\ue000-\ue002]")

_MARKDOWN: Final = MarkdownIt("zero").enable(["backticks", "emphasis", "strikethrough", "escape"])


def well_formed(text: str) -> str:
    """Join surrogate pairs and replace lone surrogates by U+FFFD: UTF-8 can't hold them."""
    if _SURROGATE.search(text):
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def is_visible(text: str) -> bool:
    """Return whether a text has more than white space and invisible characters."""
    return any(unicodedata.category(character)[0] not in "CZ" for character in text)


def readable(text: str) -> str:
    """Replace emoji, timestamps and mentions of commands and pages by what a person sees."""
    return _NAMED.sub(_name, text)


def hide_spoilers(text: str, hidden: str) -> str:
    """Replace each spoiler of a Discord message by ``hidden``; code stays."""
    return _SPANS.sub(lambda match: match[0] if match["spoiler"] is None else hidden, text)


def headline(text: str, hidden: str) -> str:
    """Return the first line of a Discord message as plain text; empty for a blank message.

    ``hidden`` replaces each spoiler. A line outside of code and quotes comes first; then the first
    line of a code block, of a quote, or of the raw text. A line in [brackets] is the heading of a
    quote, and counts only as part of the raw text.
    """
    kept: list[str] = []
    blocks: list[str] = []

    def span(match: re.Match[str]) -> str:
        if match["spoiler"] is not None:
            return _HIDDEN
        if match["fenced"] is not None:
            blocks.append(match["fenced"])
            return "\n"
        if match["label"] is not None:
            return match["label"]
        url = match["bare"] or match["url"]
        if url is None:
            return match[0]
        kept.append(url)
        return f"\ue001{len(kept) - 1}\ue002"

    text = _PRIVATE.sub("", readable(text))
    prose, quotes = _lines(_SPANS.sub(span, text))
    # The raw text comes last, for a message of only markup characters.
    found = next(
        filter(None, map(_first_line, (_inline(prose), *blocks, _inline(quotes), text))), ""
    )
    found = _KEPT.sub(lambda match: kept[int(match[1])], found).replace(_HIDDEN, hidden)
    return " ".join(found.split())


def _name(match: re.Match[str]) -> str:
    if match["emoji"] is not None:
        return f":{match['emoji']}:"
    if match["command"] is not None:
        return f"/{match['command']}"
    if match["place"] is not None:
        return _PLACES[match["place"]]
    if match["time"] is not None:
        try:
            moment = datetime.fromtimestamp(int(match["time"]), UTC)
        except (OverflowError, OSError, ValueError):
            return match[0]
        return f"{moment:%Y-%m-%d %H:%M} UTC"
    return match[0]


def _lines(text: str) -> tuple[str, str]:
    """Return the lines outside of quotes and the quoted lines, without their leading markup."""
    prose: list[str] = []
    quotes: list[str] = []
    target = prose
    for each in text.splitlines():
        line = each.strip()
        if _HEADING.fullmatch(line) is not None:
            continue
        quote = _QUOTE.match(line)
        if quote is not None:
            line = line[quote.end() :]
            if quote["all"] is not None:
                target = quotes
        while (prefix := _PREFIX.match(line)) is not None:
            line = line[prefix.end() :]
        (target if quote is None else quotes).append(line)
    return "\n".join(prose), "\n".join(quotes)


def _inline(text: str) -> str:
    """Remove the markup of bold, italics, underline, strikethrough and code."""
    tokens = _MARKDOWN.parseInline(text)[0].children or []
    plain: list[str] = []
    literal: list[bool] = []
    for number, token in enumerate(tokens):
        if token.nesting > 0:
            literal.append(_is_literal("".join(plain[-1:]), tokens[number:]))
        if token.nesting == 0:
            plain.append("\n" if token.type == "softbreak" else token.content)
        elif literal[-1]:
            plain.append(token.markup)
        if token.nesting < 0:
            literal.pop()
    return "".join(plain)


def _is_literal(before: str, tokens: list[Token]) -> bool:
    """Return whether markup characters are literal, as in ``2*3*4`` and ``__init__``."""
    opening, inside, closing = (*tokens[:3], None, None)[:3]
    if opening is None or inside is None or closing is None:
        return False
    if opening.markup == "__" and closing.nesting < 0 and _WORD.fullmatch(inside.content):
        return True
    return opening.markup.startswith("*") and before[-1:].isalnum() and inside.content[:1].isalnum()


def _first_line(text: str) -> str:
    return next(filter(None, map(str.strip, text.splitlines())), "")


def readable_json(text: str, *, indent: int | None = None) -> str:
    """Return JSON without escapes for letters, which many models write; other text as it is."""
    # A text may be cut off, nested too deeply, or no JSON at all.
    with contextlib.suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=indent)
    return well_formed(text)  # an escape may stand for half a character
