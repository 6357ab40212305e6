"""Addresses that others name lie in public places, or in those that are allowed."""

from __future__ import annotations

import pytest
from vodflow.network.public_http import PrivateAddress, addresses

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "2130706433", "0x7f000001", "017700000001", "127.1", "0.0.0.0", "localhost",  # noqa: S104
    "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255",
    "::1", "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::",
]  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_refused_however_they_are_written(host: str) -> None:
    with pytest.raises(PrivateAddress, match="A_SETTING allows neither"):
        addresses(host, 80, [], "A_SETTING")


@pytest.mark.parametrize("host", ["8.8.8.8", "134744072", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_taken(host: str) -> None:
    assert len(addresses(host, 80, [], "A_SETTING")) == 1


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("localhost", "LocalHost"), ("127.0.0.1", "127.0.0.1"), ("2130706433", "127.0.0.0/8"), ("10.1.2.3", "10.0.0.0/8"),
     ("::ffff:10.1.2.3", "10.1.0.0/16"), ("fd00::1", "fd00::/8")],
)  # fmt: skip
def test_what_the_operator_names_is_taken(host: str, allowed: str) -> None:
    assert addresses(host, 80, [allowed], "A_SETTING")
    with pytest.raises(PrivateAddress):
        addresses("192.168.0.1", 80, [allowed], "A_SETTING")


def test_a_name_that_cannot_be_one_is_unknown() -> None:
    for host in ("a" * 70 + ".example.org", "a..example.org", "no-such-host.invalid"):
        with pytest.raises(OSError, match=r".+") as caught:
            addresses(host, 80, [], "A_SETTING")
        assert not isinstance(caught.value, PrivateAddress)
