"""Whose address a host is, by its spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.wire.addresses import HostPort, is_loopback, parse_host, reach


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("Example.COM", "example.com", None),
        ("example.com.:443", "example.com", 443),
        ("127.0.0.1:8765", "127.0.0.1", 8765),
        ("[::1]", "::1", None),
        ("[::1]:8765", "::1", 8765),
        ("0:0:0:0:0:0:0:1", "::1", None),
        ("[::ffff:127.0.0.1]:80", "::ffff:127.0.0.1", 80),
        ("fe80::1%eth0", "fe80::1%eth0", None),
        ("bücher.example", "xn--bcher-kva.example", None),
        ("my_service:80", "my_service", 80),
    ],
)
def test_a_host_is_read_in_every_spelling(text: str, host: str, port: int | None) -> None:
    told = parse_host(text)
    assert told.port == port
    assert told.host in (host, "::ffff:7f00:1" if host == "::ffff:127.0.0.1" else host)


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "a..b", ":80", "host:", "host:99999", "host:-1", "host:8 0", "host:٣"),
        *("[::1", "[::1]80", "[::1]:", "[127.0.0.1]", "1:2:3", "user@host", "a b", "host/path"),
        *("127.1", "0x7f.0.0.1", "2130706433", "0177.0.0.1", "256.0.0.1", "1.2.3.4.5", "-a"),
    ],
)
def test_an_invalid_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no host"):
        parse_host(text)


@pytest.mark.parametrize(
    ("host", "whose"),
    [
        *[(h, "loopback") for h in ("localhost", "LOCALHOST.", "api.localhost", "127.0.0.1")],
        *[(h, "loopback") for h in ("127.255.0.9", "::1", "[::1]", "::ffff:127.0.0.1")],
        *[(h, "loopback") for h in ("64:ff9b::7f00:1", "2002:7f00:1::")],
        *[(h, "private") for h in ("10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254")],
        *[(h, "private") for h in ("0.0.0.0", "::", "100.64.0.1", "224.0.0.1", "255.255.255.255")],
        *[(h, "private") for h in ("fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "ff02::1")],
        *[(h, "private") for h in ("fec0::1", "::7f00:1", "64:ff9b:1::7f00:1", "5f00::1")],
        *[(h, "private") for h in ("240.0.0.1", "192.0.0.192", "2001:0:7f00:1::", "2001:db8::1")],
        *[(h, "private") for h in ("168.63.129.16", "3fff::1")],
        *[(h, "public") for h in ("8.8.8.8", "example.com", "2606:4700::1", "::ffff:8.8.8.8")],
        *[(h, "public") for h in ("localhost.example.com", "notlocalhost", "172.32.0.1")],
    ],
)
def test_a_host_is_this_machine_private_or_public(host: str, whose: str) -> None:
    assert reach(host) == whose


@given(st.text())
def test_any_text_is_a_host_or_is_refused_in_words(text: str) -> None:
    try:
        told = parse_host(text)
    except ValueError as error:
        refusal = str(error)
    else:
        assert parse_host(told.host) == HostPort(told.host)
        return
    assert "is no host" in refusal


@given(st.ip_addresses())
def test_a_host_that_was_read_reads_as_itself(address: object) -> None:
    assert parse_host(str(address)).host == str(address)


def test_an_invalid_host_is_not_this_machine() -> None:
    assert not is_loopback("127.0.0.1/evil")
    assert not is_loopback("2130706433")
