"""Hosts and ports: parsing, and whether an address is public. Nothing is looked up."""

import ipaddress
import re
from typing import Final, Literal

from msgspec import Struct

Reach = Literal["loopback", "private", "public"]
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_USUAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_ALSO_PRIVATE: Final = tuple(
    map(
        ipaddress.ip_network,
        # Special ranges that some versions of ``ipaddress`` call global. The first one has servers
        # of cloud metadata; the last is Azure's server for its virtual machines.
        ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20", "168.63.129.16/32"),
    )
)
_NUMBER: Final = re.compile(r"0x[0-9a-f]*\Z|[0-9]+\Z")


class HostPort(Struct, frozen=True):
    """A host in lower case without brackets and trailing dot, and its port if given."""

    host: str
    port: int | None = None


def parse_host(text: str) -> HostPort:
    """Read ``host``, ``host:port``, ``[v6]``, ``[v6]:port`` or bare IPv6; raise ValueError."""
    if text.startswith("["):
        inside, closed, after = text[1:].partition("]")
        if not closed or (after and not after.startswith(":")):
            raise _unreadable(text)
        return HostPort(str(_ipv6(inside, text)), _port(after[1:], text) if after else None)
    if text.count(":") > 1:
        return HostPort(str(_ipv6(text, text)))
    host, colon, port = text.partition(":")
    return HostPort(_name(host, text), _port(port, text) if colon else None)


def reach(host: str) -> Reach:
    """Return whether a host is this machine, private or public; names count as public.

    An IPv6 address that embeds an IPv4 address (mapped, 6to4, NAT64) counts as that one. Any
    other IPv6 address outside 2000::/3, the global unicast range, is private unless it is loopback.
    So are link-local, multicast, reserved and unspecified addresses. Raises ValueError for a text
    that is not a host.
    """
    name = parse_host(host if host.startswith("[") or host.count(":") > 1 else f"{host}:0").host
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return "loopback" if name == "localhost" or name.endswith(".localhost") else "public"
    if isinstance(address, ipaddress.IPv6Address):
        address = _embedded_ipv4(address) or address
    if address.is_loopback:
        return "loopback"
    outside = isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST
    special = address.is_multicast or address.is_reserved or outside
    if address.is_global and not special and not any(address in each for each in _ALSO_PRIVATE):
        return "public"
    return "private"


def is_loopback(host: str) -> bool:
    """Tell whether a host is spelled as this machine; False for a text that is not a host."""
    if host in _USUAL:  # fast path: a server calls this for each request
        return True
    try:
        return reach(host) == "loopback"
    except ValueError:
        return False


def _embedded_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in ipaddress.IPv6Network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _name(host: str, text: str) -> str:
    """Normalize a name or IPv4 address; refuse numbers that only some resolvers accept."""
    host = host.lower().removesuffix(".")
    try:
        host = host.encode("ascii").decode() if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise _unreadable(text) from None
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.match(label) for label in labels):
        raise _unreadable(text)
    if _NUMBER.match(labels[-1]):
        # "127.1", "0x7f.0.0.1" and "2130706433" are 127.0.0.1 to some and nothing to others.
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise _unreadable(text) from None
    return host


def _ipv6(inside: str, text: str) -> ipaddress.IPv6Address:
    try:
        return ipaddress.IPv6Address(inside)
    except ValueError:
        raise _unreadable(text) from None


def _port(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and int(digits) <= 65535):
        raise _unreadable(text)
    return int(digits)


def _unreadable(text: str) -> ValueError:
    return ValueError(f"{text!r} is no host, host:port or [IPv6]:port")
