"""A job's settings against the tables: warnings and refusals. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from vodflow.engines.mediaconvert.request import service_model

from local_mediaconvert.transcode.contract import FIRST_CAPTIONS, NOT_HONOURED, Document, ErrorCode, JobWarning
from local_mediaconvert.transcode.support.rules import RULES, Support

_SETTINGS: Final = "JobSettings"


def plan_warnings(settings: Document) -> list[JobWarning]:
    """One warning for each setting of a job that has no effect here.

    :param settings: ``Settings`` in botocore's names
    """
    return [
        JobWarning(NOT_HONOURED, f"{path} is not honoured by the local MediaConvert: {note}.", path)
        for support, path, note in _findings(settings)
        if support is Support.WARNED
    ]


def refusals(settings: Document) -> list[JobWarning]:
    """One entry for each setting without which the outputs would be wrong; such a job fails.

    :param settings: ``Settings`` in botocore's names
    """
    return [
        JobWarning(ErrorCode.JOB_SETTINGS, f"{path} is refused by the local MediaConvert: {note}.", path)
        for support, path, note in _findings(settings)
        if support is Support.REFUSED
    ]


def _findings(settings: Document) -> Iterator[tuple[Support, str, str]]:
    yield from _structure(_without_unused_captions(settings), _SETTINGS, "")


def _without_unused_captions(settings: Document) -> Document:
    """Settings without the captions selectors that no output names: nothing is missing without those."""
    outputs = [item for group in settings.get("OutputGroups", ()) for item in group.get("Outputs", ())]
    described = [item for output in outputs for item in output.get("CaptionDescriptions", ())]
    used = {item.get("CaptionSelectorName", FIRST_CAPTIONS) for item in described}
    inputs = [
        {**item, "CaptionSelectors": {name: it for name, it in item["CaptionSelectors"].items() if name in used}}
        if item.get("CaptionSelectors")
        else item
        for item in settings.get("Inputs", ())
    ]
    return {**settings, "Inputs": inputs} if inputs else settings


def _structure(value: Mapping[str, Any], name: str, path: str) -> Iterator[tuple[Support, str, str]]:
    members = service_model.shape(name)["members"]
    for member, item in value.items():
        if member not in members or item is None:
            continue
        described = members[member]
        where = f"{path}/{described.get('locationName', member)}"
        if _is_empty(item):
            continue
        support, note = RULES[name][member].of(item)
        if support is Support.HONOURED:
            yield from _value(item, described["shape"], where)
        else:
            yield support, where, note


def _value(value: Any, name: str, path: str) -> Iterator[tuple[Support, str, str]]:
    described = service_model.shape(name)
    if described["type"] == "structure" and isinstance(value, Mapping):
        yield from _structure(value, name, path)
    elif described["type"] == "list" and isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _value(item, described["member"]["shape"], f"{path}/{place}")
    elif described["type"] == "map" and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _value(item, described["value"]["shape"], f"{path}/{key}")


def _is_empty(value: object) -> bool:
    """An object, list or text without content asks for nothing."""
    return isinstance(value, Mapping | list | tuple | str) and not value
