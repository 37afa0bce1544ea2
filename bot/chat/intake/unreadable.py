"""Tells members that their message can't be read, if its raw payload addresses the bot."""

import logging
from collections.abc import Callable
from typing import Any, Final

import discord
from msgspec import Struct

from bot.chat.access.question_gate import QuestionGate
from bot.chat.intake.ledger_retry import until_ledger_answers
from bot.chat.intake.mentions import SPOKEN
from bot.chat.intake.routing import Router
from bot.chat.texts.fluent import localized, using
from bot.chat.texts.locales import Locales
from bot.chat.transport import dpy_internals
from bot.chat.transport.login import own_user
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.clock import Clock

_SPOKEN: Final = frozenset(kind.value for kind in SPOKEN)

_log: Final = logging.getLogger(__name__)


class UnreadableMessage(Struct, frozen=True, kw_only=True):
    """The readable parts of a message that discord.py can't parse.

    ``author_id`` is None where the payload names no author. ``mentioned`` are ids of users.
    ``role_ids`` are the author's roles; None where the payload has none.
    """

    id: int
    channel_id: int
    guild_id: int | None
    author_id: int | None
    role_ids: frozenset[int] | None
    by_person: bool
    mentioned: frozenset[int]
    content: str


class UnreadableMessages:
    """Replies to messages that address the bot and can't be parsed.

    ``mark_read`` is called with channel, guild and message id of each message that was handled.
    """

    def __init__(
        self,
        client: discord.Client,
        rest: RestRetry,
        clock: Clock,
        locales: Locales,
        gate: QuestionGate,
        router: Router,
        *,
        mark_read: Callable[[int, int | None, int], None],
    ) -> None:
        self._client = client
        self._rest = rest
        self._clock = clock
        self._locales = locales
        self._gate = gate
        self._router = router
        self._mark_read = mark_read

    async def received(self, data: Any) -> None:
        """Handle the payload of a new message, once the ledger answers."""
        message = readable_parts(data, self._guild_of(data))
        if message is None:
            return
        what = f"Message {message.id} can't be refused"
        await until_ledger_answers(lambda: self.answer(message), self._clock, what)
        self._mark_read(message.channel_id, message.guild_id, message.id)

    async def answer(self, message: UnreadableMessage) -> None:
        """Tell the author that the message can't be read, if it addresses the bot.

        A second call sends no second reply. Raises ``LedgerError``.
        """
        if not await self._is_addressed(message) or not await self._is_admitted(message):
            return
        with using(await self._locales.of_place(message.guild_id, message.author_id or 0)):
            text = localized("unreadable-message")
        try:
            await self._rest.call(
                lambda: dpy_internals.reply(
                    self._client,
                    message.channel_id,
                    message.id,
                    text,
                    nonce=f"told.{message.id}",
                )
            )
        except discord.HTTPException as error:
            _log.warning("The author of message %d can't be told: %s", message.id, error)

    async def _is_addressed(self, message: UnreadableMessage) -> bool:
        me = own_user(self._client).id
        if not message.by_person or message.author_id == me:
            return False
        guild = self._client.get_guild(message.guild_id or 0)
        role = guild.self_role if guild is not None else None
        names = [f"<@{me}>", f"<@!{me}>", *([role.mention] if role is not None else [])]
        if me in message.mentioned or any(name in message.content for name in names):
            return True
        # A message without an author may be the bot's own.
        return message.author_id is not None and await self._router.listens_in(
            message.channel_id, message.guild_id
        )

    async def _is_admitted(self, message: UnreadableMessage) -> bool:
        return await self._gate.admits_author(
            message.author_id,
            message.role_ids,
            message_id=message.id,
            channel_id=message.channel_id,
            guild_id=message.guild_id,
        )

    def _guild_of(self, data: Any) -> int | None:
        channel_id = _id(data.get("channel_id")) if isinstance(data, dict) else None
        channel = self._client.get_channel(channel_id or 0)
        guild = getattr(channel, "guild", None)
        return None if guild is None else guild.id


def readable_parts(data: Any, guild_id: int | None) -> UnreadableMessage | None:
    """Return the readable parts of a payload; None without the ids that a reply needs.

    ``guild_id`` is the channel's guild, in case the payload names no guild.
    """
    if not isinstance(data, dict):
        return None
    message_id, channel_id = _id(data.get("id")), _id(data.get("channel_id"))
    if message_id is None or channel_id is None:
        return None
    author = data.get("author")
    known = author if isinstance(author, dict) else {}
    member = data.get("member")
    roles = member.get("roles") if isinstance(member, dict) else None
    mentions = data.get("mentions")
    content = data.get("content")
    kind = data.get("type")
    return UnreadableMessage(
        id=message_id,
        channel_id=channel_id,
        guild_id=_id(data.get("guild_id")) or guild_id,
        author_id=_id(known.get("id")),
        role_ids=(
            frozenset(found for each in roles if (found := _id(each)) is not None)
            if isinstance(roles, list)
            else None
        ),
        by_person=not (
            known.get("bot")
            or data.get("webhook_id")
            or (isinstance(kind, int) and kind not in _SPOKEN)
        ),
        mentioned=frozenset(
            found
            for each in (mentions if isinstance(mentions, list) else ())
            if isinstance(each, dict) and (found := _id(each.get("id"))) is not None
        ),
        content=content if isinstance(content, str) else "",
    )


def _id(value: object) -> int | None:
    """Return a snowflake; None for any other value."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    return value if isinstance(value, int) and 0 < value < 2**63 else None
