"""Where webhooks may go."""

from __future__ import annotations

import pytest

from infraprism.collector.budgets.addresses import AddressError, Target, resolve, target


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://example.com", Target(True, "example.com", 443, "/")),
        ("https://example.com:8443/a/b?c=d#e", Target(True, "example.com", 8443, "/a/b?c=d")),
        ("https://1.1.1.1/hook", Target(True, "1.1.1.1", 443, "/hook")),
        ("https://[2606:4700::1111]/hook", Target(True, "2606:4700::1111", 443, "/hook")),
    ],
)
def test_what_everybody_can_reach_is_taken(url: str, found: Target) -> None:
    assert target(url, allow_private=False) == found


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[2002:7f00:1::]",
        "[64:ff9b::7f00:1]",
        "localhost",
        "LOCALHOST",
        "api.localhost",
        "db.internal",
        "printer.local",
    ],
)
def test_what_is_not_public_is_refused_as_it_is_written(host: str) -> None:
    with pytest.raises(AddressError, match="is not public"):
        target(f"https://{host}/hook", allow_private=False)
    assert target(f"http://{host}/hook", allow_private=True).path == "/hook"


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.0.0.1", "017700000001"])
def test_a_name_that_leads_to_what_is_not_public_is_refused_as_it_is_looked_up(host: str) -> None:
    wanted = Target(True, host, 443, "/")
    with pytest.raises(AddressError, match="is not public"):
        resolve(wanted, allow_private=False)
    assert resolve(wanted, allow_private=True) in ("127.0.0.1", "::1")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "http://example.com",
        "ftp://example.com",
        "https://",
        "https://user@example.com",
        "https://:pass@example.com",
        "https://example.com:99999",
        "https://example.com/a b",
        "https://example.com/\r\nX: y",
        "https://exämple.com",
        "https://[::1",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(AddressError):
        target(url, allow_private=False)
