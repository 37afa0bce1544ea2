"""Operations on guilds, members and roles."""

from bot.sandbox import errors
from bot.sandbox.backend.messages import render
from bot.sandbox.backend.state.events import GatewayEvent, Intent
from bot.sandbox.backend.state.model import Guild, Member, Payload, Role, User
from bot.sandbox.backend.state.permissions import EVERYONE, Permission, in_guild
from bot.sandbox.backend.state.world import World
from bot.sandbox.forms import Form


class Guilds:
    """What can be done with guilds, their members and roles."""

    def __init__(self, world: World) -> None:
        self._world = world

    def create(self, name: str, owner: User) -> Guild:
        """A guild that so far only its owner is in."""
        world = self._world
        guild = Guild(world.ids.next(), name, owner.id, world.now())
        guild.roles[guild.id] = Role(guild.id, "@everyone", EVERYONE)
        world.guilds[guild.id] = guild
        self.join(guild, owner)
        return guild

    def add_user(self, name: str) -> User:
        """A person with an account."""
        user = User(self._world.ids.next(), name.lower(), name.capitalize())
        self._world.users[user.id] = user
        return user

    def join(self, guild: Guild, user: User) -> Member:
        """Make a user a member; a bot gets its managed role apart."""
        member = Member(user, self._world.now())
        guild.members[user.id] = member
        payload = {**render.member(member), "guild_id": str(guild.id)}
        self._emit(guild, "GUILD_MEMBER_ADD", payload, Intent.GUILD_MEMBERS)
        return member

    def leave(self, guild: Guild, user: User) -> None:
        """Take a member out; the bot is told that the guild is gone."""
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
        """A new role below none; ``bot`` makes it that bot's managed role."""
        role = Role(self._world.ids.next(), name, rights, position=len(guild.roles))
        role.bot_id = None if bot is None else bot.id
        guild.roles[role.id] = role
        payload = {"guild_id": str(guild.id), "role": render.role(role)}
        self._emit(guild, "GUILD_ROLE_CREATE", payload, Intent.GUILDS)
        return role

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
        """Give or take a role as asked over HTTP; needs Manage Roles and a higher role."""
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
        """A member; raises 10007."""
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
        """Tell that a member is different now; the bot always hears of itself."""
        payload = {**render.member(guild.members[user.id]), "guild_id": str(guild.id)}
        own = user is self._world.bot
        self._emit(
            guild, "GUILD_MEMBER_UPDATE", payload, Intent.GUILDS if own else Intent.GUILD_MEMBERS
        )
        self._world.publish("guild")

    def _emit(self, guild: Guild, name: str, payload: Payload, intent: Intent) -> None:
        only = frozenset(guild.members)
        self._world.emit(GatewayEvent(name, payload, intent, only=only, guild_id=guild.id))
