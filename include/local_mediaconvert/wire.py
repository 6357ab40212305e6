"""Between the API's JSON and Python: bodies, path and query parameters, page tokens.

Inside the service documents keep the names of the wire (``outputGroups``), as they came; boto3's names
(``OutputGroups``) are made for the transcoder only.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from vodflow.engines.mediaconvert.request import service_model

from local_mediaconvert.errors import bad_request


def parse_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a request; members that are null count as left out.

    :raises ApiError: it is no JSON object
    """
    if not body.strip():
        return {}
    try:
        document = json.loads(body)
        # Half a surrogate pair is JSON, but no text that could be stored or sent on.
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise bad_request(f"The request body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise bad_request("The request body should be a JSON object.")
    cleaned: dict[str, Any] = without_nulls(document)
    return cleaned


def without_nulls(value: Any) -> Any:
    """The document without members that are null."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def parameter(text: str, shape_name: str) -> Any:
    """A path or query parameter with the type of its shape; text that does not fit stays text and is refused later."""
    if service_model.shape(shape_name)["type"] in {"integer", "long"}:
        try:
            return int(text)
        except ValueError:
            return text
    return text


def page_token(*position: Any) -> str:
    """An opaque token that says where the next page begins."""
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def page_position(token: str | None) -> list[Any] | None:
    """Where a page begins; none for the first.

    :raises ApiError: the token is none of ours
    """
    if not token:
        return None
    try:
        position = json.loads(base64.urlsafe_b64decode(token.encode("ascii", "replace")))
    except (binascii.Error, ValueError) as error:
        raise bad_request("/nextToken: Should be a token of an earlier answer") from error
    if not isinstance(position, list):
        raise bad_request("/nextToken: Should be a token of an earlier answer")
    return position
