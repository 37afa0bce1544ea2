"""The press of a button that asks the model once more."""

from typing import Any, Self

import discord

from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Ledger, LedgerError, Turn


class TurnPress(AcknowledgedInteraction):
    """Acknowledges the press of a button under a turn's reply; ``turn`` is the turn, if known.

    After a question by command the press gets a message of its own, which the next reply fills: the
    tokens of earlier interactions no longer work.
    """

    def __init__(
        self, interaction: discord.Interaction[Any], rest: RestRetry, ledger: Ledger, turn_id: int
    ) -> None:
        super().__init__(interaction, rest)
        self._ledger = ledger
        self._turn_id = turn_id
        self.turn: Turn | None = None
        self._failure: LedgerError | None = None

    async def __aenter__(self) -> Self:
        """Look the turn up, and acknowledge the press."""
        try:
            self.turn = await self._ledger.history.turn(self._turn_id)
        except LedgerError as error:
            self._failure = error
        if self.turn is not None and self.turn.personal is not None:
            self._thinking, self._ephemeral = True, self.turn.personal.ephemeral
        await super().__aenter__()
        return self

    async def refuse(self, text: str) -> None:
        """Say why the press has no effect; raises the ``LedgerError`` of the look-up, if any."""
        if self._failure is not None:
            raise self._failure
        await (self.show(text) if self._thinking else self.note(text))
