"""Writes to one Discord channel: sends each message once, edits, deletes and finds messages."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import discord

from bot.chat.reply.content.message_content import Content, RichContent, layout_of
from bot.chat.reply.delivery.message_routes import ChannelRoute, ResponseRoute, UndeliverableError
from bot.chat.transport.login import own_user
from bot.chat.transport.message_history import oldest_messages
from bot.chat.transport.message_text import message_text
from bot.chat.transport.rate_limiter import REQUEST_PRIORITY, RequestPriority
from bot.chat.transport.rest_retry import (
    CHANNEL_THREAD_ARCHIVED,
    MISSING_ACCESS,
    MISSING_PERMISSIONS,
    OLD_MESSAGE_EDITED_TOO_OFTEN,
    UNKNOWN_CHANNEL,
    UNKNOWN_GUILD,
    UNKNOWN_MESSAGE,
    RestRetry,
)
from bot.runtime.clock import Clock

T = TypeVar("T")

_CANNOT_REPLY: Final = frozenset({160002, 50035})
"""Discord's error codes for a message that may be sent, but not as a reply."""

_FILE_LIMIT: Final = 10 * 2**20
"""The largest file that Discord accepts in DMs and in servers without boosts, in bytes."""

_LOST: Final = frozenset({UNKNOWN_CHANNEL, UNKNOWN_GUILD, MISSING_PERMISSIONS})
"""Discord's error codes for a channel in which nothing can be written, whatever the text."""

_NONCE_SECONDS: Final = 60.0
"""How long a nonce surely keeps a repeated send from making a second message, in seconds."""

_NOT_PLAIN: Final = "IS_COMPONENTS_V2"
"""Discord names this flag where it refuses plain content for a message with Components V2."""

_OLD_SECONDS: Final = 3_000.0
"""From this age on a message counts as old; Discord limits edits from 3,600 s on."""

_log: Final = logging.getLogger(__name__)


class MessageFrozenError(Exception):
    """Discord accepts no more edits of a message: its text must be sent in a new message."""


class MessageDeletedError(Exception):
    """Somebody deleted a message of the bot: nothing is sent in its place."""

    def __init__(self, message_id: int) -> None:
        super().__init__(f"message {message_id} was deleted")
        self.message_id = message_id


