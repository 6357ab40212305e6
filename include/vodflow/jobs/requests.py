"""Ask for outputs of an object in S3, once in effect however often it is asked."""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import PurePosixPath
from typing import Any

from vodflow.catalog import publications, sources
from vodflow.catalog.database import transaction
from vodflow.catalog.rows import SourceRow
from vodflow.catalog.states import JobStatus, SourceStatus
from vodflow.errors import ConfigurationError
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.jobs.control import restart
from vodflow.jobs.job import Job
from vodflow.jobs.queries import DAG_ID, get, planned_job
from vodflow.pipeline.object_request import run_conf
from vodflow.pipeline.request import DEFAULT_PRIORITY, TranscodeRequest
from vodflow.planning.planner import chosen_rungs
from vodflow.planning.profiles import load_profile
from vodflow.sensing.places import watched
from vodflow.sensing.registration import DEFAULT_TENANT, register_object
from vodflow.sensing.rules import Watched, judge
from vodflow.settings import Settings, get_settings
from vodflow.storage.objects import parse_s3_uri, resolve_source
from vodflow.tenancy import effective

log = logging.getLogger(__name__)

_ACTOR = "vodflow.jobs"


def create(
    source: str,
    *,
    profile: str | None = None,
    outputs: Iterable[str] | None = None,
    qualities: Iterable[str] | None = None,
    engine: str | None = None,
    priority: int = DEFAULT_PRIORITY,
    force: bool = False,
    token: str | None = None,
    airflow: AirflowClient | None = None,
    settings: Settings | None = None,
) -> Job:
    """Have an object in S3 transcoded by a run of ``transcode_video``, as ingest does it.

    Idempotent: the same request finds its run, or the work already done, whoever did it. A job of that work that
    failed or was cancelled is started again. Another request for the same object is another job.

    :param source: ``s3://bucket/key``; its current version is meant
    :param profile: name of an encoding profile; none means the watch rule's or the default one
    :param outputs: any of ``hls``, ``dash``, ``mp4``; none means what the profile says
    :param qualities: rungs of the profile's ladder; none means all that fit the source
    :param engine: who encodes; none means what the watch rule or the profile says
    :param priority: 0 to 100, higher first
    :param force: make it again although it is published, or the input was rejected before
    :param token: with ``force``, makes repeated calls one request; none means that each call is one
    :return: the job; its ``id`` is none until the run has planned it
    :raises ConfigurationError: a value is wrong, or no Airflow is named by the settings
    :raises SourceNotFound: there is no such object
    :raises AirflowError: Airflow does not start the run; calling again is safe
    """
    used = settings or get_settings()
    request = make_request(
        source, profile=profile, outputs=outputs, qualities=qualities, engine=engine, priority=priority, force=force
    )
    check_request(request, used)
    row = register_object(resolve_source(*parse_s3_uri(source), settings=used), _ACTOR, settings=used)
    with_id = request.model_copy(update={"source_uri": None, "source_id": row.id})
    with nullcontext(airflow) if airflow else AirflowClient.of(used) as client:
        return start(row, with_id, client, token=token, settings=used)


def make_request(source: str, **options: Any) -> TranscodeRequest:
    """The request in its checked form.

    :raises ConfigurationError: one sentence for each wrong value
    """
    given = {name: list(value) if name in {"outputs", "qualities"} else value for name, value in options.items()
             if value is not None}  # fmt: skip
    return TranscodeRequest.from_params({"source_uri": source, **given})


def check_request(request: TranscodeRequest, settings: Settings) -> None:
    """Refuse at once what a run would refuse later, as far as the request names it.

    :raises ProfileError: there is no such profile
    :raises ConfigurationError: the object's tenant may not use it
    :raises TenantSuspended: the object's tenant may start nothing new
    :raises PlanError: the profile has no such quality; the message names those it has
    """
    bucket, key = parse_s3_uri(str(request.source_uri))
    verdict = judge(watched(settings), bucket, key)
    placed = verdict.rule.profile if isinstance(verdict, Watched) else None
    tenant = effective(verdict.tenant if isinstance(verdict, Watched) else DEFAULT_TENANT, settings)
    tenant.require_active()
    name = request.profile or placed or tenant.default_profile
    tenant.require_profile(name)
    profile = load_profile(name, settings.profiles_dir)
    if request.qualities:
        chosen_rungs(profile, request.qualities)


def start(
    source: SourceRow,
    request: TranscodeRequest,
    airflow: AirflowClient,
    *,
    token: str | None = None,
    settings: Settings,
) -> Job:
    """The run of this request for a registered source: started now, or found."""
    return start_or_find(source, request, airflow, token=token, settings=settings)[0]


def start_or_find(
    source: SourceRow,
    request: TranscodeRequest,
    airflow: AirflowClient,
    *,
    token: str | None = None,
    settings: Settings,
) -> tuple[Job, bool]:
    """:func:`start`, and whether the run was not there before."""
    with transaction(_ACTOR, settings) as connection:
        made = planned_job(connection, source, request, settings)
        deletions = publications.deletions(connection, source.id)
    if made is not None:
        again = made.status in {JobStatus.FAILED, JobStatus.CANCELED}
        return (restart(made, airflow, settings) if again else made), False
    # One that cannot be read now was looked at a moment ago.
    if source.status == SourceStatus.UNREADABLE or (source.status == SourceStatus.REJECTED and not request.force):
        return get(f"source-{source.id}", settings=settings), False
    conf = run_conf(request)
    run_id = sources.run_id_of(source.id, source.reopened)
    if deletions:  # the run that made what was deleted is over
        token = token if request.force else f"after {deletions} deletions"
    if not request.force and not deletions and _is_run_of(airflow, run_id, request, source):
        # The run that ingest starts for this object: whoever comes first, it is one.
        new = airflow.ensure_run(DAG_ID, run_id, conf, note=PurePosixPath(source.key).name)
        with transaction(_ACTOR, settings) as connection:
            sources.mark_dispatched(connection, [source.id])
    else:
        token = token if request.force or deletions else None
        run_id = f"{run_id}-{_suffix(conf, token, force=request.force)}"
        new = airflow.ensure_run(DAG_ID, run_id, conf, note=PurePosixPath(source.key).name)
    log.info("Run %s of %s %s", run_id, source.ref.uri, "started" if new else "exists")
    job = get(run_id, airflow=airflow, settings=settings)
    if not new and job.id is None and job.run_state == "failed":
        return restart(job, airflow, settings), False
    return job, new


def _is_run_of(airflow: AirflowClient, run_id: str, request: TranscodeRequest, source: SourceRow) -> bool:
    """Whether the source's first run carries this request out, or would: it exists for it, or not at all yet."""
    run = airflow.run(DAG_ID, run_id)
    if run is None:
        return source.status == SourceStatus.DISCOVERED
    try:
        return TranscodeRequest.from_params({"source_id": source.id, **run.conf}) == request
    except ConfigurationError:
        return False


def _suffix(conf: dict[str, Any], token: str | None, *, force: bool) -> str:
    if force and token is None:
        return f"force-{uuid.uuid4().hex[:12]}"
    text = json.dumps([conf, token], sort_keys=True)
    return f"{'force-' if force else ''}{hashlib.sha256(text.encode()).hexdigest()[:12]}"
