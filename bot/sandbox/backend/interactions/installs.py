"""Where the application is installed, and what follows for an interaction.

An application is installed in a guild (its bot is a member) or by a person, who then has its
commands everywhere: https://discord.com/developers/docs/resources/application#installation-context
"""

from typing import Final

from bot.sandbox.backend.state import permissions
from bot.sandbox.backend.state.model import Channel, User
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.backend.world import World

GUILD_INSTALL: Final = 0
USER_INSTALL: Final = 1
IN_GUILD: Final = 0
IN_BOT_DM: Final = 1
IN_PRIVATE_CHANNEL: Final = 2

# The permissions of an application's answers where its bot is not a member. In a guild, the
# application also needs the person to have them.
_EXTERNAL_RIGHTS: Final = (
    Permission.ATTACH_FILES
    | Permission.EMBED_LINKS
    | Permission.MENTION_EVERYONE
    | Permission.USE_EXTERNAL_EMOJIS
)


def context_of(world: World, channel: Channel) -> int:
    """Return the interaction context of a channel: guild, DM with the bot, or private channel."""
    if channel.guild is not None:
        return IN_GUILD
    return IN_BOT_DM if world.bot in channel.recipients else IN_PRIVATE_CHANNEL


def owners_of(world: World, channel: Channel, user: User, types: list[int]) -> Payload:
    """Return the ``authorizing_integration_owners`` of an interaction.

    The keys are the types of installation (guild, user) that make the application available here;
    the values are the ids of the guild (0 in the bot's DM) and of the user. Without an installation
    the object is empty.

    ``types`` are the types of installation that the command supports.
    """
    found: Payload = {}
    context = context_of(world, channel)
    if GUILD_INSTALL in types:
        if channel.guild is not None and world.bot.id in channel.guild.members:
            found[str(GUILD_INSTALL)] = str(channel.guild.id)
        elif context == IN_BOT_DM:
            found[str(GUILD_INSTALL)] = "0"
    if USER_INSTALL in types and user.id in world.user_installs:
        found[str(USER_INSTALL)] = str(user.id)
    return found


def is_external(owners: Payload) -> bool:
    """Return whether the person has installed the application and the guild has not.

    ``owners`` is the result of ``owners_of``.
    """
    return str(GUILD_INSTALL) not in owners


def must_be_ephemeral(channel: Channel, user: User, owners: Payload, now: float) -> bool:
    """Return whether only the person sees the application's answers.

    https://discord.com/developers/docs/topics/permissions: without Use External Apps, answers of
    an application that is not installed in the guild are ephemeral.
    """
    if channel.guild is None or not is_external(owners):
        return False
    return not permissions.in_channel(channel, user, now=now) & Permission.USE_EXTERNAL_APPS


def app_permissions(world: World, channel: Channel, user: User) -> Permission:
    """Return the permissions with which the application answers the user in the channel."""
    now = world.now()
    if channel.guild is not None and world.bot.id not in channel.guild.members:
        return permissions.in_channel(channel, user, now=now) & _EXTERNAL_RIGHTS
    if context_of(world, channel) == IN_PRIVATE_CHANNEL:
        return _EXTERNAL_RIGHTS
    return permissions.in_channel(channel, world.bot, now=now)
