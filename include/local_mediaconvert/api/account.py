"""Operations on the account: input policy, certificates, versions, shares with support."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from local_mediaconvert.errors import bad_request, not_found
from local_mediaconvert.service import OPEN_POLICY, Service
from local_mediaconvert.wire import page_position, page_token

Document = dict[str, Any]
Parameters = Mapping[str, Any]

_CERTIFICATE: Final = re.compile(r"arn:aws(-[a-z-]+)?:acm:[a-z0-9-]+:\d{12}:certificate/[\w-]+")
_CASE: Final = re.compile(r"[\w-]+")

#: The one version of the job engine there is here; requests may name another, as on AWS, and run on this.
VERSION: Final = "2017-08-29"


def get_policy(service: Service, _: Parameters) -> Document:
    """The policy as it was put, or that everything is allowed."""
    return {"policy": dict(service.policy())}


def put_policy(service: Service, given: Parameters) -> Document:
    """Replace the policy; what it does not name is allowed."""
    service.store.put_setting("policy", given["policy"])
    return {"policy": {**OPEN_POLICY, **given["policy"]}}


def delete_policy(service: Service, _: Parameters) -> Document:
    """Allow everything again."""
    service.store.put_setting("policy", None)
    return {}


def associate_certificate(service: Service, given: Parameters) -> Document:
    """Note an ACM certificate; associating it again changes nothing."""
    if not _CERTIFICATE.fullmatch(given["arn"]):
        raise bad_request("/arn: Should be the ARN of an ACM certificate")
    with service.store.transaction():
        known = service.store.setting("certificates") or []
        service.store.put_setting("certificates", sorted({*known, given["arn"]}))
    return {}


def disassociate_certificate(service: Service, given: Parameters) -> Document:
    """Forget a certificate."""
    with service.store.transaction():
        known = service.store.setting("certificates") or []
        if given["arn"] not in known:
            raise not_found(f"The certificate {given['arn']}")
        service.store.put_setting("certificates", [item for item in known if item != given["arn"]])
    return {}


def list_versions(_: Service, given: Parameters) -> Document:
    """The versions of the job engine."""
    versions = [{"version": VERSION}]
    begin = (page_position(given.get("nextToken")) or [0])[0]
    size = given.get("maxResults", len(versions))
    more = {"nextToken": page_token(begin + size)} if begin + size < len(versions) else {}
    return {"versions": versions[begin : begin + size], **more}


def create_resource_share(service: Service, given: Parameters) -> Document:
    """Note on the job that it is shared with support; nothing leaves this machine."""
    if not _CASE.fullmatch(given["supportCaseId"]):
        raise bad_request("/supportCaseId: Should be the id of a support case")
    service.jobs.update(
        given["jobId"], {"shareStatus": "SHARED", "lastShareDetails": f"Support case {given['supportCaseId']}"}
    )
    return {}


HANDLERS: Final[Mapping[str, Callable[[Service, Parameters], Document]]] = {
    "GetPolicy": get_policy,
    "PutPolicy": put_policy,
    "DeletePolicy": delete_policy,
    "AssociateCertificate": associate_certificate,
    "DisassociateCertificate": disassociate_certificate,
    "ListVersions": list_versions,
    "CreateResourceShare": create_resource_share,
}
