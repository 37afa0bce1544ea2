"""The gate: decides whether somebody may use the bot.

Every message, command, autocompletion, button, form and schedule becomes an ``AccessRequest``. The
operator's rules come first, and a server's rules narrow them. Where both have a rule about the same
member, role or channel, the operator's rule counts.
"""

import logging
from typing import Final, Literal

import msgspec
from msgspec import Struct

from bot.chat.texts.fluent import localized
from bot.config import AccessSettings
from bot.store.ledger import Ledger

Entry = Literal["question", "command", "autocomplete", "button", "form", "schedule"]
"""The way in which somebody uses the bot; an edited message counts as a question."""

RefusalReason = Literal[
    "direct_messages",  # the operator lets nobody use direct messages
    "user_installs",  # the operator lets nobody use the bot through their own account
    "server",  # the operator does not let this server use the bot
    "channel",  # the operator does not let this channel be used
    "member",  # the operator does not let this person use the bot
    "channel_by_server",  # the server's managers do not let this channel be used
    "member_by_server",  # the server's managers do not let this person use the bot
    "left",  # the author of a missed message has left the server
]
"""Why somebody may not use the bot."""

ALWAYS_OPEN: Final = frozenset({"privacy"})
"""The commands that everybody may use: to see and to delete what is stored about them."""

FOR_MANAGERS: Final = frozenset({"access", "limits", "settings"})
"""The commands that a server's rules never refuse to its managers, who must undo bad rules."""

_log: Final = logging.getLogger(__name__)


class AccessRequest(Struct, frozen=True, kw_only=True):
    """Who uses the bot, where and how.

    ``role_ids`` are the roles in the server, with the server's own id (@everyone); None for
    somebody who has left. ``channel_ids`` are the channel, its parent, its category and the server.
    ``holder_id`` is the channel whose limits count: for a channel thread its parent. ``command``
    and ``subcommand`` are names; for a button or a form ``command`` is the name of its command, or
    the first part of its custom_id. ``is_manager`` is whether the person has Manage Server.
    """

    entry: Entry
    user_id: int
    guild_id: int | None
    channel_ids: tuple[int, ...]
    role_ids: frozenset[int] | None = frozenset()
    holder_id: int = 0
    command: str = ""
    subcommand: str = ""
    is_manager: bool = False
    by_user_install: bool = False


def role_ids_json(role_ids: frozenset[int] | None) -> str:
    """Return the ids of roles as the ledger stores them with a question: as JSON."""
    return msgspec.json.encode(sorted(role_ids or ())).decode()


class Refusal(Struct, frozen=True):
    """Why somebody may not use the bot."""

    reason: RefusalReason

    def sentence(self) -> str:
        """Return the reason as the person reads it, in the current language."""
        return localized(f"refused-{self.reason}")


class AccessGate:
    """Checks each ``AccessRequest`` against the operator's rules and the server's."""

    def __init__(self, operator: AccessSettings, ledger: Ledger) -> None:
        self._direct_messages = operator.direct_messages
        self._user_installs = operator.user_installs
        self._operator = _Rules(
            people=frozenset((*operator.allow_members, *operator.allow_roles)),
            channels=frozenset(operator.allow_channels),
            denied_people=frozenset((*operator.deny_members, *operator.deny_roles)),
            denied_channels=frozenset(operator.deny_channels),
        )
        self._servers = frozenset(operator.allow_servers)
        self._denied_servers = frozenset(operator.deny_servers)
        self._access_rules = ledger.access_rules

    async def check(self, request: AccessRequest) -> Refusal | None:
        """Return why somebody may not use the bot; None lets them in. Raises ``LedgerError``."""
        if request.command in ALWAYS_OPEN:
            return None
        reason = self.refused_by_operator(request)
        if reason is None and request.guild_id is not None:
            reason = await self._refused_by_server(request, request.guild_id)
        if reason is None:
            return None
        _log.info("A %s of user %d is refused: %s", request.entry, request.user_id, reason)
        return Refusal(reason)

    @property
    def operator_has_rules(self) -> bool:
        """Whether the operator's rules about people and channels can refuse anybody."""
        return self._operator != _Rules()

    def is_allowed_by_operator(self, target_id: int) -> bool:
        """Return whether the operator allows a member, role or channel by its id."""
        return target_id in self._operator.people | self._operator.channels

    def refused_by_operator(self, request: AccessRequest) -> RefusalReason | None:
        """Return why the operator's rules refuse somebody; None if they do not."""
        if request.by_user_install:
            if not self._user_installs:
                return "user_installs"
        elif request.guild_id is None and not self._direct_messages:
            return "direct_messages"
        if request.role_ids is None:
            return "left"
        if request.guild_id is not None:
            if request.guild_id in self._denied_servers:
                return "server"
            if self._servers and request.guild_id not in self._servers:
                return "server"
        if self._operator.refuse_person(request):
            return "member"
        if request.guild_id is not None and self._operator.refuse_channel(request):
            return "channel"
        return None

    async def _refused_by_server(
        self, request: AccessRequest, guild_id: int
    ) -> RefusalReason | None:
        if request.command in FOR_MANAGERS and request.is_manager:
            return None
        stored = await self._access_rules.of_guild(guild_id)
        if not stored:
            return None
        operator = self._operator
        people = [rule for rule in stored if rule.kind != "channel"]
        channels = [rule for rule in stored if rule.kind == "channel"]
        rules = _Rules(
            people=frozenset(rule.target_id for rule in people if rule.allowed),
            channels=frozenset(rule.target_id for rule in channels if rule.allowed),
            denied_people=frozenset(rule.target_id for rule in people if not rule.allowed)
            - operator.people,
            denied_channels=frozenset(rule.target_id for rule in channels if not rule.allowed)
            - operator.channels,
        )
        if request.user_id not in operator.people and rules.refuse_person(request):
            return "member_by_server"
        if rules.refuse_channel(request):
            return "channel_by_server"
        return None


class _Rules(Struct, frozen=True, kw_only=True):
    """Ids that are allowed and denied; ``people`` are members and roles.

    An empty list of allowed ids allows everybody, or every channel.
    """

    people: frozenset[int] = frozenset()
    channels: frozenset[int] = frozenset()
    denied_people: frozenset[int] = frozenset()
    denied_channels: frozenset[int] = frozenset()

    def refuse_person(self, request: AccessRequest) -> bool:
        """Return whether a person is denied, or is missing in a list of allowed people."""
        names = {request.user_id, *(request.role_ids or ())}
        return not self.denied_people.isdisjoint(names) or (
            bool(self.people) and self.people.isdisjoint(names)
        )

    def refuse_channel(self, request: AccessRequest) -> bool:
        """Return whether a channel is denied, or is missing in a list of allowed channels."""
        return not self.denied_channels.isdisjoint(request.channel_ids) or (
            bool(self.channels) and self.channels.isdisjoint(request.channel_ids)
        )
