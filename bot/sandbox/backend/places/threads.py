"""Operations on channel threads: start, join, archive by hand or by idleness, lock.

Rules: https://discord.com/developers/docs/topics/threads.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox import errors
from bot.sandbox.backend.payloads import render
from bot.sandbox.backend.places.channels import ARCHIVE_MINUTES
from bot.sandbox.backend.places.forums import MAX_APPLIED_TAGS, check_tags, note_unknown_tags
from bot.sandbox.backend.state.events import GatewayEvent, Intent
from bot.sandbox.backend.state.kinds import (
    WRITTEN,
    ChannelFlag,
    ChannelType,
    MessageFlag,
    MessageType,
)
from bot.sandbox.backend.state.model import Channel, DiscordMessage, ThreadState, User
from bot.sandbox.backend.state.parts import Payload, Reference
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.backend.world import World
from bot.sandbox.forms import Form


@dataclass(slots=True, frozen=True)
class ThreadSettings:
    """The settings of a new thread; the slowmode is in seconds."""

    name: str
    archive_minutes: int
    slowmode: int


class Threads:
    """Operations on channel threads; a timer archives a thread that was idle for long enough."""

    def __init__(self, world: World) -> None:
        self._world = world

    def from_message(self, message: DiscordMessage, actor: User, form: Form) -> Channel:
        """Start a thread on a message; raises Discord's error 160004 where the message has one."""
        parent = message.channel
        self._world.require(parent, actor, Permission.CREATE_PUBLIC_THREADS)
        self._may_have_threads(parent)
        settings = self.read(form, parent)
        form.finish()
        if message.id in self._world.channels or message.thread is not None:
            raise errors.thread_exists()
        if message.type not in WRITTEN:
            raise errors.system_message()
        # The thread has the id of its message: a client finds one by the other.
        thread = self.make(message.id, parent, actor, settings)
        message.thread = thread
        message.flags |= MessageFlag.HAS_THREAD
        starter = DiscordMessage(
            self._world.ids.next(), thread, message.author, type=MessageType.THREAD_STARTER_MESSAGE
        )
        starter.reference = Reference(parent.id, message.id, parent.guild_id)
        starter.referenced = message
        starter.position = 0
        thread.by_id[starter.id] = starter
        thread.last_message_id = starter.id
        self.announce(thread, actor)
        self._world.emit_message("MESSAGE_CREATE", starter)
        self._world.emit_message("MESSAGE_UPDATE", message)
        return thread

    def without_message(
        self, parent: Channel, actor: User, form: Form, post: Callable[[DiscordMessage], None]
    ) -> Channel:
        """Start a thread without a message.

        ``post`` posts the channel's notice of a new public thread.
        """
        self._may_have_threads(parent)
        settings = self.read(form, parent)
        kinds = {ChannelType.PUBLIC_THREAD, ChannelType.PRIVATE_THREAD}
        kind = form.integer("type", ChannelType.PRIVATE_THREAD, one_of=kinds)
        invitable = form.boolean("invitable", True)
        form.finish()
        private = kind == ChannelType.PRIVATE_THREAD
        self._world.require(
            parent,
            actor,
            Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS,
        )
        thread = self.make(self._world.ids.next(), parent, actor, settings, private=private)
        thread.thread_state.invitable = bool(invitable)
        self.announce(thread, actor)
        if not private:
            notice = DiscordMessage(
                self._world.ids.next(), parent, actor, thread.name, MessageType.THREAD_CREATED
            )
            notice.reference = Reference(thread.id, None, parent.guild_id)
            post(notice)
        return thread

    def _may_have_threads(self, parent: Channel) -> None:
        if parent.type is not ChannelType.TEXT:
            raise errors.wrong_channel_type()

    def read(self, form: Form, parent: Channel) -> ThreadSettings:
        """Return the settings of a new thread; the parent gives those that the request lacks."""
        form.required("name")
        name = form.text("name", least=1, most=100) or ""
        minutes = form.integer(
            "auto_archive_duration", parent.auto_archive_minutes, one_of=ARCHIVE_MINUTES
        )
        slowmode = form.integer("rate_limit_per_user", parent.thread_slowmode, least=0, most=21600)
        return ThreadSettings(name.strip(), minutes or parent.auto_archive_minutes, slowmode or 0)

    def make(
        self,
        thread_id: int,
        parent: Channel,
        owner: User,
        settings: ThreadSettings,
        *,
        private: bool = False,
    ) -> Channel:
        """Create a thread with its owner as the only member, without sending an event."""
        now = self._world.now()
        kind = ChannelType.PRIVATE_THREAD if private else ChannelType.PUBLIC_THREAD
        thread = Channel(
            thread_id,
            kind,
            settings.name,
            parent.guild,
            parent,
            slowmode=settings.slowmode,
            nsfw=parent.nsfw,
        )
        thread.thread = ThreadState(
            owner.id,
            now,
            settings.archive_minutes,
            private=private,
            archived_at=now,
            members={owner.id: now},
        )
        assert parent.guild is not None
        parent.guild.thread_ids[thread.id] = thread
        self._world.channels[thread.id] = thread
        self._archive_later(thread)
        return thread

    def announce(self, thread: Channel, actor: User) -> None:
        """Send THREAD_CREATE to everybody who sees the new thread."""
        assert thread.guild is not None
        payload = {**render.thread_for(thread, actor), "newly_created": True}
        if actor is not self._world.bot:
            payload.pop("member", None)
        event = GatewayEvent("THREAD_CREATE", payload, Intent.GUILDS, channel=thread)
        self._world.emit(event)
        self._world.publish("thread_created", channel=thread)

    def add_member(self, thread: Channel, user: User) -> None:
        """Add a user to the thread; does nothing for a member of it."""
        state = thread.thread_state
        assert thread.guild is not None
        if user.id in state.members:
            return
        state.members[user.id] = self._world.now()
        added = {
            **render.thread_member(thread, user.id),
            "member": render.member(thread.guild.members[user.id]),
            "presence": None,
        }
        self._emit_members(thread, added=[added], about=user)
        if user is self._world.bot:
            payload = {**render.thread_for(thread, user)}
            event = GatewayEvent(
                "THREAD_CREATE",
                payload,
                Intent.GUILDS,
                only=frozenset({user.id}),
                guild_id=thread.guild.id,
            )
            self._world.emit(event)
        self._world.publish("thread_changed", channel=thread)

    def remove_member(self, thread: Channel, user_id: int) -> None:
        """Remove a user from the thread.

        Raises Discord's error 10007 (unknown member) where they are not in it.
        """
        state = thread.thread_state
        if state.members.pop(user_id, None) is None:
            raise errors.unknown_member()
        self._emit_members(thread, removed=[str(user_id)], about=self._world.users[user_id])
        self._world.publish("thread_changed", channel=thread)

    def _emit_members(
        self,
        thread: Channel,
        *,
        about: User,
        added: list[Payload] | None = None,
        removed: list[str] | None = None,
    ) -> None:
        payload: Payload = {
            "id": str(thread.id),
            "guild_id": str(thread.guild_id),
            "member_count": min(50, len(thread.thread_state.members)),
        }
        if added:
            payload["added_members"] = added
        if removed:
            payload["removed_member_ids"] = removed
        intent = Intent.GUILDS if about is self._world.bot else Intent.GUILD_MEMBERS
        self._world.emit(GatewayEvent("THREAD_MEMBERS_UPDATE", payload, intent, channel=thread))

    def modify(self, thread: Channel, actor: User, form: Form) -> None:
        """Change a thread from a request.

        The owner may change all but lock, slowmode and flags; Manage Threads allows everything.
        """
        world = self._world
        state = thread.thread_state
        name = form.text("name", least=1, most=100)
        archived = form.boolean("archived", None)
        locked = form.boolean("locked", None)
        invitable = form.boolean("invitable", None)
        minutes = form.integer("auto_archive_duration", one_of=ARCHIVE_MINUTES)
        slowmode = form.integer("rate_limit_per_user", least=0, most=21600)
        tags = form.snowflakes("applied_tags", most=MAX_APPLIED_TAGS)
        flags = form.integer("flags")
        rights = world.require(thread, actor, Permission(0))
        manages = bool(rights & Permission.MANAGE_THREADS)
        forum = thread.parent if tags is not None else None
        if forum is not None:
            note_unknown_tags(forum, tags or [], form)
        form.finish()
        if forum is not None:
            check_tags(forum, tags or [], rights)
        only_unarchives = archived is False and all(
            value is None for value in (name, locked, invitable, minutes, slowmode, tags, flags)
        )
        if not manages:
            if state.locked or any(one is not None for one in (locked, slowmode, flags)):
                raise errors.missing_permissions()
            if only_unarchives:
                world.require(thread, actor, Permission.SEND_MESSAGES_IN_THREADS)
            elif state.owner_id != actor.id:
                raise errors.missing_permissions()
        if state.archived and archived is not False and (name is not None or minutes is not None):
            raise errors.thread_archived()
        if name is not None:
            thread.name = name.strip()
        state.applied_tags = state.applied_tags if tags is None else tags
        thread.flags = thread.flags if flags is None else ChannelFlag(flags & ChannelFlag.PINNED)
        state.locked = state.locked if locked is None else locked
        state.invitable = state.invitable if invitable is None else invitable
        thread.slowmode = thread.slowmode if slowmode is None else slowmode
        state.auto_archive_minutes = minutes or state.auto_archive_minutes
        if archived is not None and archived != state.archived:
            state.archived = archived
            state.archived_at = world.now()
        self.changed(thread)
        self._archive_later(thread)

    def wake(self, thread: Channel, actor: User) -> None:
        """Unarchive a thread because somebody posts.

        Raises Discord's error 160005 where the thread is locked and the actor may not unlock it.
        """
        state = thread.thread_state
        manages = self._world.allowed(thread, actor) & Permission.MANAGE_THREADS
        if state.locked and not manages:
            raise errors.thread_locked()
        if state.archived:
            state.archived = False
            state.archived_at = self._world.now()
            self.changed(thread)

    def posted(self, thread: Channel, message: DiscordMessage) -> None:
        """Count a message, add its author and the mentioned members, and restart the idle timer."""
        state = thread.thread_state
        assert thread.guild is not None
        message.position = state.total_sent
        # The first message of a forum post is not counted, see
        # https://discord.com/developers/docs/resources/channel#channel-object
        if message.id != thread.id:
            state.total_sent += 1
            state.message_count += 1
        for user in (message.author, *message.mentions):
            if user.id in thread.guild.members and user.id not in state.members:
                if user is not message.author and user.id not in message.pings:
                    continue
                self.add_member(thread, user)
        self._archive_later(thread)

    def set_state(
        self, thread: Channel, *, locked: bool | None = None, archived: bool | None = None
    ) -> None:
        """Lock, unlock, archive or unarchive a thread without checking permissions."""
        state = thread.thread
        if state is None:
            raise ValueError(f"{thread.name!r} is not a channel thread")
        state.locked = state.locked if locked is None else locked
        if archived is not None and archived != state.archived:
            state.archived, state.archived_at = archived, self._world.now()
        self.changed(thread)

    def changed(self, thread: Channel) -> None:
        """Send a thread's new state to everybody who sees it."""
        self._world.emit_channel("THREAD_UPDATE", thread)
        self._world.publish("thread_changed", channel=thread)

    def _idle_until(self, thread: Channel) -> float:
        state = thread.thread_state
        last = state.archived_at
        if thread.by_id:
            last = max(last, next(reversed(thread.by_id.values())).created_at)
        return last + state.auto_archive_minutes * 60

    def _archive_later(self, thread: Channel) -> None:
        """Set the thread's one timer for when it may have been idle for long enough."""
        state = thread.thread_state
        due = self._idle_until(thread)
        if state.look is not None:
            if state.look.when <= due:
                return
            state.look.cancel()
        state.look = self._world.clock.call_at(due, lambda: self._archive_if_idle(thread))

    def _archive_if_idle(self, thread: Channel) -> None:
        state = thread.thread_state
        state.look = None
        if state.archived or thread.deleted:
            return
        if self._world.now() < self._idle_until(thread):
            self._archive_later(thread)
            return
        state.archived = True
        state.archived_at = self._world.now()
        self.changed(thread)
