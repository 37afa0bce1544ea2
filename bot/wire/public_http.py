"""Connections to public addresses only: each address is checked before its socket is opened.

The check comes after the name was looked up, and again after each redirect, so that neither a name
nor a redirect leads into this machine or its private network.
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

_LOOKUP_SECONDS: Final = 5.0
_INSIDE: Final = (".local", ".internal", ".intranet", ".lan", ".home", ".corp", ".home.arpa")
"""Endings of names that only private networks have."""


def public_connector(
    lookups: ThreadPoolExecutor, permitted: Callable[[str], bool]
) -> aiohttp.TCPConnector:
    """Return a connector that opens connections only to permitted IP addresses.

    Names are looked up on the threads of ``lookups``: a lookup without an answer must not block the
    default pool. No connection is used twice.
    """

    def open_socket(address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, target = address
        if not permitted(str(target[0])):
            raise OSError("this address is not public")
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(
        resolver=_Resolver(lookups), socket_factory=open_socket, force_close=True
    )


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
