"""The gate before the handlers of interactions: commands, autocompletions, buttons and modals."""

import logging
from typing import Any, Final

import discord

from bot.chat.access.access_gate import ALWAYS_OPEN, AccessGate
from bot.chat.access.access_requests import AccessRequests
from bot.chat.access.question_limits import QuestionLimits
from bot.chat.commands.interaction import refuse
from bot.chat.texts.fluent import DEFAULT, language_of, localized, set_language
from bot.chat.texts.locales import Locales
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import LedgerError

_log: Final = logging.getLogger(__name__)


class InteractionGate:
    """Checks who may use an interaction, and sets the language in which it is answered.

    The member's locale is stored as the language of later direct messages.
    """

    def __init__(
        self,
        locales: Locales,
        gate: AccessGate,
        access_requests: AccessRequests,
        limits: QuestionLimits,
        rest: RestRetry,
    ) -> None:
        self._locales = locales
        self._gate = gate
        self._requests = access_requests
        self._limits = limits
        self._rest = rest
        self._tasks = BackgroundTasks()

    async def admits(self, interaction: discord.Interaction[Any]) -> bool:
        """Return whether an interaction may be handled; a refused one is answered here."""
        locale = interaction.locale.value
        set_language(language_of(locale) or DEFAULT)
        request = self._requests.of_interaction(interaction)
        if (
            interaction.type is not discord.InteractionType.autocomplete
            and request.command not in ALWAYS_OPEN  # it may forget the member right now
        ):
            # Discord expects an answer within 3 s: nothing waits for the disk here.
            self._tasks.start(
                self._locales.remember(interaction.user.id, locale),
                f"The locale of user {interaction.user.id} can't be stored",
            )
        try:
            refusal = await self._gate.check(request) or await self._limits.of_interaction(
                request, interaction.id
            )
        except LedgerError as error:
            _log.warning(
                "Interaction %d is refused, because the ledger fails: %s", interaction.id, error
            )
            await refuse(interaction, self._rest, localized("command-failed"))
            return False
        if refusal is not None:
            await refuse(interaction, self._rest, refusal.sentence())
        return refusal is None

    async def stop(self) -> None:
        """Store no more locales."""
        await self._tasks.stop()
