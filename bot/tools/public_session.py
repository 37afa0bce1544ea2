"""The HTTP session of functions, which reaches public addresses only."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import aiohttp

from bot.wire.public_http import is_public_address, public_connector

_LOOKUPS: Final = 8
"""The maximum number of host names that are looked up at the same time."""

_AGENT: Final = "assistants-bot (a function of a Discord bot)"


class PublicSession:
    """An HTTP session without cookies, opened at its first use.

    ``permitted`` decides about the IP address of each connection before it is opened.
    """

    def __init__(self, permitted: Callable[[str], bool] = is_public_address) -> None:
        self._permitted = permitted
        self._lookups: ThreadPoolExecutor | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session; must be read within the event loop."""
        if self._session is None:
            self._lookups = ThreadPoolExecutor(_LOOKUPS, "function address lookup")
            self._session = aiohttp.ClientSession(
                connector=public_connector(self._lookups, self._permitted),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": _AGENT},
                trust_env=False,
            )
        return self._session

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        if self._lookups is not None:
            self._lookups.shutdown(wait=False, cancel_futures=True)
