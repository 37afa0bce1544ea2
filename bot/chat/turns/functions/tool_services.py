"""What a function may do for the asker of its turn: set reminders, and call people."""

import logging
from typing import Final

import discord

from bot.chat.places.handovers import Handovers
from bot.chat.schedules.reminders import Reminders
from bot.chat.schedules.rules import RuleError
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Asker, Schedule, Turn
from bot.tools import ToolError
from bot.tools.context import SetReminder

_log: Final = logging.getLogger(__name__)


class TurnReminders:
    """The reminders of a turn's asker."""

    def __init__(self, reminders: Reminders, turn: Turn, asker: Asker) -> None:
        self._reminders = reminders
        self._turn = turn
        self._asker = asker

    async def add(self, text: str, when: str) -> SetReminder:
        """Set a reminder; raises ``ToolError``."""
        turn, asker = self._turn, self._asker
        if turn.personal is not None and (turn.personal.ephemeral or turn.personal.external):
            raise ToolError(
                "No reminder can be set here, since others would read it, or the bot can't write "
                "here by itself. The member can set one by /schedule remind in another channel."
            )
        try:
            added = await self._reminders.add(
                asker, turn.guild_id, turn.place_id, when=when, text=text
            )
        except RuleError as error:
            raise ToolError(error.sentence) from error
        return _shown(added)

    async def all(self) -> list[SetReminder]:
        """Return the reminders, oldest first."""
        found = await self._reminders.of_member(self._asker.id, self._turn.guild_id)
        return [_shown(each) for each in found]

    async def delete(self, number: int) -> bool:
        """Delete a reminder; return whether the asker had it."""
        return await self._reminders.delete(self._asker.id, self._turn.guild_id, number)


class TurnPeople:
    """Calls people to the channel thread in which a turn is answered."""

    def __init__(
        self,
        client: discord.Client,
        rest: RestRetry,
        handovers: Handovers,
        turn: Turn,
        asker: Asker,
    ) -> None:
        self._client = client
        self._rest = rest
        self._handovers = handovers
        self._turn = turn
        self._asker = asker

    async def call(self) -> str:
        """Hand the channel thread over to people; return what the model reads of the outcome.

        Raises ``ToolError``.
        """
        channel_id = self._turn.place_id
        thread = self._client.get_channel(channel_id)
        if thread is None and self._turn.guild_id is not None:
            try:
                thread = await self._rest.call(lambda: self._client.fetch_channel(channel_id))
            except discord.HTTPException as error:
                _log.info("Channel %d can't be handed over: %s", channel_id, error)
        if not isinstance(thread, discord.Thread):
            raise ToolError(
                "People can be called in a Discord thread only. Tell the member to ask a moderator."
            )
        handed = await self._handovers.begin(thread, self._asker.id)
        told = "People answer in this thread from now on, and you are silent until /thread resume."
        if handed.is_called:
            return f"{told} They are being called now."
        if handed.role_id is not None and handed.may_mention:
            return f"{told} They were called less than an hour ago."
        return f"{told} Nobody could be called: tell the member to mention a moderator."


def _shown(reminder: Schedule) -> SetReminder:
    return SetReminder(number=reminder.id, text=reminder.content, due_at=reminder.due_at or 0.0)
