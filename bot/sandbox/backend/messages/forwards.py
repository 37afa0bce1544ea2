"""Forwards: checks whether a message may be forwarded, and copies it into a snapshot.

A forward has no content of its own, see
https://discord.com/developers/docs/resources/message#message-reference-types.
"""

from dataclasses import replace

from bot.sandbox import errors
from bot.sandbox.backend.payloads.links import relinked
from bot.sandbox.backend.state.kinds import WRITTEN
from bot.sandbox.backend.state.model import Channel, DiscordMessage, Snapshot, User
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.backend.world import World


def find_original(world: World, actor: User, channel_id: int, message_id: int) -> DiscordMessage:
    """Return the message to forward.

    Raises Discord's errors 50001 (channel not seen), 160009 (no Read Message History), 50035
    (unknown message), 50021 (system message) or 160014 (content that the bot can't read).
    """
    source = world.channel(channel_id, actor)
    if not world.allowed(source, actor) & Permission.READ_MESSAGE_HISTORY:
        raise errors.cannot_reference_without_history()
    original = source.by_id.get(message_id)
    if original is None:
        raise errors.bad_reference("MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
    if original.type not in WRITTEN:
        raise errors.system_message()
    if actor is world.bot and not world.bot_reads(original):
        raise errors.cannot_forward_unread()
    return original


def take_snapshots(world: World, original: DiscordMessage, channel: Channel) -> list[Snapshot]:
    """Return the snapshots of a forward of the message into the channel.

    A forward of a forward shows what the first one shows: snapshots do not nest.
    """
    # The new forward copies the first snapshot, because the forward itself has no content.
    if original.snapshots:
        return [_copied(world, one, channel) for one in original.snapshots]
    snapshot = Snapshot(
        type=original.type,
        content=original.content,
        created_at=original.created_at,
        edited_at=original.edited_at,
        flags=original.flags,
        mentions=list(original.mentions),
        mention_roles=list(original.mention_roles),
        # A snapshot does not fetch links again, so the previews are copied.
        embeds=[*original.embeds, *original.previews],
        components=list(original.components),
        files=list(original.files),
        shown=set(original.shown),
        stickers=list(original.stickers),
    )
    return [_copied(world, snapshot, channel)]


def _copied(world: World, snapshot: Snapshot, channel: Channel) -> Snapshot:
    """Return the snapshot with copies of its files, which outlive the original message."""
    copies = {
        one.id: replace(one, id=world.ids.next(), channel_id=channel.id) for one in snapshot.files
    }
    for file in copies.values():
        world.attachments[file.id] = file
    now = world.now()
    return replace(
        snapshot,
        files=list(copies.values()),
        shown={copies[one].id for one in snapshot.shown},
        embeds=relinked(snapshot.embeds, copies, world.base, now),
        components=relinked(snapshot.components, copies, world.base, now),
    )
