"""``/channel``: when and where the bot answers, how much it reads, and the tags that it sets."""

from collections.abc import Sequence
from typing import Final, Literal

import discord
from discord import app_commands

from bot.chat.commands.interaction_handler import (
    Interaction,
    InteractionHandler,
    answers_privately,
)
from bot.chat.commands.localization import Choices, matching
from bot.chat.places.channel_settings import (
    ANSWER,
    ANSWERED_TAG,
    CHANNEL_SETTING_NAMES,
    CONTEXT,
    MOST_CONTEXT,
    PEOPLE_ROLE,
    PEOPLE_TAG,
    REPLY_IN,
    ChannelSettings,
    ReplyIn,
    When,
)
from bot.chat.places.places import channel_ids, guild_of, named_place, place_id_of
from bot.chat.texts import sentences
from bot.chat.texts.fluent import RefusalError, localized

Place = Literal["channel", "here", "category", "server"]
"""The place that a rule is set for."""

TagName = app_commands.Range[str, 1, 100]

_NEEDED: Final = {
    "view_channel": "permission-view-channel",
    "read_message_history": "permission-read-history",
    "send_messages": "permission-send-messages",
    "send_messages_in_threads": "permission-send-in-threads",
    "create_public_threads": "permission-create-threads",
    "manage_threads": "permission-manage-threads",
}
"""The message with Discord's name of each permission that the settings may need."""


class ChannelCommands(InteractionHandler):
    """Handles ``/channel``."""

    @answers_privately
    async def show(self, interaction: Interaction) -> str:
        """Show the settings of this channel, and the permissions that the bot lacks for them."""
        return await self._overview(interaction)

    @answers_privately
    async def set(
        self,
        interaction: Interaction,
        answer: When | None = None,
        reply_in: ReplyIn | None = None,
        context: app_commands.Range[int, 0, MOST_CONTEXT] | None = None,
        answered_tag: TagName | None = None,
        people_tag: TagName | None = None,
        people_role: discord.Role | None = None,
        place: Place = "channel",
    ) -> str:
        """Set the named settings of a place; the others stay."""
        place_id = place_id_of(self._client, interaction, place)
        given = {
            ANSWER: answer,
            REPLY_IN: reply_in,
            CONTEXT: context,
            PEOPLE_ROLE: people_role and people_role.id,
            ANSWERED_TAG: answered_tag and self._tag(interaction, answered_tag),
            PEOPLE_TAG: people_tag and self._tag(interaction, people_tag),
        }
        values: dict[str, str | None] = {
            name: str(value) for name, value in given.items() if value is not None
        }
        if not values:
            raise RefusalError(localized("channel-nothing-to-set"))
        await self._ledger.settings.set(place_id, guild_of(interaction), values)
        return await self._overview(interaction)

    @answers_privately
    async def reset(self, interaction: Interaction, place: Place = "channel") -> str:
        """Reset all settings of a place."""
        place_id = place_id_of(self._client, interaction, place)
        none: dict[str, str | None] = dict.fromkeys(CHANNEL_SETTING_NAMES)
        await self._ledger.settings.set(place_id, guild_of(interaction), none)
        return await self._overview(interaction)

    async def tags(self, interaction: Interaction, typed: str) -> Choices:
        """Complete the name of a tag of this forum."""
        return matching(typed, ((tag.name, str(tag.id)) for tag in self._tags(interaction)))

    async def _overview(self, interaction: Interaction) -> str:
        channel_id, parent_id = channel_ids(interaction)
        guild_id = guild_of(interaction)
        settings = await self._services.channel_settings.of(guild_id, channel_id, parent_id)
        forum = self._forum(interaction)
        lines = [
            localized(f"channel-answer-is.{settings.answer}"),
            localized(f"channel-reply-is.{settings.reply_in}"),
            localized("channel-context-is", count=settings.context),
        ]
        if forum is None:
            facts: tuple[str, ...] = (ANSWER, REPLY_IN, CONTEXT)
        else:
            facts = (ANSWER, CONTEXT, ANSWERED_TAG, PEOPLE_TAG)
            lines.pop(1)
            for message_id, tag_id in (
                ("channel-answered-tag-is", settings.answered_tag),
                ("channel-people-tag-is", settings.people_tag),
            ):
                tag = None if tag_id is None else forum.get_tag(tag_id)
                name = localized("channel-no-tag-set") if tag is None else sentences.plain(tag.name)
                lines.append(localized(message_id, name=name))
        if settings.people_role is not None:
            lines.append(localized("channel-people-role-is", role=str(settings.people_role)))
            facts = (*facts, PEOPLE_ROLE)
        shown = [
            _with_source(line, settings.sources.get(fact), guild_id)
            for line, fact in zip(lines, facts, strict=True)
        ]
        reads_all = self._client.intents.message_content
        if not reads_all and (settings.answer in ("every", "posts") or settings.context):
            shown.append(localized("channel-without-content"))
        lacking = _lacking(interaction, settings, forum)
        if lacking:
            names = localized("list-separator").join(map(localized, lacking))
            shown.append(localized("channel-lacks", names=names))
        return "\n".join(shown)

    def _tag(self, interaction: Interaction, wanted: str) -> int:
        """Return the id of this forum's tag by id or name; raises ``RefusalError`` without one."""
        name = wanted.strip().casefold()
        for tag in self._tags(interaction):
            if name in (str(tag.id), tag.name.casefold()):
                return tag.id
        raise RefusalError(localized("channel-no-tag", name=sentences.plain(wanted)))

    def _tags(self, interaction: Interaction) -> Sequence[discord.ForumTag]:
        forum = self._forum(interaction)
        return () if forum is None else forum.available_tags

    def _forum(self, interaction: Interaction) -> discord.ForumChannel | None:
        channel_id, parent_id = channel_ids(interaction)
        channel = self._client.get_channel(parent_id or channel_id)
        return channel if isinstance(channel, discord.ForumChannel) else None


def _with_source(line: str, place_id: int | None, guild_id: int) -> str:
    source = localized("channel-source-config")
    if place_id is not None:
        source = localized("channel-source-place", place=named_place(place_id, guild_id))
    return localized("channel-line", line=line, source=source)


def _lacking(
    interaction: Interaction, settings: ChannelSettings, forum: discord.ForumChannel | None
) -> list[str]:
    """Return the messages with the names of the permissions that the bot lacks here."""
    needed = ["view_channel", "read_message_history"]
    if forum is not None or isinstance(interaction.channel, discord.Thread):
        needed.append("send_messages_in_threads")
    elif settings.reply_in == "thread":
        needed += ["send_messages", "create_public_threads", "send_messages_in_threads"]
    else:
        needed.append("send_messages")
    if forum is not None and (settings.answered_tag or settings.people_tag):
        needed.append("manage_threads")
    has = interaction.app_permissions
    return [_NEEDED[name] for name in needed if not getattr(has, name)]
