"""Operations on messages: posting, editing, deleting, reading the history, and pins."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bot.sandbox import errors
from bot.sandbox.backend.messages import mentions
from bot.sandbox.backend.messages.content import media
from bot.sandbox.backend.messages.content.drafts import Draft
from bot.sandbox.backend.messages.forwards import find_original, take_snapshots
from bot.sandbox.backend.messages.polls import Polls
from bot.sandbox.backend.messages.previews import LinkPreviews
from bot.sandbox.backend.places.threads import Threads
from bot.sandbox.backend.state.events import GatewayEvent, Intent
from bot.sandbox.backend.state.kinds import (
    NO_FLAGS,
    POST_CHANNELS,
    WRITTEN,
    ChannelType,
    MessageFlag,
    MessageType,
)
from bot.sandbox.backend.state.model import Channel, DiscordMessage, User
from bot.sandbox.backend.state.parts import Edit, Reference
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.backend.world import World

# "a few minutes", https://discord.com/developers/docs/resources/message#create-message
NONCE_SECONDS: Final = 300
OLD_SECONDS: Final = 3600
BULK_DELETE_SECONDS: Final = 14 * 24 * 3600


@dataclass(slots=True)
class OldEdits:
    """The limit for edits of messages older than an hour: ``allowed`` in ``window`` seconds."""

    allowed: int = 5
    window: float = 60.0


class Messages:
    """Operations on messages; they check permissions for people and the bot alike."""

    def __init__(
        self, world: World, threads: Threads, polls: Polls, previews: LinkPreviews
    ) -> None:
        self._world = world
        self._threads = threads
        self._polls = polls
        self._previews = previews
        self._nonces: dict[tuple[int, int, str], tuple[float, DiscordMessage]] = {}
        self.old_edits = OldEdits()

    def post(self, channel: Channel, author: User, draft: Draft) -> DiscordMessage:
        """Post a message and return it; raises ``DiscordError`` where the author may not."""
        self._may_post(channel, author, draft)
        # A retried request with an enforced nonce gets the message that the first one posted.
        again = self._seen_before(channel, author, draft)
        if again is not None:
            return again
        message = DiscordMessage(self._world.ids.next(), channel, author, draft.content or "")
        message.nonce = draft.nonce
        message.tts = draft.tts
        # Only an answer to an interaction can be ephemeral.
        if draft.flags is not None:
            draft.flags &= ~MessageFlag.EPHEMERAL
        self._refer(message, draft)
        self.fill(message, draft)
        self.publish(message)
        if draft.nonce is not None:
            key = (author.id, channel.id, str(draft.nonce))
            self._nonces[key] = (self._world.now(), message)
        return message

    def fill(self, message: DiscordMessage, draft: Draft) -> None:
        """Fill a new message from its draft and set whom it mentions and notifies."""
        if not draft.says_something:
            raise errors.empty_message()
        now = self._world.now()
        message.content = message.first_content = draft.content or ""
        message.embeds = draft.embeds or []
        message.components = draft.components or []
        message.flags |= draft.flags or NO_FLAGS
        message.files = draft.attachments or []
        message.poll, message.stickers = draft.poll, draft.stickers
        for attachment in message.files:
            attachment.ephemeral = message.ephemeral
            self._world.attachments[attachment.id] = attachment
        media.resolve(message, self._world.base, now)
        mentions.apply(message, draft.allowed_mentions, self._world.users, now)
        message.pings = mentions.notified(message, now)
        self._polls.opened(message)

    def publish(self, message: DiscordMessage) -> None:
        """Put a filled message into its channel and send it to everybody who sees the channel."""
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
        self._previews.look(message)

    def _may_post(self, channel: Channel, author: User, draft: Draft) -> None:
        if channel.type is ChannelType.CATEGORY:
            raise errors.not_a_text_channel()
        if channel.type in POST_CHANNELS:
            raise errors.forum_holds_posts()
        if channel.guild is None and not self._takes(channel, author):
            raise errors.cannot_message_user()
        needed = Permission.SEND_MESSAGES_IN_THREADS if channel.thread else Permission.SEND_MESSAGES
        if draft.embeds:
            needed |= Permission.EMBED_LINKS
        if draft.voice:
            needed |= Permission.SEND_VOICE_MESSAGES
        elif draft.attachments:
            needed |= Permission.ATTACH_FILES
        if draft.poll is not None:
            needed |= Permission.SEND_POLLS
        rights = self._world.require(channel, author, needed)
        if channel.thread is not None:
            self._threads.wake(channel, author)
        # Slowmode does not hold for bots and for moderators.
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
        if draft.forward is not None:
            original = find_original(self._world, message.author, *draft.forward)
            message.snapshots = take_snapshots(self._world, original, message.channel)
            message.flags |= MessageFlag.HAS_SNAPSHOT
            message.reference = _reference(original, forward=True)
        if draft.reply_to is None:
            return
        channel = message.channel
        rights = self._world.allowed(channel, message.author)
        if not rights & Permission.READ_MESSAGE_HISTORY:
            raise errors.cannot_reply_without_history()
        target = channel.by_id.get(draft.reply_to)
        if target is None:
            # The message is then posted as an ordinary one, without a reference.
            if not draft.reply_must_exist:
                return
            raise errors.bad_reference("MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
        if target.type not in WRITTEN:
            code = "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE"
            raise errors.bad_reference(code, "Cannot reply to a system message")
        message.type = MessageType.REPLY
        message.referenced = target
        message.reference = _reference(target)

    def edit(self, message: DiscordMessage, actor: User, draft: Draft) -> DiscordMessage:
        """Edit one's own message, or with Manage Messages the flags of another's.

        Raises Discord's errors 50005 (another's message), 50013 (missing permissions), 50021
        (system message), 50083 (archived thread), 50162 (voice message), 520003 (poll) or 30046
        (too many edits).
        """
        channel = message.channel
        self._world.require(channel, actor, Permission(0))
        if message.author is not actor:
            if not draft.only_flags:
                raise errors.not_the_author()
            self._world.require(channel, actor, Permission.MANAGE_MESSAGES)
        if message.type not in WRITTEN:
            raise errors.system_message()
        if message.flags & MessageFlag.IS_VOICE_MESSAGE and not draft.only_flags:
            raise errors.voice_message_edit()
        if message.poll is not None and not draft.only_flags:
            raise errors.poll_message_edit()
        # Posting unarchives a thread, editing does not.
        if channel.thread is not None and channel.thread.archived:
            raise errors.thread_archived()
        self._count_old_edit(message)
        return self.change(message, draft)

    def change(self, message: DiscordMessage, draft: Draft) -> DiscordMessage:
        """Change a message without checking permissions; send the change to all who see it."""
        now = self._world.now()
        keeps = draft.attachments if draft.attachments is not None else message.files
        content = message.content if draft.content is None else draft.content
        embeds = message.embeds if draft.embeds is None else draft.embeds
        components = message.components if draft.components is None else draft.components
        parts = (content, embeds, keeps, message.poll, message.stickers, message.snapshots)
        if not components and (message.v2 or draft.v2 or not any(parts)):
            raise errors.empty_message()
        message.content, message.embeds, message.components = content, embeds, components
        for attachment in keeps:
            attachment.ephemeral = message.ephemeral
            self._world.attachments[attachment.id] = attachment
        message.files = keeps
        media.resolve(message, self._world.base, now)
        if draft.flags is not None:
            # An edit may set or clear SUPPRESS_EMBEDS. It may set IS_COMPONENTS_V2 and never clear
            # it: https://discord.com/developers/docs/resources/message#edit-message
            kept = message.flags & ~MessageFlag.SUPPRESS_EMBEDS
            message.flags = kept | draft.flags & (
                MessageFlag.SUPPRESS_EMBEDS | MessageFlag.IS_COMPONENTS_V2
            )
        # A change of only the flags is no edit: "(edited)" does not appear.
        if draft.content is not None or not draft.only_flags:
            message.edited_at = now
            message.edits.append(Edit(now, message.content))
        if draft.content is not None:
            mentions.apply(message, draft.allowed_mentions, self._world.users, now)
        self.republish(message)
        return message

    def republish(self, message: DiscordMessage) -> None:
        """Send a message's new state to everybody who sees it, and look for links in it."""
        self._world.emit_message("MESSAGE_UPDATE", message)
        self._world.publish("message_edited", message=message)
        self._previews.look(message)

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
        """Delete one's own message, or another's with Manage Messages.

        Without an actor, permissions are not checked.
        """
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
            )
        )
        self._world.publish("message_deleted", message=message)

    def _remove(self, message: DiscordMessage) -> None:
        message.deleted = True
        snapshots = [file for one in message.snapshots for file in one.files]
        for attachment in (*message.files, *snapshots):
            self._world.attachments.pop(attachment.id, None)
        state = message.channel.thread
        if message.channel.by_id.pop(message.id, None) is not None and state is not None:
            state.message_count -= 1
        message.channel.ephemeral.pop(message.id, None)

    def delete_many(self, channel: Channel, actor: User, ids: list[int]) -> None:
        """Delete 2 to 100 messages at once; needs Manage Messages.

        Unknown ids are skipped. Raises Discord's error 50034 for a message older than 14 days.
        """
        if channel.guild is None:
            raise errors.not_in_dm()
        self._world.require(channel, actor, Permission.MANAGE_MESSAGES)
        found = [channel.by_id[one] for one in ids if one in channel.by_id]
        horizon = self._world.now() - BULK_DELETE_SECONDS
        if any(message.created_at < horizon for message in found):
            raise errors.too_old_to_bulk_delete()
        for message in found:
            self._remove(message)
        payload = {
            "ids": [str(message.id) for message in found],
            "channel_id": str(channel.id),
            "guild_id": str(channel.guild.id),
        }
        self._world.emit(
            GatewayEvent("MESSAGE_DELETE_BULK", payload, Intent.GUILD_MESSAGES, channel=channel)
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
        """Return messages, newest first; an empty list without Read Message History."""
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


def _reference(target: DiscordMessage, *, forward: bool = False) -> Reference:
    return Reference(target.channel.id, target.id, target.channel.guild_id, forward)
