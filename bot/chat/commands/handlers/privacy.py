"""``/privacy``: shows, exports and forgets what is stored about the member who uses it."""

import logging
from typing import Final

from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.commands.interaction_handler import (
    Interaction,
    InteractionHandler,
    PrivateAnswer,
    answers_privately,
)
from bot.chat.reply import buttons
from bot.chat.texts.fluent import RefusalError, localized
from bot.chat.threads.member_export import MemberExport
from bot.chat.threads.messages.message_builder import attached

_FINISH_SECONDS: Final = 45.0
"""How long a member waits until the server has deleted everything, in seconds."""

_log: Final = logging.getLogger(__name__)


class PrivacyCommands(InteractionHandler):
    """Handles ``/privacy``, which everybody may use everywhere."""

    @answers_privately
    async def show(self, interaction: Interaction) -> str:
        """Show how much is stored of the member, and what for."""
        stored = await self._ledger.forgetting.stored_of(interaction.user.id)
        files = sum(len(attached(question)) for question in stored.questions)
        lines = [
            localized("privacy-questions", count=len(stored.questions)),
            localized("privacy-files", count=files),
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
        return "\n".join([*lines, localized("privacy-how-to")])

    @answers_privately
    async def export(self, interaction: Interaction) -> PrivateAnswer:
        """Hand out what is stored of the member as a zip that only the member sees."""
        user_id, most = interaction.user.id, interaction.filesize_limit
        stored = await self._ledger.forgetting.stored_of(user_id)
        export = MemberExport(self._services.threads)
        packed = await export.build(user_id, stored, now=self._clock.now(), most=most)
        if len(packed) > most:
            raise RefusalError(localized("privacy-export-too-large"))
        return PrivateAnswer(localized("privacy-export"), files=[("my-data.zip", packed)])

    @answers_privately
    async def forget(self, interaction: Interaction) -> PrivateAnswer:
        """Ask the member to confirm that everything is to be forgotten."""
        return PrivateAnswer(localized("privacy-confirm"), buttons.view(buttons.ForgetButton()))

    async def forget_pressed(self, interaction: Interaction) -> None:
        """Forget the member, here and at the assistant's server."""
        # The press gets no message of its own: its answer replaces the question to confirm.
        async with AcknowledgedInteraction(interaction, self._rest, ephemeral=True) as response:
            user_id = interaction.user.id
            before = await self._ledger.forgetting.stored_of(user_id)
            deletion = await self._ledger.forgetting.forget_member(user_id)
            _log.info("A member is forgotten: %d questions", len(before.questions))
            services = self._services
            for turn_id in deletion.turns:
                services.cancel(turn_id)
            for channel_id in deletion.channels:
                services.schedule(channel_id)
            is_done = await services.finish_chores(deletion.channels, within=_FINISH_SECONDS)
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
        made = self._services.last_backup()
        if made is None:
            return localized("privacy-remains-backups")
        return localized("privacy-remains-backup", time=f"<t:{int(made)}:R>")
