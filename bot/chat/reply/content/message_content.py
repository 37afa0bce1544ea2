"""What one message of a reply shows: text alone, or text with pictures and files.

Text alone is plain content, which members can search and quote. Pictures and files need Components
V2. A message with Components V2 can't get plain content again.
"""

import io
from collections.abc import Iterator

import discord
from msgspec import Struct

from bot.chat.transport.message_text import display_texts


class Picture(Struct, frozen=True):
    """A picture between texts; ``text`` replaces the picture where Discord refuses it."""

    name: str
    data: bytes
    description: str
    text: str


class Upload(Struct, frozen=True):
    """A file below the text."""

    name: str
    data: bytes


Block = str | Picture | Upload


class RichContent(Struct, frozen=True):
    """Texts, pictures and files in the order in which they are shown.

    ``instead`` are the texts that replace the content where Discord refuses its files.
    """

    blocks: tuple[Block, ...]
    instead: tuple[str, ...]

    @property
    def text(self) -> str:
        """The texts of the message, without its pictures and files."""
        return "\n".join(block.strip() for block in self.blocks if isinstance(block, str))

    def files(self) -> list[discord.File]:
        """Return new file objects to upload, because each request closes its files."""
        return [
            discord.File(
                io.BytesIO(block.data),
                block.name,
                description=block.description if isinstance(block, Picture) else None,
            )
            for block in self.blocks
            if not isinstance(block, str)
        ]

    def layout(self, view: discord.ui.View | None) -> discord.ui.LayoutView:
        """Return the components of the content; the buttons of ``view`` come last."""
        layout = discord.ui.LayoutView(timeout=None)
        for item in self._items():
            layout.add_item(item)
        add_buttons(layout, view)
        return layout

    def _items(self) -> Iterator[discord.ui.Item[discord.ui.LayoutView]]:
        separated = False
        for block in self.blocks:
            if isinstance(block, str):
                yield discord.ui.TextDisplay(block)
            elif isinstance(block, Picture):
                item = discord.MediaGalleryItem(
                    f"attachment://{block.name}", description=block.description
                )
                yield discord.ui.MediaGallery(item)
            else:
                if not separated:
                    yield discord.ui.Separator()
                separated = True
                yield discord.ui.File(f"attachment://{block.name}")


Content = str | RichContent


def layout_of(
    message: discord.Message, view: discord.ui.View, note: str = ""
) -> discord.ui.LayoutView:
    """Return the layout of a sent message with other buttons, and with a note below if given.

    The layout refers to the files that the message has.
    """
    layout = discord.ui.LayoutView(timeout=None)
    for component in message.components:
        match component:
            case discord.TextDisplay():
                layout.add_item(discord.ui.TextDisplay(component.content))
            case discord.MediaGalleryComponent():
                items = [
                    discord.MediaGalleryItem(item.media.url, description=item.description)
                    for item in component.items
                ]
                layout.add_item(discord.ui.MediaGallery(*items))
            case discord.FileComponent():
                layout.add_item(discord.ui.File(f"attachment://{component.name}"))
            case discord.SeparatorComponent():
                layout.add_item(discord.ui.Separator())
    if note:
        layout.add_item(discord.ui.TextDisplay(note))
    add_buttons(layout, view)
    return layout


def add_buttons(layout: discord.ui.LayoutView, view: discord.ui.View | None) -> None:
    """Add the buttons of a view below the components of a layout, five in a row."""
    items = view.children if view is not None else []
    for start in range(0, len(items), 5):
        layout.add_item(discord.ui.ActionRow(*items[start : start + 5]))


def is_shown_by(content: Content, message: discord.Message) -> bool:
    """Return whether a message has exactly this text; files are not compared."""
    text = content if isinstance(content, str) else content.text
    return display_texts(message) == text.strip()
