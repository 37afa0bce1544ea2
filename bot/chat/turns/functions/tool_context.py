"""Builds the context of a function call: what the function may know of its turn."""

import logging
from typing import Final
from zoneinfo import ZoneInfo

import discord

from bot.chat.places.handovers import Handovers
from bot.chat.places.server_settings import server_settings, zone_of
from bot.chat.schedules.reminders import Reminders
from bot.chat.transport.rest_retry import RestRetry
from bot.chat.turns.functions.tool_channels import TurnChannels
from bot.chat.turns.functions.tool_services import TurnPeople, TurnReminders
from bot.runtime.clock import Clock
from bot.store.ledger import Asker, Ledger, TooManyValuesError, Turn
from bot.tools import Context, ToolError
from bot.tools.context import Caller, CallPlace
from bot.tools.functions import Functions

LONGEST_KEY: Final = 200
"""The most characters of a key that a function stores a value under."""

LONGEST_VALUE: Final = 10_000
"""The most characters of a stored value."""


class TurnValues:
    """The key-value store of a function's server, or of a channel of direct messages."""

    def __init__(self, ledger: Ledger, place_id: int, function: str) -> None:
        self._ledger = ledger
        self._place_id = place_id
        self._function = function

    async def get(self, key: str) -> str | None:
        """Return a value; None if it was never set."""
        return await self._ledger.tool_values.get(self._place_id, self._key(key))

    async def set(self, key: str, value: str) -> None:
        """Set a value; raises ``ToolError``."""
        if len(value) > LONGEST_VALUE:
            raise ToolError(f"A stored value has at most {LONGEST_VALUE} characters.")
        try:
            await self._ledger.tool_values.set(self._place_id, self._key(key), value)
        except TooManyValuesError as error:
            raise ToolError(f"No further value can be stored: {error}.") from error

    async def delete(self, key: str) -> None:
        """Delete a value, if it was set."""
        await self._ledger.tool_values.delete(self._place_id, self._key(key))

    def _key(self, key: str) -> str:
        if len(key) > LONGEST_KEY:
            raise ToolError(f"The key of a stored value has at most {LONGEST_KEY} characters.")
        return f"{self._function}:{key}"


class ToolContexts:
    """Builds the contexts of function calls; ``zone`` is the time zone of servers without one."""

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        clock: Clock,
        functions: Functions,
        reminders: Reminders,
        handovers: Handovers,
        zone: ZoneInfo,
    ) -> None:
        self._reminders = reminders
        self._handovers = handovers
        self._rest = rest
        self._clock = clock
        self._client = client
        self._ledger = ledger
        self._public = functions.public
        self._zone = zone

    async def of(self, turn: Turn, function: str) -> Context:
        """Return the context of a function that a turn calls; raises ``LedgerError``."""
        zone = self._zone
        guild = None if turn.guild_id is None else self._client.get_guild(turn.guild_id)
        if turn.guild_id is not None:
            zone = zone_of(await server_settings(self._ledger, turn.guild_id), zone)
        channel = None if guild is None else guild.get_channel_or_thread(turn.place_id)
        place = CallPlace(
            channel_id=turn.place_id,
            channel_name="" if channel is None else channel.name,
            server_id=turn.guild_id,
            server_name="" if guild is None else guild.name,
            time_zone=zone.key,
        )
        asker = asker_of(turn)
        return Context(
            asker=Caller(asker.id, asker.name),
            place=place,
            http=self._public.session,
            log=logging.getLogger(f"tools.{function}"),
            values=TurnValues(self._ledger, turn.guild_id or turn.channel_id, function),
            channels=TurnChannels(self._client, self._rest, self._clock, turn),
            reminders=TurnReminders(self._reminders, turn, asker),
            people=TurnPeople(self._client, self._rest, self._handovers, turn, asker),
        )


def asker_of(turn: Turn) -> Asker:
    """Return the member for whom a turn calls functions; id 0 where its questions were deleted."""
    return turn.askers[-1] if turn.askers else Asker(0, "")
