"""What the child process is asked to draw, and the error where a picture can't be drawn."""

from typing import Final, Literal

from msgspec import Struct

ChartKind = Literal["line", "scatter", "bar", "histogram", "pie"]

LONGEST_TEX: Final = 10_000
"""The longest formula, in characters; a longer one is not drawn."""

MOST_SERIES: Final = 20
MOST_POINTS: Final = 20_000
"""The most points of all series of a chart together."""

MOST_BARS: Final = 60
LONGEST_LABEL: Final = 100


class PictureError(Exception):
    """A picture can't be drawn; the message is for whoever asked for the picture."""


class Series(Struct, frozen=True):
    """One curve, set of points or set of bars: ``x`` and ``y`` of the same length."""

    x: tuple[float | str, ...]
    y: tuple[float, ...]
    name: str = ""


class FormulaRequest(Struct, frozen=True, tag="formula"):
    """A display formula in TeX."""

    tex: str


class ChartRequest(Struct, frozen=True, tag="chart", kw_only=True):
    """A chart of one kind, with its series and its labels."""

    kind: ChartKind
    series: tuple[Series, ...]
    title: str = ""
    xlabel: str = ""
    ylabel: str = ""
    bins: int = 10


Request = FormulaRequest | ChartRequest


class Answer(Struct, frozen=True):
    """The head of the child's answer: the length of the PNG that follows, or what is wrong.

    The first answer, before any request, says that the child is ready.
    """

    size: int = 0
    error: str = ""
