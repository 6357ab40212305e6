"""Look at jobs: one, many, and what happened to one."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from vodflow.catalog import holds, job_details, jobs, publications, sources, work_list, work_lookup
from vodflow.catalog.database import transaction
from vodflow.catalog.parts import parts_of
from vodflow.catalog.rows import SourceRow
from vodflow.catalog.states import JobStatus, SourceStatus
from vodflow.catalog.tables import job as job_table
from vodflow.catalog.work_list import Position, WorkFilter
from vodflow.catalog.work_rows import WorkRow
from vodflow.contract.engine_names import EngineName
from vodflow.errors import ConfigurationError, NotInCatalog, VodflowError
from vodflow.jobs.airflow_client import AirflowClient
from vodflow.jobs.job import Job, Page
from vodflow.pipeline.planning import plan_source, profile_of
from vodflow.pipeline.request import TranscodeRequest
from vodflow.settings import Settings, get_settings
from vodflow.storage.objects import parse_s3_uri

#: What names a job: its id; ``source-7``; ``s3://bucket/key``; a run's id; or a job that was handed out before.
JobRef = int | str | Job

#: The DAG that carries jobs out.
DAG_ID: Final = "transcode_video"

STATUSES: Final = tuple(sorted({*JobStatus, *SourceStatus}))
MAX_PAGE: Final = 1000

_ACTOR: Final = "vodflow.jobs"
#: Beyond what the catalog numbers things with.
_NO_ID: Final = 2**63
_SOURCE_RUN = re.compile(r"^source-(\d+)(-.+)?$")
_CURSOR = re.compile(r"^(\d*)-(\d*)(?:-(\d*))?$")


def get(ref: JobRef, *, airflow: AirflowClient | None = None, settings: Settings | None = None) -> Job:
    """One job as it is now, with its progress.

    :param ref: a job's id (``12`` or ``"12"``); ``"source-7"`` or ``"s3://bucket/key"`` for the newest job of a source,
        or the source itself while it has none; a run's id; or a :class:`Job`
    :param airflow: ask it for the run's state; none means not to
    :raises NotInCatalog: there is no such job
    """
    used = settings or get_settings()
    with transaction(_ACTOR, used) as connection:
        found = Job.of(_find(connection, ref, airflow, used), used)
    if airflow is None:
        return found
    asked, run_id = _requested_run(ref), found.run_id
    # A sighting may have started the source again: its first run says nothing of that.
    if asked is not None and not (run_id or "").startswith(f"{asked}-again-"):
        run_id = asked
    return found.with_run(airflow.run_state(DAG_ID, run_id) if run_id else None)


def list_jobs(
    *,
    status: str | Iterable[str] | None = None,
    tenant: str | None = None,
    engine: str | None = None,
    profile: str | None = None,
    source: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 50,
    cursor: str | None = None,
    oldest_first: bool = False,
    settings: Settings | None = None,
) -> Page:
    """A page of jobs, newest first unless asked otherwise.

    Among them are sources that have no job yet, and runs that failed without making one.

    :param status: one or several, in any case; source statuses find sources without a job
    :param engine: jobs of this engine
    :param source: where their sources are: ``s3://bucket/prefix``, or ``s3://bucket``
    :param since: made at or after that moment (timezone-aware)
    :param until: made before that moment
    :param limit: jobs of one page, 1 to 1000
    :param cursor: of the page before, which had the same order; none means the first
    :raises ConfigurationError: a value that cannot be meant, naming what is accepted
    """
    wanted = WorkFilter(
        statuses=_statuses(status),
        tenant=tenant,
        engine=_engine(engine),
        profile=profile,
        since=_aware("since", since),
        until=_aware("until", until),
        **place_of(source),
    )
    if not 1 <= limit <= MAX_PAGE:
        raise ConfigurationError(f"limit is {limit}; give 1 to {MAX_PAGE}.")
    with transaction(_ACTOR, settings) as connection:
        rows, position = work_list.list_work(connection, wanted, limit, position_of(cursor), oldest_first=oldest_first)
    return Page(tuple(Job.of(row, settings) for row in rows), cursor_of(position))


def iterate(**filters: Any) -> Iterator[Job]:
    """Every job that :func:`list_jobs` finds, page by page as they are needed."""
    page = list_jobs(**filters)
    yield from page.jobs
    while page.cursor is not None:
        page = list_jobs(**{**filters, "cursor": page.cursor})
        yield from page.jobs


def details(ref: JobRef, *, settings: Settings | None = None) -> dict[str, list[dict[str, Any]]]:
    """What happened to a job, what it waits for, how its encode is divided, what it published.

    :return: rows of ``history``, ``waits``, ``strategy`` (one, or none where MediaConvert divides), ``parts``,
        ``renditions`` and ``artifacts``
    :raises NotInCatalog: there is no such job
    """
    used = settings or get_settings()
    with transaction(_ACTOR, used) as connection:
        row = _find(connection, ref, None, used)
        waits = [dataclasses.asdict(hold) for hold in holds.holds(connection, row.run_id)] if row.run_id else []
        if row.job_id is None:
            return {"waits": waits} | {name: [] for name in ("history", "strategy", "parts", "renditions", "artifacts")}
        found = jobs.get_job(connection, row.job_id)
        divided = [] if found.engine == EngineName.MEDIACONVERT else [found.plan.strategy]
        return {
            "waits": waits,
            "history": job_details.history(connection, row.job_id),
            "strategy": [{"kind": how.kind.value, "reason": how.reason} for how in divided],
            "parts": [dataclasses.asdict(part) for part in parts_of(connection, row.job_id)],
            "renditions": job_details.published_tracks(connection, row.job_id),
            "artifacts": job_details.published_artifacts(connection, row.job_id),
        }


def planned_job(connection: Connection, source: SourceRow, request: TranscodeRequest, settings: Settings) -> Job | None:
    """The job that carries a request out already, whatever run made it; none while there is none."""
    if source.media_info is None or request.force:
        return None
    try:
        profile = profile_of(source, request, settings)
        plan = plan_source(source, source.media_info, request, profile, revision=0, settings=settings)
        plan = publications.kept(connection, source.id, plan)
    except VodflowError:
        return None  # the run finds the words for it
    is_it = (job_table.c.source_id == source.id, job_table.c.plan_hash == plan.hash)
    row = work_lookup.find_work(connection, *is_it)
    return None if row is None else Job.of(row, settings)


def _find(connection: Connection, ref: JobRef, airflow: AirflowClient | None, settings: Settings) -> WorkRow:
    row = _look(connection, ref, airflow, settings)
    if row is None:
        named = ref.ref if isinstance(ref, Job) else ref
        raise NotInCatalog(f"There is no job {named!r} in the catalog. `vodflow jobs list` shows those there are.")
    return row


def _look(connection: Connection, ref: JobRef, airflow: AirflowClient | None, settings: Settings) -> WorkRow | None:
    if isinstance(ref, Job):
        if ref.id is None and ref.run_id is None and ref.source_id is not None:
            return work_lookup.source_work(connection, ref.source_id)
        ref = ref.id if ref.id is not None else str(ref.run_id)
    if isinstance(ref, int) or ref.isdecimal():
        return work_lookup.find_work(connection, job_table.c.id == int(ref)) if int(ref) < _NO_ID else None
    if "://" in ref:
        source_id = work_lookup.newest_source_id(connection, *parse_s3_uri(ref))
        return None if source_id is None else work_lookup.source_work(connection, source_id)
    return _by_run(connection, ref, airflow, settings)


def _by_run(connection: Connection, run_id: str, airflow: AirflowClient | None, settings: Settings) -> WorkRow | None:
    """The job of a run: the one it made, or found made; the source while there is none."""
    match = _SOURCE_RUN.match(run_id)
    match = match if match and int(match[1]) < _NO_ID else None
    if match and match[2] is None:
        return work_lookup.source_work(connection, int(match[1]))
    row = work_lookup.find_work(connection, job_table.c.run_id == run_id)
    if row is not None:
        return row
    source_id = int(match[1]) if match else work_lookup.source_of_run(connection, run_id)
    if (gone := work_lookup.failed_run(connection, run_id)) or source_id is None:
        return gone
    run = airflow.run(DAG_ID, run_id) if airflow else None
    if run is not None and match:
        request = TranscodeRequest.from_params({**run.conf, "source_id": source_id})
        made = planned_job(connection, sources.get_source(connection, source_id), request, settings)
        if made is not None:
            return work_lookup.find_work(connection, job_table.c.id == made.id)
    return work_lookup.bare_source(connection, source_id, run_id)


def _requested_run(ref: JobRef) -> str | None:
    if isinstance(ref, Job):
        return ref.run_id
    return ref if isinstance(ref, str) and _SOURCE_RUN.match(ref) else None


def _statuses(status: str | Iterable[str] | None) -> frozenset[str] | None:
    if status is None:
        return None
    wanted = frozenset(item.strip().upper() for item in ([status] if isinstance(status, str) else status))
    if unknown := sorted(wanted - set(STATUSES)):
        raise ConfigurationError(f"{', '.join(unknown)}: no such status; there are {', '.join(STATUSES)}.")
    return wanted or None


def _engine(engine: str | None) -> str | None:
    if engine is not None and engine not in set(EngineName):
        raise ConfigurationError(f"{engine}: no such engine; there are {', '.join(EngineName)}.")
    return engine


def place_of(source: str | None) -> dict[str, Any]:
    """Bucket and prefix of ``s3://bucket/prefix``, for :class:`~vodflow.catalog.work_list.WorkFilter`.

    :raises ConfigurationError: it is no place in S3
    """
    if source is None:
        return {}
    scheme, separator, rest = source.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme.lower() != "s3" or not separator or not bucket:
        raise ConfigurationError(f"{source!r} is no place in S3; write s3://bucket/prefix.")
    return {"bucket": bucket, "prefix": prefix}


def _aware(name: str, moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise ConfigurationError(f"{name} has no time zone; give one, for example 2026-05-01T00:00:00+00:00.")
    return moment


def cursor_of(position: Position | None) -> str | None:
    """A page's end for those who ask for the next one; none after the last page."""
    if position is None:
        return None
    letter = f"-{position.letter_id}" if position.letter_id else ""
    return f"{position.job_id or ''}-{position.source_id or ''}{letter}"


def position_of(cursor: str | None) -> Position:
    """Where the page after a cursor begins.

    :raises ConfigurationError: it is no cursor
    """
    if cursor is None:
        return Position()
    match = _CURSOR.match(cursor)
    if match is None or any(int(part or 0) >= _NO_ID for part in match.groups()):
        raise ConfigurationError(f"{cursor!r} is no cursor; take the one that the page before came with.")
    return Position(*(int(part) if part else None for part in match.groups()))
