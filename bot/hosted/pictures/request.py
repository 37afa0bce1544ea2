"""What the child process is asked to draw, and the error where a picture can't be drawn."""

from typing import Final

from msgspec import Struct

LONGEST_TEX: Final = 10_000
"""The longest formula, in characters; a longer one is not drawn."""


class PictureError(Exception):
    """A picture can't be drawn; the message is for whoever asked for the picture."""


class FormulaRequest(Struct, frozen=True, tag="formula"):
    """A display formula in TeX."""

    tex: str


Request = FormulaRequest


class Answer(Struct, frozen=True):
    """The head of the child's answer: the length of the PNG that follows, or what is wrong.

    The first answer, before any request, says that the child is ready.
    """

    size: int = 0
    error: str = ""
