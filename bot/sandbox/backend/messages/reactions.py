"""Operations on reactions."""

import unicodedata
from typing import Final

from bot.sandbox import errors
from bot.sandbox.backend.payloads import render
from bot.sandbox.backend.state.events import GatewayEvent, Intent
from bot.sandbox.backend.state.model import DiscordMessage, User
from bot.sandbox.backend.state.parts import Payload, Reaction
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.backend.world import World

MAX_EMOJIS: Final = 20


class Reactions:
    """Adds and removes reactions; a message has at most 20 different emojis."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add(self, message: DiscordMessage, actor: User, emoji: str) -> None:
        """Add a reaction; the first one of an emoji needs Add Reactions."""
        name, emoji_id = _parse(emoji)
        self._world.require(message.channel, actor, Permission.READ_MESSAGE_HISTORY)
        if message.channel.thread is not None and message.channel.thread.archived:
            raise errors.thread_archived()
        found = self._find(message, name, emoji_id)
        # Joining an existing reaction needs no permission, a first one needs Add Reactions.
        if found is None:
            self._world.require(message.channel, actor, Permission.ADD_REACTIONS)
            if len(message.reactions) >= MAX_EMOJIS:
                raise errors.too_many_reactions()
            found = Reaction(emoji_id, name)
            message.reactions.append(found)
        if actor.id not in found.users:
            found.users[actor.id] = None
            self._tell("MESSAGE_REACTION_ADD", message, actor, found)

    def remove(self, message: DiscordMessage, actor: User, whose: User, emoji: str) -> None:
        """Remove a reaction; another user's needs Manage Messages."""
        name, emoji_id = _parse(emoji)
        needed = Permission(0) if whose is actor else Permission.MANAGE_MESSAGES
        self._world.require(message.channel, actor, needed)
        found = self._find(message, name, emoji_id)
        if found is None:
            raise errors.unknown_emoji()
        if whose.id in found.users:
            del found.users[whose.id]
            if not found.users:
                message.reactions.remove(found)
            self._tell("MESSAGE_REACTION_REMOVE", message, whose, found)

    def clear(self, message: DiscordMessage, actor: User, emoji: str | None = None) -> None:
        """Remove all reactions, or all of one emoji; needs Manage Messages."""
        self._world.require(message.channel, actor, Permission.MANAGE_MESSAGES)
        payload = self._payload(message)
        if emoji is None:
            message.reactions.clear()
            name = "MESSAGE_REACTION_REMOVE_ALL"
        else:
            parsed, emoji_id = _parse(emoji)
            found = self._find(message, parsed, emoji_id)
            if found is None:
                raise errors.unknown_emoji()
            message.reactions.remove(found)
            payload["emoji"] = render.emoji(found.emoji_id, found.emoji_name)
            name = "MESSAGE_REACTION_REMOVE_EMOJI"
        self._emit(name, message, payload)

    def users(self, message: DiscordMessage, viewer: User, emoji: str) -> list[User]:
        """Return the users who reacted with an emoji."""
        self._world.require(message.channel, viewer, Permission.READ_MESSAGE_HISTORY)
        name, emoji_id = _parse(emoji)
        found = self._find(message, name, emoji_id)
        return [] if found is None else [self._world.users[one] for one in found.users]

    def _find(self, message: DiscordMessage, name: str, emoji_id: int | None) -> Reaction | None:
        for one in message.reactions:
            if (one.emoji_name, one.emoji_id) == (name, emoji_id):
                return one
        return None

    def _payload(self, message: DiscordMessage) -> Payload:
        payload: Payload = {
            "channel_id": str(message.channel.id),
            "message_id": str(message.id),
        }
        if message.channel.guild is not None:
            payload["guild_id"] = str(message.channel.guild.id)
        return payload

    def _tell(self, name: str, message: DiscordMessage, actor: User, reaction: Reaction) -> None:
        payload = {
            **self._payload(message),
            "user_id": str(actor.id),
            "emoji": render.emoji(reaction.emoji_id, reaction.emoji_name),
            "burst": False,
            "type": 0,
        }
        if name.endswith("ADD"):
            payload["message_author_id"] = str(message.author.id)
            guild = message.channel.guild
            if guild is not None:
                payload["member"] = render.member(guild.members[actor.id])
        self._emit(name, message, payload)

    def _emit(self, name: str, message: DiscordMessage, payload: Payload) -> None:
        guild = message.channel.guild
        intent = Intent.GUILD_MESSAGE_REACTIONS if guild else Intent.DIRECT_MESSAGE_REACTIONS
        self._world.emit(GatewayEvent(name, payload, intent, channel=message.channel))
        self._world.publish("reaction", message=message)


def _parse(emoji: str) -> tuple[str, int | None]:
    """Return the emoji's name and id.

    Raises Discord's error 10014 (unknown emoji) for any but Unicode emojis: the sandbox's guilds
    have no emojis of their own.
    """
    # Flags, keycaps and joined emojis are several characters: one pictorial among them is enough.
    if not emoji or not any(_is_pictorial(character) for character in emoji):
        raise errors.unknown_emoji()
    return emoji, None


def _is_pictorial(character: str) -> bool:
    return unicodedata.category(character) in ("So", "Sk") or character in "\u20e3\ufe0f"
