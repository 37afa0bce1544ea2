"""Sets the tag of a forum post that is answered, or that needs people."""

import logging
from typing import Final

import discord

from bot.chat.places.channel_settings import ChannelSettingsReader
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Chore, Ledger, Turn

ANSWERED: Final = "answered"
PEOPLE: Final = "people"

_MOST_TAGS: Final = 5
"""The most tags of a post (Discord's limit)."""

_log: Final = logging.getLogger(__name__)


class PostTags:
    """Sets the tags that a forum's settings name; a tag to be set is a chore of the ledger."""

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        channel_settings: ChannelSettingsReader,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._channel_settings = channel_settings

    async def want(self, turn: Turn) -> None:
        """Store that the post of an ended turn gets its tag; raises ``LedgerError``."""
        wanted = {"answered": ANSWERED, "failed": PEOPLE}.get(turn.outcome or "")
        if wanted is None or turn.guild_id is None or not turn.in_channel_thread:
            return
        settings = await self._channel_settings.of(turn.guild_id, turn.channel_id, turn.parent_id)
        if (settings.answered_tag if wanted == ANSWERED else settings.people_tag) is not None:
            await self._ledger.chores.add(
                Chore(
                    channel_id=turn.channel_id,
                    kind="tag",
                    place=str(turn.channel_id),
                    target=wanted,
                )
            )

    async def set(self, channel_id: int, wanted: str) -> None:
        """Set ``ANSWERED`` or ``PEOPLE``, and remove the other tag; a refusal is logged."""
        try:
            post = self._client.get_channel(channel_id) or await self._rest.call(
                lambda: self._client.fetch_channel(channel_id)
            )
            if not isinstance(post, discord.Thread):
                return
            forum = post.parent
            if not isinstance(forum, discord.ForumChannel):
                return
            settings = await self._channel_settings.of(post.guild.id, post.id, forum.id)
            pair = (settings.answered_tag, settings.people_tag)
            tag_id, other_id = pair if wanted == ANSWERED else pair[::-1]
            tag = None if tag_id is None else forum.get_tag(tag_id)
            kept = [each for each in post.applied_tags if each.id not in (tag_id, other_id)]
            if tag is None or tag in post.applied_tags or len(kept) >= _MOST_TAGS:
                return
            await self._rest.call(lambda: post.edit(applied_tags=[*kept, tag]))
        except discord.HTTPException as error:
            _log.warning("Post %d does not get its tag: %s", channel_id, error)
