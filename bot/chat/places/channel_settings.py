"""When and where the bot answers in a channel: the nearest setting, else ``config.toml``."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

import discord
from msgspec import Struct

from bot.chat.places.places import places_of
from bot.config import DiscordSettings
from bot.store.ledger import SILENT_SETTING, Ledger, PlaceSetting, Turn

When = Literal["mention", "every", "posts", "never"]
"""Which messages are questions: mentions, every message, new forum posts and mentions, or none."""

ReplyIn = Literal["thread", "channel"]
"""Where a question in a text channel is answered."""

ANSWER: Final = "answer"
REPLY_IN: Final = "reply_in"
CONTEXT: Final = "context"
ANSWERED_TAG: Final = "answered_tag"
PEOPLE_TAG: Final = "people_tag"
PEOPLE_ROLE: Final = "people_role"

CHANNEL_SETTING_NAMES: Final = (ANSWER, REPLY_IN, CONTEXT, ANSWERED_TAG, PEOPLE_TAG, PEOPLE_ROLE)
"""The names of these settings of places in the ledger."""

MOST_CONTEXT: Final = 50
"""The most messages before a question that the model is shown."""


PlaceAction = Literal["write", "person"]
"""A button that a place adds under finished replies: write a question, call a person."""


class ChannelSettings(Struct, frozen=True, kw_only=True):
    """The settings of a channel.

    ``context`` is how many messages before a question the model is shown. The tags are ids of a
    forum's tags. ``people_role`` is the role that is called when a person is needed. ``is_silent``
    tells that people answer there. ``sources`` has the place of each rule that was set in Discord.
    """

    answer: When
    reply_in: ReplyIn
    context: int
    answered_tag: int | None
    people_tag: int | None
    people_role: int | None
    is_silent: bool
    sources: Mapping[str, int]


class ChannelSettingsReader:
    """Reads the settings of channels: those set in Discord, else those of ``config.toml``."""

    def __init__(self, client: discord.Client, ledger: Ledger, settings: DiscordSettings) -> None:
        self._client = client
        self._ledger = ledger
        self._settings = settings

    async def of(
        self, guild_id: int, channel_id: int, parent_id: int | None = None
    ) -> ChannelSettings:
        """Return the settings of a channel, or of a channel thread; raises ``LedgerError``.

        Without ``parent_id`` the parent is looked up in discord.py's cache.
        """
        if parent_id is None:
            parent_id = getattr(self._client.get_channel(channel_id), "parent_id", None)
        places = places_of(self._client, guild_id, channel_id, parent_id)
        found = await self._ledger.settings.nearest(places)
        answer = _word(found, ANSWER, get_args(When)) or "mention"
        reply_in = _word(found, REPLY_IN, get_args(ReplyIn)) or self._settings.answer_in
        context = _number(found, CONTEXT)
        return ChannelSettings(
            answer=answer,  # type: ignore[arg-type]  # one of the words of When
            reply_in=reply_in,  # type: ignore[arg-type]  # one of the words of ReplyIn
            context=self._settings.context_messages if context is None else context,
            answered_tag=_number(found, ANSWERED_TAG),
            people_tag=_number(found, PEOPLE_TAG),
            people_role=_number(found, PEOPLE_ROLE),
            is_silent=SILENT_SETTING in found,
            sources={name: found[name].place_id for name in CHANNEL_SETTING_NAMES if name in found},
        )

    async def buttons_of(self, turn: Turn) -> tuple[PlaceAction, ...]:
        """Return the buttons under every finished reply in a turn's channel."""
        if turn.guild_id is None or not turn.in_channel_thread:
            return ()
        settings = await self.of(turn.guild_id, turn.channel_id, turn.parent_id)
        buttons: dict[PlaceAction, bool] = {
            "write": not self._settings.message_content,
            "person": settings.people_role is not None,
        }
        return tuple(name for name, is_shown in buttons.items() if is_shown)


def _word(found: Mapping[str, PlaceSetting], name: str, words: tuple[str, ...]) -> str | None:
    """Return the value of a setting; None for a value that this version does not know."""
    value = found[name].value if name in found else ""
    return value if value in words else None


def _number(found: Mapping[str, PlaceSetting], name: str) -> int | None:
    value = found[name].value if name in found else ""
    return int(value) if value.isascii() and value.isdigit() else None
