"""Reads the text of a message, from its content or its Components V2."""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

import discord

FORMULA_PREFIX: Final = "formula-"
"""The prefix of file names of pictures of formulas; their descriptions are the TeX source."""


def message_text(message: discord.Message | discord.MessageSnapshot) -> str:
    """Return a message's content, or the text of its Components V2."""
    if not message.flags.components_v2:
        return message.content
    return "\n".join(component_texts(message.components))


def display_texts(message: discord.Message) -> str:
    """Return a message's text without descriptions of its pictures and files."""
    if not message.flags.components_v2:
        return message.content
    return "\n".join(
        component.content.strip()
        for component in message.components
        if isinstance(component, discord.TextDisplay)
    )


def component_texts(components: Iterable[Any]) -> Iterator[str]:
    """Yield the texts, formulas, alt texts and file names of Components V2, in their order."""
    for component in components:
        if isinstance(component, discord.TextDisplay):
            yield component.content
        elif isinstance(component, discord.MediaGalleryComponent):
            yield from (_described(item) for item in component.items if item.description)
        elif isinstance(component, discord.FileComponent) and component.name:
            yield f"({component.name})"
        else:
            yield from component_texts(getattr(component, "children", ()))


def _described(item: discord.MediaGalleryItem) -> str:
    name = PurePosixPath(urlsplit(item.media.url).path).name
    if name.startswith(FORMULA_PREFIX):
        return f"\\[ {item.description} \\]"
    return f"({item.description})"
