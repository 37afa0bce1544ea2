"""Operations on channels, DMs and their permission overwrites."""

from typing import Final

from bot.sandbox import errors
from bot.sandbox.backend.payloads import render
from bot.sandbox.backend.places.forums import read_settings
from bot.sandbox.backend.state.events import GatewayEvent, Intent
from bot.sandbox.backend.state.kinds import POST_CHANNELS, ChannelType
from bot.sandbox.backend.state.model import Channel, Guild, Overwrite, User
from bot.sandbox.backend.state.permission_bits import ALL, Permission
from bot.sandbox.backend.state.permissions import in_guild
from bot.sandbox.backend.world import World
from bot.sandbox.forms import Form

ARCHIVE_MINUTES: Final = {60, 1440, 4320, 10080}


class Channels:
    """Operations on channels; each change is sent to everybody who sees the channel."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add(
        self,
        guild: Guild,
        name: str,
        kind: ChannelType = ChannelType.TEXT,
        *,
        parent: Channel | None = None,
        topic: str | None = None,
    ) -> Channel:
        """Add a channel to a guild, with the overwrites of its category; return it."""
        world = self._world
        channel = Channel(
            world.ids.next(), kind, name, guild, parent, len(guild.channels), topic=topic
        )
        if parent is not None:
            channel.overwrites = {
                one.id: Overwrite(one.id, one.kind, one.allow, one.deny)
                for one in parent.overwrites.values()
            }
        guild.channels[channel.id] = channel
        world.channels[channel.id] = channel
        world.emit_channel("CHANNEL_CREATE", channel)
        world.publish("channel_created", channel=channel)
        return channel

    def create(self, guild: Guild, actor: User, form: Form) -> Channel:
        """Create a channel from a request; needs Manage Channels."""
        if not in_guild(guild, actor) & Permission.MANAGE_CHANNELS:
            raise errors.missing_permissions()
        form.required("name")
        name = form.text("name", least=1, most=100) or ""
        kinds = {ChannelType.TEXT, ChannelType.CATEGORY, ChannelType.ANNOUNCEMENT, *POST_CHANNELS}
        kind = form.integer("type", 0)
        topic = form.text("topic", most=1024)
        parent_id = form.snowflake("parent_id")
        overwrites = self._read_overwrites(form)
        position = form.integer("position", len(guild.channels), least=0)
        nsfw = form.boolean("nsfw", False)
        slowmode = form.integer("rate_limit_per_user", 0, least=0, most=21600)
        minutes = form.integer("default_auto_archive_duration", 4320, one_of=ARCHIVE_MINUTES)
        if kind not in kinds:
            raise errors.Unsupported(f"{form.where}: channel type {kind} is not in the sandbox")
        parent = None if parent_id is None else guild.channels.get(parent_id)
        if parent_id is not None and (parent is None or parent.type is not ChannelType.CATEGORY):
            form.problem("CHANNEL_PARENT_INVALID", "Category does not exist", "parent_id")
        forum = Channel(0, ChannelType.FORUM)
        settings = read_settings(forum, form, self._world.ids) if kind in POST_CHANNELS else None
        form.finish()
        channel = self.add(
            guild,
            _channel_name(name, ChannelType(kind)),
            ChannelType(kind),
            parent=parent,
            topic=topic,
        )
        channel.position = position or 0
        channel.nsfw = bool(nsfw)
        channel.slowmode = slowmode or 0
        channel.auto_archive_minutes = minutes or 4320
        if overwrites is not None:
            channel.overwrites = overwrites
        if settings is not None:
            settings.apply(channel)
        self.changed(channel)
        return channel

    def modify(self, channel: Channel, actor: User, form: Form) -> Channel:
        """Change a guild channel; needs Manage Channels. Threads: see ``Threads.modify``."""
        if channel.guild is None:
            raise errors.not_in_dm()
        self._world.require(channel, actor, Permission.MANAGE_CHANNELS)
        name = form.text("name", least=1, most=100)
        topic = form.text("topic", most=1024)
        slowmode = form.integer("rate_limit_per_user", least=0, most=21600)
        nsfw = form.boolean("nsfw", None)
        minutes = form.integer("default_auto_archive_duration", one_of=ARCHIVE_MINUTES)
        thread_slowmode = form.integer("default_thread_rate_limit_per_user", least=0, most=21600)
        position = form.integer("position", least=0)
        overwrites = self._read_overwrites(form)
        has_parent = "parent_id" in form
        parent_id = form.snowflake("parent_id")
        has_topic = "topic" in form
        settings = None
        if channel.type in POST_CHANNELS:
            settings = read_settings(channel, form, self._world.ids)
        form.finish()
        if name is not None:
            channel.name = _channel_name(name, channel.type)
        if has_topic:
            channel.topic = topic
        if has_parent:
            channel.parent = None if parent_id is None else channel.guild.channels.get(parent_id)
        channel.slowmode = channel.slowmode if slowmode is None else slowmode
        channel.nsfw = channel.nsfw if nsfw is None else nsfw
        channel.auto_archive_minutes = minutes or channel.auto_archive_minutes
        channel.thread_slowmode = (
            channel.thread_slowmode if thread_slowmode is None else thread_slowmode
        )
        channel.position = channel.position if position is None else position
        if settings is not None:
            settings.apply(channel)
        if overwrites is not None:
            channel.overwrites = overwrites
        self.changed(channel)
        return channel

    def changed(self, channel: Channel) -> None:
        """Send a channel's new state to everybody who sees it."""
        name = "CHANNEL_UPDATE" if channel.thread is None else "THREAD_UPDATE"
        self._world.emit_channel(name, channel)
        self._world.publish(
            "channel_changed" if channel.thread is None else "thread_changed", channel=channel
        )

    def delete(self, channel: Channel, actor: User | None) -> None:
        """Delete a channel or thread, its messages and its threads; a DM is only closed."""
        world = self._world
        if channel.guild is None:
            return
        if actor is not None:
            needed = Permission.MANAGE_THREADS if channel.thread else Permission.MANAGE_CHANNELS
            world.require(channel, actor, needed)
        for thread in channel.threads:
            self._forget(thread)
        if channel.thread is not None:
            payload = {
                "id": str(channel.id),
                "guild_id": str(channel.guild.id),
                "parent_id": None if channel.parent is None else str(channel.parent.id),
                "type": int(channel.type),
            }
            event = GatewayEvent("THREAD_DELETE", payload, Intent.GUILDS, channel=channel)
            world.emit(event)
        else:
            world.emit_channel("CHANNEL_DELETE", channel)
        self._forget(channel)
        world.publish("channel_deleted", channel=channel)

    def _forget(self, channel: Channel) -> None:
        channel.deleted = True
        self._world.channels.pop(channel.id, None)
        if channel.guild is not None:
            channel.guild.channels.pop(channel.id, None)
            channel.guild.thread_ids.pop(channel.id, None)

    def open_dm(self, one: User, other: User) -> Channel:
        """Return the DM channel of two users; the first call creates it."""
        world = self._world
        for channel in world.channels.values():
            if channel.type is ChannelType.DM and set(channel.recipients) == {one, other}:
                return channel
        channel = Channel(world.ids.next(), ChannelType.DM, recipients=[one, other])
        world.channels[channel.id] = channel
        world.emit(
            GatewayEvent(
                "CHANNEL_CREATE",
                render.channel(channel),
                only=frozenset({one.id, other.id} - {world.bot.id}),
            )
        )
        world.publish("channel_created", channel=channel)
        return channel

    def open_group(self, owner: User, others: list[User], name: str) -> Channel:
        """Create a group DM and return it."""
        people = [owner, *others]
        channel = Channel(
            self._world.ids.next(), ChannelType.GROUP_DM, name, recipients=people, owner_id=owner.id
        )
        self._world.channels[channel.id] = channel
        only = frozenset(one.id for one in people)
        self._world.emit(GatewayEvent("CHANNEL_CREATE", render.channel(channel), only=only))
        self._world.publish("channel_created", channel=channel)
        return channel

    def start_typing(self, channel: Channel, actor: User) -> None:
        """Show that somebody is typing, for ten seconds or until they post."""
        world = self._world
        needed = Permission.SEND_MESSAGES_IN_THREADS if channel.thread else Permission.SEND_MESSAGES
        world.require(channel, actor, needed)
        channel.typing[actor.id] = world.now() + 10
        payload = {
            "channel_id": str(channel.id),
            "user_id": str(actor.id),
            "timestamp": int(world.now()),
        }
        if channel.guild is not None:
            payload["guild_id"] = str(channel.guild.id)
            payload["member"] = render.member(channel.guild.members[actor.id])
        intent = Intent.GUILD_MESSAGE_TYPING if channel.guild else Intent.DIRECT_MESSAGE_TYPING
        world.emit(GatewayEvent("TYPING_START", payload, intent, channel=channel))
        world.publish("typing", channel=channel, detail=actor)

    def set_overwrite(self, channel: Channel, actor: User, target: int, form: Form) -> None:
        """Set one overwrite; needs Manage Roles."""
        if channel.guild is None:
            raise errors.not_in_dm()
        self._world.require(channel, actor, Permission.MANAGE_ROLES)
        kind = form.integer("type", one_of={0, 1})
        allow = form.integer("allow", 0)
        deny = form.integer("deny", 0)
        form.required("type")
        form.ignore("id")  # discord.py sends it too; the path says it
        form.finish()
        channel.overwrites[target] = Overwrite(
            target, kind or 0, Permission(allow or 0) & ALL, Permission(deny or 0) & ALL
        )
        self.changed(channel)

    def remove_overwrite(self, channel: Channel, actor: User, target: int) -> None:
        """Remove one overwrite; needs Manage Roles."""
        self._world.require(channel, actor, Permission.MANAGE_ROLES)
        if channel.overwrites.pop(target, None) is None:
            raise errors.unknown_overwrite()
        self.changed(channel)

    def _read_overwrites(self, form: Form) -> dict[int, Overwrite] | None:
        forms = form.forms("permission_overwrites", most=100)
        if forms is None:
            return None
        found: dict[int, Overwrite] = {}
        for one in forms:
            one.required("id")
            target = one.snowflake("id") or 0
            kind = one.integer("type", 0, one_of={0, 1}) or 0
            allow = Permission(one.integer("allow", 0) or 0)
            found[target] = Overwrite(
                target, kind, allow & ALL, Permission(one.integer("deny", 0) or 0) & ALL
            )
        return found


def _channel_name(name: str, kind: ChannelType) -> str:
    """Return a channel's name as Discord stores it: lower case with hyphens for text channels."""
    if kind is ChannelType.CATEGORY:
        return name
    return "-".join(name.strip().lower().split())
