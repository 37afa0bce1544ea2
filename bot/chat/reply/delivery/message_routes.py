"""The two ways by which a reply's messages reach Discord: its channel, or an interaction's token.

A question by command is answered in the original response of its interaction, then in follow-up
messages: https://docs.discord.com/developers/interactions/receiving-and-responding
Once the token's 15 minutes are over, the bot edits these messages like any of its messages in a
channel, where it may write there.
"""

import logging
from typing import Any, Final, Protocol

import discord

from bot.chat.transport import dpy_internals
from bot.chat.transport.rest_retry import (
    INVALID_INTERACTION_TOKEN,
    UNKNOWN_MESSAGE,
    UNKNOWN_WEBHOOK,
)
from bot.runtime.clock import Clock
from bot.store.ledger import AskResponse, Personal

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


class MessageRoute(Protocol):
    """Writes the messages of a reply; each method raises ``discord.HTTPException``."""

    async def send(
        self, nonce: str, reference: discord.MessageReference | None, **content: Any
    ) -> int:
        """Send a message with this content, as for ``Messageable.send``; return its id."""
        ...

    async def edit(self, message_id: int, **content: Any) -> None:
        """Edit a message, with the arguments of ``PartialMessage.edit``."""
        ...

    async def fetch(self, message_id: int) -> discord.Message:
        """Return a message."""
        ...

    async def delete(self, message_id: int) -> None:
        """Delete a message."""
        ...


class ChannelRoute:
    """Writes as a member of the channel."""

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
        """Edit a message."""
        await self._channel.get_partial_message(message_id).edit(**content)

    async def fetch(self, message_id: int) -> discord.Message:
        """Return a message."""
        return await self._channel.get_partial_message(message_id).fetch()

    async def delete(self, message_id: int) -> None:
        """Delete a message."""
        await self._channel.get_partial_message(message_id).delete()


class ResponseRoute:
    """Writes the response of an interaction.

    ``begun`` tells that the reply has messages already. After the token's time the messages are
    written in the channel where ``channel`` is given, else ``UndeliverableError`` is raised.
    """

    def __init__(
        self,
        client: discord.Client,
        response: AskResponse,
        personal: Personal,
        channel: ChannelRoute | None,
        clock: Clock,
        *,
        begun: bool,
    ) -> None:
        self._client = client
        self._webhook = dpy_internals.response_webhook(client, response.token)
        self._ends_at = response.expires_at - _MARGIN_SECONDS if response.token else 0.0
        self._personal = personal
        self._channel = channel
        self._clock = clock
        self._begun = begun
        self.interaction_id: Final = response.interaction_id
        self.is_detached = False
        """Whether a message was sent that does not belong to the interaction."""

    @property
    def stays(self) -> bool:
        """Whether the reply can also be written after the token's time."""
        return self._channel is not None

    def seconds_left(self) -> float:
        """Return for how long the token may still be used, in seconds."""
        return max(0.0, self._ends_at - self._clock.now())

    async def near_end(self, seconds: float) -> bool:
        """Wait until the token works for ``seconds`` only; False if its time is over already."""
        left = self.seconds_left()
        if left > seconds:
            await self._clock.sleep(left - seconds)
        return self.seconds_left() > 0

    async def send(
        self, nonce: str, reference: discord.MessageReference | None, **content: Any
    ) -> int:
        """Fill the original response, or send a follow-up message where that was filled."""
        if self.seconds_left():
            try:
                return await self._respond(**content)
            except discord.HTTPException as error:
                if error.code == _TOO_MANY_FOLLOW_UPS:
                    raise ReplyFullError(str(error)) from error
                if error.code not in _TOKEN_IS_OVER:
                    raise
                self._end(error)
        sent = await self._in_channel().send(nonce, None, **content)
        self.is_detached = True
        return sent

    async def edit(self, message_id: int, **content: Any) -> None:
        """Edit a message of the response."""
        if self.seconds_left():
            try:
                await self._webhook.edit_message(message_id, **content)
            except discord.HTTPException as error:
                if not self._is_out_of_reach(error):
                    raise
            else:
                self._begun = True
                return
        await self._in_channel().edit(message_id, **content)

    async def fetch(self, message_id: int) -> discord.Message:
        """Return a message of the response."""
        if self.seconds_left():
            try:
                return await self._webhook.fetch_message(message_id)
            except discord.HTTPException as error:
                if not self._is_out_of_reach(error):
                    raise
        return await self._in_channel().fetch(message_id)

    async def delete(self, message_id: int) -> None:
        """Delete a message of the response."""
        if self.seconds_left():
            try:
                await self._webhook.delete_message(message_id)
            except discord.HTTPException as error:
                if not self._is_out_of_reach(error):
                    raise
            else:
                return
        await self._in_channel().delete(message_id)

    async def _respond(self, **content: Any) -> int:
        if not self._begun:
            original = dict(content)
            if "files" in original:
                original["attachments"] = original.pop("files")
            try:
                filled = await dpy_internals.edit_original(self._client, self._webhook, **original)
            except discord.HTTPException as error:
                # Somebody deleted "thinking…": follow-up messages still work.
                if error.code != UNKNOWN_MESSAGE:
                    raise
            else:
                self._begun = True
                return filled
            self._begun = True
        ephemeral = self._personal.ephemeral
        return (await self._webhook.send(wait=True, ephemeral=ephemeral, **content)).id

    def _is_out_of_reach(self, error: discord.HTTPException) -> bool:
        """Return whether a refusal concerns the token, so that the channel may do better."""
        if error.code in _TOKEN_IS_OVER:
            self._end(error)
            return True
        # A message that was sent in the channel does not belong to the response.
        return error.code == UNKNOWN_MESSAGE and self.is_detached and self._channel is not None

    def _end(self, error: discord.HTTPException) -> None:
        _log.info("Interaction %d can't be answered any more: %s", self.interaction_id, error)
        self._ends_at = 0.0

    def _in_channel(self) -> ChannelRoute:
        if self._channel is None:
            raise UndeliverableError("the interaction can't be answered any more")
        return self._channel
