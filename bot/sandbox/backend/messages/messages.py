"""Operations on messages: posting, editing, deleting, reading the history, reactions and pins."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bot.sandbox import errors
from bot.sandbox.backend.messages import media, mentions
from bot.sandbox.backend.messages.drafts import Draft
from bot.sandbox.backend.places.threads import Threads
from bot.sandbox.backend.state.events import GatewayEvent, Intent
from bot.sandbox.backend.state.model import (
    Channel,
    ChannelType,
    DiscordMessage,
    Edit,
    MessageFlag,
    MessageType,
    Reference,
    User,
)
from bot.sandbox.backend.state.permissions import Permission
from bot.sandbox.backend.state.world import World

NONCE_SECONDS: Final = 300
OLD_SECONDS: Final = 3600


@dataclass(slots=True)
class OldEdits:
    """Limit on edits of a message older than an hour: ``allowed`` per ``window`` in seconds."""

    allowed: int = 5
    window: float = 60.0


class Messages:
    """What can be done with messages; permissions are checked for people and the bot alike."""

    def __init__(self, world: World, threads: Threads) -> None:
        self._world = world
        self._threads = threads
        self._nonces: dict[tuple[int, int, str], tuple[float, DiscordMessage]] = {}
        self.old_edits = OldEdits()

    def post(self, channel: Channel, author: User, draft: Draft) -> DiscordMessage:
        """Post a message; raises what Discord would answer where it may not."""
        self._may_post(channel, author, draft)
        again = self._seen_before(channel, author, draft)
        if again is not None:
            return again
        message = DiscordMessage(self._world.ids.next(), channel, author, draft.content or "")
        message.nonce = draft.nonce
        message.tts = draft.tts
        self._refer(message, draft)
        self.fill(message, draft)
        self.publish(message)
        if draft.nonce is not None:
            key = (author.id, channel.id, str(draft.nonce))
            self._nonces[key] = (self._world.now(), message)
        return message

    def fill(self, message: DiscordMessage, draft: Draft) -> None:
        """Give a new message what its draft says, whom it mentions and whom that notifies."""
        if not draft.says_something:
            raise errors.empty_message()
        now = self._world.now()
        message.content = message.first_content = draft.content or ""
        message.embeds = draft.embeds or []
        message.components = draft.components or []
        message.flags |= draft.flags or MessageFlag(0)
        message.attachments = draft.attachments or []
        for attachment in message.attachments:
            attachment.ephemeral = message.ephemeral
            self._world.attachments[attachment.id] = attachment
        media.resolve(message, self._world.base, now)
        mentions.apply(message, draft.allowed_mentions, self._world.users, now)
        message.pings = mentions.notified(message, now)

    def publish(self, message: DiscordMessage) -> None:
        """Put a finished message into its channel and tell everybody who sees it."""
        channel = message.channel
        if message.for_user is not None:
            channel.ephemeral[message.id] = message
        else:
            channel.by_id[message.id] = message
            channel.last_message_id = message.id
            channel.typing.pop(message.author.id, None)
            if channel.thread is not None:
                self._threads.posted(channel, message)
        self._world.emit_message("MESSAGE_CREATE", message)
        self._world.publish("message_created", message=message)

    def _may_post(self, channel: Channel, author: User, draft: Draft) -> None:
        if channel.type is ChannelType.CATEGORY:
            raise errors.DiscordError(400, 50008, "Cannot send messages in a non-text channel")
        if channel.guild is None and not self._takes(channel, author):
            raise errors.cannot_message_user()
        needed = Permission.SEND_MESSAGES_IN_THREADS if channel.thread else Permission.SEND_MESSAGES
        if draft.embeds:
            needed |= Permission.EMBED_LINKS
        if draft.attachments:
            needed |= Permission.ATTACH_FILES
        rights = self._world.require(channel, author, needed)
        if channel.thread is not None:
            self._threads.wake(channel, author)
        unhurried = Permission.MANAGE_MESSAGES | Permission.MANAGE_CHANNELS
        if channel.slowmode and not author.bot and not rights & unhurried:
            self._wait_for_slowmode(channel, author)

    def _wait_for_slowmode(self, channel: Channel, author: User) -> None:
        now = self._world.now()
        again = channel.last_posts.get(author.id, 0.0) + channel.slowmode
        if now < again:
            raise errors.slowmode(again - now)
        channel.last_posts[author.id] = now

    def _takes(self, channel: Channel, author: User) -> bool:
        return all(one.takes_dms for one in channel.recipients if one is not author)

    def _seen_before(self, channel: Channel, author: User, draft: Draft) -> DiscordMessage | None:
        if draft.nonce is None or not draft.enforce_nonce:
            return None
        horizon = self._world.now() - NONCE_SECONDS
        seen = self._nonces
        for key in list(seen):
            if seen[key][0] >= horizon:
                break
            del seen[key]
        found = seen.get((author.id, channel.id, str(draft.nonce)))
        return None if found is None or found[1].deleted else found[1]

    def _refer(self, message: DiscordMessage, draft: Draft) -> None:
        if draft.reply_to is None:
            return
        channel = message.channel
        rights = self._world.allowed(channel, message.author)
        if not rights & Permission.READ_MESSAGE_HISTORY:
            raise errors.cannot_reply_without_history()
        target = channel.by_id.get(draft.reply_to)
        if target is None:
            if not draft.reply_must_exist:
                return
            raise _bad_reference("MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
        if target.type in (MessageType.THREAD_CREATED, MessageType.THREAD_STARTER_MESSAGE):
            raise _bad_reference(
                "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", "Cannot reply to a system message"
            )
        message.type = MessageType.REPLY
        message.referenced = target
        guild_id = channel.guild.id if channel.guild else None
        message.reference = Reference(channel.id, target.id, guild_id)

    def edit(self, message: DiscordMessage, actor: User, draft: Draft) -> DiscordMessage:
        """Edit one's own message; others' flags may be changed with Manage Messages."""
        channel = message.channel
        self._world.require(channel, actor, Permission(0))
        if message.author is not actor:
            if not draft.only_flags:
                raise errors.not_the_author()
            self._world.require(channel, actor, Permission.MANAGE_MESSAGES)
        if message.type not in (
            MessageType.DEFAULT,
            MessageType.REPLY,
            MessageType.CHAT_INPUT_COMMAND,
            MessageType.CONTEXT_MENU_COMMAND,
        ):
            raise errors.system_message()
        if channel.thread is not None and channel.thread.archived:
            raise errors.thread_archived()
        self._count_old_edit(message)
        return self.change(message, draft)

    def change(self, message: DiscordMessage, draft: Draft) -> DiscordMessage:
        """Change a message as its draft says, without asking who may, and tell who sees it."""
        now = self._world.now()
        keeps = draft.attachments if draft.attachments is not None else message.attachments
        content = message.content if draft.content is None else draft.content
        embeds = message.embeds if draft.embeds is None else draft.embeds
        components = message.components if draft.components is None else draft.components
        v2 = (message.flags | (draft.flags or MessageFlag(0))) & MessageFlag.IS_COMPONENTS_V2
        if not (content or embeds or keeps or (v2 and components)):
            raise errors.empty_message()
        message.content, message.embeds, message.components = content, embeds, components
        for attachment in keeps:
            attachment.ephemeral = message.ephemeral
            self._world.attachments[attachment.id] = attachment
        message.attachments = keeps
        media.resolve(message, self._world.base, now)
        if draft.flags is not None:
            kept = message.flags & ~MessageFlag.SUPPRESS_EMBEDS
            message.flags = kept | draft.flags & (
                MessageFlag.SUPPRESS_EMBEDS | MessageFlag.IS_COMPONENTS_V2
            )
        if draft.content is not None or not draft.only_flags:
            message.edited_at = now
            message.edits.append(Edit(now, message.content))
        if draft.content is not None:
            mentions.apply(message, draft.allowed_mentions, self._world.users, now)
        self._world.emit_message("MESSAGE_UPDATE", message)
        self._world.publish("message_edited", message=message)
        return message

    def _count_old_edit(self, message: DiscordMessage) -> None:
        now = self._world.now()
        if now - message.created_at < OLD_SECONDS:
            return
        since = now - self.old_edits.window
        message.old_edits = [at for at in message.old_edits if at > since]
        if len(message.old_edits) >= self.old_edits.allowed:
            first = message.old_edits[0] if message.old_edits else now
            raise errors.old_message_edits(first + self.old_edits.window - now)
        message.old_edits.append(now)

    def delete(self, message: DiscordMessage, actor: User | None) -> None:
        """Delete one's own message, or another's with Manage Messages; no actor: without asking."""
        channel = message.channel
        if actor is not None:
            if channel.thread is not None and channel.thread.archived:
                raise errors.thread_archived()
            own = message.author is actor
            needed = Permission(0) if own else Permission.MANAGE_MESSAGES
            self._world.require(channel, actor, needed)
        self._remove(message)
        payload = {"id": str(message.id), "channel_id": str(channel.id)}
        if channel.guild is not None and message.for_user is None:
            payload["guild_id"] = str(channel.guild.id)
        direct = channel.guild is None or message.for_user is not None
        only = None
        if message.for_user is not None:
            only = frozenset({message.for_user.id, message.author.id})
        self._world.emit(
            GatewayEvent(
                "MESSAGE_DELETE",
                payload,
                Intent.DIRECT_MESSAGES if direct else Intent.GUILD_MESSAGES,
                channel=channel,
                only=only,
                guild_id=channel.guild.id if channel.guild else None,
            )
        )
        self._world.publish("message_deleted", message=message)

    def _remove(self, message: DiscordMessage) -> None:
        message.deleted = True
        for attachment in message.attachments:
            self._world.attachments.pop(attachment.id, None)
        state = message.channel.thread
        if message.channel.by_id.pop(message.id, None) is not None and state is not None:
            state.message_count -= 1
        message.channel.ephemeral.pop(message.id, None)

    def delete_many(self, channel: Channel, actor: User, ids: list[int]) -> None:
        """Delete 2 to 100 messages at once; needs Manage Messages. Unknown ids are passed over."""
        if channel.guild is None:
            raise errors.not_in_dm()
        self._world.require(channel, actor, Permission.MANAGE_MESSAGES)
        found = [channel.by_id[one] for one in ids if one in channel.by_id]
        for message in found:
            self._remove(message)
        payload = {
            "ids": [str(message.id) for message in found],
            "channel_id": str(channel.id),
            "guild_id": str(channel.guild.id),
        }
        self._world.emit(
            GatewayEvent(
                "MESSAGE_DELETE_BULK",
                payload,
                Intent.GUILD_MESSAGES,
                channel=channel,
                guild_id=channel.guild.id,
            )
        )
        for message in found:
            self._world.publish("message_deleted", message=message)

    def history(
        self,
        channel: Channel,
        viewer: User,
        *,
        before: int | None = None,
        after: int | None = None,
        around: int | None = None,
        limit: int = 50,
    ) -> list[DiscordMessage]:
        """Messages, newest first; none without Read Message History."""
        rights = self._world.require(channel, viewer, Permission(0))
        if not rights & Permission.READ_MESSAGE_HISTORY:
            return []
        if around is not None:
            older = list(islice(_newest_first(channel, below=around + 1), limit // 2 + 1))
            newer = [one for one in channel.by_id.values() if one.id > around]
            return newer[: max(0, limit - len(older))][::-1] + older[:limit]
        if after is not None:
            newer = [one for one in channel.by_id.values() if one.id > after]
            return newer[:limit][::-1]
        return list(islice(_newest_first(channel, below=before), limit))

    def pin(self, message: DiscordMessage, actor: User, *, pinned: bool) -> None:
        """Pin or unpin a message; needs Pin Messages or Manage Messages."""
        channel = message.channel
        rights = self._world.require(channel, actor, Permission(0))
        if not rights & (Permission.PIN_MESSAGES | Permission.MANAGE_MESSAGES):
            raise errors.missing_permissions()
        if (message.pinned_at is not None) == pinned:
            return
        message.pinned_at = self._world.now() if pinned else None
        if pinned:
            channel.last_pin_at = message.pinned_at
        self._world.emit_message("MESSAGE_UPDATE", message)
        self._world.publish("message_edited", message=message)


def _newest_first(channel: Channel, *, below: int | None) -> Iterator[DiscordMessage]:
    for message in reversed(channel.by_id.values()):
        if below is None or message.id < below:
            yield message


def _bad_reference(code: str, message: str) -> errors.DiscordError:
    problem = {"code": code, "message": message}
    return errors.invalid_form({"message_reference": {"_errors": [problem]}})
