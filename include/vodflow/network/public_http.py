"""GET of an HTTP(S) address that somebody else names: from public places, and from private ones that are allowed.

Otherwise it would read whatever this machine reaches: services on its loopback address, the routers and machines of its
network, a cloud's metadata service. Names are resolved once, and the connection goes to an address that was checked;
redirects are not followed by themselves.
"""

from __future__ import annotations

import functools
import http.client
import ipaddress
import socket
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Self
from urllib.parse import urlsplit

#: IPv6 networks whose addresses stand for the IPv4 address in their last 32 bits (NAT64, IPv4-compatible, SIIT).
_EMBEDDED: Final = tuple(ipaddress.ip_network(one) for one in ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96"))
#: Where all of IPv6 is that anybody was given (IANA, "IPv6 Global Unicast Address Assignments").
_GIVEN: Final = ipaddress.ip_network("2000::/3")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Deadline:
    """``with Deadline(seconds) as until:`` ends the connection that was made last within once the time is over,
    whatever it waits for: a server that sends a byte now and then outlasts any timeout of single reads.
    """

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._watched: socket.socket | None = None
        self._over = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._end()

    def watch(self, connection: socket.socket) -> None:
        """End this one from now on; by a handle of its own, for TLS takes the first one over."""
        with self._lock:
            before, self._watched = self._watched, connection.dup()
        if before is not None:
            before.close()
        if self._over:
            self._end()

    def _end(self) -> None:
        with self._lock:
            self._over, watched, self._watched = True, self._watched, None
        if watched is not None:
            with suppress(OSError), watched:
                watched.shutdown(socket.SHUT_RDWR)


class PrivateAddress(OSError):
    """Something lies where nobody allowed it to be read from."""


def open_public(
    url: str,
    timeout: float,
    headers: Mapping[str, str],
    *,
    allowed: Sequence[str] = (),
    setting: str,
    proxies: bool = False,
    deadline: Deadline | None = None,
) -> http.client.HTTPResponse:
    """GET an ``http://`` or ``https://`` address; certificates are checked.

    :param timeout: seconds for connecting, and for each read
    :param allowed: host names and networks, private though they are
    :param setting: which names those, for the error
    :param proxies: go through the proxy that the environment names, which then resolves the name once more
    :param deadline: at which the answer ends, wherever it is
    :raises PrivateAddress: it is no public one, or of another kind
    :raises urllib.error.HTTPError: the answer is an error or a redirect
    :raises OSError: there is no answer
    """
    if urlsplit(url).scheme not in {"http", "https"}:  # an opener would read files as well
        raise PrivateAddress("Only http and https addresses are read.")
    handlers: list[Any] = [_NoRedirects, _Checked(allowed, setting, deadline)]
    if not proxies:
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - looked at above
    answer: http.client.HTTPResponse = urllib.request.build_opener(*handlers).open(request, timeout=timeout)
    return answer


def addresses(host: str, port: int, allowed: Sequence[str], setting: str) -> list[str]:
    """Where to connect to for a host; see :func:`open_public`.

    :raises PrivateAddress: one of its addresses is private and neither it nor the host is allowed
    :raises OSError: the name is unknown
    """
    if "%" in host:  # whoever decodes it later would ask for another name
        raise OSError(f"{host!r} cannot be a host's name")
    try:
        found = sorted({str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})
    except UnicodeError as error:  # a label that is empty or too long
        raise OSError(f"{host!r} cannot be a host's name") from error
    if host.lower() not in {name.lower() for name in allowed}:
        networks = [network for network in map(_network, allowed) if network]
        for address in found:
            if not _is_public(ipaddress.ip_address(address), networks):
                raise PrivateAddress(f"{host} has the private address {address}, and {setting} allows neither.")
    return found


def _is_public(address: _Address, allowed: Sequence[Any]) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and any(address in network for network in _EMBEDDED):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner, allowed)
    public = address.is_global and not address.is_multicast and (address.version == 4 or address in _GIVEN)
    return public or any(address in network for network in allowed)


def _network(text: str) -> Any:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None  # a host name


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: object, **_options: object) -> None:
        return None


class _Checked(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    def __init__(self, allowed: Sequence[str], setting: str, deadline: Deadline | None) -> None:
        super().__init__()
        self._allowed, self._setting, self._deadline = allowed, setting, deadline

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connecting(http.client.HTTPConnection, request, 80), request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connecting(http.client.HTTPSConnection, request, 443), request)

    def _connecting(self, kind: Any, request: urllib.request.Request, port: int) -> Any:
        """What makes a connection to the request's host, by an address that was checked."""
        target = urlsplit(request.full_url)
        found = addresses(target.hostname or "", target.port or port, self._allowed, self._setting)

        def make(host: str, **options: Any) -> Any:
            connection = kind(host, **options)
            if request.host == target.netloc:  # otherwise through the operator's proxy
                connection._create_connection = functools.partial(_connect, found, self._deadline)  # noqa: SLF001
            return connection

        return make


def _connect(found: Sequence[str], deadline: Deadline | None, address: tuple[str, int], *options: Any) -> socket.socket:
    for place in found:
        try:
            made = socket.create_connection((place, address[1]), *options)
        except OSError:
            if place == found[-1]:
                raise
        else:
            break
    if deadline is not None:
        deadline.watch(made)
    return made
