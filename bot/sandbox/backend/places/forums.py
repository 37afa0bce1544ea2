"""What only forums and media channels have: tags for their posts, and how the posts are shown.

https://discord.com/developers/docs/topics/threads#forums
"""

from dataclasses import dataclass
from typing import Final

from bot.sandbox import errors
from bot.sandbox.backend.state.kinds import ChannelFlag
from bot.sandbox.backend.state.model import Channel
from bot.sandbox.backend.state.parts import ForumTag
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.forms import Form
from bot.sandbox.snowflake import Snowflakes

MAX_TAGS: Final = 20
MAX_APPLIED_TAGS: Final = 5


def read_settings(channel: Channel, form: Form, ids: Snowflakes) -> "ForumSettings":
    """Return the fields of a request that only a forum or media channel has.

    Errors are noted on the form. Raises Discord's error 40061 where two tags share a name.
    """
    settings = ForumSettings()
    tags = form.forms("available_tags", most=MAX_TAGS)
    if tags is not None:
        known = {tag.id for tag in channel.available_tags}
        settings.tags = [_read_tag(one, known, ids) for one in tags]
        names = [tag.name for tag in settings.tags]
        if len(set(names)) < len(names):
            raise errors.tag_names_not_unique()
    if "flags" in form:
        flags = form.integer("flags", 0) or 0
        settings.flags = ChannelFlag(flags & ChannelFlag.REQUIRE_TAG)
    emoji = form.form("default_reaction_emoji")
    if emoji is not None:
        settings.emoji = emoji.text("emoji_name")
        emoji.ignore("emoji_id")
    settings.sort_order = form.integer("default_sort_order", one_of={0, 1})
    settings.layout = form.integer("default_forum_layout", one_of={0, 1, 2})
    return settings


def _read_tag(form: Form, known: set[int], ids: Snowflakes) -> ForumTag:
    form.required("name")
    told = form.snowflake("id")
    name = form.text("name", least=1, most=20) or ""
    form.ignore("emoji_id")
    return ForumTag(
        told if told in known and told is not None else ids.next(),
        name,
        bool(form.boolean("moderated", False)),
        form.text("emoji_name", most=100),
    )


@dataclass(slots=True)
class ForumSettings:
    """What a request changes of a forum; None leaves a setting as it is."""

    tags: list[ForumTag] | None = None
    flags: ChannelFlag | None = None
    emoji: str | None = None
    sort_order: int | None = None
    layout: int | None = None

    def apply(self, channel: Channel) -> None:
        """Give the channel these settings."""
        if self.tags is not None:
            channel.available_tags = self.tags
        channel.flags = channel.flags if self.flags is None else self.flags
        channel.default_emoji = self.emoji or channel.default_emoji
        channel.sort_order = channel.sort_order if self.sort_order is None else self.sort_order
        channel.layout = channel.layout if self.layout is None else self.layout


def note_unknown_tags(forum: Channel, tags: list[int], form: Form) -> None:
    """Note an error on the form if the forum does not have all of the tags."""
    known = {tag.id for tag in forum.available_tags}
    for index, tag_id in enumerate(tags):
        if tag_id not in known:
            form.problem("FORUM_TAG_UNKNOWN", "Unknown tag", "applied_tags", str(index))


def check_tags(forum: Channel, tags: list[int], rights: Permission) -> None:
    """Check that somebody with the permissions ``rights`` may give a post these tags.

    Raises Discord's error 40067 where the forum requires a tag and none is given, and 50013
    (missing permissions) for a moderated tag without Manage Threads.
    """
    moderated = {tag.id for tag in forum.available_tags if tag.moderated}
    if moderated.intersection(tags) and not rights & Permission.MANAGE_THREADS:
        raise errors.missing_permissions()
    if forum.flags & ChannelFlag.REQUIRE_TAG and not tags:
        raise errors.tag_required()
