"""Finds whom a message mentions and whom Discord notifies, by text and allowed_mentions.

Rules: https://discord.com/developers/docs/resources/message#allowed-mentions-object.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from bot.sandbox.backend.state import permissions
from bot.sandbox.backend.state.kinds import MessageFlag
from bot.sandbox.backend.state.model import Channel, DiscordMessage, User
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.forms import Form

_CODE: Final = re.compile(r"```.*?```|``.*?``|`[^`]*`", re.DOTALL)
_USER: Final = re.compile(r"<@!?(\d{1,20})>")
_ROLE: Final = re.compile(r"<@&(\d{1,20})>")
_EVERYONE: Final = re.compile(r"@(?:everyone|here)\b")

Kind = Literal["users", "roles", "everyone"]


@dataclass(slots=True)
class AllowedMentions:
    """The mentions that a sender permits; by default all of them."""

    parse: set[str] = field(default_factory=lambda: {"users", "roles", "everyone"})
    users: set[int] = field(default_factory=set)
    roles: set[int] = field(default_factory=set)
    replied_user: bool = True

    def permits(self, kind: Kind, target: int) -> bool:
        """Return whether this user or role may be mentioned."""
        listed = self.users if kind == "users" else self.roles
        return kind in self.parse or target in listed


def read_allowed_mentions(form: Form | None) -> AllowedMentions:
    """Return the allowed_mentions object of a request; notes errors on the form."""
    if form is None:
        return AllowedMentions()
    parse = form.raw("parse", [])
    if not isinstance(parse, list):
        form.problem("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType", "parse")
        parse = []
    for index, kind in enumerate(parse):
        if kind not in ("users", "roles", "everyone"):
            message = "Value must be one of ('users', 'roles', 'everyone')."
            form.problem("BASE_TYPE_CHOICES", message, "parse", str(index))
    users = form.snowflakes("users", most=100) or []
    roles = form.snowflakes("roles", most=100) or []
    for kind, listed in (("users", users), ("roles", roles)):
        if listed and kind in parse:
            message = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            form.problem("MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
    return AllowedMentions(
        parse={kind for kind in parse if isinstance(kind, str)},
        users={user for user in users if user is not None},
        roles={role for role in roles if role is not None},
        replied_user=bool(form.boolean("replied_user", False)),
    )


def apply(
    message: DiscordMessage, allowed: AllowedMentions, known: dict[int, User], now: float
) -> None:
    """Set the message's mentions from its content; ``known`` maps ids to all users."""
    # A mention inside code mentions nobody.
    text = _CODE.sub(" ", message.content)
    users: dict[int, User] = {}
    for found in _USER.findall(text):
        user = known.get(int(found))
        if user is not None and allowed.permits("users", user.id):
            users[user.id] = user
    # An answer to an interaction refers to a message without mentioning its author.
    by_hand = message.interaction_metadata is None
    if message.referenced is not None and by_hand and allowed.replied_user:
        users.setdefault(message.referenced.author.id, message.referenced.author)
    message.mentions = list(users.values())
    message.mention_roles = []
    message.mention_everyone = False
    guild = message.channel.guild
    if guild is None:
        return
    rights = permissions.in_channel(message.channel, message.author, now=now)
    # A role that is not mentionable, and @everyone, need Mention Everyone.
    loud = bool(rights & Permission.MENTION_EVERYONE) or message.interaction_metadata is not None
    message.mention_roles = list(
        dict.fromkeys(
            role
            for role in map(int, _ROLE.findall(text))
            if role in guild.roles
            and role != guild.id
            and allowed.permits("roles", role)
            and (loud or guild.roles[role].mentionable)
        )
    )
    message.mention_everyone = bool(loud and "everyone" in allowed.parse and _EVERYONE.search(text))


def notified(message: DiscordMessage, now: float) -> set[int]:
    """Return the ids of the notified users: those who see the channel, without the author."""
    # A silent message mentions people and notifies none of them.
    if message.flags & MessageFlag.SUPPRESS_NOTIFICATIONS:
        return set()
    channel = message.channel
    targets = {user.id: user for user in message.mentions}
    if channel.guild is not None:
        for member in channel.guild.members.values():
            if message.mention_everyone or member.roles.intersection(message.mention_roles):
                targets[member.user.id] = member.user
    targets.pop(message.author.id, None)
    return {user.id for user in targets.values() if _sees(channel, user, now)}


def _sees(channel: Channel, user: User, now: float) -> bool:
    return bool(permissions.in_channel(channel, user, now=now) & Permission.VIEW_CHANNEL)
