"""The whole CreateJob request of a plan, as boto3 takes it. Pure: the same plan and options give the same request."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from vodflow.contract.plan import TranscodePlan
from vodflow.engines.mediaconvert.request.groups import output_groups
from vodflow.engines.mediaconvert.request.inputs import job_input
from vodflow.engines.mediaconvert.request.validation import validate
from vodflow.settings.encode_options import EncodeOptions, Hop, JobOptions

#: Keys of ``UserMetadata`` by which a job is found again and events are understood.
METADATA_JOB: Final = "vodflow-job-id"
METADATA_TENANT: Final = "vodflow-tenant"
METADATA_PLAN: Final = "vodflow-plan"
METADATA_ATTEMPT: Final = "vodflow-attempt"


def create_job_request(
    plan: TranscodePlan, *, bucket: str, prefix: str, job: JobOptions, options: EncodeOptions | None = None
) -> dict[str, Any]:
    """A valid CreateJob request: ``client.create_job(**create_job_request(...))``.

    :param prefix: key prefix of the job's outputs, without a slash at the end
    :param options: how to encode; none means the defaults
    :raises PlanError: for what this plan asks and MediaConvert does not make
    :raises ConfigurationError: for options that do not go together
    :raises JobSettingsError: when overrides make the request one that the service would refuse
    """
    request: dict[str, Any] = {
        "ClientRequestToken": client_request_token(plan, job),
        "Role": job.role,
        **({"Queue": job.queue} if job.queue else {}),
        **({"JobTemplate": job.template.name} if job.template else {}),
        "Priority": queue_priority(job.priority),
        **({"HopDestinations": [_hop(hop) for hop in job.hops]} if job.hops else {}),
        "AccelerationSettings": {"Mode": job.acceleration.upper()},
        "StatusUpdateInterval": f"SECONDS_{job.status_interval}",
        "BillingTagsSource": job.billing_tags,
        "UserMetadata": user_metadata(plan, job),
        **({"Tags": dict(job.tags)} if job.tags else {}),
        "Settings": merged(job_settings(plan, bucket, prefix, options or EncodeOptions(), job), job.overrides),
    }
    validate(request)
    return request


def job_settings(
    plan: TranscodePlan, bucket: str, prefix: str, options: EncodeOptions, job: JobOptions
) -> dict[str, Any]:
    """``Settings`` of the request, before overrides."""
    settings: dict[str, Any] = {
        # Accelerated jobs must not take the time code from the input.
        "TimecodeConfig": {"Source": "ZEROBASED"},
        "Inputs": [job_input(plan, options)],
    }
    if job.template is None or job.template.outputs == "plan":
        settings["OutputGroups"] = output_groups(plan, bucket, prefix, options)
    return settings


def queue_priority(priority: int) -> int:
    """MediaConvert's -50 to 50 from Vodflow's 0 to 100; the middle stays the middle.

    :raises ValueError: outside 0 to 100
    """
    if not 0 <= priority <= 100:
        raise ValueError(f"priority must be from 0 to 100, not {priority}")
    return priority - 50


def user_metadata(plan: TranscodePlan, job: JobOptions) -> dict[str, str]:
    """``UserMetadata``: which job of which tenant this is, and which plan and attempt. Ours win over the caller's."""
    return {
        **job.metadata,
        METADATA_JOB: str(job.job_id),
        METADATA_TENANT: plan.tenant,
        METADATA_PLAN: plan.hash,
        METADATA_ATTEMPT: str(job.attempt),
    }


def client_request_token(plan: TranscodePlan, job: JobOptions) -> str:
    """The token of one submission: 64 hex digits, the same whenever the same attempt is submitted again.

    MediaConvert keeps a token for one minute only; beyond that, jobs are found again by their ``UserMetadata``.
    """
    text = f"{plan.source.uri}@{plan.source.version}|{plan.hash}|{job.job_id}|{job.attempt}"
    return hashlib.sha256(text.encode()).hexdigest()


def merged(base: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7396) in which lists merge item by item instead of being replaced.

    An empty object in a list's patch leaves that item as it is; null removes a member or an item.
    """
    if isinstance(patch, Mapping):
        known = base if isinstance(base, Mapping) else {}
        result = {name: value for name, value in known.items() if name not in patch or patch[name] is not None}
        for name, value in patch.items():
            if value is not None:
                result[name] = merged(result.get(name), value)
        return result
    if isinstance(patch, list | tuple) and isinstance(base, list | tuple):
        pairs = [
            merged(base[place], patch[place]) if place < len(base) else merged(None, patch[place])
            for place in range(len(patch))
            if patch[place] is not None
        ]
        return [*pairs, *base[len(patch) :]]
    return patch


def _hop(hop: Hop) -> dict[str, Any]:
    priority = {} if hop.priority is None else {"Priority": queue_priority(hop.priority)}
    return {"Queue": hop.queue, "WaitMinutes": hop.wait_minutes, **priority}
