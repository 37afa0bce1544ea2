"""``/channel``: when and where the bot answers, what it reads before, and the tags it sets."""

from typing import Any, Final, Literal

import discord
from discord import app_commands

from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.commands.localization import Choices
from bot.chat.places.channel_rules import (
    ANSWER,
    ANSWERED_TAG,
    CONTEXT,
    MOST_CONTEXT,
    PEOPLE_ROLE,
    PEOPLE_TAG,
    REPLY_IN,
    RULE_NAMES,
    ChannelRules,
    ReplyIn,
    RuleBook,
    When,
)
from bot.chat.places.places import channel_ids, named_place, place_id_of
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Ledger

Place = Literal["channel", "here", "category", "server"]
"""The place that a rule is set for."""

TagName = app_commands.Range[str, 1, 100]

_MOST_CHOICES: Final = 25

_NEEDED: Final = {
    "view_channel": "permission-view-channel",
    "read_message_history": "permission-read-history",
    "send_messages": "permission-send-messages",
    "send_messages_in_threads": "permission-send-in-threads",
    "create_public_threads": "permission-create-threads",
    "manage_threads": "permission-manage-threads",
}
"""The message with Discord's name of each permission that the rules may need."""


class ChannelCommands:
    """Handles ``/channel``."""

    def __init__(
        self, client: discord.Client, ledger: Ledger, rest: RestRetry, rules: RuleBook
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._rules = rules

    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Show the rules of this channel, and the permissions that the bot lacks for them."""
        async with self._acknowledged(interaction) as response:
            await response.show(await self._shown(interaction))

    async def set(
        self,
        interaction: discord.Interaction[Any],
        answer: When | None = None,
        reply_in: ReplyIn | None = None,
        context: app_commands.Range[int, 0, MOST_CONTEXT] | None = None,
        answered_tag: TagName | None = None,
        people_tag: TagName | None = None,
        people_role: discord.Role | None = None,
        place: Place = "channel",
    ) -> None:
        """Set rules of a place; those that are left out stay."""
        async with self._acknowledged(interaction) as response:
            place_id = place_id_of(self._client, interaction, place)
            if place_id is None:
                await response.show(localized("place-no-category"))
                return
            values: dict[str, str | None] = {}
            if answer is not None:
                values[ANSWER] = answer
            if reply_in is not None:
                values[REPLY_IN] = reply_in
            if context is not None:
                values[CONTEXT] = str(context)
            if people_role is not None:
                values[PEOPLE_ROLE] = str(people_role.id)
            for name, wanted in ((ANSWERED_TAG, answered_tag), (PEOPLE_TAG, people_tag)):
                if wanted is None:
                    continue
                tag = self._tag(interaction, wanted)
                if tag is None:
                    await response.show(localized("channel-no-tag", name=sentences.plain(wanted)))
                    return
                values[name] = str(tag.id)
            if not values:
                await response.show(localized("channel-nothing-to-set"))
                return
            await self._ledger.settings.set(place_id, _guild_of(interaction), values)
            await response.show(await self._shown(interaction))

    async def reset(self, interaction: discord.Interaction[Any], place: Place = "channel") -> None:
        """Take all rules of a place back."""
        async with self._acknowledged(interaction) as response:
            place_id = place_id_of(self._client, interaction, place)
            if place_id is None:
                await response.show(localized("place-no-category"))
                return
            none: dict[str, str | None] = dict.fromkeys(RULE_NAMES)
            await self._ledger.settings.set(place_id, _guild_of(interaction), none)
            await response.show(await self._shown(interaction))

    async def tags(self, interaction: discord.Interaction[Any], typed: str) -> Choices:
        """Complete the name of a tag of this forum."""
        forum = self._forum(interaction)
        return [
            app_commands.Choice(name=tag.name, value=str(tag.id))
            for tag in ([] if forum is None else forum.available_tags)
            if typed.casefold() in tag.name.casefold()
        ][:_MOST_CHOICES]

    async def _shown(self, interaction: discord.Interaction[Any]) -> str:
        channel_id, parent_id = channel_ids(interaction)
        guild_id = _guild_of(interaction)
        rules = await self._rules.of(guild_id, channel_id, parent_id)
        forum = self._forum(interaction)
        lines = [
            localized(f"channel-answer-is.{rules.answer}"),
            localized(f"channel-reply-is.{rules.reply_in}"),
            localized("channel-context-is", count=rules.context),
        ]
        if forum is None:
            facts: tuple[str, ...] = (ANSWER, REPLY_IN, CONTEXT)
        else:
            facts = (ANSWER, CONTEXT, ANSWERED_TAG, PEOPLE_TAG)
            lines.pop(1)
            for message_id, tag_id in (
                ("channel-answered-tag-is", rules.answered_tag),
                ("channel-people-tag-is", rules.people_tag),
            ):
                tag = None if tag_id is None else forum.get_tag(tag_id)
                name = localized("channel-no-tag-set") if tag is None else sentences.plain(tag.name)
                lines.append(localized(message_id, name=name))
        if rules.people_role is not None:
            lines.append(localized("channel-people-role-is", role=str(rules.people_role)))
            facts = (*facts, PEOPLE_ROLE)
        shown = [
            _with_source(line, rules.sources.get(fact), guild_id)
            for line, fact in zip(lines, facts, strict=True)
        ]
        reads_all = self._client.intents.message_content
        if not reads_all and (rules.answer in ("every", "posts") or rules.context):
            shown.append(localized("channel-without-content"))
        lacking = _lacking(interaction, rules, forum)
        if lacking:
            names = localized("list-separator").join(map(localized, lacking))
            shown.append(localized("channel-lacks", names=names))
        return "\n".join(shown)

    def _tag(self, interaction: discord.Interaction[Any], wanted: str) -> discord.ForumTag | None:
        """Return the tag of this forum with an id or a name."""
        forum = self._forum(interaction)
        name = wanted.strip().casefold()
        return next(
            (
                tag
                for tag in ([] if forum is None else forum.available_tags)
                if name in (str(tag.id), tag.name.casefold())
            ),
            None,
        )

    def _forum(self, interaction: discord.Interaction[Any]) -> discord.ForumChannel | None:
        channel_id, parent_id = channel_ids(interaction)
        channel = self._client.get_channel(parent_id or channel_id)
        return channel if isinstance(channel, discord.ForumChannel) else None

    def _acknowledged(self, interaction: discord.Interaction[Any]) -> AcknowledgedInteraction:
        return AcknowledgedInteraction(interaction, self._rest, ephemeral=True)


def _guild_of(interaction: discord.Interaction[Any]) -> int:
    assert interaction.guild_id is not None  # the commands exist in servers alone
    return interaction.guild_id


def _with_source(line: str, place_id: int | None, guild_id: int) -> str:
    source = localized("channel-source-config")
    if place_id is not None:
        source = localized("channel-source-place", place=named_place(place_id, guild_id))
    return localized("channel-line", line=line, source=source)


def _lacking(
    interaction: discord.Interaction[Any], rules: ChannelRules, forum: discord.ForumChannel | None
) -> list[str]:
    """Return the messages with the names of the permissions that the bot lacks here."""
    needed = ["view_channel", "read_message_history"]
    if forum is not None or isinstance(interaction.channel, discord.Thread):
        needed.append("send_messages_in_threads")
    elif rules.reply_in == "thread":
        needed += ["send_messages", "create_public_threads", "send_messages_in_threads"]
    else:
        needed.append("send_messages")
    if forum is not None and (rules.answered_tag or rules.people_tag):
        needed.append("manage_threads")
    has = interaction.app_permissions
    return [_NEEDED[name] for name in needed if not getattr(has, name)]
