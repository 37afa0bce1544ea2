"""Fetches images for private endpoints: from public addresses only, and bounded.

A model endpoint on this machine or in a private network reaches hosts that strangers can't. With an
address from a request, it could be made to read from those; so the bytes are fetched here.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.wire.addresses import reach
from bot.wire.bodies import BodyError, read_bounded

_SECONDS: Final = 15.0
"""How long fetching one image may take, redirects included."""

_LOOKUPS: Final = 8
"""The most host names of images that are resolved at the same time."""

_LOOKUP_SECONDS: Final = 5.0
_REDIRECTS: Final = 5
_INSIDE: Final = (".local", ".internal", ".intranet", ".lan", ".home", ".corp", ".home.arpa")
"""Endings of names that only private networks have."""


class FetchError(Exception):
    """An image can't be fetched; the message says why, for the model to read."""


class ImageFetcher:
    """Fetches images; checks the address of each connection, also after a redirect.

    ``permitted`` gets the IP address before each connection is opened.
    """

    def __init__(
        self, *, permitted: Callable[[str], bool] | None = None, seconds: float = _SECONDS
    ) -> None:
        self._permitted = permitted or is_public_address
        self._seconds = seconds
        # Separate threads: a lookup without an answer must not block the default pool.
        self._lookups = ThreadPoolExecutor(_LOOKUPS, "image address lookup")

    async def fetch(self, url: str, most: int) -> bytes:
        """Return at most ``most`` bytes; raises ``FetchError``."""
        refused = False

        def open_socket(address: aiohttp.AddrInfoType) -> socket.socket:
            nonlocal refused
            family, kind, protocol, _, target = address
            if not self._permitted(str(target[0])):
                refused = True
                raise OSError("this address is not public")
            return socket.socket(family, kind, protocol)

        try:
            async with (
                asyncio.timeout(self._seconds),
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(
                        resolver=_Resolver(self._lookups),
                        socket_factory=open_socket,
                        force_close=True,
                    ),
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


class _Resolver(AbstractResolver):
    """Looks up names on the threads of ``pool``."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        ask = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._pool, ask)
        return [
            ResolveResult(
                hostname=host,
                host=str(target[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, target in found
        ]

    async def close(self) -> None:
        """Close nothing: the threads outlive a fetch."""


def is_public_address(address: str) -> bool:
    """Tell whether an IP address is public and not one of this machine's own."""
    return reach(address) == "public" and not is_own_address(address)


async def is_public_host(host: str, port: int) -> bool:
    """Tell whether all addresses of a host are public; without any, its name decides."""
    try:
        if reach(host) != "public":
            return False
    except ValueError:
        return False
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_LOOKUP_SECONDS):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # behind a proxy, names may have no address here
        return "." in host and not host.lower().rstrip(".").endswith(_INSIDE)
    return all(is_public_address(str(target[0])) for *_, target in found)


def is_own_address(address: str) -> bool:
    """Tell whether a public address is this machine's, whose own services listen there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # Connecting a datagram socket sends nothing, but reveals the local address.
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))
        return str(probe.getsockname()[0]) == address
    return False
