"""Downloads the files of questions from Discord, with retries."""

import asyncio
from contextlib import closing
from typing import Final

import aiohttp

from bot.chat.intake.attachments import FileGoneError, too_large
from bot.chat.threads.messages.message_builder import UnreadableError
from bot.runtime.clock import Clock
from bot.runtime.retry import RetryPolicy, retry
from bot.wire.bodies import BodyTooLargeError, read_bounded
from bot.wire.http_client import TRANSPORT_ERRORS, HttpClient, StatusError, http_verdict

_CONNECT_SECONDS: Final = 10.0
_SILENCE: Final = aiohttp.ClientTimeout(sock_connect=_CONNECT_SECONDS, sock_read=20.0)
_SECONDS: Final = 60.0
"""The longest time of one try, in seconds; aiohttp's own timeouts miss some stalls."""

_RETRIES: Final = RetryPolicy(attempts=3, first_delay=1.0, longest_delay=2.0)

_NOT_GIVEN: Final = "Discord did not hand it out"


class Downloads:
    """Downloads files, each over a connection of its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def get(self, url: str, most: int) -> bytes:
        """Return the file at ``url``; raises ``FileGoneError`` and ``UnreadableError``."""

        async def attempt() -> bytes:
            async with (
                asyncio.timeout(_SECONDS),
                HttpClient(connect=_CONNECT_SECONDS) as http,
            ):
                with closing(await http.open("GET", url, timeout=_SILENCE)) as response:
                    return await read_bounded(response, most)

        try:
            return await retry(
                attempt, _RETRIES, lambda error: http_verdict(error, self._clock.now()), self._clock
            )
        except BodyTooLargeError as error:
            raise too_large(most) from error
        except StatusError as error:
            if 300 <= error.status < 400:  # Discord's hosts redirect nowhere
                raise UnreadableError("not_given", "its address leads elsewhere") from error
            if 400 <= error.status < 500 and error.status not in (408, 429):
                raise FileGoneError from error
            raise UnreadableError("not_given", _NOT_GIVEN) from error
        except TRANSPORT_ERRORS as error:
            raise UnreadableError("not_given", _NOT_GIVEN) from error
