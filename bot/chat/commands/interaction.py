"""Acknowledges an interaction and answers it, within the times that Discord allows."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import discord

from bot.chat.texts.fluent import localized
from bot.chat.transport.rest_retry import RestRetry, describe_error
from bot.runtime.clock import Clock
from bot.store.ledger import AskResponse

_ACKNOWLEDGE_SECONDS: Final = 3.0
_ANSWER_SECONDS: Final = 14 * 60.0  # of 15 minutes that its token holds
_ALREADY_ACKNOWLEDGED: Final = 40060

_log: Final = logging.getLogger(__name__)


class AcknowledgedInteraction:
    """Acknowledges one interaction at the start of a block, and answers failures at its end.

    With ``thinking`` a press of a button gets a message of its own, which ``show`` fills.

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
                self._failed("acknowledged", error)
        except TimeoutError as error:
            self._failed("acknowledged", error)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Tell the member that the interaction failed, if the block raised an error."""
        if not isinstance(error, Exception):
            return False
        _log.error("An interaction failed", exc_info=error)
        await self.note(localized("command-failed"))
        return True

    async def _defer(self) -> None:
        await self._interaction.response.defer(ephemeral=self._ephemeral, thinking=self._thinking)

    async def note(self, text: str) -> None:
        """Send a message that only this member sees."""
        send = self._interaction.followup.send
        await self._send(lambda: send(text, ephemeral=True))

    async def give_back(self, texts: Mapping[str, str]) -> None:
        """Send a member the texts of a form that was refused, as files."""
        written = {f"{name}.txt": text for name, text in texts.items() if text.strip()}
        if written:
            send, shown = self._interaction.followup.send, localized("form-given-back")
            await self._send(lambda: send(shown, ephemeral=True, files=_files(written.items())))

    async def show(
        self,
        text: str,
        view: discord.ui.View | None = None,
        *,
        files: Sequence[tuple[str, str | bytes]] = (),
    ) -> None:
        """Replace the interaction's own message; ``files`` are names and contents of its files."""
        edit = self._interaction.edit_original_response

        await self._send(lambda: edit(content=text, view=view, attachments=_files(files)))

    async def _send(self, call: Any) -> None:
        if not self._acknowledged:
            return
        try:
            await self._rest.call(call, within=_ANSWER_SECONDS)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            self._failed("answered", error)

    def _failed(self, what: str, error: Exception) -> None:
        _log.warning(
            "Interaction %d could not be %s: Discord %s",
            self._interaction.id,
            what,
            describe_error(error),
        )


class ResponseTokens:
    """Describes the responses of interactions for the ledger.

    An interaction's token works for ``seconds``.
    """

    def __init__(self, clock: Clock, *, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds

    def of(self, interaction: discord.Interaction[Any]) -> AskResponse:
        """Return what writes the response of an interaction that has just arrived."""
        return AskResponse(
            interaction_id=interaction.id,
            token=interaction.token,
            expires_at=self._clock.now() + self._seconds,
        )


class ManagersInteraction(AcknowledgedInteraction):
    """A private answer for members with Manage Server.

    ``guild_id`` is None for everybody else, and outside of servers: then the interaction was
    answered already. Discord shows such commands to managers alone, but admins can change that.
    """

    def __init__(self, interaction: discord.Interaction[Any], rest: RestRetry) -> None:
        super().__init__(interaction, rest, ephemeral=True)
        self.guild_id: int | None = None

    async def __aenter__(self) -> Self:
        """Acknowledge the interaction, and refuse it unless a manager uses it in a server."""
        await super().__aenter__()
        if self._interaction.guild_id is None:
            await self.show(localized("only-in-servers"))
        elif not self._interaction.permissions.manage_guild:
            await self.show(localized("needs-manage-server"))
        else:
            self.guild_id = self._interaction.guild_id
        return self


def _files(files: Iterable[tuple[str, str | bytes]]) -> list[discord.File]:
    """Return files to send, made anew for each try: discord.py closes a file that it has sent."""
    return [
        discord.File(BytesIO(data.encode() if isinstance(data, str) else data), name)
        for name, data in files
    ]


async def refuse(interaction: discord.Interaction[Any], rest: RestRetry, text: str) -> None:
    """Answer an interaction with a sentence that only its member sees; logs a failure.

    An autocompletion shows no text: it gets no choices.
    """

    async def respond() -> None:
        if interaction.type is discord.InteractionType.autocomplete:
            await interaction.response.autocomplete([])
        else:
            await interaction.response.send_message(text, ephemeral=True)

    try:
        async with asyncio.timeout(_ACKNOWLEDGE_SECONDS):
            await rest.call(respond)
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        _log.warning(
            "Interaction %d could not be refused: Discord %s", interaction.id, describe_error(error)
        )


async def open_form(
    interaction: discord.Interaction[Any], rest: RestRetry, form: discord.ui.Modal
) -> None:
    """Answer an interaction with a form, within the time that Discord allows; logs a failure."""
    try:
        async with asyncio.timeout(_ACKNOWLEDGE_SECONDS):
            await rest.call(lambda: interaction.response.send_modal(form))
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        _log.warning(
            "Interaction %d got no form: Discord %s", interaction.id, describe_error(error)
        )
