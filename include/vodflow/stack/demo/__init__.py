"""``vodflow demo``: real videos through the whole pipeline, watched as they go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    videos: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders of videos; the demo's own five when left out.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who encodes; what profile and watch rule say when left out.")
    ] = None,
    protected: Annotated[  # noqa: FBT002 - a switch of the command line
        bool, typer.Option("--protected", help="One encrypted video instead, played in a browser with a token.")
    ] = False,
) -> None:
    """Start the stack, upload videos, watch the DAGs find and publish them, show the report."""
    if protected:
        from vodflow.stack.demo.protected import run_protected  # noqa: PLC0415 - as below

        raise typer.Exit(run_protected())
    from vodflow.stack.demo.run import run_demo  # noqa: PLC0415 - `vodflow --help` need not load it

    raise typer.Exit(run_demo(videos or [], engine))
