"""What imports read from: HTTP servers and buckets, of other accounts too, from any byte on, in allowed places only."""

from __future__ import annotations

import base64
import http.client
import re
import ssl
import string
import urllib.error
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from botocore.exceptions import BotoCoreError, ClientError

from vodflow.errors import ConfigurationError, ImportRefused, SourceNotFound, SourceUnavailable, SourceUnreadable
from vodflow.network.public_http import Deadline, PrivateAddress, open_public
from vodflow.settings import Settings
from vodflow.settings.uploads import ImportBucket
from vodflow.storage.clients import foreign_s3_client
from vodflow.storage.faults import storage_error
from vodflow.storage.objects import parse_s3_uri

#: Redirects that are followed, each to a place that is allowed as well.
MAX_REDIRECTS: Final = 5
#: Characters of a URL.
MAX_URL: Final = 4096

_PORTS: Final = {"http": 80, "https": 443}
_SCHEMES: Final = frozenset({*_PORTS, "s3"})
#: An allowed host with a port; IPv6 addresses then have brackets.
_WITH_PORT: Final = re.compile(r"(?P<host>\[.+\]|[^:]+):(?P<port>\d{1,5})")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PASSING: Final = frozenset({408, 425, 429})
_CONTENT_RANGE: Final = re.compile(r"^bytes (\d{1,18})-\d{1,18}/(?:(\d{1,18})|\*)$")


@dataclass(frozen=True)
class Opened:
    """Bytes that can be read.

    :param read: gives at most so many of the next bytes; none at the end
    :param offset: of the first one; it may be 0 although more was asked for
    :param total: bytes of the whole; none where nobody says
    :param validator: by which the server tells these bytes from later ones; none means that it cannot go on later
    """

    read: Callable[[int], bytes]
    close: Callable[[], None]
    offset: int
    total: int | None
    validator: str | None


def shown(url: str) -> str:
    """A URL without user, password, query and fragment, which may be secrets."""
    parts = urlsplit(url)
    if parts.scheme == "s3":  # what follows is the key as it stands
        return f"s3:{url.partition(':')[2]}"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def file_name(url: str) -> str:
    """What the file is called behind a URL; empty where it has no name.

    :raises ImportRefused: it is no URL that could be imported from
    """
    parts = _split(url)
    path = f"/{parse_s3_uri(url)[1]}" if parts.scheme == "s3" else unquote(parts.path)
    return path.rpartition("/")[2]


def check_url(url: str, tenant: str, settings: Settings) -> None:
    """See that a URL may be imported from by that tenant. Which addresses its host has is seen when it is asked.

    :param tenant: slug
    :raises ImportRefused: naming what is accepted
    """
    if not settings.import_hosts and not settings.import_buckets:
        raise ImportRefused(
            "Imports are closed here: VODFLOW_IMPORT_HOSTS and VODFLOW_IMPORT_BUCKETS name no place. Upload the file."
        )
    parts = _split(url)
    if parts.scheme == "s3":
        _bucket_of(url, tenant, settings)
    elif not any(_fits(parts, place) for place in settings.import_hosts):
        raise ImportRefused(
            f"Nothing may be imported from {parts.netloc.rpartition('@')[2]}: ask for it in VODFLOW_IMPORT_HOSTS, or "
            "upload the file."
        )


def open_url(
    url: str, tenant: str, offset: int, validator: str | None, deadline: Deadline, settings: Settings
) -> Opened:
    """Open what is behind a URL at a byte, or at its beginning where that cannot be.

    :param validator: of the bytes that were read before, if any
    :param deadline: at which HTTP connections end
    :raises ImportRefused: it may not be read, or is not there
    :raises SourceUnavailable: it cannot be read now (retryable)
    """
    check_url(url, tenant, settings)
    first = offset if validator else 0
    if urlsplit(url).scheme == "s3":
        return _open_object(url, tenant, first, validator, settings)
    return _open_http(url, tenant, first, validator, deadline, settings)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ImportRefused(f"The URL cannot be read: {error}.") from error
    # Keys of S3 are taken as they stand.
    clean = parts.scheme == "s3" or (url.isascii() and not {" ", "\\"} & set(url))
    host = "" if "%" in parts.netloc.rpartition("@")[2] else parts.hostname
    if not (clean and url.isprintable() and len(url) <= MAX_URL and host and port != 0 and parts.scheme in _SCHEMES):
        raise ImportRefused(
            f"Give an http, https or s3 URL of at most {MAX_URL} characters, percent-encoded where it needs to be."
        )
    return parts


def _fits(parts: SplitResult, place: str) -> bool:
    """Whether a URL leads to a host that is allowed, and to its port where one is named."""
    host = (parts.hostname or "").rstrip(".")
    if found := _WITH_PORT.fullmatch(place):
        place = found["host"].strip("[]")
        if int(found["port"]) != (parts.port or _PORTS[parts.scheme]):
            return False
    place = place.lower()
    return host.endswith(place[1:]) if place.startswith("*.") else host == place


