"""Addresses of ClickHouse databases, and what must not be seen of them."""

from __future__ import annotations

import pytest

from infraprism.collector.store.clickhouse.address import Address, AddressError, parse


def test_all_of_an_address_is_read() -> None:
    text = "clickhouse://us%40er:p%40ss%2Fword@ch.example:9000/calls?cluster=main&quorum=2&secure=true"

    address = parse(text)

    assert address == Address(
        "ch.example",
        9000,
        "calls",
        "us@er",
        "p@ss/word",
        secure=True,
        cluster="main",
        replicated=True,
        quorum="2",
    )
    assert str(address) == "clickhouse://ch.example:9000/calls"
    assert "p@ss/word" not in repr(address)


def test_little_of_it_is_needed() -> None:
    assert parse("clickhouse://localhost") == Address("localhost", 8123, "infraprism", "default", "")
    assert parse("clickhouse://localhost?secure=true").port == 8443
    assert str(parse("clickhouse://[::1]/x")) == "clickhouse://[::1]:8123/x"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("clickhouse://u:secret@/x", "must be clickhouse://user:password@host"),
        ("Clickhouse+native://u:secret@host/x", "must be clickhouse://"),
        ("clickhouse://u:secret@host:port/x", "host and port"),
        ("clickhouse://u:sec/ret@host:1/x", "host and port"),
        ("clickhouse://u:secret@host/x;DROP", "the database must be letters"),
        ("clickhouse://u:secret@host/x?cluster=a`b", "the cluster must be letters"),
        ("clickhouse://u:secret@host/x?clustre=a", "there are cluster, quorum, replicated, secure"),
        ("clickhouse://u:secret@host/x?cluster=a&cluster=b", "cluster is given more than once"),
        ("clickhouse://u:secret@host/x?secure=yes", "secure must be 'true' or 'false'"),
        ("clickhouse://u:secret@host/x?replicated=true", "needs the name of a cluster"),
        ("clickhouse://u:secret@host/x?quorum=most", "quorum must be 'auto' or a number"),
    ],
)
def test_what_cannot_be_used_is_said_without_the_password(text: str, problem: str) -> None:
    with pytest.raises(AddressError, match=problem) as caught:
        parse(text)
    assert "sec" not in str(caught.value).replace("secure", "")
