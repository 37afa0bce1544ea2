"""Which formulas of an answer become pictures, and what of an answer without them."""

import asyncio

from bot.chat.reply.content.illustration import MOST_FORMULAS, draw_formulas
from bot.chat.reply.content.message_content import Picture
from tests.support.drawer import QuickDrawer


class ListeningDrawer(QuickDrawer):
    """Draws as its base does, and keeps what it was asked to draw."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def formula(self, tex: str) -> bytes | None:
        """Return a small PNG."""
        self.asked.append(tex)
        return await super().formula(tex)


async def test_beyond_the_most_formulas_of_an_answer_the_others_are_text() -> None:
    drawer = ListeningDrawer()
    answer = "\n\n".join(f"\\[ x_{{{number}}} \\]" for number in range(MOST_FORMULAS + 5))
    shown = await draw_formulas(answer, drawer)
    pictures = [each for each in shown if isinstance(each, Picture)]
    assert len(pictures) == len(drawer.asked) == MOST_FORMULAS
    assert shown[MOST_FORMULAS:] == ["x₆₀\nx₆₁\nx₆₂\nx₆₃\nx₆₄"]


async def test_a_formula_of_a_package_is_drawn_as_plain_tex_and_described_as_written() -> None:
    drawer = ListeningDrawer()
    long = r"\abs{x} + " * 60 + "y"
    (picture, other) = await draw_formulas(f"\\[ \\ce{{H2O}} \\]\n\n\\[ {long} \\]", drawer)
    assert isinstance(picture, Picture)
    assert picture.description == r"\ce{H2O}"
    assert isinstance(other, Picture)
    assert drawer.asked == [
        r"\mathrm{H}_{2}\mathrm{O}",
        long.replace(r"\abs{x}", r"\left|x\right|"),
    ]


async def test_formulas_that_are_not_drawn_in_time_stay_text() -> None:
    class SlowDrawer:
        async def formula(self, tex: str) -> bytes | None:
            await asyncio.Event().wait()
            return None

    assert await draw_formulas("\\[ x^2 \\]", SlowDrawer(), seconds=0.0) == ["x²"]
