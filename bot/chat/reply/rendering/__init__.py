"""Converts models' Markdown to Discord's: formulas, tables and all else that Discord can't show.

A parser finds the lines that Discord would show wrongly. Only these lines are rewritten.
"""

import asyncio
import logging
import re
from functools import cache
from typing import Final

from markdown_it import MarkdownIt

from bot.chat.reply.rendering.blocks import Block, DisplayFormula, rendered_blocks
from bot.chat.reply.rendering.formulas import NONCHARACTERS
from bot.chat.reply.rendering.parser import parser

__all__ = ["Block", "DisplayFormula", "blocks_of", "render_off_loop"]

_AT_ONCE: Final = 2_000
"""The longest text, in code points, that is parsed on the event loop."""

_LONGEST: Final = 40_000
"""The longest text, in code points, that is parsed at all; a longer one stays as it is.

The slowest text known, ``![`` repeated, takes about 0.1 s for each 1,000 code points.
"""

_log: Final = logging.getLogger(__name__)

_NEWLINE: Final = re.compile(r"\r\n?")
# The markup that Discord would show wrongly. Each branch begins with one of a few characters, so
# that the search skips to these characters.
_SUSPECT: Final = re.compile(
    r"\\[(\[]|\\begin\{|\$|<[a-zA-Z/!]|&[#a-zA-Z]|!\[|\|[ :]*-|\#{4}|`{4}"
    r"|\[(?:\^|https?://|[ xX]\][ \t])|\](?:\[|:[ \t]|\((?!<?(?:https?|discord|mailto|tel):))"
    r"|\*(?:(?<=[0-9A-Za-z)\]]\*)|(?<=[0-9A-Za-z)\]]\*\*))[0-9A-Za-z(\[]"
    r"|_(?:(?<=[0-9A-Za-z_]_)(?![0-9A-Za-z_])|(?<=[0-9A-Za-z]_)_[0-9A-Za-z]|_[a-z])"
    r"|\n(?:[> ]* {4}[^\n]|[> ]*\t[^\n]|[ \t]*>(?:[ \t]*>)*(?=\n|\Z)"
    r"|[ \t>]*(?:~~~|\+[ \t]|(?:\#{1,3}[ \t][^\n]*\#|={1,}|(?:[-*_][ \t]*){3,})[ \t]*(?:\n|\Z)))"
)


def blocks_of(markdown: str) -> tuple[Block, ...]:
    """Convert a model's Markdown to blocks that are the whole answer when joined by line breaks.

    Never raises, and takes linear time.
    """
    if _SUSPECT.search(f"\n{markdown}") is None or len(markdown) > _LONGEST:
        return (markdown,)
    try:
        source = NONCHARACTERS.sub("", _NEWLINE.sub("\n", markdown))
        return rendered_blocks(_parser(), source) or (markdown,)
    except Exception:  # noqa: BLE001 - a defect of the parser must not cost the answer
        _log.exception("An answer could not be rendered; Discord shows the model's own text")
        return (markdown,)


async def render_off_loop(markdown: str) -> tuple[Block, ...]:
    """Call ``blocks_of``, in another thread if the text is long."""
    if len(markdown) <= _AT_ONCE:
        return blocks_of(markdown)
    return await asyncio.to_thread(blocks_of, markdown)


@cache
def _parser() -> MarkdownIt:
    return parser()
