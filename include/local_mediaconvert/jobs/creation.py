"""From a CreateJob request to a job: template and presets merged in, rules checked. Changes nothing."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from vodflow.engines.mediaconvert.request.constraints import Problem, below_settings, cross_field_problems
from vodflow.engines.mediaconvert.request.job import merged
from vodflow.engines.mediaconvert.request.service_model import to_python

from local_mediaconvert.arns import DEFAULT_QUEUE, Account, new_job_id, plain_name
from local_mediaconvert.errors import ApiError, invalid
from local_mediaconvert.jobs.jobs import NewJob
from local_mediaconvert.jobs.resources import Resources

Document = dict[str, Any]

_ROLE: Final = re.compile(r"arn:aws(-[a-z-]+)?:iam::\d{12}:role/\S+")

#: Members of a template that a job takes over beside its settings.
_FROM_TEMPLATE: Final = ("accelerationSettings", "hopDestinations", "priority", "queue", "statusUpdateInterval")

#: Our constraints that are stricter than the service, which takes the default
#: selector, or silence, for one that is not there.
_STRICTER: Final = frozenset({"selector"})

#: Beginning of an input's address → the member of the policy that allows it.
_POLICIES: Final = {"s3://": "s3Inputs", "http://": "httpInputs", "https://": "httpsInputs"}


@dataclass(frozen=True)
class Catalogue:
    """What requests refer to by name.

    :param policy: the input policy; empty allows everything
    :param minute: seconds that a minute of waiting lasts
    """

    account: Account
    queues: Resources
    templates: Resources
    presets: Resources
    policy: Mapping[str, str]
    minute: float = 60.0


def digest(request: Mapping[str, Any]) -> str:
    """What two requests with the same client token must have in common."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def new_job(request: Mapping[str, Any], catalogue: Catalogue) -> NewJob:
    """The job that a request asks for.

    :param request: names of the wire, within the model
    :raises ApiError: the service would refuse it
    """
    now = time.time()
    shown = _with_template(request, catalogue.templates)
    work = _with_presets(shown["settings"], catalogue.presets)
    _check(shown, work, catalogue.policy)
    queue = catalogue.queues.get(shown.get("queue", DEFAULT_QUEUE))
    hops = [_hop(hop, catalogue.queues) for hop in shown.get("hopDestinations", [])]
    job_id = new_job_id()
    return NewJob(
        id=job_id,
        created=now,
        queue=queue["name"],
        priority=shown.get("priority", 0),
        hop_at=now + min(hop["waitMinutes"] for hop in hops) * catalogue.minute if hops else None,
        token=request.get("clientRequestToken"),
        digest=digest(request),
        inputs=[item["fileInput"] for item in work.get("inputs", []) if "fileInput" in item],
        codecs=_codecs(work),
        request=_unchanging(shown, catalogue.account.arn("jobs", job_id), job_id, now),
        work=None if work == shown["settings"] else work,
        state=_first_state(shown, queue["arn"], hops, now),
    )


def _unchanging(shown: Mapping[str, Any], arn: str, job_id: str, now: float) -> Document:
    kept = ("role", "settings", "userMetadata", "clientRequestToken", "jobTemplate")
    return {
        "arn": arn,
        "id": job_id,
        "createdAt": int(now),
        **{name: shown[name] for name in kept if name in shown},
        "accelerationSettings": shown.get("accelerationSettings", {"mode": "DISABLED"}),
        "statusUpdateInterval": shown.get("statusUpdateInterval", "SECONDS_60"),
        "billingTagsSource": shown.get("billingTagsSource", "JOB"),
        "simulateReservedQueue": shown.get("simulateReservedQueue", "DISABLED"),
        **({"jobEngineVersionRequested": shown["jobEngineVersion"]} if "jobEngineVersion" in shown else {}),
    }