def _bucket_of(url: str, tenant: str, settings: Settings) -> tuple[ImportBucket, str]:
    try:
        bucket, key = parse_s3_uri(url)
    except ConfigurationError as error:
        raise ImportRefused(str(error)) from error
    for one in settings.import_buckets:
        if one.bucket == bucket and key.startswith(one.prefix) and (one.tenants is None or tenant in one.tenants):
            return one, key
    raise ImportRefused(f"Nothing may be imported from s3://{bucket}/{key}: ask for it in VODFLOW_IMPORT_BUCKETS.")


def _open_http(
    url: str, tenant: str, offset: int, validator: str | None, deadline: Deadline, settings: Settings
) -> Opened:
    headers = {"User-Agent": "vodflow-import", "Accept": "*/*", "Accept-Encoding": "identity"}
    if offset:
        headers |= {"Range": f"bytes={offset}-", "If-Range": str(validator)}
    secure = False
    for _ in range(MAX_REDIRECTS + 1):
        check_url(url, tenant, settings)
        parts = urlsplit(url)
        if parts.scheme not in ({"https"} if secure else {"http", "https"}):
            raise ImportRefused(f"{shown(url)} is where a safer address leads to: it is not followed.")
        secure = parts.scheme == "https"
        answer = _ask(parts, {**headers, **_credentials(parts)}, deadline, settings)
        if answer.status not in _REDIRECTS:
            return _opened(answer, shown(url), offset)
        leads = answer.headers.get("Location", "").encode("latin-1", "replace")  # as http.client decodes headers
        url = urljoin(url, quote(leads, safe=string.punctuation))
        answer.close()
    raise ImportRefused(f"{shown(url)} is the end of more than {MAX_REDIRECTS} redirects.")


def _ask(
    parts: SplitResult, headers: Mapping[str, str], deadline: Deadline, settings: Settings
) -> http.client.HTTPResponse | Any:
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path or "/", parts.query, ""))
    try:
        return open_public(
            bare,
            settings.import_read_timeout,
            headers,
            allowed=settings.import_private,
            setting="VODFLOW_IMPORT_PRIVATE",
            deadline=deadline,
        )
    except urllib.error.HTTPError as error:
        return error  # an answer like any other
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, (PrivateAddress, ssl.SSLCertVerificationError, http.client.InvalidURL)):
            raise ImportRefused(f"{shown(bare)} is not read: {reason}") from error
        raise SourceUnavailable(f"{shown(bare)} does not answer: {reason or type(reason).__name__}") from error


def _credentials(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _opened(answer: Any, name: str, offset: int) -> Opened:
    status, headers = answer.status, answer.headers
    if status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        answer.close()
        raise SourceUnavailable(f"{name} has no byte {offset} any more.", code="changed")
    if status not in {200, 206}:
        answer.close()
        said = f"{name} answers {status} {http.client.responses.get(status, '')}".rstrip()
        raise (SourceUnavailable if status >= 500 or status in _PASSING else ImportRefused)(
            f"{said}.", code=str(status)
        )
    if (coding := headers.get("Content-Encoding", "identity").strip().lower()) not in {"", "identity"}:
        answer.close()
        raise ImportRefused(f"{name} comes as {coding[:40]}, though it was asked for as it is.")
    begins, total = 0, answer.length
    if status == http.HTTPStatus.PARTIAL_CONTENT:
        found = _CONTENT_RANGE.match(headers.get("Content-Range", ""))
        if found is None or int(found[1]) != offset:
            answer.close()
            raise SourceUnavailable(f"{name} sends other bytes than those that were asked for.", code="changed")
        begins, total = offset, int(found[2]) if found[2] else None
    etag = headers.get("ETag", "")
    # Weak ETags do not tell bytes apart (RFC 9110, 13.1.5).
    strong = etag if etag.startswith('"') else headers.get("Last-Modified")
    return Opened(answer.read1, answer.close, begins, total, strong)


def _open_object(url: str, tenant: str, offset: int, validator: str | None, settings: Settings) -> Opened:
    place, key = _bucket_of(url, tenant, settings)
    ranged: dict[str, Any] = {"Range": f"bytes={offset}-", "IfMatch": validator} if offset else {}
    try:
        client = foreign_s3_client(place.region, place.role, place.external_id, settings)
        answer = client.get_object(Bucket=place.bucket, Key=key, **ranged)
    except (ClientError, BotoCoreError) as error:
        found = storage_error(error, "import", f"s3://{place.bucket}/{key}")
        if found.code in {"412", "PreconditionFailed", "InvalidRange"}:
            raise SourceUnavailable(str(found), code="changed") from error
        refused = isinstance(found, (SourceNotFound, SourceUnreadable, ConfigurationError))
        raise (ImportRefused if refused else SourceUnavailable)(str(found), code=found.code) from error
    body, size = answer["Body"], int(answer["ContentLength"])
    return Opened(body.read, body.close, offset, offset + size, answer["ETag"])
