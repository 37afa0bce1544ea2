"""The one place that every interaction passes before its handler: commands, buttons and modals."""

from typing import Any

import discord

from bot.chat.texts.fluent import DEFAULT, language_of, set_language
from bot.chat.texts.locales import Locales
from bot.runtime.tasks import BackgroundTasks


class Entrance:
    """Sets the language of an interaction's private answers, and remembers it for later DMs."""

    def __init__(self, locales: Locales) -> None:
        self._locales = locales
        self._tasks = BackgroundTasks()

    async def enter(self, interaction: discord.Interaction[Any]) -> bool:
        """Let an interaction in; False: it was answered already and has no handler."""
        locale = interaction.locale.value
        set_language(language_of(locale) or DEFAULT)
        if interaction.type is not discord.InteractionType.autocomplete:
            # Discord expects an answer within 3 s: nothing waits for the disk here.
            self._tasks.start(
                self._locales.remember(interaction.user.id, locale),
                f"The locale of user {interaction.user.id} can't be stored",
            )
        return True

    async def stop(self) -> None:
        """Store no more locales."""
        await self._tasks.stop()
