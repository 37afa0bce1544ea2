"""The files of questions, from Discord: an address that has expired is asked for anew."""

import logging
from typing import Final

import aiohttp
import discord

from bot.chat.asking import AttachedFile, attached
from bot.chat.delivery import Delivery
from bot.clock import Clock
from bot.store.ledger import Question

FRESH_SECONDS: Final = 12 * 3_600.0
"""How long the address of a file is taken to work; Discord's work for about a day."""

_log = logging.getLogger(__name__)


class QuestionFiles:
    """Has files from Discord over a client's connection."""

    def __init__(self, client: discord.Client, delivery: Delivery, clock: Clock) -> None:
        self._client = client
        self._delivery = delivery
        self._clock = clock

    async def current(self, question: Question) -> tuple[AttachedFile, ...]:
        """Return a question's files with addresses that work."""
        files = attached(question)
        if self._clock.now() - question.received_at < FRESH_SECONDS:
            return files
        channel = self._client.get_partial_messageable(question.channel_id)
        try:
            message = await self._delivery.insist(lambda: channel.fetch_message(question.id))
        except discord.HTTPException as error:
            _log.info("The files of question %d can't be looked up: %s", question.id, error)
            return files
        return files_of(message)

    async def download(self, file: AttachedFile) -> bytes | None:
        """Fetch a file, whose size is known to be fit; None where it can't be had."""
        try:
            return await self._client.http.get_from_cdn(file.url)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            _log.info("File %d can't be read: %s", file.id, error)
            return None


def files_of(message: discord.Message) -> tuple[AttachedFile, ...]:
    """Return what the ledger keeps of a message's files."""
    return tuple(
        AttachedFile(
            id=file.id,
            name=file.filename,
            url=file.url,
            size=file.size,
            content_type=file.content_type or "",
        )
        for file in message.attachments
    )
