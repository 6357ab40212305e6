"""Inputs behind HTTP(S) addresses: fetched from public places, and from private ones that the operator names.

A job would otherwise read whatever this machine reaches: services on its loopback address, the routers and machines of
its network, a cloud's metadata service. Names are resolved once, and the connection goes to an address that was
checked; redirects are not followed, as MediaConvert does not either.
"""

from __future__ import annotations

import functools
import http.client
import ipaddress
import socket
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from local_mediaconvert.gate import names

#: JSON list of host names and networks, private though they are.
ALLOWED: Final = "VODFLOW_LOCAL_INPUTS"

#: IPv6 networks whose addresses stand for the IPv4 address in their last 32 bits (NAT64, IPv4-compatible).
_EMBEDDED: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class PrivateAddress(OSError):
    """An input lies where nobody allowed it to be read from."""


def open_input(url: str, timeout: float, headers: Mapping[str, str] | None = None) -> http.client.HTTPResponse:
    """GET an ``http://`` or ``https://`` address.

    :param timeout: seconds for connecting, and for each read
    :raises PrivateAddress: it is no public one
    :raises urllib.error.HTTPError: the answer is an error or a redirect
    :raises OSError: there is no answer
    """
    opener = urllib.request.build_opener(_NoRedirects, _Checked(names(ALLOWED)))
    request = urllib.request.Request(url, headers={"User-Agent": "vodflow-mediaconvert", **(headers or {})})  # noqa: S310
    answer: http.client.HTTPResponse = opener.open(request, timeout=timeout)
    return answer


def addresses(host: str, port: int, allowed: Sequence[str]) -> list[str]:
    """Where to connect to for a host.

    :raises PrivateAddress: one of its addresses is private and neither it nor the host is allowed
    :raises OSError: the name is unknown
    """
    found = sorted({str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})
    if host.lower() not in {name.lower() for name in allowed}:
        networks = [network for network in map(_network, allowed) if network]
        for address in found:
            if not _is_public(ipaddress.ip_address(address), networks):
                raise PrivateAddress(f"{host} has the private address {address}, and {ALLOWED} allows neither.")
    return found


def _is_public(address: _Address, allowed: Sequence[Any]) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and any(address in network for network in _EMBEDDED):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner, allowed)
    return (address.is_global and not address.is_multicast) or any(address in network for network in allowed)


def _network(text: str) -> Any:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None  # a host name


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: object, **_options: object) -> None:
        return None


class _Checked(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__()
        self._allowed = allowed

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_checked(http.client.HTTPConnection, request, 80, self._allowed), request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_checked(http.client.HTTPSConnection, request, 443, self._allowed), request)


def _checked(kind: Any, request: urllib.request.Request, port: int, allowed: Sequence[str]) -> Any:
    """What makes a connection to the request's host, by an address that was checked."""
    target = urlsplit(request.full_url)
    found = addresses(target.hostname or "", target.port or port, allowed)

    def make(host: str, **options: Any) -> Any:
        connection = kind(host, **options)
        if request.host == target.netloc:  # otherwise through the operator's proxy
            connection._create_connection = functools.partial(_connect, found)  # noqa: SLF001
        return connection

    return make


def _connect(found: Sequence[str], address: tuple[str, int], *options: Any) -> socket.socket:
    for place in found[:-1]:
        try:
            return socket.create_connection((place, address[1]), *options)
        except OSError:
            continue
    return socket.create_connection((found[-1], address[1]), *options)
