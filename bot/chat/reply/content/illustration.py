"""Draws the display formulas of an answer, within limits; further formulas stay text."""

import asyncio
from typing import Final, Protocol

from bot.chat.reply.content.message_content import Picture
from bot.chat.reply.rendering import render_off_loop
from bot.chat.reply.rendering.packages import core_tex
from bot.chat.transport.message_text import FORMULA_PREFIX

MOST_FORMULAS: Final = 60
"""The most formulas of an answer that are drawn."""

SECONDS: Final = 10.0
"""The time for all formulas of an answer together, in seconds."""

_LONG: Final = 300

_LONGEST_DESCRIPTION: Final = 1_024
"""The longest alt text of a picture, in characters; Discord's limit."""


class FormulaDrawer(Protocol):
    """Draws formulas; implemented outside of the chat package."""

    async def formula(self, tex: str) -> bytes | None:
        """Return a display formula as PNG; None if it can't be parsed or is too large."""


async def draw_formulas(
    markdown: str, drawer: FormulaDrawer | None, *, seconds: float = SECONDS
) -> list[str | Picture]:
    """Return an answer as texts in Discord's Markdown and pictures of its display formulas.

    Without a ``drawer`` every formula is text. After ``seconds`` the formulas left are text.
    """
    shown: list[str | Picture] = []
    drawn = 0
    deadline = asyncio.get_running_loop().time() + seconds
    for block in await render_off_loop(markdown):
        if isinstance(block, str):
            shown.append(block)
            continue
        data: bytes | None = None
        if drawer is not None and drawn < MOST_FORMULAS:
            try:
                async with asyncio.timeout_at(deadline):
                    data = await drawer.formula(await _core_tex(block.tex))
            except TimeoutError:
                drawer = None
        if data is None:
            shown.append(block.text)
            continue
        drawn += 1
        name, description = f"{FORMULA_PREFIX}{drawn}.png", block.tex[:_LONGEST_DESCRIPTION]
        shown.append(Picture(name, data, description, block.text))
    return _joined(shown)


async def _core_tex(tex: str) -> str:
    """Return TeX without commands of packages; read long TeX off the event loop."""
    return core_tex(tex) if len(tex) < _LONG else await asyncio.to_thread(core_tex, tex)


def _joined(blocks: list[str | Picture]) -> list[str | Picture]:
    """Join adjacent texts: a formula between them may not have been drawn."""
    joined: list[str | Picture] = []
    for block in blocks:
        if joined and isinstance(block, str) and isinstance(joined[-1], str):
            joined[-1] += f"\n{block}"
        else:
            joined.append(block)
    return joined
