"""The function that draws a picture, at an endpoint that the operator configured."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from msgspec import Meta

from bot.tools.python_functions import tool, tool_of
from bot.tools.tool import FunctionResult, Tool, ToolFile

PictureMaker = Callable[[str], Awaitable[bytes]]
"""Returns the picture of a description as a file's bytes; raises ``ToolError``."""


def picture_tool(make: PictureMaker) -> Tool:
    """Return the function that draws a picture and shows it below the answer."""

    # Drawing changes nothing but the reply, so it needs no approval.
    @tool(read_only=True, seconds=300)
    async def make_image(
        description: Annotated[str, Meta(min_length=1, max_length=4_000)],
    ) -> FunctionResult:
        """Draw a picture; the picture is shown below your answer.

        Args:
            description: What the picture shows, in detail, with its style.

        """
        picture = await make(description)
        return FunctionResult(
            "The picture is shown below your answer.", (ToolFile(_name(picture), picture),)
        )

    return tool_of(make_image)


def _name(picture: bytes) -> str:
    if picture.startswith(b"\xff\xd8"):
        return "picture.jpg"
    return "picture.webp" if picture[8:12] == b"WEBP" else "picture.png"
