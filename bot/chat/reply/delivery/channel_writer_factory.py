"""Makes the writer of each reply: for its channel, or for the interaction that it answers."""

from collections.abc import Sequence

import discord

from bot.chat.reply.delivery.channel_writer import ChannelWriter
from bot.chat.reply.delivery.message_routes import ChannelRoute, ResponseRoute
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.clock import Clock
from bot.store.ledger import AskResponse, Ledger, Personal, Turn


class ChannelWriterFactory:
    """Makes the writer of each turn's channel, and reads the texts of replies."""

    def __init__(
        self, client: discord.Client, ledger: Ledger, rest: RestRetry, clock: Clock
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._clock = clock

    async def of(self, turn: Turn) -> ChannelWriter:
        """Return a writer for the reply of a turn. Raises ``LedgerError``."""
        response = None
        if turn.personal is not None:
            response = await self._response(turn, turn.personal)
        return ChannelWriter(
            self._client, turn.place_id, turn.guild_id, self._rest, self._clock, response
        )

    def in_channel(self, channel_id: int) -> ChannelWriter:
        """Return a writer for any channel."""
        return ChannelWriter(self._client, channel_id, None, self._rest, self._clock)

    async def read(self, turn: Turn) -> Sequence[str]:
        """Return the texts of a turn's reply, one for each Discord message that still exists."""
        return await (await self.of(turn)).contents(turn.parts)

    async def _response(self, turn: Turn, personal: Personal) -> ResponseRoute:
        known = await self._ledger.asks.of_turn(turn.id)
        return ResponseRoute(
            self._client,
            known or AskResponse(interaction_id=turn.reply_to, token="", expires_at=0.0),
            personal,
            self._channel_of(turn, personal),
            self._clock,
            filled=bool(turn.parts),
        )

    def _channel_of(self, turn: Turn, personal: Personal) -> ChannelRoute | None:
        """Return the route into a response's channel; None where the bot may not write there."""
        if personal.ephemeral or personal.external:
            return None
        if turn.guild_id is not None:
            guild = self._client.get_guild(turn.guild_id)
            channel = None if guild is None else guild.get_channel_or_thread(personal.place_id)
            if guild is None or channel is None:
                return None
            held = channel.permissions_for(guild.me)
            in_thread = isinstance(channel, discord.Thread)
            may_send = held.send_messages_in_threads if in_thread else held.send_messages
            if not (held.view_channel and may_send):
                return None
        return ChannelRoute(
            self._client.get_partial_messageable(personal.place_id, guild_id=turn.guild_id)
        )
