"""The two ways by which a reply's messages reach Discord: the channel, or an interaction's token.

The bot answers a question by command in the original response of the interaction, then in follow-up
messages: https://docs.discord.com/developers/interactions/receiving-and-responding
After the token's 15 minutes the bot edits these messages as any of its messages in a channel, if it
may write in the channel.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar

import discord

from bot.chat.transport import dpy_internals
from bot.chat.transport.rest_retry import (
    INVALID_INTERACTION_TOKEN,
    UNKNOWN_MESSAGE,
    UNKNOWN_WEBHOOK,
)
from bot.runtime.clock import Clock
from bot.store.ledger import AskResponse, Personal

T = TypeVar("T")

TOKEN_SECONDS: Final = 15 * 60.0
"""How long an interaction's token works, in seconds."""

_MARGIN_SECONDS: Final = 20.0
"""The time before a token's end in which nothing new is written by the token, in seconds."""

_TOO_MANY_FOLLOW_UPS: Final = 40094
_TOKEN_IS_OVER: Final = frozenset({INVALID_INTERACTION_TOKEN, UNKNOWN_WEBHOOK})

_log: Final = logging.getLogger(__name__)


class UndeliverableError(Exception):
    """Discord does not let the bot write in this channel."""


class ReplyFullError(UndeliverableError):
    """Discord takes no more messages of this reply."""


class ChannelRoute:
    """Writes the messages of a reply as ordinary messages of a channel.

    The content is given as for ``Messageable.send`` and ``PartialMessage.edit``. Each method raises
    ``discord.HTTPException``.
    """

    def __init__(self, channel: discord.PartialMessageable) -> None:
        self._channel = channel

    async def send(
        self, nonce: str, reference: discord.MessageReference | None, **content: Any
    ) -> int:
        """Send a message, perhaps as a Discord reply; return its id."""
        if reference is not None:
            content["reference"] = reference
        return (await self._channel.send(nonce=nonce, **content)).id

    async def edit(self, message_id: int, **content: Any) -> None:
        """Edit a message of the bot."""
        await self._channel.get_partial_message(message_id).edit(**content)

    async def fetch(self, message_id: int) -> discord.Message:
        """Return a message of the reply as Discord has it now."""
        return await self._channel.get_partial_message(message_id).fetch()

    async def delete(self, message_id: int) -> None:
        """Delete a message."""
        await self._channel.get_partial_message(message_id).delete()


class ResponseRoute:
    """Writes the messages of a reply as the response of an interaction.

    The methods are those of ``ChannelRoute``. ``filled`` tells that the reply has messages already.
    After the token's time the messages are written in the channel where ``channel`` is given, else
    ``UndeliverableError`` is raised.
    """

    def __init__(
        self,
        client: discord.Client,
        response: AskResponse,
        personal: Personal,
        channel: ChannelRoute | None,
        clock: Clock,
        *,
        filled: bool,
    ) -> None:
        self._client = client
        self._webhook = dpy_internals.response_webhook(client, response.token)
        self._ends_at = response.expires_at - _MARGIN_SECONDS if response.token else 0.0
        self._personal = personal
        self._channel = channel
        self._clock = clock
        self._filled = filled
        self.interaction_id: Final = response.interaction_id
        self.is_detached = False
        """Whether a message was sent that does not belong to the interaction."""

    @property
    def outlives_token(self) -> bool:
        """Whether the reply can also be written after the token's time."""
        return self._channel is not None

    def seconds_left(self) -> float:
        """Return for how long the token may still be used, in seconds."""
        return max(0.0, self._ends_at - self._clock.now())

    async def near_end(self, seconds: float) -> bool:
        """Wait until the token works only ``seconds`` more; return False if its time is over."""
        left = self.seconds_left()
        if left > seconds:
            await self._clock.sleep(left - seconds)
        return self.seconds_left() > 0

    async def send(
        self, nonce: str, reference: discord.MessageReference | None, **content: Any
    ) -> int:
        """Fill the original response, or send a follow-up message where that was filled."""

        async def send_in(channel: ChannelRoute) -> int:
            sent = await channel.send(nonce, None, **content)
            self.is_detached = True
            return sent

        return await self._by_token_or_in_channel(partial(self._respond, **content), send_in)

    async def edit(self, message_id: int, **content: Any) -> None:
        """Edit a message of the response."""

        async def edit_by_token() -> None:
            await self._webhook.edit_message(message_id, **content)
            self._filled = True

        await self._by_token_or_in_channel(
            edit_by_token, lambda channel: channel.edit(message_id, **content)
        )

    async def fetch(self, message_id: int) -> discord.Message:
        """Return a message of the response."""
        return await self._by_token_or_in_channel(
            partial(self._webhook.fetch_message, message_id),
            lambda channel: channel.fetch(message_id),
        )

    async def delete(self, message_id: int) -> None:
        """Delete a message of the response."""
        await self._by_token_or_in_channel(
            partial(self._webhook.delete_message, message_id),
            lambda channel: channel.delete(message_id),
        )

    async def _by_token_or_in_channel(
        self,
        by_token: Callable[[], Awaitable[T]],
        in_channel: Callable[[ChannelRoute], Awaitable[T]],
    ) -> T:
        """Make a request by the token, or in the channel once the token no longer works for it."""
        if self.seconds_left():
            try:
                return await by_token()
            except discord.HTTPException as error:
                if error.code == _TOO_MANY_FOLLOW_UPS:
                    raise ReplyFullError(str(error)) from error
                if error.code in _TOKEN_IS_OVER:
                    _log.info(
                        "Interaction %d can't be answered any more: %s", self.interaction_id, error
                    )
                    self._ends_at = 0.0
                elif not (error.code == UNKNOWN_MESSAGE and self.is_detached):
                    raise
                # The message may be one that was sent in the channel.
        if self._channel is None:
            raise UndeliverableError("the interaction can't be answered any more")
        return await in_channel(self._channel)

    async def _respond(self, **content: Any) -> int:
        if not self._filled:
            original = dict(content)
            if "files" in original:
                original["attachments"] = original.pop("files")
            try:
                message_id = await dpy_internals.edit_original(
                    self._client, self._webhook, **original
                )
            except discord.HTTPException as error:
                # Somebody deleted "thinking…": follow-up messages still work.
                if error.code != UNKNOWN_MESSAGE:
                    raise
                self._filled = True
            else:
                self._filled = True
                return message_id
        ephemeral = self._personal.ephemeral
        return (await self._webhook.send(wait=True, ephemeral=ephemeral, **content)).id