def _first_state(shown: Mapping[str, Any], queue: str, hops: list[Document], now: float) -> Document:
    mode = shown.get("accelerationSettings", {}).get("mode", "DISABLED")
    return {
        "status": "SUBMITTED",
        "queue": queue,
        "priority": shown.get("priority", 0),
        "hopDestinations": hops,
        "queueTransitions": [],
        "retryCount": 0,
        "messages": {"info": [], "warning": []},
        "accelerationStatus": "NOT_APPLICABLE" if mode == "DISABLED" else "IN_PROGRESS",
        "shareStatus": "NOT_SHARED",
        "timing": {"submitTime": int(now)},
    }


def _with_template(request: Mapping[str, Any], templates: Resources) -> Document:
    """The request on top of its template: what the job says wins, lists go item by item."""
    if "jobTemplate" not in request:
        return dict(request)
    template = templates.get(request["jobTemplate"])
    taken: Document = {name: template[name] for name in _FROM_TEMPLATE if name in template}
    settings: Document = merged(template["settings"], request["settings"])
    return {**taken, **request, "settings": settings, "jobTemplate": template["arn"]}


def _with_presets(settings: Mapping[str, Any], presets: Resources) -> Document:
    """Settings in which every output has what its preset says, below what the output says itself."""
    whole: Document = copy.deepcopy(dict(settings))
    for number, group in enumerate(whole.get("outputGroups", [])):
        for place, output in enumerate(group.get("outputs", [])):
            if "preset" not in output:
                continue
            preset = presets.find(output["preset"])
            if preset is None:
                path = f"/outputGroups/{number}/outputs/{place}/preset"
                raise invalid([Problem(path, "preset", f"No preset {output['preset']} exists")])
            own = {name: value for name, value in output.items() if name != "preset"}
            group["outputs"][place] = merged(preset["settings"], own)
    return whole


def _check(shown: Mapping[str, Any], work: Mapping[str, Any], policy: Mapping[str, str]) -> None:
    problems = list(_own_problems(shown, work))
    if not problems:
        request = {**{name: value for name, value in shown.items() if name != "jobTemplate"}, "settings": work}
        python = to_python(request, "CreateJobRequest")
        problems = [item for item in cross_field_problems(python) if item.rule not in _STRICTER]
    if problems:
        raise invalid(below_settings(problems))
    for place, item in enumerate(work["inputs"]):
        for prefix, member in _POLICIES.items():
            if item.get("fileInput", "").startswith(prefix) and policy.get(member) == "DISALLOWED":
                raise ApiError("ForbiddenException", f"/inputs/{place}/fileInput: The policy does not allow {member}.")


def _own_problems(shown: Mapping[str, Any], work: Mapping[str, Any]) -> Iterator[Problem]:
    if not _ROLE.fullmatch(shown["role"]):
        yield Problem("/role", "role", "Should be the ARN of an IAM role")
    for place, item in enumerate(work.get("inputs", [])):
        if not item.keys() & {"fileInput", "videoGenerator", "videoOverlays"}:
            yield Problem(f"/settings/inputs/{place}/fileInput", "required", "Is a required property")
    for number, group in enumerate(shown["settings"].get("outputGroups", [])):
        for place, output in enumerate(group.get("outputs", [])):
            path = f"/settings/outputGroups/{number}/outputs/{place}"
            if "preset" in output and "containerSettings" in output:
                yield Problem(f"{path}/preset", "preset", "Should not stand beside containerSettings")
            if not output.keys() & {"preset", "containerSettings"}:
                yield Problem(f"{path}/containerSettings", "required", "Is a required property")


def _hop(hop: Mapping[str, Any], queues: Resources) -> Document:
    name = hop.get("queue", DEFAULT_QUEUE)
    return {**hop, "queue": queues.get(plain_name(name, "queues"))["arn"]}


def _codecs(settings: Mapping[str, Any]) -> list[str]:
    outputs = [output for group in settings.get("outputGroups", []) for output in group.get("outputs", [])]
    found = {f"video:{_codec(output['videoDescription'])}" for output in outputs if "videoDescription" in output}
    found |= {f"audio:{_codec(audio)}" for output in outputs for audio in output.get("audioDescriptions", [])}
    return sorted(found)


def _codec(description: Mapping[str, Any]) -> str:
    return str(description.get("codecSettings", {}).get("codec", "PASSTHROUGH"))
