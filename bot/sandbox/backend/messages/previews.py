"""Link previews: the embeds that Discord adds to a message for the links in it.

The sandbox reaches no other host: a test or the demo says which links have a preview.
"""

import re
from typing import Final

from bot.sandbox.backend.state.kinds import MessageFlag
from bot.sandbox.backend.state.model import DiscordMessage
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.backend.world import World

# A link in angle brackets or in code gets no preview.
_NO_PREVIEW: Final = re.compile(r"```.*?```|`[^`]*`|<https?://[^\s>]+>", re.DOTALL)
_LINK: Final = re.compile(r"https?://[^\s<>)\]]+")
MAX_PREVIEWS: Final = 5


class LinkPreviews:
    """The known previews by address; they come ``delay`` seconds after the message."""

    def __init__(self, world: World, delay: float = 0.2) -> None:
        self._world = world
        self._known: dict[str, Payload] = {}
        self.delay = delay

    def add(
        self,
        url: str,
        *,
        title: str,
        description: str = "",
        provider: str = "",
        image_url: str = "",
        kind: str = "article",
    ) -> None:
        """Give a link a preview; ``kind`` is the embed's type: article, link, video, image."""
        embed: Payload = {"type": kind, "url": url, "title": title}
        if description:
            embed["description"] = description
        if provider:
            embed["provider"] = {"name": provider}
        if image_url:
            picture = {"url": image_url, "proxy_url": image_url, "width": 320, "height": 180}
            embed["thumbnail"] = picture
        self._known[url] = embed

    def look(self, message: DiscordMessage) -> None:
        """Look for links in the message; send its previews later by MESSAGE_UPDATE.

        Discord posts the message first and fetches its links later. A client therefore gets the
        previews by an update that leaves ``edited_timestamp`` unchanged.
        """
        found = self._found(message)
        if found == message.previews:
            return
        content = message.content

        def show() -> None:
            if message.deleted or message.content != content or self._suppressed(message):
                return
            message.previews = found
            self._world.emit_message("MESSAGE_UPDATE", message)
            self._world.publish("link_preview", message=message)

        self._world.clock.call_later(self.delay, show)

    def _found(self, message: DiscordMessage) -> list[Payload]:
        if not self._known or message.v2 or self._suppressed(message):
            return []
        if not self._world.allowed(message.channel, message.author) & Permission.EMBED_LINKS:
            return []
        text = _NO_PREVIEW.sub(" ", message.content)
        links = dict.fromkeys(link.rstrip(".,:;!?'\"") for link in _LINK.findall(text))
        return [self._known[link] for link in links if link in self._known][:MAX_PREVIEWS]

    def _suppressed(self, message: DiscordMessage) -> bool:
        return bool(message.flags & MessageFlag.SUPPRESS_EMBEDS)