class ChannelWriter:
    """Writes to one channel; unarchives a channel thread before it writes there.

    Each method takes the priority of its requests among all requests of the bot. The rate limiter's
    trace hook reads the priority from a context variable that only this class sets. With
    ``response`` the messages are the response of an interaction.
    """

    def __init__(
        self,
        client: discord.Client,
        channel_id: int,
        guild_id: int | None,
        rest: RestRetry,
        clock: Clock,
        response: ResponseRoute | None = None,
    ) -> None:
        self._client = client
        self._channel = client.get_partial_messageable(channel_id, guild_id=guild_id)
        self._response = response
        self._route: ChannelRoute | ResponseRoute = response or ChannelRoute(self._channel)
        self._rest = rest
        self._clock = clock

    @property
    def channel_id(self) -> int:
        """The channel's id."""
        return self._channel.id

    @property
    def response(self) -> ResponseRoute | None:
        """The response of an interaction, if the messages belong to one."""
        return self._response

    @property
    def file_limit(self) -> int:
        """The largest file that the channel's server accepts, in bytes."""
        guild_id = self._channel.guild_id
        guild = self._client.get_guild(guild_id) if guild_id is not None else None
        return guild.filesize_limit if guild is not None else _FILE_LIMIT

    def is_old(self, message_id: int) -> bool:
        """Return whether Discord limits the edits of a message because of its age, or soon will."""
        if self._response is not None and self._response.seconds_left():
            return False
        sent_at = discord.utils.snowflake_time(message_id).timestamp()
        return self._clock.now() - sent_at > _OLD_SECONDS

    def is_follow_up(self, message: discord.Message) -> bool:
        """Return whether a message may be a later part of a reply: it is no Discord reply."""
        metadata = message.interaction_metadata
        if self._response is not None:
            return metadata is not None and metadata.id == self._response.interaction_id
        return message.type is discord.MessageType.default and metadata is None

    def is_own(self, message: discord.Message) -> bool:
        """Return whether the bot wrote a message."""
        return message.author.id == own_user(self._client).id

    async def send(
        self,
        content: Content,
        nonce: str,
        *,
        find: Callable[[], Awaitable[int | None]],
        priority: RequestPriority,
        view: discord.ui.View | None = None,
        reply_to: int | None = None,
        notifies: int | None = None,
    ) -> int:
        """Send a message once and return its id; raises ``UndeliverableError``.

        Only a mention of the user ``notifies`` sends a notification. Discord remembers a
        nonce for minutes. A later retry first calls ``find``, which looks for the message in the
        channel: an earlier try may have arrived.
        """
        reference = None
        if reply_to is not None:
            asked = self._channel.get_partial_message(reply_to)
            # A question that was deleted meanwhile is answered, too.
            reference = asked.to_reference(fail_if_not_exists=False)
        first_try_at: float | None = None

        async def send_or_find() -> int:
            nonlocal first_try_at
            if first_try_at is None:
                first_try_at = self._clock.monotonic()
            elif self._clock.monotonic() - first_try_at > _NONCE_SECONDS:
                found = await find()
                if found is not None:
                    await self._edit(found, content, view)
                    return found
            return await self._send(content, nonce, view, reference, notifies)

        try:
            return await self._unarchiving(send_or_find, priority)
        except discord.HTTPException as error:
            if reference is None or error.code not in _CANNOT_REPLY:
                raise UndeliverableError(str(error)) from error
        # Without the permission to read the history the bot may send messages, but no replies.
        return await self.send(
            content, nonce, find=find, priority=priority, view=view, notifies=notifies
        )

    async def try_send(self, content: str, nonce: str, *, priority: RequestPriority) -> int:
        """Send a message with only discord.py's own retries, and return its id."""
        return await _prioritized(priority, self._send(content, nonce, None, None))

    async def edit(
        self,
        message_id: int,
        content: Content,
        view: discord.ui.View | None,
        *,
        priority: RequestPriority,
    ) -> None:
        """Edit a message.

        A message with Components V2 can't become plain: plain content needs a new message then.
        Raises ``MessageDeletedError``, ``MessageFrozenError`` or ``UndeliverableError``.
        """

        async def edit() -> None:
            try:
                await self._edit(message_id, content, view)
            except discord.RateLimited as error:
                # For an old message this may be error 30046 (too many edits): no wait helps.
                if self.is_old(message_id):
                    raise MessageFrozenError(str(error)) from error
                raise

        try:
            await self._unarchiving(edit, priority)
        except discord.HTTPException as error:
            if error.code == UNKNOWN_MESSAGE:
                raise MessageDeletedError(message_id) from error
            if error.code == OLD_MESSAGE_EDITED_TOO_OFTEN or _NOT_PLAIN in error.text:
                raise MessageFrozenError(str(error)) from error
            raise UndeliverableError(str(error)) from error

    async def try_edit(self, message_id: int, content: str, *, priority: RequestPriority) -> None:
        """Edit a message's text with only discord.py's own retries; its buttons stay."""
        await _prioritized(priority, self._route.edit(message_id, content=content))

    async def set_buttons(
        self,
        message_id: int,
        view: discord.ui.View,
        *,
        priority: RequestPriority,
        rich_note: str = "",
    ) -> None:
        """Replace the buttons of a message; logs a refusal and leaves the message.

        ``rich_note`` is added below the text of a message with Components V2.
        """
        try:
            fetched = await self._request(lambda: self._route.fetch(message_id), priority)
            rich = fetched.flags.components_v2
            shown = layout_of(fetched, view, rich_note) if rich else view
            await self._unarchiving(lambda: self._route.edit(message_id, view=shown), priority)
        except (discord.HTTPException, UndeliverableError) as error:
            _log.info("Message %d of the bot gets no buttons: %s", message_id, error)

    async def add_reaction(self, message_id: int, emoji: str) -> None:
        """Add a reaction, with only discord.py's own retries and the lowest priority."""
        message = self._channel.get_partial_message(message_id)
        await _prioritized(RequestPriority.NOTICE, message.add_reaction(emoji))

    async def remove_reaction(self, message_id: int, emoji: str) -> None:
        """Remove the bot's reaction, with the lowest priority; retried until Discord answers."""
        message = self._channel.get_partial_message(message_id)
        me = own_user(self._client)
        await self._request(lambda: message.remove_reaction(emoji, me), RequestPriority.NOTICE)

    async def delete(self, message_id: int, *, priority: RequestPriority) -> None:
        """Delete a message of the bot; logs a refusal and leaves the message."""
        try:
            await self._request(lambda: self._route.delete(message_id), priority)
        except UndeliverableError as error:
            _log.info("Message %d of the bot is not deleted: %s", message_id, error)
        except discord.HTTPException as error:
            if error.code != UNKNOWN_MESSAGE:
                _log.warning("Message %d of the bot can't be deleted: %s", message_id, error)

    async def contents(
        self,
        message_ids: Sequence[int],
        *,
        priority: RequestPriority = RequestPriority.USUAL,
    ) -> list[str]:
        """Return the texts of messages, without messages that are deleted or can't be read."""
        found: list[str] = []
        for message_id in message_ids:
            try:
                fetch = partial(self._route.fetch, message_id)
                found.append(message_text(await self._request(fetch, priority)))
            except (discord.HTTPException, UndeliverableError) as error:
                _log.info("Message %d of the bot can't be read: %s", message_id, error)
        return found

    async def is_lost(
        self, error: discord.HTTPException, message_ids: Sequence[int], priority: RequestPriority
    ) -> bool:
        """Return whether a refusal means that the bot can't write in the channel any more.

        ``message_ids`` are messages of the bot in the channel.
        """
        if error.code == MISSING_ACCESS and message_ids:
            # Discord refuses the channel or this edit alone: can a message still be read?
            return not await self.contents(message_ids, priority=priority)
        return error.code in _LOST

    async def after(self, message_id: int, *, priority: RequestPriority) -> list[discord.Message]:
        """Return the first page of messages after a message, oldest first; empty if unreadable."""
        if self._response is not None and not self._response.outlives_token:
            return []
        try:
            return await self._request(lambda: oldest_messages(self._channel, message_id), priority)
        except discord.HTTPException as error:
            # Without the permission to read the history only the nonce prevents a second message.
            _log.info("The history of channel %d can't be read: %s", self.channel_id, error)
            return []

    async def back_off(self, failures: int) -> None:
        """Wait before the next try of a progress edit."""
        await self._rest.back_off(failures)

    async def _edit(self, message_id: int, content: Content, view: discord.ui.View | None) -> None:
        if isinstance(content, str):
            await self._route.edit(message_id, content=content, view=view)
        else:
            files, layout = content.files(), content.layout(view)
            await self._route.edit(
                message_id, content=None, embeds=[], attachments=files, view=layout
            )

    async def _send(
        self,
        content: Content,
        nonce: str,
        view: discord.ui.View | None,
        reference: discord.MessageReference | None,
        notifies: int | None = None,
    ) -> int:
        # discord.py's overloads accept no None for these options.
        options: dict[str, Any] = {"content": content, "view": view}
        if notifies is not None:
            member = discord.Object(notifies)
            options["allowed_mentions"] = discord.AllowedMentions(
                everyone=False, roles=False, users=[member], replied_user=False
            )
        if isinstance(content, RichContent):
            options |= {"content": None, "files": content.files(), "view": content.layout(view)}
        given = {name: value for name, value in options.items() if value is not None}
        return await self._route.send(nonce, reference, **given)

    async def _request(self, call: Callable[[], Awaitable[T]], priority: RequestPriority) -> T:
        """Make a request until Discord answers."""
        return await _prioritized(priority, self._rest.call(call))

    async def _unarchiving(self, call: Callable[[], Awaitable[T]], priority: RequestPriority) -> T:
        """Make a request until Discord answers; unarchive the channel thread if necessary."""
        try:
            return await self._request(call, priority)
        except discord.HTTPException as error:
            if error.code != CHANNEL_THREAD_ARCHIVED:
                raise
        await self._request(self._unarchive, priority)
        return await self._request(call, priority)

    async def _unarchive(self) -> None:
        channel = await self._client.fetch_channel(self.channel_id)
        if isinstance(channel, discord.Thread):
            await channel.edit(archived=False)


async def _prioritized(priority: RequestPriority, call: Awaitable[T]) -> T:
    """Await a call; the requests that it makes get this priority."""
    before = REQUEST_PRIORITY.set(priority)
    try:
        return await call
    finally:
        REQUEST_PRIORITY.reset(before)
