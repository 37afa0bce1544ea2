"""Acknowledges an interaction and answers it, within the times that Discord allows."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from io import BytesIO
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import discord

from bot.chat.texts.fluent import RefusalError, localized
from bot.chat.transport.rest_retry import RestRetry, describe_error
from bot.store.ledger import Ledger, LedgerError, Turn

_ACKNOWLEDGE_SECONDS: Final = 3.0
_ANSWER_SECONDS: Final = 14 * 60.0
"""How long an answer is tried, in seconds; an interaction's token works for 15 minutes."""

_ALREADY_ACKNOWLEDGED: Final = 40060

_NOT_SENT: Final = (discord.DiscordException, aiohttp.ClientError, OSError)
"""The errors of a response that Discord did not take. ``TimeoutError`` is an ``OSError``."""

_log: Final = logging.getLogger(__name__)


class AcknowledgedInteraction:
    """Acknowledges an interaction at the start of an ``async with``, answers failures at its end.

    With ``thinking`` the press of a button gets a message of its own, which ``show`` fills.

    The block also runs where the acknowledgement failed: Discord may still have shown the member
    that the button worked.
    """

    def __init__(
        self,
        interaction: discord.Interaction[Any],
        rest: RestRetry,
        *,
        ephemeral: bool = False,
        thinking: bool = False,
    ) -> None:
        self._interaction = interaction
        self._rest = rest
        self._ephemeral = ephemeral
        self._thinking = thinking
        self._acknowledged = False

    @classmethod
    def answered(cls, interaction: discord.Interaction[Any], rest: RestRetry) -> Self:
        """Return an interaction that was answered already, to send more to its member."""
        response = cls(interaction, rest)
        response._acknowledged = True
        return response

    async def __aenter__(self) -> Self:
        """Acknowledge the interaction within the 3 seconds that Discord allows."""
        try:
            async with asyncio.timeout(_ACKNOWLEDGE_SECONDS):
                await self._rest.call(self._defer)
            self._acknowledged = True
        except discord.HTTPException as error:
            # An earlier try arrived, but its response was lost.
            self._acknowledged = error.code == _ALREADY_ACKNOWLEDGED
            if not self._acknowledged:
                _log_failure(self._interaction, "acknowledged", error)
        except TimeoutError as error:
            _log_failure(self._interaction, "acknowledged", error)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Tell the member why the block refused, or that it failed."""
        if isinstance(error, RefusalError):
            await (self.show if self._thinking else self.note)(error.sentence)
        elif isinstance(error, Exception):
            _log.error("An interaction failed", exc_info=error)
            await self.note(localized("command-failed"))
        return isinstance(error, Exception)

    async def _defer(self) -> None:
        await self._interaction.response.defer(ephemeral=self._ephemeral, thinking=self._thinking)

    async def note(self, text: str, files: Mapping[str, str] | None = None) -> None:
        """Send a message that only this member sees; ``files`` are contents by name."""
        send = self._interaction.followup.send
        if files:
            await self._send(lambda: send(text, ephemeral=True, files=_uploads(files.items())))
        else:
            await self._send(lambda: send(text, ephemeral=True))

    async def give_back(self, texts: Mapping[str, str]) -> None:
        """Send a member the texts of a form that was refused, as files."""
        written = {f"{name}.txt": text for name, text in texts.items() if text.strip()}
        if written:
            await self.note(localized("form-given-back"), written)

    async def show(
        self,
        text: str,
        view: discord.ui.View | None = None,
        *,
        files: Sequence[tuple[str, str | bytes]] = (),
    ) -> None:
        """Replace the interaction's own message; ``files`` are names and contents of its files."""
        edit = self._interaction.edit_original_response
        await self._send(lambda: edit(content=text, view=view, attachments=_uploads(files)))

    async def _send(self, call: Callable[[], Awaitable[object]]) -> None:
        if not self._acknowledged:
            return
        try:
            await self._rest.call(call, within=_ANSWER_SECONDS)
        except _NOT_SENT as error:
            _log_failure(self._interaction, "answered", error)


class TurnButtonPress(AcknowledgedInteraction):
    """Acknowledges the press of a button that asks the model once more.

    After a question by command the press gets a message of its own, which the next reply fills: the
    tokens of earlier interactions no longer work.
    """

    def __init__(
        self, interaction: discord.Interaction[Any], rest: RestRetry, ledger: Ledger, turn_id: int
    ) -> None:
        super().__init__(interaction, rest)
        self._ledger = ledger
        self._turn_id = turn_id
        self._turn: Turn | LedgerError | None = None

    async def __aenter__(self) -> Self:
        """Look the turn up, and acknowledge the press."""
        try:
            turn = self._turn = await self._ledger.history.turn(self._turn_id)
        except LedgerError as error:
            self._turn = error
        else:
            if turn is not None and turn.personal is not None:
                self._thinking, self._ephemeral = True, turn.personal.ephemeral
        return await super().__aenter__()

    @property
    def turn(self) -> Turn | None:
        """The turn of the button; None if it is not stored. Raises ``LedgerError``."""
        if isinstance(self._turn, LedgerError):
            raise self._turn
        return self._turn


async def refuse(interaction: discord.Interaction[Any], rest: RestRetry, text: str) -> None:
    """Answer an interaction with a sentence that only its member sees; logs a failure.

    An autocompletion shows no text: it gets no choices.
    """
    if interaction.type is discord.InteractionType.autocomplete:
        await _respond(interaction, rest, lambda: interaction.response.autocomplete([]))
    else:
        send = interaction.response.send_message
        await _respond(interaction, rest, lambda: send(text, ephemeral=True))


async def show_form(
    interaction: discord.Interaction[Any], rest: RestRetry, form: discord.ui.Modal
) -> None:
    """Answer an interaction with a form; logs a failure."""
    await _respond(interaction, rest, lambda: interaction.response.send_modal(form))


async def _respond(
    interaction: discord.Interaction[Any], rest: RestRetry, call: Callable[[], Awaitable[object]]
) -> None:
    """Send the first response to an interaction within the time that Discord allows."""
    try:
        async with asyncio.timeout(_ACKNOWLEDGE_SECONDS):
            await rest.call(call)
    except _NOT_SENT as error:
        _log_failure(interaction, "answered", error)


def _log_failure(interaction: discord.Interaction[Any], what: str, error: Exception) -> None:
    _log.warning(
        "Interaction %d could not be %s: Discord %s", interaction.id, what, describe_error(error)
    )


def _uploads(files: Iterable[tuple[str, str | bytes]]) -> list[discord.File]:
    """Return files to send, made anew for each try: discord.py closes a file that it has sent."""
    return [
        discord.File(BytesIO(data.encode() if isinstance(data, str) else data), name)
        for name, data in files
    ]
