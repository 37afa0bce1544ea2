"""``/privacy``: shows, hands out and forgets what is stored of whoever uses the command."""

import logging
from collections.abc import Callable, Collection
from typing import Any, Final, Protocol

import discord

from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.reply import buttons
from bot.chat.texts.fluent import localized
from bot.chat.threads.member_export import MemberExport
from bot.chat.threads.messages.message_builder import attached
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger

_FINISH_SECONDS: Final = 45.0
"""How long a member waits until the server has deleted everything, in seconds."""

_log: Final = logging.getLogger(__name__)


class ChoreFinisher(Protocol):
    """Does the chores of channels now."""

    async def __call__(self, channel_ids: Collection[int], *, within: float) -> bool:
        """Return whether all is done after at most ``within`` seconds."""
        ...


class PrivacyCommands:
    """Handles ``/privacy``, which everybody may use everywhere.

    ``cancel`` is called with turns whose work is to be stopped, ``schedule`` with their channels.
    ``last_backup`` returns when the newest backup was made, in seconds since 1970, if known.
    """

    def __init__(
        self,
        ledger: Ledger,
        rest: RestRetry,
        clock: Clock,
        export: MemberExport,
        *,
        cancel: Callable[[int], None],
        schedule: Callable[[int], None],
        finish_chores: ChoreFinisher,
        last_backup: Callable[[], float | None],
    ) -> None:
        self._ledger = ledger
        self._rest = rest
        self._clock = clock
        self._export = export
        self._cancel = cancel
        self._schedule = schedule
        self._finish_chores = finish_chores
        self._last_backup = last_backup

    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Show how much is stored of the member, and what for."""
        async with self._acknowledged(interaction) as response:
            stored = await self._ledger.forgetting.stored_of(interaction.user.id)
            lines = [
                localized("privacy-questions", count=len(stored.questions)),
                localized(
                    "privacy-files", count=sum(len(attached(one)) for one in stored.questions)
                ),
                localized("privacy-votes", count=len(stored.votes)),
                localized("privacy-tokens", count=sum(turn.tokens or 0 for turn in stored.turns)),
            ]
            if calls := stored.records.get("function_calls"):
                lines.append(localized("privacy-calls", count=len(calls)))
            if stored.schedules:
                lines.append(localized("privacy-schedules", count=len(stored.schedules)))
            if stored.locale is not None:
                lines.append(localized("privacy-locale", locale=stored.locale))
            if stored.rules:
                lines.append(localized("privacy-rules", count=stored.rules))
            lines.append(localized("privacy-how-to"))
            await response.show("\n".join(lines))

    async def export(self, interaction: discord.Interaction[Any]) -> None:
        """Hand out what is stored of the member as a zip that only the member sees."""
        async with self._acknowledged(interaction) as response:
            user_id = interaction.user.id
            stored = await self._ledger.forgetting.stored_of(user_id)
            most = interaction.filesize_limit
            packed = await self._export.build(user_id, stored, now=self._clock.now(), most=most)
            if len(packed) > most:
                await response.show(localized("privacy-export-too-large"))
                return
            await response.show(localized("privacy-export"), files=[("my-data.zip", packed)])

    async def forget(self, interaction: discord.Interaction[Any]) -> None:
        """Ask the member to confirm that everything is to be forgotten."""
        async with self._acknowledged(interaction) as response:
            await response.show(localized("privacy-confirm"), buttons.view(buttons.ForgetButton()))

    async def forget_pressed(self, interaction: discord.Interaction[Any]) -> None:
        """Forget the member, here and at the assistant's server."""
        async with self._acknowledged(interaction) as response:
            user_id = interaction.user.id
            before = await self._ledger.forgetting.stored_of(user_id)
            deletion = await self._ledger.forgetting.forget_member(user_id)
            _log.info("A member is forgotten: %d questions", len(before.questions))
            for turn_id in deletion.turns:
                self._cancel(turn_id)
            for channel_id in deletion.channels:
                self._schedule(channel_id)
            is_done = await self._finish_chores(deletion.channels, within=_FINISH_SECONDS)
            lines = [
                localized("privacy-forgotten", count=len(before.questions)),
                *(() if is_done else (localized("privacy-forgotten-later"),)),
                localized("privacy-remains-sums"),
                localized("privacy-remains-discord"),
                *((localized("privacy-remains-rules"),) if before.rules else ()),
                self._about_backups(),
            ]
            await response.show("\n".join(lines))

    def _about_backups(self) -> str:
        made = self._last_backup()
        if made is None:
            return localized("privacy-remains-backups")
        return localized("privacy-remains-backup", time=f"<t:{int(made)}:R>")

    def _acknowledged(self, interaction: discord.Interaction[Any]) -> AcknowledgedInteraction:
        return AcknowledgedInteraction(interaction, self._rest, ephemeral=True)
