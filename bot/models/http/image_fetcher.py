"""Fetches images for private endpoints: from public addresses only, up to a size.

A model endpoint on this machine or in a private network reaches hosts that strangers can't. The
address in a request could lead it to those hosts, so the bytes are fetched here.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import aiohttp

from bot.wire.bodies import BodyError, read_bounded
from bot.wire.public_http import is_public_address, public_connector

_SECONDS: Final = 15.0
"""How long fetching one image may take, redirects included."""

_LOOKUPS: Final = 8
"""The most host names of images that are resolved at the same time."""

_REDIRECTS: Final = 5


class FetchError(Exception):
    """An image can't be fetched; the message says why, for the model to read."""


class ImageFetcher:
    """Fetches images; checks the address of each connection, also after a redirect.

    ``permitted`` decides by the IP address, before each connection is opened; the default permits
    public addresses.
    """

    def __init__(
        self, *, permitted: Callable[[str], bool] | None = None, seconds: float = _SECONDS
    ) -> None:
        self._permitted = permitted or is_public_address
        self._seconds = seconds
        # Separate threads: a lookup without an answer must not block the default pool.
        self._lookups = ThreadPoolExecutor(_LOOKUPS, "image address lookup")

    async def fetch(self, url: str, most: int) -> bytes:
        """Return an image's bytes; raises ``FetchError``, also for more than ``most`` bytes."""
        refused = False

        def permitted(address: str) -> bool:
            nonlocal refused
            allowed = self._permitted(address)
            refused = refused or not allowed
            return allowed

        try:
            async with (
                asyncio.timeout(self._seconds),
                aiohttp.ClientSession(
                    connector=public_connector(self._lookups, permitted),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    headers={"Accept": "image/*", "Accept-Encoding": "identity"},
                    # Nothing is unpacked, so that `most` bounds what is held.
                    auto_decompress=False,
                    trust_env=False,
                ) as session,
                session.get(url, max_redirects=_REDIRECTS) as response,
            ):
                if response.status != 200:
                    raise FetchError(f"its address answered with status {response.status}")
                if (response.content_length or 0) > most:
                    raise FetchError("it is too large, alone or with the newer ones")
                return await read_bounded(response, most)
        except BodyError:
            raise FetchError("it is too large, alone or with the newer ones") from None
        except TimeoutError:
            raise FetchError("its address did not answer in time") from None
        # ValueError and UnicodeError come from malformed addresses.
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if refused:
                raise FetchError("its address is not on the public network") from error
            raise FetchError("its address could not be read") from error
