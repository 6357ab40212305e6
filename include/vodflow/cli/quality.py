"""``vodflow quality …``: measure how good published outputs are, and show it."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Any

import typer

from vodflow.catalog import measurements
from vodflow.catalog.database import transaction
from vodflow.catalog.measurements import MeasurementRow
from vodflow.catalog.states import MeasurementState
from vodflow.cli import tables
from vodflow.cli.tables import Column
from vodflow.errors import CatalogError
from vodflow.jobs import get

app = typer.Typer(help="Measure the quality of published outputs.", no_args_is_help=True, add_completion=False)

_PICTURES = (
    Column("Rung"), *(Column(title, drop, right=True) for title, drop in (
        ("Size", 2), ("kbit/s", 1), ("VMAF", 0), ("Harmonic", 5), ("5 %", 3), ("Worst", 0), ("At", 4), ("PSNR", 6),
        ("SSIM", 7), ("QVBR", 8),
    )),
)  # fmt: skip
_SOUND = (
    Column("Sound"), *(Column(title, drop, right=True) for title, drop in (
        ("kbit/s", 4), ("LUFS", 0), ("LU", 2), ("dBTP", 1), ("Silent", 3), ("Clipped", 5),
    )),
)  # fmt: skip

_Job = Annotated[str, typer.Argument(metavar="JOB", help="A job, as in `vodflow jobs get`.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.command()
def measure(
    what: _Job,
    every: Annotated[int | None, typer.Option(min=1, help="Compare one of so many frames.")] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Measure again what is measured already.")] = False,
    as_json: _AsJson = False,
) -> None:
    """Measure a published job now, whatever share of jobs is measured by itself, and show it."""
    from vodflow.quality.measure import measure_job  # noqa: PLC0415 - slow to import

    job_id = _job_id(what)
    state = measure_job(job_id, run_id="cli", anew=anew, every=every)
    if state is None:
        raise CatalogError(f"Job {job_id} is being measured by another process just now.")
    _print(job_id, as_json=as_json)
    if state is MeasurementState.FAILED:
        raise typer.Exit(1)


@app.command()
def show(what: _Job, as_json: _AsJson = False) -> None:
    """Show what was measured of a job."""
    _print(_job_id(what), as_json=as_json)


def _job_id(what: str) -> int:
    job = get(what)
    if job.id is None:
        raise CatalogError(f"{what} has no job yet, and so no outputs.")
    return job.id


def _print(job_id: int, *, as_json: bool) -> None:
    with transaction("vodflow quality") as connection:
        row = measurements.get_measurement(connection, job_id)
        renditions = measurements.get_renditions(connection, job_id)
    if row is None:
        raise CatalogError(f"Job {job_id} was not measured; `vodflow quality measure {job_id}` does it.")
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(row) | {"renditions": renditions}, indent=2, default=str))
        return
    tables.show(_PICTURES, [_picture(item) for item in renditions if item["kind"] == "video"])
    if sounds := [_sound(item) for item in renditions if item["kind"] == "audio"]:
        tables.show(_SOUND, sounds)
    for stretch in row.stretches or ():
        typer.echo(f"{stretch['track']}: {stretch['kind']} from {stretch['start']:.1f} to {stretch['end']:.1f} s")
    typer.echo(_sentence(row))
    if row.error_message:
        typer.echo(f"It failed: {row.error_message}", err=True)


def _sentence(row: MeasurementRow) -> str:
    how = f", one of {row.every} frames of {row.seconds:.1f} s" if row.every and row.seconds else ""
    clipped = "" if row.luma_clipped is None else f"; {row.luma_clipped:.1%} of the luma at its ends"
    cost = "" if row.cpu_seconds is None else f"; {row.cpu_seconds:.1f} CPU s"
    return f"Job {row.job_id}: {row.state}{how}{clipped}{cost}."


def _picture(item: dict[str, Any]) -> list[str]:
    qvbr = "" if item["qvbr_avg"] is None else f"{item['qvbr_avg']:.1f}"
    return [
        item["name"], f"{item['width']}x{item['height']}", _number(item["measured_bitrate"] / 1000, "", 0),
        *(_number(item[name]) for name in ("vmaf", "vmaf_harmonic", "vmaf_p5", "vmaf_worst_second")),
        _number(item["vmaf_worst_at"], " s", 0), _number(item["psnr"], " dB"), _number(item["ssim"], digits=4), qvbr,
    ]  # fmt: skip


def _sound(item: dict[str, Any]) -> list[str]:
    clipped = "" if item["clipped"] is None else f"{item['clipped']:.4%}"
    return [
        item["name"], _number(item["measured_bitrate"] / 1000, "", 0),
        *(_number(item[name], digits=1) for name in ("loudness", "loudness_range", "true_peak")),
        _number(item["silent_seconds"], " s", 1), clipped,
    ]  # fmt: skip


def _number(value: float | None, unit: str = "", digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}{unit}"
