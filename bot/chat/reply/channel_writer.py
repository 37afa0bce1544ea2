"""One channel as the bot writes to it: messages sent once, edited, deleted, and found again."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import discord

from bot.chat.transport.message_history import oldest_messages
from bot.chat.transport.rest_retry import (
    CHANNEL_THREAD_ARCHIVED,
    OLD_MESSAGE_EDITED_TOO_OFTEN,
    UNKNOWN_MESSAGE,
    RestRetry,
)
from bot.runtime.clock import Clock
from bot.store.ledger import Turn

T = TypeVar("T")

_CANT_REPLY: Final = frozenset({160002, 50035})
_NONCE_SECONDS: Final = 60.0
_OLD: Final = 3_000.0  # Discord counts edits of messages from 3,600 s on


_log: Final = logging.getLogger(__name__)


class MessageGoneError(Exception):
    """A message of ours was deleted, or takes no more edits: what it says must be sent anew."""


class UndeliverableError(Exception):
    """Discord does not let us write in this channel."""


class ChannelWriter:
    """Writes to one channel; ``unarchive`` opens an archived channel thread again."""

    def __init__(
        self,
        channel: discord.PartialMessageable,
        rest: RestRetry,
        clock: Clock,
        unarchive: Callable[[int], Awaitable[None]],
    ) -> None:
        self._channel = channel
        self._rest = rest
        self._clock = clock
        self._unarchive = unarchive

    @property
    def channel_id(self) -> int:
        """The channel's id."""
        return self._channel.id

    def is_old(self, message_id: int) -> bool:
        """Whether a message is so old that Discord takes few edits of it, or soon will be."""
        return self._clock.now() - discord.utils.snowflake_time(message_id).timestamp() > _OLD

    async def send(
        self,
        content: str,
        nonce: str,
        *,
        find: Callable[[], Awaitable[int | None]],
        view: discord.ui.View | None = None,
        reply_to: int | None = None,
    ) -> int:
        """Send a message once and return its id; raises ``UndeliverableError``.

        ``find`` looks for it in the channel: Discord knows a nonce for minutes, and what it took
        before an outage may stand there without our knowing.
        """
        reference = self._reference(reply_to)
        began: float | None = None

        async def once() -> int:
            nonlocal began
            if began is None:
                began = self._clock.monotonic()
            elif self._clock.monotonic() - began > _NONCE_SECONDS:
                found = await find()
                if found is not None:
                    message = self._channel.get_partial_message(found)
                    await message.edit(content=content, view=view)
                    return found
            return await self._send(content, nonce, view, reference)

        try:
            return await self._insist(once)
        except discord.HTTPException as error:
            if reference is None or error.code not in _CANT_REPLY:
                raise UndeliverableError(str(error)) from error
        # Without the right to read the history one can write, but not reply.
        return await self.send(content, nonce, find=find, view=view)

    async def try_send(self, content: str, nonce: str) -> int:
        """Send a message with no more tries than discord.py makes."""
        return await self._send(content, nonce, None, None)

    async def edit(self, message_id: int, content: str, view: discord.ui.View | None) -> None:
        """Edit a message; raises ``MessageGoneError`` or ``UndeliverableError``."""
        message = self._channel.get_partial_message(message_id)

        async def edit() -> None:
            try:
                await message.edit(content=content, view=view)
            except discord.RateLimited as error:
                # Of an old message it means error 30046, and waiting may not help.
                if self.is_old(message_id):
                    raise MessageGoneError(str(error)) from error
                raise

        try:
            await self._insist(edit)
        except discord.HTTPException as error:
            if error.code in (UNKNOWN_MESSAGE, OLD_MESSAGE_EDITED_TOO_OFTEN):
                raise MessageGoneError(str(error)) from error
            raise UndeliverableError(str(error)) from error

    async def try_edit(self, message_id: int, content: str) -> None:
        """Edit a message's text, buttons as they are, with no more tries than discord.py makes."""
        await self._channel.get_partial_message(message_id).edit(content=content)

    async def delete(self, message_id: int) -> None:
        """Delete a message of ours; one that can't be deleted stays."""
        message = self._channel.get_partial_message(message_id)
        try:
            await self._rest.insist(message.delete)
        except discord.HTTPException as error:
            if error.code != UNKNOWN_MESSAGE:
                _log.warning("Message %d of ours can't be deleted: %s", message_id, error)

    async def contents(self, message_ids: Sequence[int]) -> list[str]:
        """Return what these messages say, those that are there and can be read."""
        found: list[str] = []
        for message_id in message_ids:
            message = self._channel.get_partial_message(message_id)
            try:
                found.append((await self._rest.insist(message.fetch)).content)
            except discord.HTTPException as error:
                _log.info("Message %d of ours can't be read again: %s", message_id, error)
        return found

    async def after(self, message_id: int) -> list[discord.Message]:
        """Return what was written behind a message, oldest first, so far as a reply can be."""
        try:
            return await self._rest.insist(lambda: oldest_messages(self._channel, message_id))
        except discord.HTTPException as error:
            # Without the right to read the history the nonce alone must do.
            _log.info("Channel %d can't be read: %s", self.channel_id, error)
            return []

    async def breathe(self, failures: int) -> None:
        """Wait before one more try of what is tried by itself."""
        await self._rest.breathe(failures)

    async def _send(
        self,
        content: str,
        nonce: str,
        view: discord.ui.View | None,
        reference: discord.MessageReference | None,
    ) -> int:
        if view is None and reference is None:
            return (await self._channel.send(content, nonce=nonce)).id
        if view is None and reference is not None:
            return (await self._channel.send(content, nonce=nonce, reference=reference)).id
        if view is not None and reference is None:
            return (await self._channel.send(content, nonce=nonce, view=view)).id
        assert view is not None
        assert reference is not None
        return (await self._channel.send(content, nonce=nonce, view=view, reference=reference)).id

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._rest.insist(call)
        except discord.HTTPException as error:
            if error.code != CHANNEL_THREAD_ARCHIVED:
                raise
        await self._rest.insist(lambda: self._unarchive(self.channel_id))
        return await self._rest.insist(call)

    def _reference(self, message_id: int | None) -> discord.MessageReference | None:
        if message_id is None:
            return None
        return discord.MessageReference(
            message_id=message_id,
            channel_id=self.channel_id,
            guild_id=self._channel.guild_id,
            # A question that was deleted meanwhile is answered all the same.
            fail_if_not_exists=False,
        )


class ReplyReader:
    """Reads replies again, from the channels they stand in."""

    def __init__(self, channel_writer: Callable[[Turn], ChannelWriter]) -> None:
        self._channel_writer = channel_writer

    async def read(self, turn: Turn) -> Sequence[str]:
        """Return the contents of a turn's reply."""
        return await self._channel_writer(turn).contents(turn.parts)
