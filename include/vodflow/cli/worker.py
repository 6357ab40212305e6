"""``vodflow worker``: the engine's command line, for pods and for people."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Carry transcode plans out.", no_args_is_help=True, add_completion=False)


@app.callback()
def _worker() -> None:
    """Carry transcode plans out."""


@app.command("run")
def run(
    plan: Annotated[str, typer.Option(help="File or s3:// URI of the plan as JSON; - reads standard input.")],
    bucket: Annotated[str, typer.Option(help="Bucket of the outputs.")],
    prefix: Annotated[str, typer.Option(help="Key prefix of the outputs.")],
    report: Annotated[
        str | None, typer.Option(help="s3:// URI that keeps the last line: the result, or why there is none.")
    ] = None,
) -> None:
    """Download, encode, package and upload one plan; JSON lines on standard output.

    Exit status: 0 done, 2 wrong arguments, settings or plan, 3 input rejected, 4 failed and worth another try,
    5 failed for good, 130 or 143 cancelled.
    """
    from vodflow.engines.local.worker import read_plan, work  # noqa: PLC0415 - keeps the command line's help quick

    raise typer.Exit(work(lambda: read_plan(plan), bucket, prefix, report=report))


@app.command("part")
def part(
    name: Annotated[str, typer.Argument(help="The part, for example audio or chunk-003.")],
    plan: Annotated[str, typer.Option(help="File or s3:// URI of the plan as JSON; - reads standard input.")],
    bucket: Annotated[str, typer.Option(help="Bucket of the outputs.")],
    prefix: Annotated[str, typer.Option(help="Key prefix of the outputs.")],
    report: Annotated[str | None, typer.Option(help="s3:// URI that keeps the last line.")] = None,
) -> None:
    """Encode one part of a divided plan and keep it in S3 until all are joined; lines and status as those of run."""
    from vodflow.engines.local.worker import read_plan, work  # noqa: PLC0415 - keeps the command line's help quick

    raise typer.Exit(work(lambda: read_plan(plan), bucket, prefix, report=report, part=name))


@app.command("join")
def join(
    plan: Annotated[str, typer.Option(help="File or s3:// URI of the plan as JSON; - reads standard input.")],
    bucket: Annotated[str, typer.Option(help="Bucket of the outputs.")],
    prefix: Annotated[str, typer.Option(help="Key prefix of the outputs.")],
    report: Annotated[str | None, typer.Option(help="s3:// URI that keeps the last line.")] = None,
) -> None:
    """Join all parts of a divided plan, package them and upload the outputs; lines and status as those of run."""
    from vodflow.contract.parts import JOIN  # noqa: PLC0415 - keeps the command line's help quick
    from vodflow.engines.local.worker import read_plan, work  # noqa: PLC0415

    raise typer.Exit(work(lambda: read_plan(plan), bucket, prefix, report=report, part=JOIN))
