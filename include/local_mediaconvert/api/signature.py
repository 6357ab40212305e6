"""Whether a request is signed, Signature Version 4, with the keys that this service itself uses."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from local_mediaconvert.errors import ApiError

_HEADER: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/\s]+)/\d{8}/(?P<region>[^/\s]+)/(?P<service>[^/\s]+)/aws4_request, *"
    r"SignedHeaders=(?P<headers>[^,\s]+), *Signature=(?P<signature>[0-9a-f]{64})"
)
#: How far the caller's clock may be off, as on AWS.
_SKEW: Final = timedelta(minutes=5)


def check_signature(
    method: str, url: str, headers: Mapping[str, str], body: bytes, credentials: ReadOnlyCredentials
) -> None:
    """See that whoever holds the keys sent exactly this request, now.

    :param url: as it was asked for, with the host of the Host header
    :param headers: by lower-case names
    :raises ApiError: it is unsigned, or signed otherwise
    """
    match = _HEADER.fullmatch(headers.get("authorization", ""))
    if match is None:
        raise _forbidden("Missing Authentication Token: sign requests with the keys of this service")
    if match["key"] != credentials.access_key:
        raise _forbidden("The security token included in the request is invalid: this service has other keys")
    sent = headers.get("x-amz-date", "")
    digest = hashlib.sha256(body).hexdigest()
    if headers.get("x-amz-content-sha256", digest) not in {digest, "UNSIGNED-PAYLOAD"} or not _is_now(sent):
        raise _forbidden("The signature is of another body or of another time")
    signed = {name: headers.get(name, "") for name in match["headers"].split(";")}
    request = AWSRequest(method, url, headers=signed, data=body)
    request.context["timestamp"] = sent
    signer = SigV4Auth(credentials, match["service"], match["region"])
    made = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    if "host" not in signed or not hmac.compare_digest(made, match["signature"]):
        raise _forbidden("The request signature we calculated does not match the signature you provided")


def _is_now(sent: str) -> bool:
    try:
        moment = datetime.strptime(sent, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(datetime.now(UTC) - moment) <= _SKEW


def _forbidden(message: str) -> ApiError:
    return ApiError("ForbiddenException", f"{message}.")
