"""Operations on guilds, members and roles."""

from bot.sandbox import errors
from bot.sandbox.backend.payloads import render
from bot.sandbox.backend.state.events import GatewayEvent, Intent
from bot.sandbox.backend.state.model import Guild, Member, Role, User
from bot.sandbox.backend.state.parts import Payload, Sticker
from bot.sandbox.backend.state.permission_bits import EVERYONE, Permission
from bot.sandbox.backend.state.permissions import in_guild
from bot.sandbox.backend.world import World
from bot.sandbox.forms import Form


class Guilds:
    """Operations on guilds, their members, roles and stickers."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create(self, name: str, owner: User) -> Guild:
        """Create a guild with its owner as the only member; return it."""
        world = self._world
        guild = Guild(world.ids.next(), name, owner.id, world.now())
        guild.roles[guild.id] = Role(guild.id, "@everyone", EVERYONE)
        world.guilds[guild.id] = guild
        self.join(guild, owner)
        return guild

    def add_user(self, name: str) -> User:
        """Create a user account and return it."""
        user = User(self._world.ids.next(), name.lower(), name.capitalize())
        self._world.users[user.id] = user
        return user

    def join(self, guild: Guild, user: User) -> Member:
        """Make a user a member; a bot's managed role is added separately."""
        member = Member(user, self._world.now())
        guild.members[user.id] = member
        payload = {**render.member(member), "guild_id": str(guild.id)}
        self._emit(guild, "GUILD_MEMBER_ADD", payload, Intent.GUILD_MEMBERS)
        # The gateway writes the whole guild for each session, as that session may see it.
        only = frozenset({user.id})
        created = GatewayEvent(
            "GUILD_CREATE", {"id": str(guild.id)}, Intent.GUILDS, only=only, guild_id=guild.id
        )
        self._world.emit(created)
        return member

    def leave(self, guild: Guild, user: User) -> None:
        """Remove a member; the bot itself gets GUILD_DELETE."""
        if guild.members.pop(user.id, None) is None:
            raise errors.unknown_member()
        if user is self._world.bot:
            payload: Payload = {"id": str(guild.id)}
            only = frozenset({user.id})
            self._world.emit(
                GatewayEvent("GUILD_DELETE", payload, Intent.GUILDS, only=only, guild_id=guild.id)
            )
        else:
            payload = {"guild_id": str(guild.id), "user": render.user(user)}
            self._emit(guild, "GUILD_MEMBER_REMOVE", payload, Intent.GUILD_MEMBERS)
        self._world.publish("guild")

    def add_role(
        self, guild: Guild, name: str, rights: Permission, *, bot: User | None = None
    ) -> Role:
        """Add a role above all others; ``bot`` makes it that bot's managed role. Return it."""
        role = Role(self._world.ids.next(), name, rights, position=len(guild.roles))
        role.bot_id = None if bot is None else bot.id
        guild.roles[role.id] = role
        payload = {"guild_id": str(guild.id), "role": render.role(role)}
        self._emit(guild, "GUILD_ROLE_CREATE", payload, Intent.GUILDS)
        return role

    def add_sticker(
        self, guild: Guild, name: str, data: bytes, *, description: str = "", tags: str = ""
    ) -> Sticker:
        """Add a sticker to the guild and return it; ``data`` is a PNG."""
        sticker = Sticker(self._world.ids.next(), guild.id, name, description, tags or name, data)
        guild.stickers[sticker.id] = sticker
        payload = {
            "guild_id": str(guild.id),
            "stickers": [render.sticker(one) for one in guild.stickers.values()],
        }
        self._emit(guild, "GUILD_STICKERS_UPDATE", payload, Intent.GUILD_EXPRESSIONS)
        return sticker

    def set_boost_level(self, guild: Guild, level: int) -> None:
        """Change the guild's boost level (0 to 3) and tell the sessions."""
        guild.premium_tier = level
        self._emit(guild, "GUILD_UPDATE", render.guild(guild), Intent.GUILDS)
        self._world.publish("guild")

    def make_community(self, guild: Guild, locale: str) -> None:
        """Make the guild a Community server with this primary language, and tell the sessions."""
        guild.features, guild.locale = ["COMMUNITY"], locale
        self._emit(guild, "GUILD_UPDATE", render.guild(guild), Intent.GUILDS)
        self._world.publish("guild")

    def set_role_permissions(self, guild: Guild, role: Role, rights: Permission) -> None:
        """Change what a role may do and tell the sessions."""
        role.permissions = rights
        payload = {"guild_id": str(guild.id), "role": render.role(role)}
        self._emit(guild, "GUILD_ROLE_UPDATE", payload, Intent.GUILDS)
        self._world.publish("guild")

    def give_role(self, guild: Guild, user: User, role: Role) -> None:
        """Give a member a role and tell the sessions."""
        guild.members[user.id].roles.add(role.id)
        self.member_changed(guild, user)

    def take_role(self, guild: Guild, user: User, role: Role) -> None:
        """Take a role from a member and tell the sessions."""
        guild.members[user.id].roles.discard(role.id)
        self.member_changed(guild, user)

    def change_role(
        self, guild: Guild, actor: User, user_id: int, role_id: int, *, give: bool
    ) -> None:
        """Give a member a role, or take it away, in the name of ``actor``.

        The actor needs Manage Roles and a higher role.
        """
        if not in_guild(guild, actor) & Permission.MANAGE_ROLES:
            raise errors.missing_permissions()
        role = guild.roles.get(role_id)
        if role is None:
            raise errors.unknown_role()
        member = self.member(guild, user_id)
        own = guild.members[actor.id].roles
        top = max((guild.roles[one].position for one in own), default=0)
        if guild.owner_id != actor.id and role.position >= top:
            raise errors.missing_permissions()
        (self.give_role if give else self.take_role)(guild, member.user, role)

    def member(self, guild: Guild, user_id: int) -> Member:
        """Return a member; raises Discord's error 10007 (unknown member)."""
        found = guild.members.get(user_id)
        if found is None:
            raise errors.unknown_member()
        return found

    def rename_self(self, guild: Guild, actor: User, form: Form) -> Member:
        """Change one's own nickname."""
        nick = form.text("nick", most=32)
        form.finish()
        if not in_guild(guild, actor) & Permission.CHANGE_NICKNAME:
            raise errors.missing_permissions()
        guild.members[actor.id].nick = nick or None
        self.member_changed(guild, actor)
        return guild.members[actor.id]

    def member_changed(self, guild: Guild, user: User) -> None:
        """Send a member's new state; the bot always gets its own."""
        payload = {**render.member(guild.members[user.id]), "guild_id": str(guild.id)}
        own = user is self._world.bot
        self._emit(
            guild, "GUILD_MEMBER_UPDATE", payload, Intent.GUILDS if own else Intent.GUILD_MEMBERS
        )
        self._world.publish("guild")

    def _emit(self, guild: Guild, name: str, payload: Payload, intent: Intent) -> None:
        only = frozenset(guild.members)
        self._world.emit(GatewayEvent(name, payload, intent, only=only, guild_id=guild.id))
