"""Operations on job templates, presets and tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from local_mediaconvert.arns import plain_name
from local_mediaconvert.errors import not_found
from local_mediaconvert.jobs.resources import KINDS, Resources
from local_mediaconvert.service import Service

Document = dict[str, Any]
Parameters = Mapping[str, Any]
Handler = Callable[[Service, Parameters], Document]


def listing(resources: Resources, given: Parameters, member: str) -> Document:
    """One page of a list operation."""
    by = given.get("listBy", "NAME")
    found, token = resources.page(
        by=by,
        descending=given.get("order", "ASCENDING") == "DESCENDING",
        category=given.get("category"),
        size=given.get("maxResults"),
        token=given.get("nextToken"),
    )
    return {member: found, **({"nextToken": token} if token else {})}


def put_tags(service: Service, arn: str, tags: Mapping[str, str]) -> None:
    """Add or replace tags of a resource."""
    with service.store.transaction() as db:
        db.executemany("INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", [(arn, key, tags[key]) for key in tags])


def tag_resource(service: Service, given: Parameters) -> Document:
    """TagResource."""
    put_tags(service, _existing(service, given["arn"]), given["tags"])
    return {}


def untag_resource(service: Service, given: Parameters) -> Document:
    """UntagResource; keys that are not there are no error."""
    arn = _existing(service, given["arn"])
    with service.store.transaction() as db:
        db.executemany("DELETE FROM tag WHERE arn = ? AND key = ?", [(arn, key) for key in given.get("tagKeys", [])])
    return {}


def list_tags(service: Service, given: Parameters) -> Document:
    """ListTagsForResource."""
    arn = _existing(service, given["arn"])
    rows = service.store.rows("SELECT key, value FROM tag WHERE arn = ? ORDER BY key", arn)
    return {"resourceTags": {"arn": arn, "tags": {row["key"]: row["value"] for row in rows}}}


def _existing(service: Service, arn: str) -> str:
    kind = arn.split(":", 5)[-1].partition("/")[0]
    if kind == "jobs":
        service.jobs.get(plain_name(arn, kind))
    elif kind in KINDS and arn.startswith("arn:"):
        {"queues": service.queues, "jobTemplates": service.templates, "presets": service.presets}[kind].get(arn)
    else:
        raise not_found(f"The resource {arn}")
    return arn


def _operations(noun: str, member: str, pick: Callable[[Service], Resources]) -> dict[str, Handler]:
    """The five operations on one kind of named settings.

    :param noun: as in the operations' names, ``JobTemplate``
    :param member: of the answers, ``jobTemplate``
    """

    def create(service: Service, given: Parameters) -> Document:
        document = {name: value for name, value in given.items() if name != "tags"}
        with service.store.transaction():
            made = pick(service).create(document)
            put_tags(service, made["arn"], given.get("tags", {}))
        return {member: made}

    def update(service: Service, given: Parameters) -> Document:
        changes = {name: value for name, value in given.items() if name != "name"}
        return {member: pick(service).update(given["name"], changes)}

    def delete(service: Service, given: Parameters) -> Document:
        pick(service).delete(given["name"])
        return {}

    def get(service: Service, given: Parameters) -> Document:
        return {member: pick(service).get(given["name"])}

    def page(service: Service, given: Parameters) -> Document:
        return listing(pick(service), given, f"{member}s")

    verbs = {"Create": create, "Update": update, "Delete": delete, "Get": get}
    return {**{f"{verb}{noun}": handler for verb, handler in verbs.items()}, f"List{noun}s": page}


HANDLERS: Final[Mapping[str, Handler]] = {
    **_operations("JobTemplate", "jobTemplate", lambda service: service.templates),
    **_operations("Preset", "preset", lambda service: service.presets),
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags,
}
