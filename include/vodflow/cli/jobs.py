"""``vodflow jobs``: look at jobs, start, wait for, cancel and retry them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.filesize import decimal

from vodflow import jobs
from vodflow.catalog.states import JobStatus
from vodflow.cli import outcome
from vodflow.cli.auditing import person
from vodflow.cli.job_tables import show_details, show_health, show_jobs
from vodflow.cli.options import (
    AsJson,
    Engine,
    Outputs,
    Priority,
    Profile,
    Qualities,
    Timeout,
    as_list,
    checked_by,
    chosen_from,
)
from vodflow.cli.waiting import follow
from vodflow.contract.engine_names import EngineName
from vodflow.errors import CatalogError, ConfigurationError, VodflowError
from vodflow.jobs import AirflowClient
from vodflow.jobs.queries import STATUSES, place_of, position_of
from vodflow.settings import get_settings
from vodflow.storage.objects import parse_s3_uri

app = typer.Typer(
    help="Look at jobs; start, wait for, cancel and retry them.", no_args_is_help=True, add_completion=False
)

_Ref = Annotated[
    str, typer.Argument(metavar="JOB", help="A job's id; source-7; s3://bucket/key for its newest job; or a run's id.")
]
_Refs = Annotated[list[str], typer.Argument(metavar="JOB…", help="Jobs, each as in `vodflow jobs get`.")]
_Wait = Annotated[bool, typer.Option("--wait", help="Wait until it is over; the exit code says what came of it.")]
_Moment = Annotated[
    datetime | None,
    typer.Option(
        metavar="TIME",
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
        help="2026-05-01, or 2026-05-01T12:00:00+02:00; UTC if no zone is given.",
    ),
]


@app.command("list")
def list_jobs(
    tenant: Annotated[str | None, typer.Option(help="Only this tenant.")] = None,
    status: Annotated[
        list[str] | None, typer.Option(help=f"Only these: {', '.join(STATUSES)}.", callback=chosen_from(STATUSES))
    ] = None,
    engine: Annotated[EngineName | None, typer.Option(help="Only jobs of this engine.")] = None,
    profile: Annotated[str | None, typer.Option(help="Only this profile.")] = None,
    source: Annotated[
        str | None, typer.Option(help="Only sources below s3://bucket/prefix.", callback=checked_by(place_of))
    ] = None,
    since: _Moment = None,
    until: _Moment = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Jobs of one page.")] = 50,
    cursor: Annotated[
        str | None, typer.Option(help="What the page before ended with.", callback=checked_by(position_of))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first, and sources and failed runs that have none."""
    page = jobs.list_jobs(
        status=status, tenant=tenant, engine=engine, profile=profile, source=source, since=_utc(since),
        until=_utc(until), limit=limit, cursor=cursor,
    )  # fmt: skip
    if as_json:
        outcome.print_json({"jobs": [job.to_json() for job in page.jobs], "cursor": page.cursor})
        return
    show_jobs(page.jobs, addresses=False)
    if page.cursor is not None:
        typer.echo(f"More: --cursor {page.cursor}")


@app.command("get")
@app.command("show", hidden=True)
def get_job(ref: _Ref, as_json: AsJson = False) -> None:
    """Show everything about one job: its state, what happened to it, what it published."""
    job, told = jobs.get(ref), jobs.details(ref)
    if as_json:
        outcome.print_json({**job.to_json(), **told})
    else:
        show_details(job, told)


@app.command()
def create(
    source: Annotated[
        str, typer.Argument(help="The object to transcode: s3://bucket/key.", callback=checked_by(parse_s3_uri))
    ],
    profile: Profile = None,
    outputs: Outputs = None,
    qualities: Qualities = None,
    engine: Engine = None,
    priority: Priority = 50,
    force: Annotated[bool, typer.Option("--force", help="Again, although it is published or was rejected.")] = False,
    wait: _Wait = False,
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> None:
    """Have an object in S3 transcoded. Asking again finds the same job."""
    job = jobs.create(
        source, profile=profile, outputs=as_list(outputs), qualities=as_list(qualities), engine=engine,
        priority=priority, force=force,
    )  # fmt: skip
    for line in outcome.found_already(job, engine):
        typer.echo(line, err=True)
    _end([job], wait=wait, timeout=timeout, as_json=as_json, qualities=qualities)


@app.command("wait")
def wait_for(refs: _Refs, timeout: Timeout = None, as_json: AsJson = False) -> None:
    """Wait until jobs are over; the exit code says what came of them."""
    _end([jobs.get(ref) for ref in refs], wait=True, timeout=timeout, as_json=as_json, asked=list(refs))


@app.command()
def cancel(
    refs: _Refs,
    reason: Annotated[str | None, typer.Option(help="Why, for their history and the reports.")] = None,
    as_json: AsJson = False,
) -> None:
    """Cancel jobs and stop their engines. A job that is over cannot be cancelled; one that was stays so."""
    settings = get_settings()
    with AirflowClient.of(settings) as airflow:

        def cancel_one(ref: str) -> jobs.Job:
            job = jobs.get(ref, airflow=airflow, settings=settings)
            if job.over and job.status != JobStatus.CANCELED:
                raise CatalogError(f"Job {job.ref} is {job.status} already: there is nothing to cancel.", job_id=job.id)
            return jobs.cancel(ref, reason=reason, by=person(), airflow=airflow, settings=settings)

        found, errors = _each(refs, cancel_one)
    _end(found, wait=False, timeout=None, as_json=as_json, errors=errors)


@app.command()
def retry(refs: _Refs, wait: _Wait = False, timeout: Timeout = None, as_json: AsJson = False) -> None:
    """Try failed or cancelled jobs again; what is done already is found again."""
    found, errors = _each(refs, jobs.retry)
    _end(found, wait=wait, timeout=timeout, as_json=as_json, errors=errors)


@app.command("delete-outputs")
def delete_outputs(
    refs: _Refs,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove from S3 what jobs published that their videos do not show any more; public outputs stay."""
    if not yes:
        typer.confirm(f"Remove the outputs of {', '.join(refs)} from S3 for good?", abort=True)
    errors: list[VodflowError] = []
    for ref in refs:
        try:
            count, size = jobs.delete_outputs(ref)
            typer.echo(f"{ref}: {count} objects, {decimal(size)}")
        except ConfigurationError:
            raise
        except VodflowError as error:
            errors.append(error)
    outcome.end([], as_json=False, waited=False, errors=errors)


@app.command()
def health(as_json: AsJson = False) -> None:
    """Ask the catalog, S3, Airflow and the engines. Exit code 0 only when everything that is set up answers."""
    report = jobs.health()
    if as_json:
        outcome.print_json(report.to_json())
    else:
        show_health(report)
    raise typer.Exit(outcome.OK if report.ok else outcome.ERROR)


def _each(refs: list[str], change: Callable[[str], jobs.Job]) -> tuple[list[jobs.Job], list[VodflowError]]:
    """Change every job that can be changed; what cannot is told at the end."""
    found, errors = [], []
    for ref in refs:
        try:
            found.append(change(ref))
        except ConfigurationError:
            raise  # the next job would meet the same
        except VodflowError as error:
            errors.append(error)
    return found, errors


def _end(
    found: list[jobs.Job],
    *,
    wait: bool,
    timeout: float | None,
    as_json: bool,
    asked: list[str] | None = None,
    qualities: str | None = None,
    errors: Sequence[VodflowError] = (),
) -> None:
    if wait and found:
        found = follow(list(asked or found), timeout)
    outcome.end(found, as_json=as_json, waited=wait, qualities=as_list(qualities), errors=errors)


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
