"""The kinds and flags of Discord's objects, as far as the sandbox has them.

The values are Discord's: https://discord.com/developers/docs/resources/channel and
https://discord.com/developers/docs/resources/message.
"""

from enum import IntEnum, IntFlag
from typing import Final


class ChannelType(IntEnum):
    """The kinds of channel the sandbox has."""

    TEXT = 0
    DM = 1
    GROUP_DM = 3
    CATEGORY = 4
    ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    FORUM = 15
    MEDIA = 16


# A forum or media channel holds posts (channel threads) and no messages of its own.
POST_CHANNELS: Final = frozenset({ChannelType.FORUM, ChannelType.MEDIA})


class ChannelFlag(IntFlag):
    """Discord's channel flags; PINNED is a post's, REQUIRE_TAG a forum's or media channel's."""

    PINNED = 1 << 1
    REQUIRE_TAG = 1 << 4


class MessageType(IntEnum):
    """The kinds of message the sandbox has."""

    DEFAULT = 0
    CHANNEL_PINNED_MESSAGE = 6
    THREAD_CREATED = 18
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    THREAD_STARTER_MESSAGE = 21
    CONTEXT_MENU_COMMAND = 23
    POLL_RESULT = 46


# Messages that somebody wrote. All others are Discord's own: they cannot be edited, forwarded or
# replied to.
WRITTEN: Final = frozenset(
    {
        MessageType.DEFAULT,
        MessageType.REPLY,
        MessageType.CHAT_INPUT_COMMAND,
        MessageType.CONTEXT_MENU_COMMAND,
    }
)


class MessageFlag(IntFlag):
    """Discord's message flags."""

    CROSSPOSTED = 1 << 0
    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_VOICE_MESSAGE = 1 << 13
    HAS_SNAPSHOT = 1 << 14
    IS_COMPONENTS_V2 = 1 << 15


NO_FLAGS: Final = MessageFlag(0)
NO_CHANNEL_FLAGS: Final = ChannelFlag(0)
